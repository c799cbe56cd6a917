/* The module in applications that fork, that care for their children, or that are oddly started. */
#include "tests/pam/place.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <time.h>

#define JAIL WORLD "/jail"
#define OPENED UNLOCKED, TAKE(OPEN), SESSION(GOOD)
/* For a child, which ends there. */
#define CHECK(condition)                                                                     \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			(void)fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                            \
		}                                                                            \
	} while (0)

static struct app *in_session(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(OPENED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	return app;
}

static bool session_lives(void)
{
	return access("/inside", F_OK) == 0 && kill(world_report()->init, 0) == 0;
}

static int end_the_inherited_handle(void *data)
{
	struct app *app = data;

	return pam_end(app->pamh, PAM_SUCCESS | PAM_DATA_SILENT) == PAM_SUCCESS ? 0 : 1;
}

static int close_the_inherited_session(void *data)
{
	struct app *app = data;

	return pam_close_session(app->pamh, 0) == PAM_SUCCESS ? end_the_inherited_handle(data) : 2;
}

static void does_not_end_the_session(int (*work)(void *data))
{
	struct app *app = in_session();

	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(work, app), 0);
	assert_true(session_lives());
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->init, 0), -1);
}

static void a_child_ends_its_handle(void)
{
	does_not_end_the_session(end_the_inherited_handle);
}

static void a_child_closes_the_session(void)
{
	does_not_end_the_session(close_the_inherited_session);
}

static void a_child_ends_its_handle_before_the_session_opens(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(OPENED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(end_the_inherited_handle, app), 0);
	assert_int_equal(kill(world_report()->worker, 0), 0);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
}

/* What was unlocked belongs to the process that asked: its child starts anew. */
static int open_by_the_inherited_handle(void *data)
{
	struct app *app = data;

	app->answers = NULL;
	return pam_open_session(app->pamh, 0) == PAM_PERM_DENIED && app->asked == 1 ? end_the_inherited_handle(data) : 2;
}

static void a_child_cannot_use_what_was_unlocked(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(open_by_the_inherited_handle, app), 0);
	assert_int_equal(world_report()->starts, 2);
}

/* Its child is the second process of the session's PID namespace, and so has the same pid. */
static int be_the_second_process(void)
{
	struct app *app;
	int status;
	pid_t child;

	CHECK(getpid() == 2);
	app = in_session();
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		CHECK(getpid() == 2);
		_exit(end_the_inherited_handle(app));
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(access("/inside", F_OK) == 0);
	CHECK(pam_close_session(app->pamh, 0) == PAM_SUCCESS);
	CHECK(access("/inside", F_OK) < 0);
	CHECK(pam_end(app->pamh, PAM_SUCCESS) == PAM_SUCCESS);
	return 0;
}

static int be_the_first_process(void *data UNIT_UNUSED)
{
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0)
		_exit(be_the_second_process());
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int in_a_new_pid_namespace(void *data UNIT_UNUSED)
{
	CHECK(unshare(CLONE_NEWPID) == 0);
	return unit_in_child(be_the_first_process, NULL);
}

static void a_child_of_the_same_pid_ends_its_handle(void)
{
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(in_a_new_pid_namespace, NULL), 0);
}

/* An application that waits for whatever child ends may come first. */
static void another_reaps_the_worker(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	int status;

	world_script(UNLOCKED);
	a_child_may_die();
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->worker, SIGKILL), 0);
	assert_int_equal(waitpid(-1, &status, 0), world_report()->worker);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, "the worker ended unexpectedly");
}

static void another_reaps_the_init(void)
{
	struct app *app = in_session();
	int status;

	a_child_may_die();
	assert_int_equal(kill(world_report()->init, SIGKILL), 0);
	assert_int_equal(waitpid(-1, &status, 0), world_report()->init);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(access("/inside", F_OK), 0);
}

struct sleeper {
	pid_t pid;
	int wake; /* it sleeps until this is closed */
};

static struct sleeper fall_asleep(void)
{
	struct sleeper sleeper;
	int pipes[2];
	char byte;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	sleeper.pid = fork();
	assert_true(sleeper.pid >= 0);
	if (sleeper.pid == 0) {
		(void)close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(close(pipes[0]), 0);
	sleeper.wake = pipes[1];
	return sleeper;
}

/* One that reaps in its handler of SIGCHLD, for its own child and never for ours. */
static volatile sig_atomic_t reaped;

static void reap_all(int signal UNIT_UNUSED)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
}

static void the_signal_of_a_child_of_the_application_is_kept(void)
{
	struct sigaction action = { .sa_handler = reap_all };
	struct sleeper sleeper = fall_asleep();
	struct app *app = in_session();
	sigset_t sigchld, before;

	reaped = 0;
	assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
	(void)sigemptyset(&sigchld);
	(void)sigaddset(&sigchld, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &sigchld, &before), 0);
	assert_int_equal(close(sleeper.wake), 0);
	assert_int_equal(waitid(P_PID, (id_t)sleeper.pid, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOWAIT), 0);
	/* Its signal and that of the session's init are one and the same now. */
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(reaped, 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(reaped, 1);
}

