#include "readable.h"

#include <errno.h>
#include <poll.h>

int tz_wait_readable(int fd, int timeout_ms)
{
	struct pollfd watch = { .fd = fd, .events = POLLIN };
	int r;

	do
		r = poll(&watch, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}
