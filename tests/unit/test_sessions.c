/* Open sessions are played by children: a process of the right name, as the first of a PID namespace. */
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/sched.h>
#include <time.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/sessions.h"

#define STRAY_UID 4321

struct player {
	const char *name;
	uid_t uid;
	bool in_namespace;
	char *const *argv;
	pid_t pid;
	int ready, end;
};

/* What the kernel shows of a process are its name and the memory of its arguments: exec sets both. */
static int play(const struct player *player, int ready, int end)
{
	char self[PATH_MAX], ready_text[16], end_text[16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return 1;
	self[n] = '\0';
	(void)snprintf(ready_text, sizeof(ready_text), "%d", ready);
	(void)snprintf(end_text, sizeof(end_text), "%d", end);
	if (setenv("UNIT_PLAY_NAME", player->name, 1) < 0 || setenv("UNIT_PLAY_READY", ready_text, 1) < 0 ||
	    setenv("UNIT_PLAY_END", end_text, 1) < 0)
		return 1;
	if (player->uid && (setgid(player->uid) < 0 || setuid(player->uid) < 0))
		return 1;
	(void)execv("/proc/self/exe", player->argv);
	return 1;
}

/* The other side of the exec. */
static int perform(const char *name)
{
	int ready = atoi(getenv("UNIT_PLAY_READY")), end = atoi(getenv("UNIT_PLAY_END"));
	char byte;

	if (prctl(PR_SET_NAME, name) < 0 || write(ready, "x", 1) != 1)
		return 1;
	return (int)read(end, &byte, 1);
}

static bool start(struct player *player)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .flags = player->in_namespace ? CLONE_NEWPID : 0 };
	int ready[2], end[2];
	char byte;

	/* one player must not hold open what ends another */
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	player->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (player->pid == 0) {
		(void)close(ready[0]);
		(void)close(end[1]);
		if (fcntl(ready[1], F_SETFD, 0) < 0 || fcntl(end[0], F_SETFD, 0) < 0)
			_exit(1);
		_exit(play(player, ready[1], end[0]));
	}
	(void)close(ready[1]);
	(void)close(end[0]);
	player->ready = ready[0];
	player->end = end[1];
	if (player->pid < 0)
		return false;
	assert_int_equal(read(player->ready, &byte, 1), 1);
	return true;
}

static void stop(struct player *player)
{
	(void)close(player->end);
	(void)close(player->ready);
	if (player->pid > 0)
		assert_int_equal(waitpid(player->pid, NULL, 0), player->pid);
}

static int list(struct tz_session *sessions)
{
	struct tz_error err = { 0 };
	int count = tz_sessions_list(sessions, TZ_SESSIONS_MAX, &err);

	if (count < 0)
		fail_msg("%s", err.message);
	return count;
}

static const struct tz_session *find(const struct tz_session *sessions, int count, pid_t pid)
{
	for (int i = 0; i < count; i++)
		if (sessions[i].init == pid)
			return &sessions[i];
	return NULL;
}

static struct tz_session sessions[TZ_SESSIONS_MAX];

#define NEEDS_ROOT()                                                        \
	do {                                                                \
		if (geteuid() != 0)                                         \
			unit_skip("only root can make a PID namespace");    \
	} while (0)

static const struct tz_session sample = {
	.caller = "tazpod",
	.vault = "0f5d4c5e-1111-2222-3333-444455556666",
	.image = "64769:131074",
	.tty = "pts/3",
	.service = "su-l",
	.driver = "dm-crypt",
};

static void a_session_is_listed_as_it_was_started(void **state)
{
	struct tz_init_args args;
	struct player init = { TZ_INIT_NAME, 0, true, args.argv, 0, -1, -1 };
	const struct tz_session *session;
	uint64_t start_time;

	(void)state;
	NEEDS_ROOT();
	tz_sessions_init_args(&sample, &args);
	if (!start(&init))
		unit_skip("PID namespaces are not allowed here");
	session = find(sessions, list(sessions), init.pid);
	if (!session) {
		fail_msg("it is not listed");
		return;
	}
	assert_string_equal(session->caller, sample.caller);
	assert_string_equal(session->vault, sample.vault);
	assert_string_equal(session->image, sample.image);
	assert_string_equal(session->tty, sample.tty);
	assert_string_equal(session->service, sample.service);
	assert_string_equal(session->driver, sample.driver);
	assert_int_equal(tz_process_start_time(init.pid, &start_time), 0);
	assert_int_equal(session->start_time, start_time);
	assert_in_range(session->started, time(NULL) - 5, time(NULL) + 1);
	stop(&init);
	assert_null(find(sessions, list(sessions), init.pid));
}

