/* The starter's side, with the real server on the other. Linked with --wrap=fork, which can be made to fail. */
#include "running_server.h"

#include <linux/capability.h>
#include <sys/resource.h>

#define LOCKS (1LL << 61) /* as server.c has it */

static bool no_forks;

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	if (!no_forks)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

/* ---- its lock ---- */

static int find(struct tz_server_place *place)
{
	*place = (struct tz_server_place){ 77, 88 };
	return tz_server_find(image.fd, place);
}

static int is_found_while_it_serves(void)
{
	struct tz_server_place place;
	struct running server;

	make_place();
	start(&server);
	CHECK(find(&place) == 0 && place.loop == 77 && place.pid == 88);
	CHECK_CODE(tz_server_bind(&server.socket, LOOP, &err), 0, &err);
	CHECK(find(&place) == 1 && place.loop == LOOP && place.pid == server.pid);
	let_go(&server);
	CHECK(ended_well(&server) && find(&place) == 0);
	start_and_bind(&server);
	CHECK(find(&place) == 1 && kill(server.pid, SIGKILL) == 0 && status_of(&server) == -1);
	CHECK(find(&place) == 0 && place.pid == 88);
	CHECK(tz_server_find(-1, &place) == -EBADF);
	return 0;
}

static int find_from_another_pid_namespace(void *data)
{
	struct tz_server_place place;

	(void)data;
	CHECK(find(&place) == 1 && place.loop == LOOP && place.pid == 0);
	return 0;
}

static int is_found_where_it_cannot_be_seen(void)
{
	struct running server;

	make_place();
	start_and_bind(&server);
	CHECK(in_pid_ns(find_from_another_pid_namespace, NULL) == 0);
	return 0;
}

static int lock_range(void *data)
{
	const struct flock *lock = data;

	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && fcntl(image.fd, F_SETLK, lock) == 0);
	for (;;)
		(void)pause();
}

/* In another process, as one's own locks are not seen. */
static pid_t start_locker(short type, off_t from, off_t size)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = size };
	struct flock probe;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(lock_range(&lock));
	for (int waited = 0; waited < SOON_MS; waited++) {
		probe = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
		CHECK(fcntl(image.fd, F_GETLK, &probe) == 0);
		if (probe.l_type != F_UNLCK)
			return pid;
		(void)usleep(1000);
	}
	CHECK(!"it has its lock");
	return -1;
}

static void stop_locker(pid_t pid)
{
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* Locks of others are not taken for its own. */
static int tells_other_locks_from_it(void)
{
	static const struct {
		off_t from, size;
		int wanted;
		short type;
	} cases[] = {
		{ 0, 1, 0, F_WRLCK },
		{ 0, 4096, 0, F_RDLCK },
		{ LOCKS - 1, 1, 0, F_WRLCK },
		{ LOCKS + (1 << 20), 1, 0, F_WRLCK },
		{ 0, 0, -EBUSY, F_WRLCK },
		{ 0, 0, -EBUSY, F_RDLCK },
		{ LOCKS + 5, 2, -EBUSY, F_WRLCK },
		{ LOCKS - 1, 3, -EBUSY, F_WRLCK },
		{ LOCKS, 1 << 20, -EBUSY, F_WRLCK },
		{ LOCKS, 1, 1, F_WRLCK },
		{ LOCKS + (1 << 20) - 1, 1, 1, F_WRLCK },
	};
	struct flock none = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	struct tz_server_place place;

	make_place();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = start_locker(cases[i].type, cases[i].from, cases[i].size);
		int r = find(&place);

		if (r != cases[i].wanted)
			(void)fprintf(stderr, "case %zu: %d\n", i, r);
		CHECK(r == cases[i].wanted);
		if (r == 1)
			CHECK(place.pid == pid && place.loop == (unsigned int)(cases[i].from - LOCKS));
		/* and a server would heed it */
		CHECK(tz_server_hold(image.fd, 3) == (r == 1 ? -EAGAIN : r) && fcntl(image.fd, F_SETLK, &none) == 0);
		stop_locker(pid);
		CHECK(find(&place) == 0);
	}
	return 0;
}

