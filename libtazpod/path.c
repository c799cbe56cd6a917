#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* Whoever renames on the way, or holds a lease on the file, makes open fail for now: not for as long as he likes. */
#define OPEN_ATTEMPTS 64

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	/*
	 * RESOLVE_NO_SYMLINKS refuses the last component too. O_NOFOLLOW must stay out: together with O_PATH it
	 * would turn that refusal into a descriptor of the symlink itself.
	 */
	struct open_how how = {
		.flags = (unsigned int)((flags & ~O_NOFOLLOW) | O_CLOEXEC),
		.mode = (flags & (O_CREAT | __O_TMPFILE)) ? mode : 0,
		.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int error = EAGAIN;

	for (unsigned int attempt = 0; attempt < OPEN_ATTEMPTS && (error == EAGAIN || error == EINTR); attempt++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		error = errno;
	}
	return -error;
}

int tz_path_open(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, 0);
}

int tz_path_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, RESOLVE_BENEATH);
}

int tz_path_trusted(int fd, uid_t uid, const char *path, struct stat *ret_stat, struct tz_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, "%s cannot be examined: %m", path);
	if (st.st_uid != uid)
		return tz_error_set(err, EPERM, "%s belongs to uid %u, not to uid %u: it is not trusted; chown it",
				    path, st.st_uid, uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return tz_error_set(err, EPERM,
				    "%s may be written by others (mode %04o): it is not trusted; chmod go-w it", path,
				    st.st_mode & 07777);
	if (ret_stat)
		*ret_stat = st;
	return 0;
}

static int is_empty_dir(int fd)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		(void)close(copy);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return -ENOTEMPTY;
	return 0;
}

/*
 * Is fd the directory that was made a moment ago? Who may write the parent could have put another one in its place,
 * to have that one given away.
 */
static int is_fresh_dir(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 0077) != 0)
		return -EPERM;
	return is_empty_dir(fd);
}

static int make_dir(int parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdirat(parent, name, 0700) < 0)
		/* made by another process since we looked: as if it had been there before */
		return errno == EEXIST ? tz_path_open(parent, name, O_RDONLY | O_DIRECTORY, 0) : -errno;
	fd = tz_path_open(parent, name, O_RDONLY | O_DIRECTORY, 0);
	r = fd < 0 ? fd : is_fresh_dir(fd);
	if (r < 0)
		return r;
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0) {
		r = -errno;
		/* half made, it would pass for one that was there before */
		(void)unlinkat(parent, name, AT_REMOVEDIR);
		return r;
	}
	return tz_steal_fd(&fd);
}

int tz_path_open_dir(int dirfd, const char *path, bool create, mode_t mode, uid_t uid, gid_t gid)
{
	_cleanup_close_ int parent = -1;
	char above[PATH_MAX];
	const char *slash;
	int fd = tz_path_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd != -ENOENT || !create)
		return fd;
	slash = strrchr(path, '/');
	if (!slash)
		return make_dir(dirfd, path, mode, uid, gid);
	/* mkdirat() follows symlinks in all but the last component: it gets only that one */
	if ((size_t)(slash - path) + 2 > sizeof(above))
		return -ENAMETOOLONG;
	(void)snprintf(above, sizeof(above), "%.*s/", (int)(slash - path), path);
	parent = tz_path_open(dirfd, above, O_PATH | O_DIRECTORY, 0);
	return parent < 0 ? parent : make_dir(parent, slash + 1, mode, uid, gid);
}

const char *tz_fd_path(int fd, char buffer[static TZ_FD_PATH_MAX])
{
	(void)snprintf(buffer, TZ_FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return buffer;
}

ssize_t tz_read_all(int fd, void *data, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, (char *)data + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int tz_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}
