/*
 * Loop devices, by their ioctls. loop(4). Always AUTOCLEAR: the kernel frees the device with its last user.
 * util-linux's library is not used here: it needs device nodes that a container does not have.
 */
#ifndef TAZPOD_LOOP_H
#define TAZPOD_LOOP_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/* 0, or why there can be none here. */
int tz_loop_usable(struct tz_error *err);

/*
 * Binds a free loop device to file (open for reading and writing) and gives a descriptor of it that keeps it bound.
 * name is what `losetup` will show. Direct I/O is used where the file system allows. -ENODEV: no loop devices here.
 */
int tz_loop_attach(int file, const char *name, unsigned int block_size, int *ret_fd, dev_t *ret_rdev,
		   struct tz_error *err);

/* Was the loop device that fd is open on bound by this name? 1, 0 (also when it is not bound), or a negative errno. */
int tz_loop_is_named(int fd, const char *name);

/* The number of the loop device that is bound to the file (dev, ino); -ENOENT when none is. */
int tz_loop_find(dev_t dev, ino_t ino);

/* Is the loop device rdev bound to the file (dev, ino)? 1, 0 or a negative errno. */
int tz_loop_serves(dev_t rdev, dev_t dev, ino_t ino);

/* Without privilege, by sysfs: does the path of any bound file, as the kernel shows it, begin so? */
bool tz_loop_any_backed_by(const char *beginning);

#endif
