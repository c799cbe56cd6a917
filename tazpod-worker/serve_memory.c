#include "serve_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

/* A request takes some hundred bytes of libfuse's, and there is one for each thread. */
#define HEAP (256 * 1024)
#define HUGE_PAGE ((size_t)2 << 20)

static void *map(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, size, MADV_DONTDUMP);
	return memory;
}

void *tz_serve_memory(size_t size)
{
	uint8_t *memory = map(size + HUGE_PAGE, 0);

	if (!memory)
		return NULL;
	memory += (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
	(void)madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	return memory;
}

void *tz_serve_memory_stack(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = map(size + page, MAP_POPULATE);

	if (!memory || mprotect(memory, page, PROT_NONE) < 0)
		return NULL;
	return memory + page;
}

/* Copies a private mapping of a file as writing to each of its pages would. */
static void own_mapping(const char *line)
{
	uintptr_t begin, end;
	unsigned long inode;
	char access[5];
	int protection = 0;

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &begin, &end, access, &inode) != 4 || inode == 0 ||
	    access[3] != 'p' || access[0] != 'r')
		return;
	protection = PROT_READ | (access[1] == 'w' ? PROT_WRITE : 0) | (access[2] == 'x' ? PROT_EXEC : 0);
	if (mprotect((void *)begin, end - begin, protection | PROT_WRITE) < 0)
		return;
	(void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
	(void)mprotect((void *)begin, end - begin, protection);
}

/* The table is read as a whole first: it changes with what is done here. */
static void own_programs(void)
{
	static char table[64 * 1024];
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	while (fd >= 0 && used < sizeof(table) - 1 && (n = read(fd, table + used, sizeof(table) - 1 - used)) > 0)
		used += (size_t)n;
	table[used] = '\0';
	for (char *save = NULL, *line = strtok_r(table, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		own_mapping(line);
}

void tz_serve_memory_settle(void)
{
	void *heap;

	/* one heap for all threads, never given back, nothing beside it */
	if (mallopt(M_ARENA_MAX, 1) == 1 && mallopt(M_TRIM_THRESHOLD, 2 * HEAP) == 1 && mallopt(M_MMAP_THRESHOLD, 2 * HEAP) == 1) {
		heap = malloc(HEAP);
		if (heap)
			explicit_bzero(heap, HEAP);
		free(heap);
	}
	if (mlockall(MCL_CURRENT) < 0)
		own_programs();
}
