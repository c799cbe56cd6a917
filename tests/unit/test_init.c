/* Executes itself as tazpod-init. The test stands outside, as the PAM application does; its children are inside. */
#include "private_ns.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "libtazpod/protocol.h"
#include "tazpod-worker/init.h"

#define START_MS 10000
/* For what must come, however slow a machine under load is. */
#define PATIENCE_MS 20000
/* For what must not have waited for TZ_INIT_GRACE_MS. */
#define SOON_MS 1500

static const struct tz_session description = {
	.caller = "tester", .vault = "11111111-2222-3333-4444-555555555555", .image = "1:2", .tty = "pts/9",
	.service = "su-l", .driver = "dm-crypt",
};

struct session {
	pid_t app, init;
	pid_t server; /* of the vault; 0: none */
	int control; /* the application's end */
};

static const char *vault_path; /* of the next session, to be flushed; NULL: none */

/* --wrap: what shall be flushed is marked, and soon */
int __wrap_syncfs(int fd);
int __wrap_syncfs(int fd)
{
	int mark = openat(fd, "flushed", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return mark < 0 ? -1 : close(mark);
}

int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	const struct timespec shorter = { .tv_nsec = 10000000 };

	return __real_nanosleep(time->tv_sec ? &shorter : time, rest);
}

static int64_t now_ms(void)
{
	struct timespec now;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(void)
{
	(void)usleep(10000);
}

/* As the application or the server. It goes with the test, or it would stay for ever and hold its output open. */
static pid_t start_watched(void)
{
	pid_t parent = getpid(), pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
		for (;;)
			(void)pause();
	}
	return pid;
}

/* In the child: descriptors in each other's places, a leftover one, and an ignored signal. */
static void exec_init(struct tz_init_params params)
{
	int app = fcntl(params.app_pidfd, F_DUPFD, 20), control = fcntl(params.control, F_DUPFD, 20);
	int ready = fcntl(params.ready, F_DUPFD, 20), watch = fcntl(params.lockswitch_watch, F_DUPFD, 20);
	int server = params.server_pidfd < 0 ? -1 : fcntl(params.server_pidfd, F_DUPFD, 20);
	int vault = params.vault < 0 ? -1 : fcntl(params.vault, F_DUPFD, 20);

	params = (struct tz_init_params){ .app_pidfd = 4, .control = 6, .ready = 3, .lockswitch_watch = 7,
					  .server_pidfd = server < 0 ? -1 : 5, .vault = vault,
					  .describe = &description };
	CHECK(dup2(app, 4) == 4 && dup2(control, 6) == 6 && dup2(ready, 3) == 3 && dup2(watch, 7) == 7);
	CHECK(server < 0 || dup2(server, 5) == 5);
	CHECK(dup2(app, 30) == 30 && signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	_exit(tz_init_exec(&params) < 0 ? 9 : 8);
}

static int try_start(bool in_namespace, struct session *ret, struct tz_error *err)
{
	struct tz_init_params params = { .vault = -1 };
	int control[2], ready[2], r;

	ret->app = start_watched();
	params.server_pidfd = ret->server ? (int)syscall(SYS_pidfd_open, ret->server, 0) : -1;
	CHECK(!ret->server || params.server_pidfd >= 0);
	if (vault_path)
		params.vault = open(vault_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(!vault_path || params.vault >= 0);
	params.app_pidfd = (int)syscall(SYS_pidfd_open, ret->app, 0);
	params.lockswitch_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (access(SCRATCH "/lock", F_OK) < 0)
		make_file(SCRATCH "/lock", 0);
	CHECK(params.app_pidfd >= 0 && inotify_add_watch(params.lockswitch_watch, SCRATCH "/lock", IN_ATTRIB) >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	params.control = control[1];
	params.ready = ready[1];
	CHECK(!in_namespace || unshare(CLONE_NEWPID) == 0);
	ret->init = fork();
	CHECK(ret->init >= 0);
	if (ret->init == 0)
		exec_init(params);
	CHECK(close(control[1]) == 0 && close(ready[1]) == 0);
	CHECK(close(params.app_pidfd) == 0 && close(params.lockswitch_watch) == 0);
	CHECK(params.server_pidfd < 0 || close(params.server_pidfd) == 0);
	CHECK(params.vault < 0 || close(params.vault) == 0);
	ret->control = control[0];
	r = tz_init_wait_ready(ready[0], START_MS, err);
	CHECK(close(ready[0]) == 0);
	return r;
}

static void start(struct session *session)
{
	struct tz_error err = { 0 };

	session->server = 0;
	CHECK_CODE(try_start(true, session, &err), 0, &err);
}

static void start_with_server(struct session *session)
{
	struct tz_error err = { 0 };

	session->server = start_watched();
	CHECK_CODE(try_start(true, session, &err), 0, &err);
}

/* Another user's process in the session, a child of this one, as su's is; stubborn: ignores SIGHUP and SIGTERM. */
static pid_t join(bool stubborn)
{
	int ready[2];
	pid_t pid;
	char byte;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid > 0) {
		CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0);
		return pid;
	}
	CHECK(!stubborn || (signal(SIGHUP, SIG_IGN) != SIG_ERR && signal(SIGTERM, SIG_IGN) != SIG_ERR));
	CHECK(unit_become_nobody() == 0 && write(ready[1], "x", 1) == 1);
	for (;;)
		(void)pause();
}

/* Waits as the application would, reaping as it goes. The signal that ended `pid`, 0 for none. */
static int wait_for(pid_t pid, int64_t timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (now_ms() < end) {
		int status;
		pid_t got = waitpid(pid, &status, WNOHANG);

		CHECK(got >= 0);
		if (got == pid)
			return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		nap();
	}
	return -1;
}

static bool is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, size - 1);
	CHECK(n >= 0 && close(fd) == 0);
	text[n] = '\0';
}

