/* Account and session, for services that authenticate in the process that opens the session: su, login. */
#include "tests/pam/place.h"

#include <signal.h>
#include <sys/pidfd.h>

#define OPENED TAKE(OPEN), SESSION(GOOD)

static struct app *authenticated(const char *service)
{
	struct app *app = app_start(service, GHOST, "");

	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	return app;
}

static void assert_inside(struct place before)
{
	struct place now = place_now();

	assert_true(now.mnt != before.mnt);
	assert_true(now.ipc != before.ipc);
	assert_true(now.pid_for_children != before.pid_for_children);
	assert_int_equal(access("/inside", F_OK), 0);
	assert_int_not_equal(access("/etc", F_OK), 0);
	/* The current directory is not left behind, outside. */
	assert_true(now.cwd_dev == now.root_dev && now.cwd_ino == now.root_ino);
}

static void open_and_close(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, OPENED);
	assert_int_equal(chdir(WORLD "/services"), 0);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_same_place(before, place_now());
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_inside(before);
	assert_string_equal(world_asked(2)->request.tty, "pts/77");
	assert_string_equal(world_asked(2)->request.service, "su-l");
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_same_place(before, place_now());
	assert_int_equal(chdir("/"), 0);
	place_close();
}

/* The worker has gone before the session begins, and with it every key. */
static void no_worker_while_the_session_is_open(void)
{
	struct app *app;

	world_script(UNLOCKED, OPENED);
	app = authenticated("su-l");
	assert_int_equal(kill(world_report()->worker, 0), 0);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->worker, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(kill(world_report()->init, 0), 0);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->init, 0), -1);
}

static int first_of_the_session(void *data UNIT_UNUSED)
{
	return getpid() == 2 && access("/inside", F_OK) == 0 ? 0 : 1;
}

static void children_are_in_the_session(void)
{
	struct app *app;
	int status;

	world_script(UNLOCKED, OPENED);
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	/* Its SIGCHLD is the application's own. */
	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	status = unit_in_child(first_of_the_session, NULL);
	assert_int_equal(status, 0);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
}

static void the_end_of_the_transaction_ends_the_session(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, OPENED);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_inside(before);
	app_end(app);
	assert_same_place(before, place_now());
	assert_int_equal(kill(world_report()->init, 0), -1);
	place_close();
}

static void closing_without_a_session(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	app_end(app);
	world_script(UNLOCKED);
	app = authenticated("su-l");
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(kill(world_report()->worker, 0), -1);
}

static void closing_twice(void)
{
	struct app *app;

	world_script(UNLOCKED, OPENED);
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
}

static void settings_that_break_meanwhile(const char *text)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, OPENED);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	/* In the session there is no /etc at all; now there is one. */
	assert_int_equal(mkdir("/etc", 0755), 0);
	assert_int_equal(mkdir("/etc/tazpod", 0755), 0);
	world_write(SETTINGS, text);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_same_place(before, place_now());
	place_close();
}

static void broken_settings_keep_no_session_open(void)
{
	settings_that_break_meanwhile("nonsense: [\n");
}

static void another_ghost_user_keeps_no_session_open(void)
{
	settings_that_break_meanwhile("ghost_user: " OTHER "\n");
}

static void root_is_asked_by_the_session(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED, OPENED);
	app_will_answer(app, RIGHT);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->starts, 0);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(app->asked, 1);
	assert_int_equal(world_asked(0)->request.entering, 1);
	assert_int_equal(world_asked(0)->request.authenticated, 1);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
}

static bool worker_runs(void)
{
	return kill(world_report()->worker, 0) == 0;
}

static void root_with_a_wrong_passphrase(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(EKEYREJECTED, "wrong passphrase"),
		     TAKE(UNLOCK), FAILED(EKEYREJECTED, "wrong passphrase"),
		     TAKE(UNLOCK), FAILED(EKEYREJECTED, "wrong passphrase"));
	app_will_answer(app, WRONG, WRONG, WRONG, RIGHT);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(app->asked, 3);
	assert_false(worker_runs());
}

static void root_without_a_terminal(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY);
	assert_code(pam_set_item(app->pamh, PAM_TTY, NULL), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, "there is no terminal");
	assert_false(worker_runs());
}

