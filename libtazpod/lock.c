#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>

#include "cleanup.h"

#define POLL_MS 50

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A signal that cuts the sleep short only makes the next try come sooner. */
static void pause_ms(uint64_t ms)
{
	const struct timespec time = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/*
 * flock() belongs to the open file description: a duplicate of the caller's descriptor would share one lock with
 * whoever inherited it, and two threads of one process would not exclude each other. So the directory is opened anew.
 */
int tz_lock_acquire(int directory, unsigned int timeout_ms, int *ret_fd, struct tz_error *err)
{
	_cleanup_close_ int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t end = now_ms() + timeout_ms;

	if (fd < 0)
		return tz_error_set(err, errno, "the vault's directory cannot be opened: %m");
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		uint64_t now = now_ms();

		if (errno != EWOULDBLOCK && errno != EINTR)
			return tz_error_set(err, errno, "the vault's directory cannot be locked: %m");
		if (now >= end)
			return tz_error_set(err, ETIMEDOUT, "the vault is being opened, closed or changed by another "
					    "process, which did not finish in %u seconds; try again",
					    (timeout_ms + 999) / 1000);
		pause_ms(end - now < POLL_MS ? end - now : POLL_MS);
	}
	*ret_fd = tz_steal_fd(&fd);
	return 0;
}
