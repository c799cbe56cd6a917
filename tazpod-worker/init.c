#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "enclave.h"
#include "exec.h"
#include "flush.h"
#include "path.h"
#include "privileges.h"
#include "protocol.h"
#include "readable.h"
#include "secret.h"

/* Nothing tells when the last process that is not our child has gone: it is looked for this often. */
#define TICK_MS 20
/* Shells save their history on SIGHUP; what has not ended by then gets SIGTERM. */
#define TERM_AFTER_MS 100

enum { WATCH_APP, WATCH_CONTROL, WATCH_LOCKSWITCH, WATCH_SERVER, WATCH_SIGNALS, WATCHES };

struct init {
	struct pollfd watches[WATCHES];
	bool ending;
	bool told_twice;
	pid_t flusher; /* 0: none */
	int64_t end_began; /* milliseconds */
};

/* ---- starting it ---- */

int tz_init_exec(const struct tz_init_params *params)
{
	const int from[] = {
		[TZ_INIT_APP_FD] = params->app_pidfd,
		[TZ_INIT_CONTROL_FD] = params->control,
		[TZ_INIT_READY_FD] = params->ready,
		[TZ_INIT_LOCKSWITCH_FD] = params->lockswitch_watch,
		[TZ_INIT_SERVER_FD] = params->server_pidfd >= 0 ? params->server_pidfd : params->app_pidfd,
		[TZ_INIT_VAULT_FD] = params->vault >= 0 ? params->vault : params->app_pidfd,
	};
	char *environment[] = { NULL };
	struct tz_init_args args;
	int r;

	tz_sessions_init_args(params->describe, &args);
	r = tz_exec_place(from + TZ_INIT_APP_FD, TZ_INIT_APP_FD, TZ_INIT_FDS_END - TZ_INIT_APP_FD);
	if (r < 0)
		return r;
	(void)execve("/proc/self/exe", args.argv, environment);
	return -errno;
}

int tz_init_wait_ready(int fd, int timeout_ms, struct tz_error *err)
{
	struct tz_error report;
	ssize_t n;
	int r = tz_wait_readable(fd, timeout_ms);

	if (r < 0)
		return tz_error_set(err, r, r == -ETIMEDOUT ? "the session's init did not start in time" :
				    "the session's init cannot be waited for");
	do
		n = read(fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tz_error_set(err, errno, "the session's init cannot be heard: %m");
	if (n != sizeof(report))
		return tz_error_set(err, EPIPE, "the session's init died while it started");
	return tz_error_adopt(err, &report);
}

/* ---- becoming it ---- */

static int check_descriptors(struct tz_error *err)
{
	for (int fd = TZ_INIT_APP_FD; fd < TZ_INIT_FDS_END; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return tz_error_set(err, EBADF, "the session's init was started without descriptor %d", fd);
	if (close_range(TZ_INIT_FDS_END, ~0U, 0) < 0)
		return tz_error_set(err, errno, "the session's init cannot close its descriptors: %m");
	return 0;
}

/*
 * All signals are blocked, and two of them read from the descriptor. Dispositions were inherited from the
 * application: where it ignores SIGCHLD our children would vanish unseen.
 */
static int take_signals(struct tz_error *err)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t all, wanted;
	int fd;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return tz_error_set(err, errno, "the session's init cannot block signals: %m");
	/* some (SIGKILL, those of libc) cannot be set */
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL);
	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGCHLD);
	(void)sigaddset(&wanted, SIGTERM);
	fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : tz_error_set(err, errno, "the session's init cannot receive signals: %m");
}

/* Returns the signal descriptor. */
static int become_init(struct tz_error *err)
{
	_cleanup_close_ int signals = -1;
	int r;

	if (getpid() != 1)
		return tz_error_set(err, EINVAL, "the session's init must be the first process of its PID namespace");
	r = check_descriptors(err);
	if (r < 0)
		return r;
	signals = take_signals(err);
	if (signals < 0)
		return signals;
	r = tz_exec_null_stdio();
	if (r < 0)
		return tz_error_set(err, r, "the session's init has no /dev/null: %s", strerrordesc_np(-r));
	/* away from the terminal's signals; it may be a leader already */
	(void)setsid();
	(void)umask(077);
	if (prctl(PR_SET_NAME, TZ_INIT_NAME, 0, 0, 0) < 0 || chdir("/") < 0)
		return tz_error_set(err, errno, "the session's init cannot start: %m");
	r = tz_secret_harden_process();
	if (r < 0)
		return tz_error_set(err, r, "the session's init cannot forbid core dumps: %s", strerrordesc_np(-r));
	r = tz_enclave_mount_proc(err);
	if (r == 0)
		r = tz_privileges_drop(1U << CAP_KILL, "the session's init", err);
	return r < 0 ? r : tz_steal_fd(&signals);
}