static void list_descriptors(pid_t pid, char *text, size_t size)
{
	char path[64], target[16];
	size_t used = 0;

	text[0] = '\0';
	for (int fd = 0; fd < 64 && used < size - 16; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		if (readlink(path, target, sizeof(target)) > 0)
			used += (size_t)snprintf(text + used, size - used, "%d ", fd);
	}
}

/* It says that it is ready, and closes that descriptor after. */
static void check_descriptors(pid_t pid)
{
	static const char *const expected = "0 1 2 3 4 6 7 9 ";
	char found[256] = "";

	for (int i = 0; i < 200 && strcmp(found, expected) != 0; i++) {
		if (i > 0)
			nap();
		list_descriptors(pid, found, sizeof(found));
	}
	if (strcmp(found, expected) != 0)
		(void)fprintf(stderr, "descriptors: %s\n", found);
	CHECK(strcmp(found, expected) == 0);
}

static pid_t watched_by(pid_t pid, int fd)
{
	char text[512], file[32];
	const char *line;

	(void)snprintf(file, sizeof(file), "fdinfo/%d", fd);
	read_proc(pid, file, text, sizeof(text));
	line = strstr(text, "Pid:\t");
	CHECK(line);
	return (pid_t)strtol(line + strlen("Pid:\t"), NULL, 10);
}

/* But for the two that libc keeps for itself: whoever is started by posix_spawn() ignores these. */
static unsigned long long ignored_signals(const char *status)
{
	const char *line = strstr(status, "SigIgn:\t");

	CHECK(line != NULL);
	return strtoull(line + strlen("SigIgn:\t"), NULL, 16) & ~(3ULL << 31);
}

static int looks_as_nobody(void *data)
{
	const pid_t *pid = data;
	char text[4096];

	CHECK(unit_become_nobody() == 0);
	read_proc(*pid, "cmdline", text, sizeof(text));
	CHECK(strcmp(text, "tazpod-init") == 0 && strcmp(text + strlen(text) + 1, "--caller=tester") == 0);
	read_proc(*pid, "status", text, sizeof(text));
	CHECK_CONTAINS(text, "Name:\ttazpod-init\n");
	CHECK_CONTAINS(text, "Uid:\t0\t0\t0\t0\n");
	CHECK_CONTAINS(text, "CapInh:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapPrm:\t0000000000000020\n");
	CHECK_CONTAINS(text, "CapEff:\t0000000000000020\n");
	CHECK_CONTAINS(text, "CapBnd:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapAmb:\t0000000000000000\n");
	CHECK_CONTAINS(text, "NoNewPrivs:\t1\n");
	CHECK_CONTAINS(text, "SigBlk:\tfffffff");
	CHECK(ignored_signals(text) == 0);
	return 0;
}

