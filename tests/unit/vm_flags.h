/* What the kernel says of a mapping: locked, out of core dumps, and so on. proc_pid_smaps(5). */
#ifndef TAZPOD_UNIT_VM_FLAGS_H
#define TAZPOD_UNIT_VM_FLAGS_H

#include "unit.h"

#include "libtazpod/cleanup.h"

/* The VmFlags of the mapping that memory is in, each with a blank on either side; "" where none are shown. */
static void read_flags(const void *memory, char *flags, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/smaps", "re");
	bool within = false;
	char line[512];

	flags[0] = '\0';
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long start, finish;

		if (sscanf(line, "%lx-%lx ", &start, &finish) == 2)
			within = (uintptr_t)memory >= start && (uintptr_t)memory < finish;
		else if (within && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(flags, size, "%.*s ", (int)strcspn(line, "\n"), line);
	}
}

#endif