static int holds_one_place_only(void)
{
	struct tz_server_place place;
	pid_t pid;

	make_place();
	CHECK(tz_server_hold(image.fd, 1 << 20) == -EINVAL && tz_server_hold(image.fd, UINT32_MAX) == -EINVAL);
	CHECK(tz_server_hold(-1, 1) == -EBADF);
	CHECK(tz_server_hold(image.fd, 4) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(find(&place) == 1 && place.loop == 4 && place.pid == getppid());
		CHECK(tz_server_hold(image.fd, 4) == -EAGAIN && tz_server_hold(image.fd, 5) == -EAGAIN);
		_exit(0);
	}
	{
		int status;

		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return 0;
}

static int there_is_one_for_an_image(void)
{
	struct tz_server_place place;
	struct running server, second;

	make_place();
	start_and_bind(&server);
	start(&second);
	CHECK_CODE(tz_server_bind(&second.socket, LOOP + 1, &err), -EAGAIN, &err);
	CHECK_CONTAINS(err.message, "the image cannot be locked");
	CHECK(second.socket == -1 && status_of(&second) == 1);
	CHECK(find(&place) == 1 && place.loop == LOOP && place.pid == server.pid);
	check_file(server.file, 0, PIECE, 1);
	return 0;
}

/* ---- its end ---- */

static int ends_with_a_starter_that_lets_go(void)
{
	struct tz_server_place place;
	struct running server;

	make_place();
	/* before it was told its loop device: whoever has the file open gets errors, not a vault without a lock */
	start(&server);
	let_go(&server);
	CHECK(status_of(&server) == 1 && find(&place) == 0);
	start(&server);
	tz_closep(&server.socket);
	CHECK(status_of(&server) == 1 && find(&place) == 0);
	tz_closep(&server.file);
	/* after: when the last one lets go of the file */
	start_and_bind(&server);
	tz_closep(&server.mount);
	CHECK(!has_ended(server.pidfd, 200));
	check_file(server.file, 0, PIECE, 1);
	tz_closep(&server.file);
	CHECK(ended_well(&server) && find(&place) == 0);
	return 0;
}

static void kill_a_starter(bool bind)
{
	struct running server;
	int ready[2];
	pid_t pid;
	char byte;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		/* the other is wiped in a child */
		make_key(&key);
		if (bind)
			start_and_bind(&server);
		else
			start(&server);
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			(void)pause();
	}
	CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0);
	CHECK(kill(pid, SIGKILL) == 0);
	wait_for_all_children();
}

static int ends_with_a_starter_that_is_killed(void)
{
	struct tz_server_place place;

	make_place();
	kill_a_starter(false);
	kill_a_starter(true);
	CHECK(find(&place) == 0);
	return 0;
}

/* ---- why it does not start ---- */

static void does_not_start(int fd, const struct tz_server_setup *setup, const struct tz_secret *volume_key, int wanted,
			   const char *part)
{
	struct running server;

	CHECK_CODE(try_start(fd, setup, volume_key, &server), wanted, &err);
	CHECK_CONTAINS(err.message, part);
	/* LeakSanitizer's own process, which looks for leaks as the server ends, is nobody's when that is killed */
	if (SANITIZED)
		wait_for_all_children();
	/* nothing is left of it, a child that nobody waited for neither */
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	let_go(&server);
}

static int says_why_it_does_not_start(void)
{
	struct tz_server_setup setup = make_setup();
	struct tz_secret other = TZ_SECRET_INIT;

	make_place();
	setup.geometry.size = 4095;
	does_not_start(image.fd, &setup, &key, -EINVAL, "makes no sense");
	setup = make_setup();
	/* both halves the same */
	CHECK(tz_secret_alloc(&other, 64) == 0);
	does_not_start(image.fd, &setup, &other, -EINVAL, "a key whose halves are the same");
	tz_secret_free(&other);
	CHECK(tz_secret_alloc(&other, 65) == 0);
	does_not_start(image.fd, &setup, &other, -EBADMSG, "not told what to serve");
	tz_secret_free(&other);
	CHECK(tz_secret_alloc(&other, 48) == 0);
	does_not_start(image.fd, &setup, &other, -EINVAL, "makes no sense");
	does_not_start(-1, &setup, &key, -EPIPE, "ended while it started");
	return 0;
}