static void the_arguments_are_clean_and_complete(void **state)
{
	struct tz_session session = sample;
	struct tz_init_args args;

	(void)state;
	(void)snprintf(session.caller, sizeof(session.caller), "a\033[2Jb c");
	session.tty[0] = '\0';
	tz_sessions_init_args(&session, &args);
	assert_string_equal(args.argv[0], TZ_INIT_NAME);
	assert_string_equal(args.argv[1], "--caller=a?[2Jb?c");
	assert_string_equal(args.argv[2], "--vault=0f5d4c5e-1111-2222-3333-444455556666");
	assert_string_equal(args.argv[4], "--tty=");
	assert_string_equal(args.argv[6], "--driver=dm-crypt");
	assert_null(args.argv[7]);
}

static void hostile_arguments_are_cut_and_cleaned(void **state)
{
	static char big[8000];
	static char caller[] = "--caller=\033]0;x\007\n\xff", name[] = TZ_INIT_NAME, tty[] = "--tty";
	char *argv[] = { name, caller, tty, big, NULL };
	struct player init = { TZ_INIT_NAME, 0, true, argv, 0, -1, -1 };
	const struct tz_session *session;

	(void)state;
	NEEDS_ROOT();
	memset(big, 'A', sizeof(big) - 1);
	memcpy(big, "--service=", 10);
	if (!start(&init))
		unit_skip("PID namespaces are not allowed here");
	session = find(sessions, list(sessions), init.pid);
	assert_non_null(session);
	assert_string_equal(session->caller, "?]0;x???");
	assert_string_equal(session->tty, "");
	assert_int_equal(strlen(session->service), sizeof(session->service) - 1);
	stop(&init);
}

static void what_only_looks_like_a_session_is_none(void **state)
{
	struct tz_init_args args;
	struct player outside = { TZ_INIT_NAME, 0, false, args.argv, 0, -1, -1 };
	struct player users = { TZ_INIT_NAME, STRAY_UID, true, args.argv, 0, -1, -1 };
	struct player other = { "tazpod-inix", 0, true, args.argv, 0, -1, -1 };
	int count;

	(void)state;
	NEEDS_ROOT();
	tz_sessions_init_args(&sample, &args);
	if (!start(&users) || !start(&outside) || !start(&other))
		unit_skip("PID namespaces are not allowed here");
	count = list(sessions);
	assert_null(find(sessions, count, outside.pid));
	assert_null(find(sessions, count, users.pid));
	assert_null(find(sessions, count, other.pid));
	stop(&other);
	stop(&outside);
	stop(&users);
}

/* A dead one that its parent has not waited for holds nothing open. */
static void a_zombie_is_no_session(void **state)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct tz_init_args args;
	struct player init = { TZ_INIT_NAME, 0, true, args.argv, 0, -1, -1 };
	siginfo_t info;

	(void)state;
	NEEDS_ROOT();
	tz_sessions_init_args(&sample, &args);
	if (!start(&init))
		unit_skip("PID namespaces are not allowed here");
	assert_int_equal(kill(init.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)init.pid, &info, WEXITED | WNOWAIT), 0);
	(void)nanosleep(&pause, NULL);
	assert_null(find(sessions, list(sessions), init.pid));
	stop(&init);
}

static void the_list_keeps_to_its_room(void **state)
{
	struct tz_init_args args;
	struct player init = { TZ_INIT_NAME, 0, true, args.argv, 0, -1, -1 };

	(void)state;
	NEEDS_ROOT();
	tz_sessions_init_args(&sample, &args);
	if (!start(&init))
		unit_skip("PID namespaces are not allowed here");
	assert_int_equal(tz_sessions_list(sessions, 0, NULL), 0);
	assert_int_equal(tz_sessions_list(sessions, 1, NULL), 1);
	stop(&init);
}

static void a_stray_process_is_found(void **state)
{
	static char name[] = "x";
	char *argv[] = { name, NULL };
	struct player stray = { "stray", STRAY_UID, false, argv, 0, -1, -1 };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), 0);
	assert_true(start(&stray));
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), stray.pid);
	stop(&stray);
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), 0);
}

struct loan {
	bool real;       /* the real uid is taken on, or that of the file system */
	long ms;         /* how long */
};

/* As PAM modules do in another login of the same user. */
static int borrow(int ready, int end, const struct loan *loan)
{
	const struct timespec pause = { .tv_sec = loan->ms / 1000, .tv_nsec = loan->ms % 1000 * 1000000L };
	char byte;

	if (loan->real ? setreuid(STRAY_UID, (uid_t)-1) < 0 : setfsuid(STRAY_UID) != 0)
		return 1;
	if (write(ready, "x", 1) != 1 || nanosleep(&pause, NULL) < 0)
		return 1;
	if (loan->real ? setreuid(0, (uid_t)-1) < 0 : setfsuid(0) != STRAY_UID)
		return 1;
	return (int)read(end, &byte, 1);
}