static void a_session_that_cannot_be_made(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, TAKE(OPEN), NOTICE("the file system is checked"),
		     FAILED_WITH(EBUSY, "sessions of another vault are open", "image 7:12"));
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, "error: tazpod: the file system is checked\nerror: tazpod: sessions of another vault are open\n");
	assert_logged("sessions of another vault are open | image 7:12");
	assert_same_place(before, place_now());
	assert_false(worker_runs());
	/* Nothing is left to open: not without being asked anew. */
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(world_report()->starts, 2);
	place_close();
}

static void half_a_session(const struct script_step *session)
{
	const struct script_step steps[] = { UNLOCKED, TAKE(OPEN), *session };
	struct place before;
	struct app *app;

	world_set_script(steps, COUNT_OF(steps));
	assert_int_equal(chdir(WORLD "/services"), 0);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, "error: tazpod: the session's namespaces cannot be joined");
	assert_same_place(before, place_now());
	assert_int_equal(chdir("/"), 0);
	place_close();
}

static void a_session_without_descriptors(void)
{
	half_a_session(&(struct script_step)SESSION(EMPTY));
}

/* It fails in the middle, with the mount namespace joined already. */
static void a_session_that_can_be_joined_in_part(void)
{
	half_a_session(&(struct script_step)SESSION(CROOKED));
}

static void an_init_that_has_ended_by_itself(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, TAKE(OPEN), SESSION(OVER));
	a_child_may_die();
	place_open();
	before = place_now();
	app = authenticated("su-l");
	/* A PID namespace without its first process may be joined or not; after the end all is as it was. */
	(void)pam_open_session(app->pamh, 0);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_same_place(before, place_now());
	place_close();
}

static void killed_init_that_does_not_listen(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, TAKE(OPEN), SESSION(DEAF));
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SESSION_ERR);
	assert_shown(app, "error: tazpod: the ghost session did not end in an orderly way");
	assert_same_place(before, place_now());
	place_close();
}

static void the_session_is_killed_from_outside(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, OPENED);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	a_child_may_die();
	assert_int_equal(kill(world_report()->init, SIGKILL), 0);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_same_place(before, place_now());
	place_close();
}

static void open_again_after_closing(void)
{
	struct place before;
	struct app *app;

	world_script(UNLOCKED, OPENED);
	place_open();
	before = place_now();
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	app_will_answer(app, RIGHT);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(app->asked, 1);
	assert_inside(before);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_same_place(before, place_now());
	place_close();
}

/* As where the module stands in a stack twice. */
static void open_twice(void)
{
	struct app *app;

	world_script(UNLOCKED, OPENED);
	app = authenticated("su-l");
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->starts, 1);
	assert_int_equal(access("/inside", F_OK), 0);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_not_equal(access("/inside", F_OK), 0);
}

static void a_terminal_that_is_none(void)
{
	struct app *app;

	world_script(UNLOCKED, OPENED);
	app = authenticated("login");
	assert_code(pam_set_item(app->pamh, PAM_TTY, ":0"), PAM_SUCCESS);
	assert_code(pam_open_session(app->pamh, PAM_SILENT), PAM_SUCCESS);
	assert_string_equal(world_asked(2)->request.tty, ":0");
	assert_string_equal(world_asked(2)->request.service, "login");
	assert_code(pam_close_session(app->pamh, PAM_SILENT), PAM_SUCCESS);
}

const struct CMUnitTest session_tests[] = {
	watched(open_and_close),
	watched(no_worker_while_the_session_is_open),
	watched(children_are_in_the_session),
	watched(the_end_of_the_transaction_ends_the_session),
	watched(closing_without_a_session),
	watched(closing_twice),
	watched(broken_settings_keep_no_session_open),
	watched(another_ghost_user_keeps_no_session_open),
	watched(root_is_asked_by_the_session),
	watched(root_with_a_wrong_passphrase),
	watched(root_without_a_terminal),
	watched(a_session_that_cannot_be_made),
	watched(a_session_without_descriptors),
	watched(a_session_that_can_be_joined_in_part),
	watched(an_init_that_has_ended_by_itself),
	watched(killed_init_that_does_not_listen),
	watched(the_session_is_killed_from_outside),
	watched(open_again_after_closing),
	watched(open_twice),
	watched(a_terminal_that_is_none),
};
const size_t session_test_count = COUNT_OF(session_tests);
