#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define POLL_MS 20

bool tz_inside_container(void)
{
	return access(TZ_CONTAINER_MARK, F_OK) == 0;
}

int tz_inside_wait_ready(int timeout_ms, struct tz_error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	_cleanup_close_ int fd = open(TZ_CONTAINER_MARK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return tz_error_set(err, errno, TZ_CONTAINER_MARK " cannot be opened: %m");
	for (int waited = 0; flock(fd, LOCK_SH | LOCK_NB) < 0; waited += POLL_MS) {
		if (errno != EWOULDBLOCK)
			return tz_error_set(err, errno, TZ_CONTAINER_MARK " cannot be waited for: %m");
		if (waited >= timeout_ms)
			return tz_error_set(err, ETIMEDOUT, "the container is not ready yet; 'tazpod logs' on the host tells more");
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return 0;
}
