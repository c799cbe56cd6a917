#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "exec.h"
#include "readable.h"

/* No image is as large, and libcryptsetup, QEMU and others lock the beginnings of files. */
#define LOCK_OFFSET (1LL << 61)
/* MINORBITS of the kernel: there are no more loop devices. */
#define LOOPS (1 << 20)
#define ANSWER_TIMEOUT_MS 20000
#define END_TIMEOUT_MS 10000

static _Noreturn void become(int image, int fuse, int socket)
{
	const int from[] = { socket, image, fuse }; /* from TZ_SERVER_SOCKET_FD on */
	char *const argv[] = { (char *)TZ_SERVER_NAME, NULL };
	char *const environment[] = { NULL };

	if (tz_exec_place(from, TZ_SERVER_SOCKET_FD, TZ_SERVER_FDS_END - TZ_SERVER_SOCKET_FD) == 0)
		(void)execve(TZ_WORKER_PATH, argv, environment);
	_exit(127);
}

static int receive_answer(int socket, struct tz_error *err)
{
	struct tz_error answer;
	ssize_t n;
	int r = tz_wait_readable(socket, ANSWER_TIMEOUT_MS);

	if (r < 0)
		return tz_error_set(err, r, r == -ETIMEDOUT ? "the vault's server did not start in time" :
				    "the vault's server cannot be waited for");
	do
		n = recv(socket, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	/* ended with the question unread, or read */
	if (n < 0 && errno != ECONNRESET)
		return tz_error_set(err, errno, "the vault's server cannot be heard: %m");
	if (n != sizeof(answer))
		return tz_error_set(err, EPIPE, "the vault's server ended while it started; is TazPod installed as a whole?");
	return tz_error_adopt(err, &answer);
}

static int send_parts(int socket, const struct iovec *parts, unsigned int count, struct tz_error *err)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count };
	ssize_t n;

	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? tz_error_set(err, errno, "the vault's server ended while it started (%m)") : 0;
}

void tz_server_await_end(int *pidfd)
{
	if (*pidfd < 0)
		return;
	(void)tz_wait_readable(*pidfd, END_TIMEOUT_MS);
	(void)waitid(P_PIDFD, (id_t)*pidfd, NULL, WEXITED | WNOHANG);
	tz_closep(pidfd);
}

/* What there is too little of is not there when one looks again at once. */
static int for_good(int r)
{
	return r == -EAGAIN ? -ENOMEM : r;
}

int tz_server_start(int image, int fuse, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
		    int *ret_socket, int *ret_pidfd, struct tz_error *err)
{
	const struct iovec parts[] = {
		{ .iov_base = (void *)(uintptr_t)setup, .iov_len = sizeof(*setup) },
		{ .iov_base = volume_key->data, .iov_len = volume_key->size },
	};
	_cleanup_close_ int ours = -1, theirs = -1, pidfd = -1;
	int pair[2], r;
	pid_t pid;

	if (access(TZ_WORKER_PATH, X_OK) < 0)
		return tz_error_set(err, errno, TZ_WORKER_PATH " cannot be run: %m; is TazPod installed as a whole?");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return tz_error_set(err, errno, "no socket for the vault's server: %m");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid == 0)
		become(image, fuse, theirs);
	if (pid < 0)
		return for_good(tz_error_set(err, errno, "the vault's server cannot be started: %m"));
	/* a child that was not waited for keeps its number */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return tz_error_set(err, errno, "the vault's server cannot be watched: %m");
	tz_closep(&theirs);
	r = send_parts(ours, parts, 2, err);
	if (r == 0)
		r = receive_answer(ours, err);
	if (r < 0) {
		/* it shall not be there when the next one is started, nor be left to whom nobody told of it */
		(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		tz_server_await_end(&pidfd);
		return for_good(r);
	}
	*ret_socket = tz_steal_fd(&ours);
	*ret_pidfd = tz_steal_fd(&pidfd);
	return 0;
}

int tz_server_bind(int *socket, unsigned int loop, struct tz_error *err)
{
	const uint32_t number = loop;
	const struct iovec part = { .iov_base = (void *)(uintptr_t)&number, .iov_len = sizeof(number) };
	int r = send_parts(*socket, &part, 1, err);

	if (r == 0)
		r = receive_answer(*socket, err);
	tz_closep(socket);
	return r;
}

int tz_server_find(int image, struct tz_server_place *ret)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OFFSET, .l_len = LOOPS };

	if (fcntl(image, F_GETLK, &lock) < 0)
		return -errno;
	if (lock.l_type == F_UNLCK)
		return 0;
	if (lock.l_start < LOCK_OFFSET || lock.l_len != 1)
		return -EBUSY;
	ret->loop = (unsigned int)(lock.l_start - LOCK_OFFSET);
	ret->pid = lock.l_pid > 0 ? lock.l_pid : 0;
	return 1;
}

int tz_server_hold(int image, unsigned int loop)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OFFSET + loop, .l_len = 1 };
	struct tz_server_place other;
	int r;

	if (loop >= LOOPS)
		return -EINVAL;
	r = tz_server_find(image, &other);
	if (r != 0)
		return r < 0 ? r : -EAGAIN;
	return fcntl(image, F_SETLK, &lock) < 0 ? -errno : 0;
}
