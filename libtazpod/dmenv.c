#include "dmenv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "DM_DISABLE_UDEV"

int tz_dmenv_ensure(char **argv)
{
	const char *value = getenv(NAME);
	char path[PATH_MAX];
	ssize_t size;

	if (value && strcmp(value, "1") == 0)
		return 0;
	if (setenv(NAME, "1", 1) < 0)
		return -errno;
	/* by its own path: the kernel names a process after the file */
	size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (size < 0)
		return -errno;
	path[size] = '\0';
	(void)execv(path, argv);
	return -errno;
}
