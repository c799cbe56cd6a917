/* The module's end of the worker: how it is started, and what it may do wrong. */
#include "tests/pam/pam_test.h"

#include <signal.h>

#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal) - 1))
#define ENDED "error: tazpod: the worker ended unexpectedly; see the system log\n"
#define NONSENSE "error: tazpod: the worker's answer makes no sense; "

static int authenticate(struct app *app)
{
	app_will_answer(app, RIGHT, RIGHT, RIGHT);
	return pam_authenticate(app->pamh, 0);
}

static void missing(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_use_worker(WORKER_MISSING);
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(app->shown, "error: tazpod: " TZ_WORKER_PATH " cannot be run: No such file or directory; is "
			    "TazPod installed as a whole?\n");
}

static void not_executable(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_use_worker(WORKER_NOT_EXECUTABLE);
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, TZ_WORKER_PATH " cannot be run: Permission denied");
}

static void no_program_at_all(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_use_worker(WORKER_NOT_EXECUTABLE);
	assert_int_equal(chmod(SCRIPT_FILE, 0700), 0);
	a_child_may_die();
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(app->shown, ENDED);
}

static void dies_at_once(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(DIE);
	a_child_may_die();
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(app->shown, ENDED);
	assert_int_equal(app->asked, 0);
}

static void dies_with_the_passphrase(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), DIE);
	a_child_may_die();
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, ENDED);
	assert_int_equal(app->asked, 1);
}

static void dies_while_the_user_types(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	/* No SIGPIPE to the application: it would end this test. */
	world_script(TAKE(HELLO), READY, DIE);
	a_child_may_die();
	assert_int_equal(signal(SIGPIPE, SIG_DFL) == SIG_ERR, 0);
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, ENDED);
}

static void dies_while_it_makes_the_vault(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), ABSENT(64), TAKE(CREATE), PROGRESS(40, "reserving space"), DIE);
	a_child_may_die();
	app_will_answer(app, "y", RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, "info: tazpod:  40 % reserving space\n" ENDED);
}

static void dies_while_it_opens(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED, TAKE(OPEN), DIE);
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, ENDED);
}

static void garbage_to_hello(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), GARBAGE);
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, NONSENSE);
}

static void garbage_to_the_passphrase(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), GARBAGE);
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, NONSENSE);
}

static void garbage_to_open(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED, TAKE(OPEN), GARBAGE);
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, NONSENSE);
}

static void a_reply_of_no_known_kind(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), { .act = SCRIPT_SEND, .reply = { .kind = 77, .message = "what is this?" } });
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, NONSENSE);
}

/* A failure without a code is no success. */
static void a_failure_without_a_code(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(0, "something is wrong"));
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, "error: tazpod: something is wrong\n");
}

/* A text that fills its field to the last byte is ended for it. */
static void texts_without_an_end(void)
{
	struct script_step steps[] = { TAKE(HELLO), FAILED(EIO, "") };
	struct app *app = app_start("su-l", GHOST, "");

	memset(steps[1].reply.message, 'm', sizeof(steps[1].reply.message));
	memset(steps[1].reply.detail, 'd', sizeof(steps[1].reply.detail));
	world_set_script(steps, COUNT_OF(steps));
	assert_code(authenticate(app), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(strlen(app->shown), strlen("error: tazpod: ") + TZ_ERROR_TEXT - 1 + 1);
	assert_null(strstr(app->shown, "dddd"));
}

/* That none is left open is looked at after every test. */
static void descriptors_that_nobody_asked_for(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), { .act = SCRIPT_STRAY, .reply = { .kind = TZ_REPLY_DONE, .vault = TZ_VAULT_READY } },
		     TAKE(UNLOCK), { .act = SCRIPT_STRAY, .reply = { .kind = TZ_REPLY_NOTICE, .message = "take this" } },
		     { .act = SCRIPT_STRAY, .reply = { .kind = TZ_REPLY_DONE } });
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_shown(app, "error: tazpod: take this\n");
	assert_int_equal(world_report()->requests, 2);
}

static void killed_worker_that_does_not_go(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED, LINGER);
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->worker, 0), 0);
	app_end(app);
	assert_int_equal(kill(world_report()->worker, 0), -1);
}

static void nothing_of_the_application_reaches_it(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	sigset_t blocked, before;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), leaked = fcntl(null, F_DUPFD, 40);

	world_script(UNLOCKED);
	assert_int_equal(sigfillset(&blocked), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	assert_int_equal(signal(SIGTERM, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR, 0);
	assert_int_equal(setenv("LD_PRELOAD_OF_THE_TEST", "evil", 1), 0);
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_int_equal(unsetenv("LD_PRELOAD_OF_THE_TEST"), 0);
	assert_int_equal(signal(SIGTERM, SIG_DFL) == SIG_ERR || signal(SIGHUP, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(close(null), 0);
	assert_int_equal(close(leaked), 0);
	assert_int_equal(world_report()->environment, 0);
	assert_int_equal(world_report()->descriptors & ~UINT64_C(7), UINT64_C(1) << TZ_WORKER_FD);
	assert_int_equal(world_report()->blocked, 0);
	assert_int_equal(world_report()->ignored, 0);
	assert_int_equal(world_report()->death_signal, SIGTERM);
	assert_int_equal(world_report()->arguments, 2);
	assert_string_equal(world_report()->argument[0], "tazpod-worker");
	assert_string_equal(world_report()->argument[1], "session");
}

/* The application's own settings of its signals are as they were: nobody may change them for it. */
static void nothing_of_the_worker_reaches_the_application(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	struct sigaction before[NSIG], after;

	world_script(UNLOCKED, TAKE(OPEN), SESSION(GOOD));
	for (int s = 1; s < NSIG; s++)
		if (sigaction(s, NULL, &before[s]) < 0)
			before[s].sa_handler = SIG_ERR;
	assert_code(authenticate(app), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	for (int s = 1; s < NSIG; s++)
		if (before[s].sa_handler != SIG_ERR) {
			assert_int_equal(sigaction(s, NULL, &after), 0);
			assert_true(after.sa_handler == before[s].sa_handler);
		}
}

static void it_runs_as_root_whoever_called(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	int r;

	world_script(TAKE(HELLO), READY, TAKE(STASH), DONE);
	assert_int_equal(setresgid(61000, 0, 61000), 0);
	assert_int_equal(setresuid(61000, 0, 61000), 0);
	r = pam_authenticate(app->pamh, 0);
	assert_int_equal(setresuid(0, 0, 0), 0);
	assert_int_equal(setresgid(0, 0, 0), 0);
	assert_code(r, PAM_SUCCESS);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_report()->uids[i], 0);
		assert_int_equal(world_report()->gids[i], 0);
	}
}

const struct CMUnitTest worker_tests[] = {
	watched(missing),
	watched(not_executable),
	watched(no_program_at_all),
	watched(dies_at_once),
	watched(dies_with_the_passphrase),
	watched(dies_while_the_user_types),
	watched(dies_while_it_makes_the_vault),
	watched(dies_while_it_opens),
	watched(garbage_to_hello),
	watched(garbage_to_the_passphrase),
	watched(garbage_to_open),
	watched(a_reply_of_no_known_kind),
	watched(a_failure_without_a_code),
	watched(texts_without_an_end),
	watched(descriptors_that_nobody_asked_for),
	watched(killed_worker_that_does_not_go),
	watched(nothing_of_the_application_reaches_it),
	watched(nothing_of_the_worker_reaches_the_application),
	watched(it_runs_as_root_whoever_called),
};
const size_t worker_test_count = COUNT_OF(worker_tests);