/* The kernel keeps the init until the application has reaped its own: that must not hold up the end of the session. */
static void a_zombie_of_the_application_holds_nothing_up(void)
{
	struct app *app = in_session();
	struct sleeper sleeper = fall_asleep();
	time_t began;

	a_child_may_die();
	assert_int_equal(close(sleeper.wake), 0);
	assert_int_equal(waitid(P_PID, (id_t)sleeper.pid, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOWAIT), 0);
	began = time(NULL);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_in_range(time(NULL) - began, 0, 3);
	assert_int_not_equal(access("/inside", F_OK), 0);
	assert_int_equal(waitpid(sleeper.pid, NULL, 0), sleeper.pid);
	assert_int_equal(waitpid(-1, NULL, 0), world_report()->init);
}

/* A copy of the worker's socket in a child must not keep the worker waiting for its end. */
static void a_child_that_sleeps_holds_nothing_up(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	struct sleeper sleeper;
	time_t began;

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	sleeper = fall_asleep();
	began = time(NULL);
	app_end(app);
	assert_in_range(time(NULL) - began, 0, 3);
	a_child_may_die();
	assert_int_equal(close(sleeper.wake), 0);
	assert_int_equal(waitpid(sleeper.pid, NULL, 0), sleeper.pid);
}

static void an_application_that_ignores_its_children(void)
{
	struct app *app;

	assert_int_equal(signal(SIGCHLD, SIG_IGN) == SIG_ERR, 0);
	app = in_session();
	assert_true(session_lives());
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->init, 0), -1);
}

static int without_standard_descriptors(void *data)
{
	struct app *app = data;

	(void)close(0);
	(void)close(1);
	(void)close(2);
	return pam_authenticate(app->pamh, 0) == PAM_SUCCESS && pam_open_session(app->pamh, 0) == PAM_SUCCESS &&
	       session_lives() && pam_close_session(app->pamh, 0) == PAM_SUCCESS &&
	       pam_end(app->pamh, PAM_SUCCESS) == PAM_SUCCESS ? 0 : 1;
}

static void an_application_without_standard_descriptors(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(OPENED);
	app_will_answer(app, RIGHT);
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(without_standard_descriptors, app), 0);
	assert_int_equal(world_report()->descriptors & ~UINT64_C(7), UINT64_C(1) << TZ_WORKER_FD);
}

static int in_a_jail(void *data UNIT_UNUSED)
{
	struct place before;
	struct app *app;

	CHECK(unshare(CLONE_NEWNS) == 0 && mkdir(JAIL, 0755) == 0);
	CHECK(mount("/", JAIL, "none", MS_BIND | MS_REC, NULL) == 0);
	CHECK(chroot(JAIL) == 0 && chdir(WORLD "/services") == 0);
	place_open();
	before = place_now();
	app = in_session();
	CHECK(session_lives());
	CHECK(pam_close_session(app->pamh, 0) == PAM_SUCCESS);
	assert_same_place(before, place_now());
	return pam_end(app->pamh, PAM_SUCCESS) == PAM_SUCCESS ? 0 : 1;
}

/* The way back leads to its own root, which is not that of its mount namespace. */
static void an_application_in_a_jail(void)
{
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(in_a_jail, NULL), 0);
	assert_int_equal(rmdir(JAIL), 0);
}

static int unlock_and_be_killed(void *data)
{
	struct app *app = data;

	(void)pam_authenticate(app->pamh, 0);
	(void)raise(SIGKILL);
	return 0;
}

static void a_worker_does_not_outlive_its_application(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED, LINGER);
	app_will_answer(app, RIGHT);
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(unit_in_child(unlock_and_be_killed, app), 255);
	assert_int_equal(world_report()->requests, 2);
	for (int tries = 0; tries < 200 && kill(world_report()->worker, 0) == 0; tries++)
		(void)usleep(10000);
	assert_int_equal(kill(world_report()->worker, 0), -1);
}

const struct CMUnitTest process_tests[] = {
	watched(a_child_ends_its_handle),
	watched(a_child_closes_the_session),
	watched(a_child_ends_its_handle_before_the_session_opens),
	watched(a_child_cannot_use_what_was_unlocked),
	watched(a_child_of_the_same_pid_ends_its_handle),
	watched(another_reaps_the_worker),
	watched(another_reaps_the_init),
	watched(the_signal_of_a_child_of_the_application_is_kept),
	watched(a_zombie_of_the_application_holds_nothing_up),
	watched(a_child_that_sleeps_holds_nothing_up),
	watched(an_application_that_ignores_its_children),
	watched(an_application_without_standard_descriptors),
	watched(an_application_in_a_jail),
	watched(a_worker_does_not_outlive_its_application),
};
const size_t process_test_count = COUNT_OF(process_tests);
