/*
 * Opening files as root among files that others may write: by descriptor, without symlinks, checked on the
 * descriptor that is then used.
 */
#ifndef TAZPOD_PATH_H
#define TAZPOD_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"

/*
 * openat2() with RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS; O_CLOEXEC is added. dirfd may be AT_FDCWD. A
 * descriptor that the caller owns, or a negative errno (-ELOOP: a symlink on the way or at the end, with O_PATH too;
 * -EAGAIN: someone kept renaming on the way, or holds a lease on the file).
 */
int tz_path_open(int dirfd, const char *path, int flags, mode_t mode);

/* As tz_path_open(), but with RESOLVE_BENEATH: never leaves dirfd. */
int tz_path_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/*
 * Is what fd refers to owned by uid, and not writable by group or others? 0, or -EPERM with a sentence naming
 * path; *ret_stat (may be NULL) is set on success.
 */
int tz_path_trusted(int fd, uid_t uid, const char *path, struct stat *ret_stat, struct tz_error *err);

/*
 * Opens the directory path, creating the last component with mode and owner when missing (path then ends without a
 * slash). A directory that was there is not changed; -EPERM or -ENOTEMPTY: someone put another one in the place of
 * the one just made. O_PATH is not used, so the descriptor serves *at() calls, flock() and fsync().
 */
int tz_path_open_dir(int dirfd, const char *path, bool create, mode_t mode, uid_t uid, gid_t gid);

/* "/proc/self/fd/N" for interfaces that take only a path. */
#define TZ_FD_PATH_MAX 32
const char *tz_fd_path(int fd, char buffer[static TZ_FD_PATH_MAX]);

/* read() until size bytes are in, or the end: how many there are, or a negative errno. */
ssize_t tz_read_all(int fd, void *data, size_t size);

/* write() until all is out. */
int tz_write_all(int fd, const void *data, size_t size);

#endif
