/* sshd authenticates in one process and opens the session in another: account takes over what the first one left. */
#include "tests/pam/place.h"

#define HANDED_ON TAKE(HELLO), READY, TAKE(HANDOFF), DONE
#define NOT_HANDED_ON TAKE(HELLO), READY, TAKE(HANDOFF), FAILED(ENOKEY, "no key is kept")
#define KEY_ALONE "error: tazpod: a key alone does not open the vault: log in with keyboard-interactive "

static void account_takes_over(void)
{
	struct app *app = app_start("sshd", GHOST, "");

	world_script(HANDED_ON, TAKE(OPEN), SESSION(GOOD));
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_asked(0)->request.authenticated, 0);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->starts, 1);
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(world_asked(2)->request.service, "sshd");
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(app->asked, 0);
}

static void the_session_takes_over_when_account_did_not(void)
{
	struct app *app = app_start("sshd", GHOST, "");

	world_script(HANDED_ON, TAKE(OPEN), SESSION(GOOD));
	assert_code(pam_open_session(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
}

static void a_key_alone_is_refused(void)
{
	struct app *app = app_start("sshd", GHOST, "");

	world_script(NOT_HANDED_ON);
	app_will_answer(app, RIGHT);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_PERM_DENIED);
	assert_shown(app, KEY_ALONE);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(app->asked, 0);
}

static void account_without_a_worker(void)
{
	struct app *app = app_start("sshd", GHOST, "");

	world_use_worker(WORKER_MISSING);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_null(strstr(app->shown, KEY_ALONE));
}

/* As sshd does it: one handle for the process that asks, another for the one that goes on. */
static void two_handles(void)
{
	struct app *asking = app_start("sshd", GHOST, ""), *going_on;
	struct place before;

	place_open();
	before = place_now();
	world_script(UNLOCKED);
	app_will_answer(asking, RIGHT);
	assert_code(pam_authenticate(asking->pamh, 0), PAM_SUCCESS);
	assert_code(pam_acct_mgmt(asking->pamh, 0), PAM_SUCCESS);
	app_end(asking);
	world_script(HANDED_ON, TAKE(OPEN), SESSION(GOOD));
	going_on = app_start("sshd", GHOST, "");
	assert_code(pam_acct_mgmt(going_on->pamh, 0), PAM_SUCCESS);
	assert_code(pam_open_session(going_on->pamh, 0), PAM_SUCCESS);
	app_end(going_on);
	assert_same_place(before, place_now());
	place_close();
}

const struct CMUnitTest sshd_tests[] = {
	watched(account_takes_over),
	watched(the_session_takes_over_when_account_did_not),
	watched(a_key_alone_is_refused),
	watched(account_without_a_worker),
	watched(two_handles),
};
const size_t sshd_test_count = COUNT_OF(sshd_tests);