/* Another program in its place, and none. */
static int says_when_there_is_none(void)
{
	struct tz_server_setup setup = make_setup();

	make_place();
	CHECK(mount("/bin/true", TZ_WORKER_PATH, NULL, MS_BIND, NULL) == 0);
	does_not_start(image.fd, &setup, &key, -EPIPE, "ended while it started");
	make_file(SCRATCH "/text", 0);
	CHECK(umount2(TZ_WORKER_PATH, 0) == 0 && mount(SCRATCH "/text", TZ_WORKER_PATH, NULL, MS_BIND, NULL) == 0);
	does_not_start(image.fd, &setup, &key, -EACCES, TZ_WORKER_PATH " cannot be run");
	return 0;
}

/* It lifts those that it may lift. */
static int does_not_start_within_limits(void)
{
	const struct rlimit size = { 8192, 8192 }, time = { 100, 100 };
	struct tz_server_setup setup = make_setup();

	make_place();
	CHECK(prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0) == 0 && setrlimit(RLIMIT_FSIZE, &size) == 0);
	does_not_start(image.fd, &setup, &key, -EFBIG, "ulimit -f");
	CHECK(setrlimit(RLIMIT_CPU, &time) == 0);
	does_not_start(image.fd, &setup, &key, -EPERM, "ulimit -t");
	return 0;
}

/* Looking again at once, as for -EAGAIN, would only fail as often as one looks. */
static int does_not_start_where_there_are_too_many(void)
{
	struct tz_server_setup setup = make_setup();

	make_place();
	no_forks = true;
	does_not_start(image.fd, &setup, &key, -ENOMEM, "cannot be started: Resource temporarily unavailable");
	return 0;
}

/* Without it no namespaces can be had, and none of the capabilities is got back by executing. */
static int needs_its_capabilities(void)
{
	struct tz_server_setup setup = make_setup();
	int fuse, mount_fd, socket = -1, pidfd = -1;

	make_place();
	fuse = tz_fusemount_open_device(&err);
	mount_fd = tz_fusemount(fuse, &err);
	CHECK(fuse >= 0 && mount_fd >= 0 && prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) == 0);
	CHECK_CODE(tz_server_start(image.fd, fuse, &setup, &key, &socket, &pidfd, &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "gets no namespaces of its own");
	CHECK(socket == -1 && pidfd == -1);
	return 0;
}

/* By hand, as nobody should: not on the right socket, and without being told anything. */
static int by_hand(int fd)
{
	int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	CHECK(pid >= 0 && null >= 0);
	if (pid == 0) {
		CHECK(dup2(null, STDERR_FILENO) >= 0);
		for (int i = TZ_SERVER_SOCKET_FD; i < TZ_SERVER_FDS_END; i++)
			CHECK(dup2(fd, i) == i);
		(void)execl(TZ_WORKER_PATH, TZ_SERVER_NAME, NULL);
		_exit(127);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int is_not_started_by_hand(void)
{
	struct tz_error answer;
	int pair[2], high;

	make_place();
	CHECK(by_hand(image.fd) == 2);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	high = fcntl(pair[1], F_DUPFD_CLOEXEC, 20);
	CHECK(high >= 20 && close(pair[1]) == 0 && shutdown(pair[0], SHUT_WR) == 0);
	CHECK(by_hand(high) == 1);
	CHECK(recv(pair[0], &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer) && answer.code == -EBADMSG);
	return 0;
}

#define TESTS(TEST)                                   \
	TEST(is_found_while_it_serves)                \
	TEST(is_found_where_it_cannot_be_seen)        \
	TEST(tells_other_locks_from_it)               \
	TEST(holds_one_place_only)                    \
	TEST(there_is_one_for_an_image)               \
	TEST(ends_with_a_starter_that_lets_go)        \
	TEST(ends_with_a_starter_that_is_killed)      \
	TEST(says_why_it_does_not_start)              \
	TEST(says_when_there_is_none)                 \
	TEST(does_not_start_within_limits)            \
	TEST(does_not_start_where_there_are_too_many) \
	TEST(needs_its_capabilities)                  \
	TEST(is_not_started_by_hand)

PRIVATE_NS_MAIN(TESTS)
