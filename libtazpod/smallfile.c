#include "smallfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

static int explain_open(int code, const char *shown, struct tz_error *err)
{
	switch (code) {
	case -ENOENT:
		return tz_error_set(err, ENOENT, "%s does not exist", shown);
	case -ELOOP:
		return tz_error_set(err, ELOOP, "%s is a symlink, or a folder on the way to it is one: put the file itself "
				    "there", shown);
	case -ENXIO: /* what opening a socket says */
		return tz_error_set(err, EINVAL, "%s is a socket or a device, not a regular file", shown);
	default:
		return tz_error_set(err, code, "%s cannot be opened: %s", shown, strerror(-code));
	}
}

static int require_regular(int fd, const char *shown, struct stat *ret, struct tz_error *err)
{
	const char *what = "no regular file";

	if (fstat(fd, ret) < 0)
		return tz_error_set(err, errno, "%s cannot be looked at: %m", shown);
	if (S_ISDIR(ret->st_mode))
		what = "a folder, not a file";
	else if (S_ISFIFO(ret->st_mode))
		what = "a FIFO, not a regular file";
	else if (S_ISCHR(ret->st_mode) || S_ISBLK(ret->st_mode))
		what = "a device, not a regular file";
	return S_ISREG(ret->st_mode) ? 0 : tz_error_set(err, EINVAL, "%s is %s", shown, what);
}

/* The whole file, or its first most bytes, and a NUL behind them. */
static ssize_t read_text(int fd, size_t most, char **ret)
{
	_cleanup_free_ char *text = malloc(most + 1);
	ssize_t size = text ? tz_read_all(fd, text, most) : -ENOMEM;

	if (size < 0)
		return size;
	text[size] = '\0';
	*ret = tz_steal(text);
	return size;
}

int tz_smallfile_read(int dirfd, const char *path, const char *shown, size_t most, char **ret, size_t *ret_size,
		      struct tz_error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t size;
	int r;

	/* O_NONBLOCK: a FIFO must be refused, not waited for */
	fd = tz_path_open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return explain_open(fd, shown, err);
	r = require_regular(fd, shown, &st, err);
	if (r < 0)
		return r;
	if ((uintmax_t)st.st_size > most)
		return tz_error_set(err, EFBIG, "%s is larger than %zu KiB", shown, most / 1024);
	/* one byte more tells a file that grew meanwhile */
	size = read_text(fd, (size_t)st.st_size + 1, &text);
	if (size > (ssize_t)st.st_size) {
		free(text);
		text = NULL;
		size = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_text(fd, most + 1, &text);
	}
	if (size < 0)
		return tz_error_set(err, (int)size, "%s cannot be read: %s", shown, strerror((int)-size));
	if ((size_t)size > most)
		return tz_error_set(err, EFBIG, "%s is larger than %zu KiB", shown, most / 1024);
	*ret = tz_steal(text);
	*ret_size = (size_t)size;
	return 0;
}
