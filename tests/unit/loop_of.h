/* A real loop device for the tests that need a block device, whatever it is. */
#ifndef TAZPOD_UNIT_LOOP_OF_H
#define TAZPOD_UNIT_LOOP_OF_H

#include "private_ns.h"

#include "libtazpod/loop.h"

/* A descriptor that keeps it; skips where there can be none. */
static int loop_of(const char *path, dev_t *ret_rdev)
{
	struct tz_error reason = { 0 };
	int file = open(path, O_RDWR | O_CLOEXEC), fd = -1, r;

	CHECK(file >= 0);
	r = tz_loop_attach(file, path, 0, &fd, ret_rdev, &reason);
	if (r == -ENODEV || r == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &reason);
	CHECK(close(file) == 0);
	return fd;
}

#endif