/* The init mounts its /proc in this mount namespace, too: without it, the machine's is in view again. */
static void look_from_outside(void)
{
	CHECK(umount2("/proc", MNT_DETACH) == 0);
}

static int look_at(pid_t pid)
{
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0)
		_exit(looks_as_nobody(&pid));
	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

static int starts(void)
{
	struct session session;
	struct tz_session found[TZ_SESSIONS_MAX];
	struct tz_error err = { 0 };
	char text[4096], *line;
	int count;

	start(&session);
	look_from_outside();
	CHECK(look_at(session.init) == 0);
	check_descriptors(session.init);
	/* without a server, the application stands in */
	CHECK(watched_by(session.init, TZ_INIT_APP_FD) == session.app);
	CHECK(watched_by(session.init, TZ_INIT_SERVER_FD) == session.app);
	read_proc(session.init, "limits", text, sizeof(text));
	CHECK_CONTAINS(text, "Max core file size        0                    0 ");
	CHECK(getsid(session.init) == session.init);
	count = tz_sessions_list(found, TZ_SESSIONS_MAX, &err);
	CHECK(count >= 1);
	for (int i = 0; i < count; i++)
		if (found[i].init == session.init) {
			CHECK(strcmp(found[i].caller, "tester") == 0 && strcmp(found[i].tty, "pts/9") == 0);
			count = -1;
		}
	CHECK(count == -1);
	read_proc(session.init, "status", text, sizeof(text));
	line = strstr(text, "VmRSS:");
	CHECK(line);
	(void)fprintf(stderr, "           %.*s, %.*s\n", (int)strcspn(line, "\n"), line,
		      (int)strcspn(strstr(text, "RssAnon:"), "\n"), strstr(text, "RssAnon:"));
	CHECK(kill(session.init, SIGKILL) == 0 && wait_for(session.init, PATIENCE_MS) == SIGKILL);
	return 0;
}

