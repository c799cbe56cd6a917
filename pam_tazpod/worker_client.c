#include "worker_client.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "readable.h"

/* A vault on slow storage may take its time to be made; a worker that is silent for this long hangs. */
#define ANSWER_TIMEOUT_MS (15 * 60 * 1000)
#define STOP_TIMEOUT_MS 5000

/* In the child of a process that may have threads: only system calls from here to execve(). */
static _Noreturn void become_worker(int socket, char *const argv[], pid_t parent)
{
	static char *const environment[] = { NULL };
	sigset_t none;

	(void)sigemptyset(&none);
	/* Handlers are gone by CLONE_CLEAR_SIGHAND, but what the application ignores would be ignored after execve() too. */
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		_exit(126);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(126);
	/* dup2() onto itself would leave the close-on-exec flag on. */
	if (socket == TZ_WORKER_FD)
		socket = dup(socket);
	if (socket < 0 || dup2(socket, TZ_WORKER_FD) < 0 || close_range(TZ_WORKER_FD + 1, ~0U, 0) < 0)
		_exit(126);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(126);
	(void)execve(TZ_WORKER_PATH, argv, environment);
	_exit(127);
}

static int spawn(int socket, char *const argv[], int *ret_pidfd)
{
	pid_t parent = getpid();
	int pidfd = -1;
	struct clone_args clone = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				    .pidfd = (uint64_t)(uintptr_t)&pidfd };
	long pid = syscall(SYS_clone3, &clone, sizeof(clone));

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_worker(socket, argv, parent);
	*ret_pidfd = pidfd;
	return 0;
}

int tz_worker_client_start(const char *config, struct tz_worker_client *ret, struct tz_error *err)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	char option[512];
	char *argv[] = { (char[]){ "tazpod-worker" }, (char[]){ "session" }, option, NULL };
	int pair[2], r;

	if (geteuid() != 0)
		return tz_error_set(err, EPERM, "the vault can be opened only by a program that runs as root, such as su");
	if (access(TZ_WORKER_PATH, X_OK) < 0)
		return tz_error_set(err, errno, TZ_WORKER_PATH " cannot be run: %m; is TazPod installed as a whole?");
	if (config && (size_t)snprintf(option, sizeof(option), "--config=%s", config) >= sizeof(option))
		return tz_error_set(err, ENAMETOOLONG, "the path of the settings is too long");
	if (!config)
		argv[2] = NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return tz_error_set(err, errno, "no socket for the worker: %m");
	ours = pair[0];
	theirs = pair[1];
	r = spawn(theirs, argv, &ret->pidfd);
	if (r < 0)
		return tz_error_set(err, r, "the worker cannot be started: %s", strerror(-r));
	ret->socket = tz_steal_fd(&ours);
	return 0;
}

static int broken(int code, struct tz_error *err)
{
	if (code == -ETIMEDOUT)
		return tz_error_set(err, code, "the worker does not answer; see the system log");
	if (code == -EBADMSG)
		return tz_error_set(err, code, "the worker's answer makes no sense; is all of TazPod of the same version?");
	return tz_error_set(err, code, "the worker ended unexpectedly; see the system log");
}

static void close_all(int fds[static TZ_SESSION_FDS])
{
	for (unsigned int i = 0; i < TZ_SESSION_FDS; i++)
		tz_closep(&fds[i]);
}

int tz_worker_client_ask(struct tz_worker_client *client, const struct tz_request *request,
			 const struct tz_secret *secret, tz_interim_fn interim, void *data, struct tz_reply *ret,
			 int *fds, struct tz_error *err)
{
	int got[TZ_SESSION_FDS], r = tz_protocol_send_request(client->socket, request, secret);
	struct tz_reply reply = { 0 };

	while (r == 0) {
		r = tz_protocol_receive_reply(client->socket, &reply, got, ANSWER_TIMEOUT_MS);
		if (r < 0 || reply.kind == TZ_REPLY_DONE || reply.kind == TZ_REPLY_FAILED)
			break;
		close_all(got);
		if (reply.kind != TZ_REPLY_PROGRESS && reply.kind != TZ_REPLY_NOTICE)
			r = -EBADMSG;
		else if (interim)
			interim(data, &reply);
	}
	if (r < 0)
		return broken(r, err);
	for (unsigned int i = 0; fds && i < TZ_SESSION_FDS; i++)
		fds[i] = tz_steal_fd(&got[i]);
	close_all(got);
	if (reply.kind == TZ_REPLY_FAILED) {
		(void)tz_error_set(err, reply.code, "%s", reply.message);
		if (reply.detail[0])
			(void)tz_error_detail(err, "%s", reply.detail);
		return reply.code < 0 ? reply.code : -EIO;
	}
	if (ret)
		*ret = reply;
	return 0;
}

int tz_worker_client_reap(int pidfd, int timeout_ms)
{
	siginfo_t info;

	if (tz_wait_readable(pidfd, timeout_ms) < 0)
		return -ETIMEDOUT;
	/* Fails where the application has reaped it. */
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL);
	return 0;
}

void tz_worker_client_stop(struct tz_worker_client *client, bool owner)
{
	struct tz_sigchld held;

	tz_sigchld_hold(&held);
	/* A child of the application may hold a copy of the socket: it must not keep the worker. */
	if (owner && client->socket >= 0)
		(void)shutdown(client->socket, SHUT_RDWR);
	tz_closep(&client->socket);
	if (owner && client->pidfd >= 0 && tz_worker_client_reap(client->pidfd, STOP_TIMEOUT_MS) < 0) {
		(void)pidfd_send_signal(client->pidfd, SIGKILL, NULL, 0);
		(void)tz_worker_client_reap(client->pidfd, STOP_TIMEOUT_MS);
	}
	tz_closep(&client->pidfd);
	tz_sigchld_release(&held);
}

static void only_sigchld(sigset_t *ret)
{
	(void)sigemptyset(ret);
	(void)sigaddset(ret, SIGCHLD);
}

void tz_sigchld_hold(struct tz_sigchld *ret)
{
	sigset_t sigchld, pending;

	only_sigchld(&sigchld);
	(void)sigprocmask(SIG_BLOCK, &sigchld, &ret->mask);
	ret->pending = sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD) == 1;
}

/* Of several SIGCHLD only one is kept pending, so it may be for a child of the application as well. */
static bool a_child_waits_to_be_reaped(void)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

void tz_sigchld_release(const struct tz_sigchld *held)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t sigchld;

	only_sigchld(&sigchld);
	if (!held->pending && !a_child_waits_to_be_reaped())
		(void)sigtimedwait(&sigchld, NULL, &at_once);
	(void)sigprocmask(SIG_SETMASK, &held->mask, NULL);
}
