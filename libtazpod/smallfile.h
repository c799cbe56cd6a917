/*
 * Reading a small file that a repository may have made: what is no regular file is refused, never waited for or
 * followed, and no more is read than is allowed.
 */
#ifndef TAZPOD_SMALLFILE_H
#define TAZPOD_SMALLFILE_H

#include <stddef.h>

#include "error.h"

/*
 * Reads path, which is beneath dirfd and has no symlink on its way. shown is what messages call it. *ret is ended by a
 * NUL that *ret_size does not count; the caller frees it. Each of these with its own sentence: -ENOENT, -ELOOP (a
 * symlink), -EINVAL (a FIFO, device, folder, ...), -EFBIG (larger than most), -ENOMEM, and what open and read say.
 */
int tz_smallfile_read(int dirfd, const char *path, const char *shown, size_t most, char **ret, size_t *ret_size,
		      struct tz_error *err);

#endif