static int report(int code, const struct tz_error *err)
{
	struct tz_error message = { 0 };
	int r;

	if (code != 0)
		message = *err;
	message.code = code;
	/* SIGPIPE is blocked */
	r = tz_write_all(TZ_INIT_READY_FD, &message, sizeof(message));
	(void)close(TZ_INIT_READY_FD);
	return r;
}

/* ---- being it ---- */

static int64_t now_ms(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void begin_end(struct init *init)
{
	if (init->ending)
		return;
	init->ending = true;
	init->end_began = now_ms();
	/* they have been heard; a socket at its end would wake us for ever */
	init->watches[WATCH_CONTROL].fd = -1;
	init->watches[WATCH_LOCKSWITCH].fd = -1;
	init->watches[WATCH_SERVER].fd = -1;
	/* it does not end by itself */
	if (init->flusher > 0)
		(void)kill(init->flusher, SIGKILL);
	(void)kill(-1, SIGHUP);
	/* or a stopped process never hears of it */
	(void)kill(-1, SIGCONT);
}

static bool is_zombie(const char *pid)
{
	char path[32], text[256];
	_cleanup_close_ int fd = -1;
	const char *state;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.10s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return true; /* gone meanwhile */
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && (strncmp(state, ") Z", 3) == 0 || strncmp(state, ") X", 3) == 0);
}

/*
 * Only zombies left? One whose parent is outside, as sshd's is, waits for that parent, who may be waiting for us. Where
 * other users' processes are hidden (hidepid=) nothing is seen, and nothing is known.
 */
static bool only_zombies(void)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool seen = false;

	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || strcmp(entry->d_name, "1") == 0)
			continue;
		seen = true;
		if (!is_zombie(entry->d_name))
			return false;
	}
	return seen;
}

/* Have all gone, or is their time up? Processes that joined from outside are not our children: kill() sees all. */
static bool has_ended(struct init *init)
{
	int64_t passed = now_ms() - init->end_began;

	if ((kill(-1, 0) < 0 && errno == ESRCH) || only_zombies())
		return true;
	if (!init->told_twice && passed >= TERM_AFTER_MS) {
		init->told_twice = true;
		(void)kill(-1, SIGTERM);
		(void)kill(-1, SIGCONT);
	}
	return passed >= TZ_INIT_GRACE_MS;
}

static void hear_signals(struct init *init)
{
	struct signalfd_siginfo info;
	pid_t pid;

	while (read(init->watches[WATCH_SIGNALS].fd, &info, sizeof(info)) == sizeof(info))
		/* a sender outside this PID namespace has no pid in it */
		if (info.ssi_signo == SIGTERM && info.ssi_pid == 0)
			begin_end(init);
	/* one SIGCHLD may stand for many */
	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
		if (pid == init->flusher)
			init->flusher = 0;
}

static void hear_control(struct init *init)
{
	char bytes[64];
	ssize_t n = recv(init->watches[WATCH_CONTROL].fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* the end of the socket: the application, or its module, let go of the session */
	if (n <= 0 || memchr(bytes, TZ_CONTROL_END, (size_t)n))
		begin_end(init);
}

/* 0 when the session is over, 1 when it cannot be watched any more: either way the kernel kills what is left. */
static int run(struct init *init)
{
	for (;;) {
		int n = poll(init->watches, WATCHES, init->ending ? TICK_MS : -1);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return 1;
		if (n > 0) {
			if (init->watches[WATCH_APP].revents)
				return 0;
			if (init->watches[WATCH_SIGNALS].revents)
				hear_signals(init);
			if (init->watches[WATCH_CONTROL].revents)
				hear_control(init);
			/* whatever happens to the lock switch ends the session, so its events need no reading */
			if (init->watches[WATCH_LOCKSWITCH].revents || init->watches[WATCH_SERVER].revents)
				begin_end(init);
		}
		if (init->ending && has_ended(init))
			return 0;
	}
}

int tz_init_main(int argc, char **argv)
{
	struct tz_error err = { 0 };
	int signals = become_init(&err);
	struct init init = {
		.watches = {
			[WATCH_APP] = { .fd = TZ_INIT_APP_FD, .events = POLLIN },
			[WATCH_CONTROL] = { .fd = TZ_INIT_CONTROL_FD, .events = POLLIN },
			[WATCH_LOCKSWITCH] = { .fd = TZ_INIT_LOCKSWITCH_FD, .events = POLLIN },
			[WATCH_SERVER] = { .fd = TZ_INIT_SERVER_FD, .events = POLLIN },
			[WATCH_SIGNALS] = { .fd = signals, .events = POLLIN },
		},
	};

	/* the arguments are for status to read */
	(void)argc;
	(void)argv;
	init.flusher = signals < 0 ? signals : tz_flush_start(TZ_INIT_VAULT_FD, &err);
	if (init.flusher < 0) {
		(void)report(init.flusher, &err);
		return 1;
	}
	(void)close(TZ_INIT_VAULT_FD);
	if (report(0, NULL) < 0)
		return 1;
	return run(&init);
}