/* /proc in the session is its own, and the masks are there: seen by a process inside. */
static int has_its_own_proc(void)
{
	struct session session;
	int status;
	pid_t pid;

	CHECK(mount("/dev/null", "/proc/kallsyms", NULL, MS_BIND, NULL) == 0);
	start(&session);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		char text[64];
		struct stat st;

		read_proc(1, "comm", text, sizeof(text));
		CHECK(strcmp(text, "tazpod-init\n") == 0 && getpid() == 2 && access("/proc/2", F_OK) == 0);
		CHECK(stat("/proc/kallsyms", &st) == 0 && S_ISCHR(st.st_mode));
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

static int dies_with_the_application(void)
{
	struct session session;
	pid_t stubborn, polite;

	start(&session);
	stubborn = join(true);
	polite = join(false);
	CHECK(is_alive(session.init) && is_alive(stubborn) && is_alive(polite));
	/* not reaped: a zombie application is over, too */
	CHECK(kill(session.app, SIGKILL) == 0);
	CHECK(wait_for(stubborn, SOON_MS) == SIGKILL && wait_for(polite, SOON_MS) == SIGKILL);
	CHECK(wait_for(session.init, PATIENCE_MS) == 0);
	return 0;
}

/* Politely: SIGHUP reaches the process, and nothing waits for the bound. */
static void check_orderly_end(const struct session *session, pid_t polite)
{
	CHECK(wait_for(polite, SOON_MS) == SIGHUP);
	CHECK(wait_for(session->init, SOON_MS) == 0 && is_alive(session->app));
}

static int ends_when_asked(void)
{
	struct session session;
	pid_t polite;

	start(&session);
	polite = join(false);
	CHECK(write(session.control, "??", 2) == 2);
	nap();
	CHECK(is_alive(session.init) && is_alive(polite));
	CHECK(write(session.control, "?E?", 3) == 3);
	check_orderly_end(&session, polite);
	return 0;
}

static int ends_with_the_control_socket(void)
{
	struct session session;
	pid_t polite;

	start(&session);
	polite = join(false);
	/* what comes later must not hold the socket open */
	CHECK(shutdown(session.control, SHUT_RDWR) == 0 && close(session.control) == 0);
	check_orderly_end(&session, polite);
	return 0;
}

static int ends_by_the_lock_switch(void)
{
	struct session session;
	pid_t polite;

	start(&session);
	polite = join(false);
	CHECK(utimensat(AT_FDCWD, SCRATCH "/lock", NULL, 0) == 0);
	check_orderly_end(&session, polite);
	return 0;
}

/* Its vault is gone: nothing can be read or written any more. */
static int ends_with_the_vault_s_server(void)
{
	struct session session;
	pid_t polite;

	start_with_server(&session);
	look_from_outside();
	check_descriptors(session.init);
	CHECK(watched_by(session.init, TZ_INIT_APP_FD) == session.app);
	CHECK(watched_by(session.init, TZ_INIT_SERVER_FD) == session.server);
	polite = join(false);
	for (int i = 0; i < 10; i++)
		nap();
	CHECK(is_alive(session.init) && is_alive(polite));
	/* not reaped: a zombie serves nobody */
	CHECK(kill(session.server, SIGKILL) == 0);
	check_orderly_end(&session, polite);
	return 0;
}

/* Time and again, by a process that goes with the session and does not hold up its end. */
static int has_its_vault_flushed(void)
{
	struct session session;
	int64_t began;
	pid_t polite;

	vault_path = SCRATCH "/vault";
	make_dir(vault_path, 0, 0700);
	start(&session);
	look_from_outside();
	check_descriptors(session.init);
	polite = join(false);
	for (int times = 0; times < 2; times++) {
		for (began = now_ms(); access(SCRATCH "/vault/flushed", F_OK) < 0; nap())
			CHECK(now_ms() - began < PATIENCE_MS);
		CHECK(unlink(SCRATCH "/vault/flushed") == 0);
	}
	began = now_ms();
	CHECK(write(session.control, "E", 1) == 1);
	check_orderly_end(&session, polite);
	CHECK(now_ms() - began < TZ_INIT_GRACE_MS);
	CHECK(access(SCRATCH "/vault/flushed", F_OK) < 0 || unlink(SCRATCH "/vault/flushed") == 0);
	for (int i = 0; i < 5; i++)
		nap();
	CHECK(access(SCRATCH "/vault/flushed", F_OK) < 0);
	return 0;
}

/* It has ended before the init watches it. */
static int ends_at_once_without_its_server(void)
{
	struct session session = { .server = start_watched() };
	struct tz_error err = { 0 };
	siginfo_t info;

	CHECK(kill(session.server, SIGKILL) == 0 && waitid(P_PID, (id_t)session.server, &info, WEXITED | WNOWAIT) == 0);
	CHECK_CODE(try_start(true, &session, &err), 0, &err);
	CHECK(wait_for(session.init, SOON_MS) == 0 && is_alive(session.app));
	return 0;
}

/* During the end, a server that goes is nothing to wake up for; the bound is kept. */
static int ends_in_order_though_its_server_goes(void)
{
	struct session session;
	int64_t began;
	pid_t stubborn;

	start_with_server(&session);
	stubborn = join(true);
	began = now_ms();
	CHECK(write(session.control, "E", 1) == 1);
	nap();
	CHECK(kill(session.server, SIGKILL) == 0);
	CHECK(wait_for(stubborn, PATIENCE_MS) == SIGKILL);
	CHECK(now_ms() - began >= TZ_INIT_GRACE_MS - 10);
	CHECK(wait_for(session.init, PATIENCE_MS) == 0);
	return 0;
}

static int ends_on_sigterm_from_outside(void)
{
	struct session session;
	pid_t polite;

	start(&session);
	polite = join(false);
	CHECK(kill(session.init, SIGHUP) == 0 && kill(session.init, SIGINT) == 0);
	nap();
	CHECK(is_alive(session.init));
	CHECK(kill(session.init, SIGTERM) == 0);
	check_orderly_end(&session, polite);
	return 0;
}

static int ignores_signals_from_inside(void)
{
	struct session session;
	int status;
	pid_t pid;

	start(&session);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(kill(1, SIGTERM) == 0 && kill(1, SIGKILL) == 0);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	for (int i = 0; i < 20; i++)
		nap();
	CHECK(is_alive(session.init));
	return 0;
}

static int wakes_stopped_processes(void)
{
	struct session session;
	pid_t stopped;

	start(&session);
	stopped = join(false);
	CHECK(kill(stopped, SIGSTOP) == 0 && write(session.control, "E", 1) == 1);
	check_orderly_end(&session, stopped);
	return 0;
}

static int kills_the_stubborn_after_a_while(void)
{
	struct session session;
	int64_t began, took;
	pid_t stubborn, polite;

	start(&session);
	stubborn = join(true);
	polite = join(false);
	began = now_ms();
	CHECK(write(session.control, "E", 1) == 1);
	CHECK(wait_for(polite, SOON_MS) == SIGHUP && is_alive(stubborn));
	CHECK(wait_for(stubborn, PATIENCE_MS) == SIGKILL);
	took = now_ms() - began;
	CHECK(took >= TZ_INIT_GRACE_MS - 10);
	CHECK(wait_for(session.init, PATIENCE_MS) == 0);
	return 0;
}

/* During the end it still watches the application. */
static int gives_up_waiting_with_the_application(void)
{
	struct session session;
	int64_t began;
	pid_t stubborn;

	start(&session);
	stubborn = join(true);
	began = now_ms();
	CHECK(write(session.control, "E", 1) == 1);
	nap();
	CHECK(kill(session.app, SIGKILL) == 0 && wait_for(stubborn, SOON_MS) == SIGKILL);
	CHECK(now_ms() - began < TZ_INIT_GRACE_MS);
	return 0;
}

/* A process whose parent has gone is the init's to reap. */
static int reaps_orphans(void)
{
	struct session session;
	char children[4096];
	int status;
	pid_t pid;

	start(&session);
	look_from_outside();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			if (fork() == 0) {
				nap();
				_exit(0);
			}
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	for (int i = 0; i < 200; i++) {
		char file[64];

		(void)snprintf(file, sizeof(file), "task/%d/children", session.init);
		read_proc(session.init, file, children, sizeof(children));
		if (!children[0])
			return 0;
		nap();
	}
	CHECK(!"orphans are left");
	return 1;
}

static int reports_failures(void)
{
	struct session session = { .server = 0 };
	struct tz_error err = { 0 };
	struct tz_init_params params = { -1, -1, -1, -1, -1, -1, &description };
	int ready[2];

	CHECK_CODE(try_start(false, &session, &err), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "first process of its PID namespace");
	CHECK(wait_for(session.init, PATIENCE_MS) == 0);
	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	CHECK(tz_init_wait_ready(ready[0], 20, &err) == -ETIMEDOUT);
	CHECK(close(ready[1]) == 0);
	CHECK(tz_init_wait_ready(ready[0], 20, &err) == -EPIPE);
	CHECK(tz_init_exec(&params) == -EBADF);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(starts)
TEST(has_its_own_proc)
TEST(dies_with_the_application)
TEST(ends_when_asked)
TEST(ends_with_the_control_socket)
TEST(ends_by_the_lock_switch)
TEST(ends_with_the_vault_s_server)
TEST(ends_at_once_without_its_server)
TEST(has_its_vault_flushed)
TEST(ends_in_order_though_its_server_goes)
TEST(ends_on_sigterm_from_outside)
TEST(ignores_signals_from_inside)
TEST(wakes_stopped_processes)
TEST(kills_the_stubborn_after_a_while)
TEST(gives_up_waiting_with_the_application)
TEST(reaps_orphans)
TEST(reports_failures)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_has_its_own_proc),
		cmocka_unit_test(test_dies_with_the_application),
		cmocka_unit_test(test_ends_when_asked),
		cmocka_unit_test(test_ends_with_the_control_socket),
		cmocka_unit_test(test_ends_by_the_lock_switch),
		cmocka_unit_test(test_ends_with_the_vault_s_server),
		cmocka_unit_test(test_ends_at_once_without_its_server),
		cmocka_unit_test(test_has_its_vault_flushed),
		cmocka_unit_test(test_ends_in_order_though_its_server_goes),
		cmocka_unit_test(test_ends_on_sigterm_from_outside),
		cmocka_unit_test(test_ignores_signals_from_inside),
		cmocka_unit_test(test_wakes_stopped_processes),
		cmocka_unit_test(test_kills_the_stubborn_after_a_while),
		cmocka_unit_test(test_gives_up_waiting_with_the_application),
		cmocka_unit_test(test_reaps_orphans),
		cmocka_unit_test(test_reports_failures),
	};

	/* without the exit handlers: a leak checker's needs more rights than an init has */
	if (argc > 0 && strcmp(argv[0], TZ_INIT_NAME) == 0)
		_exit(tz_init_main(argc, argv));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
