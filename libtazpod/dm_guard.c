#include "dm_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "devnode.h"
#include "dm.h"

struct answer {
	int code;
	dev_t rdev;
};

/* On failure nothing is left; on success the descriptor holds the mapping. */
static int make_and_hold(int control, const char *name, const char *uuid, dev_t *ret_rdev, int *ret_fd)
{
	int fd, r = tz_dm_create(control, name, uuid, ret_rdev);

	if (r < 0)
		return r;
	fd = tz_devnode_open(S_IFBLK, *ret_rdev, O_RDWR);
	r = fd < 0 ? fd : tz_dm_remove(control, name, true);
	if (r < 0) {
		tz_closep(&fd);
		(void)tz_dm_remove(control, name, false);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Its exit lets go, and exit is what the end of the socket brings. */
static _Noreturn void guard(int pipe, int control, const char *name, const char *uuid)
{
	struct answer answer = { 0 };
	char byte;
	int fd;

	answer.code = make_and_hold(control, name, uuid, &answer.rdev, &fd);
	if (write(pipe, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		_exit(1);
	_exit(read(pipe, &byte, 1) == 0 ? 0 : 1);
}

int tz_dm_guard_create(int control, const char *name, const char *uuid, dev_t *ret_rdev, struct tz_dm_guard *ret)
{
	struct answer answer;
	struct tz_dm_guard started = TZ_DM_GUARD_INIT;
	ssize_t n;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	started.pid = fork();
	if (started.pid == 0) {
		(void)close(pair[0]);
		guard(pair[1], control, name, uuid);
	}
	started.pipe = pair[0];
	(void)close(pair[1]);
	if (started.pid < 0) {
		int error = errno;

		tz_closep(&started.pipe);
		return -error;
	}
	do
		n = read(started.pipe, &answer, sizeof(answer));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(answer) || answer.code < 0) {
		tz_dm_guard_release(&started);
		return n == (ssize_t)sizeof(answer) ? answer.code : -EIO;
	}
	*ret_rdev = answer.rdev;
	*ret = started;
	return 0;
}

void tz_dm_guard_release(struct tz_dm_guard *guard)
{
	tz_closep(&guard->pipe);
	while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guard->pid = -1;
}
