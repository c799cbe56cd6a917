#include "wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

/* A name that nobody else has, in *ret, and its new file. A descriptor or a negative errno. */
static int create_temporary(int folder, const char *name, mode_t mode, char ret[static NAME_MAX + 1])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	(void)snprintf(ret, NAME_MAX + 1, ".%.200s.%016jx", name, (uintmax_t)number);
	return tz_path_open_beneath(folder, ret, O_WRONLY | O_CREAT | O_EXCL, mode);
}

/* linkat() has no way to overwrite either; for file systems that know no flags of rename. */
static int rename_new(int folder, const char *from, const char *to)
{
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(folder, from, folder, to, 0) < 0)
		return -errno;
	(void)unlinkat(folder, from, 0);
	return 0;
}

static int write_whole(int folder, const char *name, const char *text, mode_t mode, bool replace)
{
	_cleanup_close_ int fd = -1;
	char temporary[NAME_MAX + 1];
	int r;

	fd = create_temporary(folder, name, mode, temporary);
	if (fd < 0)
		return fd;
	r = tz_write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && replace)
		r = renameat(folder, temporary, folder, name) < 0 ? -errno : 0;
	else if (r == 0)
		r = rename_new(folder, temporary, name);
	if (r < 0)
		(void)unlinkat(folder, temporary, 0);
	else if (fsync(folder) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

int cli_wholefile_new(int folder, const char *name, const char *text, mode_t mode, struct tz_error *err)
{
	int r = write_whole(folder, name, text, mode, false);

	return r == 0 || r == -EEXIST ? r : tz_error_set(err, r, "%s cannot be written: %s", name, strerror(-r));
}

int cli_wholefile_replace(int folder, const char *name, const char *text, mode_t mode, struct tz_error *err)
{
	int r = write_whole(folder, name, text, mode, true);

	return r == 0 ? 0 : tz_error_set(err, r, "%s cannot be written: %s", name, strerror(-r));
}