static void start_borrower(struct player *player, const struct loan *loan)
{
	int ready[2], end[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	player->pid = fork();
	assert_true(player->pid >= 0);
	if (player->pid == 0) {
		(void)close(end[1]);
		_exit(borrow(ready[1], end[0], loan));
	}
	(void)close(ready[1]);
	(void)close(end[0]);
	player->ready = ready[0];
	player->end = end[1];
	assert_int_equal(read(player->ready, &byte, 1), 1);
}

static void who_is_the_user_for_a_moment_is_none(void **state)
{
	(void)state;
	NEEDS_ROOT();
	for (int real = 0; real < 2; real++) {
		const struct loan moment = { real, TZ_STRAY_MS / 8 }, longer = { real, TZ_STRAY_MS * 20 };
		struct player root;

		start_borrower(&root, &moment);
		assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), 0);
		stop(&root);
		start_borrower(&root, &longer);
		assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), root.pid);
		assert_int_equal(kill(root.pid, SIGKILL), 0);
		stop(&root);
	}
}

static void one_of_the_users_own_is_no_loan(void **state)
{
	static char name[] = "x";
	char *argv[] = { name, NULL };
	struct player stray = { "stray", STRAY_UID, false, argv, 0, -1, -1 }, root;
	const struct loan loan = { true, TZ_STRAY_MS / 8 };

	(void)state;
	NEEDS_ROOT();
	start_borrower(&root, &loan);
	assert_true(start(&stray));
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), stray.pid);
	stop(&stray);
	stop(&root);
}

static int inside_an_enclave(void *data)
{
	struct player ghost = { "ghost", STRAY_UID, false, data, 0, -1, -1 };
	bool started = start(&ghost);

	if (!started || write(STDERR_FILENO, "", 0) < 0)
		return 1;
	(void)close(ghost.ready);
	(void)pause();
	return 0;
}

/* The ghost user's own namespace, made out here, is no enclave; a root's, with him in it, is. */
static void a_namespace_of_his_own_does_not_hide_him(void **state)
{
	static char name[] = "x";
	char *argv[] = { name, NULL };
	struct player stray = { "stray", STRAY_UID, true, argv, 0, -1, -1 };
	struct clone_args args = { .exit_signal = SIGCHLD, .flags = CLONE_NEWPID };
	const struct timespec wait = { .tv_nsec = 200000000 };
	pid_t enclave;

	(void)state;
	NEEDS_ROOT();
	if (!start(&stray))
		unit_skip("PID namespaces are not allowed here");
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), stray.pid);
	stop(&stray);
	enclave = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (enclave == 0)
		_exit(inside_an_enclave(argv));
	assert_true(enclave > 0);
	(void)nanosleep(&wait, NULL);
	assert_int_equal(tz_sessions_stray(STRAY_UID, NULL), 0);
	assert_int_equal(kill(enclave, SIGKILL), 0);
	assert_int_equal(waitpid(enclave, NULL, 0), enclave);
}

static void a_start_time_is_read_past_a_hostile_name(void **state)
{
	static char name[] = "x";
	char *argv[] = { name, NULL };
	struct player plain = { "plain", 0, false, argv, 0, -1, -1 };
	struct player hostile = { ") Z 1 2 3 4 5", 0, false, argv, 0, -1, -1 };
	uint64_t a = 0, b = 0, untouched = 7;

	(void)state;
	assert_true(start(&plain));
	assert_true(start(&hostile));
	assert_int_equal(tz_process_start_time(plain.pid, &a), 0);
	assert_int_equal(tz_process_start_time(hostile.pid, &b), 0);
	assert_true(a > 0);
	assert_in_range(b, a, a + 1000);
	stop(&plain);
	stop(&hostile);
	assert_int_equal(tz_process_start_time(hostile.pid, &untouched), -ENOENT);
	assert_int_equal(untouched, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_listed_as_it_was_started),
		cmocka_unit_test(the_arguments_are_clean_and_complete),
		cmocka_unit_test(hostile_arguments_are_cut_and_cleaned),
		cmocka_unit_test(what_only_looks_like_a_session_is_none),
		cmocka_unit_test(a_zombie_is_no_session),
		cmocka_unit_test(the_list_keeps_to_its_room),
		cmocka_unit_test(a_stray_process_is_found),
		cmocka_unit_test(who_is_the_user_for_a_moment_is_none),
		cmocka_unit_test(one_of_the_users_own_is_no_loan),
		cmocka_unit_test(a_namespace_of_his_own_does_not_hide_him),
		cmocka_unit_test(a_start_time_is_read_past_a_hostile_name),
	};

	if (getenv("UNIT_PLAY_NAME"))
		return perform(getenv("UNIT_PLAY_NAME"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
