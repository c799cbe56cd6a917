/* pam_chauthtok(3), which Linux-PAM calls in two phases: the present passphrase, then the new one. */
#include "tests/pam/pam_test.h"

#define PRESENT "hidden: Present vault passphrase: \n"
#define NEW "hidden: New vault passphrase: \n"
#define AGAIN "hidden: The same once more: \n"
#define CHANGED "info: tazpod: the vault's passphrase was changed\n"
#define BETTER "a better ship and a brighter star, in 1917"

static void both_phases(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, PRESENT NEW AGAIN CHANGED);
	assert_int_equal(world_asked(0)->request.entering, 0);
	assert_string_equal(world_asked(1)->secret, RIGHT);
	assert_string_equal(world_asked(2)->secret, BETTER);
}

/* passwd(1) need not be a service that may open the vault. */
static void any_service_may_change_it(void)
{
	struct app *app = app_start("cockpit", GHOST, "");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, PAM_SILENT), PAM_SUCCESS);
	assert_string_equal(app->shown, PRESENT NEW AGAIN);
}

static void wrong_present_passphrase(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(EKEYREJECTED, "wrong passphrase"));
	app_will_answer(app, WRONG, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTH_ERR);
	assert_string_equal(app->shown, PRESENT "error: tazpod: wrong passphrase\n");
}

static void no_vault_yet(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(TAKE(HELLO), ABSENT(512));
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_TRY_AGAIN);
	assert_string_equal(app->shown, "error: tazpod: there is no vault yet, so there is no passphrase to change; log in to "
			    "create one\n");
}

static void no_worker(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_use_worker(WORKER_MISSING);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_TRY_AGAIN);
	assert_shown(app, "is TazPod installed as a whole?");
}

static void a_vault_that_cannot_be_read(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(EIO, "the disk is broken"));
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_TRY_AGAIN);
	assert_int_equal(app->asked, 1);
}

static void hanging_up(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_CONV_ERR);
	app_will_answer(app, RIGHT);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_CONV_ERR);
	app_will_answer(app, RIGHT, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_CONV_ERR);
}

static void no_memory_that_can_be_locked(void)
{
	static const int codes[] = { PAM_BUF_ERR, PAM_BUF_ERR, PAM_AUTHTOK_ERR };

	for (int locks = 0; locks < 3; locks++) {
		struct app *app = app_start("passwd", GHOST, "");

		world_script(UNLOCKED);
		app_will_answer(app, RIGHT, BETTER, BETTER);
		watch_lock_limit(locks);
		assert_code(pam_chauthtok(app->pamh, 0), codes[locks]);
		watch_lock_limit(-1);
		app_end(app);
	}
}

static void the_floor(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT, "short pw", "aaaaaaaaaaaaaa", "1234567890", BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_int_equal(app->asked, 4);
	assert_int_equal(world_report()->requests, 2);
}

static void the_two_differ(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	app_will_answer(app, RIGHT, BETTER, WRONG, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SUCCESS);
	assert_shown(app, "error: tazpod: the two differ\n");
	assert_string_equal(world_asked(2)->secret, BETTER);
}

static void the_change_fails(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED, TAKE(CHANGE), FAILED(EINVAL, "the new passphrase is the same as the old one"));
	app_will_answer(app, RIGHT, RIGHT, RIGHT);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_shown(app, "error: tazpod: the new passphrase is the same as the old one\n");
	assert_null(strstr(app->shown, CHANGED));
}

static void somebody_else_changes_it(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED, TAKE(CHANGE), FAILED(ETIMEDOUT, "another process works on the vault"));
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTHTOK_LOCK_BUSY);
}

static void the_worker_dies_between_the_phases(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	world_script(UNLOCKED, DIE);
	a_child_may_die();
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_shown(app, "error: tazpod: the worker ended unexpectedly; see the system log\n");
}

static int with_items(struct app *app, const char *old, const char *new)
{
	int r;

	if (old)
		assert_int_equal(setenv("PAM_OLDAUTHTOK", old, 1), 0);
	if (new)
		assert_int_equal(setenv("PAM_AUTHTOK", new, 1), 0);
	r = pam_chauthtok(app->pamh, 0);
	assert_int_equal(unsetenv("PAM_OLDAUTHTOK"), 0);
	assert_int_equal(unsetenv("PAM_AUTHTOK"), 0);
	return r;
}

static void use_first_pass_asks_nothing(void)
{
	struct app *app = app_start_after_items("passwd", GHOST, "use_first_pass");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	assert_code(with_items(app, RIGHT, BETTER), PAM_SUCCESS);
	assert_int_equal(app->asked, 0);
	assert_string_equal(world_asked(1)->secret, RIGHT);
	assert_string_equal(world_asked(2)->secret, BETTER);
}

static void use_first_pass_without_one(void)
{
	struct app *app = app_start_after_items("passwd", GHOST, "use_first_pass");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(with_items(app, NULL, NULL), PAM_AUTHTOK_RECOVERY_ERR);
	assert_code(with_items(app, RIGHT, NULL), PAM_AUTHTOK_ERR);
	assert_int_equal(app->asked, 0);
}

static void use_first_pass_below_the_floor(void)
{
	struct app *app = app_start_after_items("passwd", GHOST, "use_first_pass");

	world_script(UNLOCKED);
	assert_code(with_items(app, RIGHT, "short pw"), PAM_AUTHTOK_ERR);
	assert_int_equal(world_report()->requests, 2);
	assert_shown(app, "error: tazpod: ");
}

static void try_first_pass_spares_the_first_question(void)
{
	struct app *app = app_start_after_items("passwd", GHOST, "try_first_pass");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	app_will_answer(app, BETTER, BETTER);
	assert_code(with_items(app, RIGHT, NULL), PAM_SUCCESS);
	assert_string_equal(app->shown, NEW AGAIN CHANGED);
}

static void try_first_pass_without_one(void)
{
	struct app *app = app_start("passwd", GHOST, "try_first_pass");

	world_script(UNLOCKED, TAKE(CHANGE), DONE);
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, PRESENT NEW AGAIN CHANGED);
}

const struct CMUnitTest change_tests[] = {
	watched(both_phases),
	watched(any_service_may_change_it),
	watched(wrong_present_passphrase),
	watched(no_vault_yet),
	watched(no_worker),
	watched(a_vault_that_cannot_be_read),
	watched(hanging_up),
	watched(no_memory_that_can_be_locked),
	watched(the_floor),
	watched(the_two_differ),
	watched(the_change_fails),
	watched(somebody_else_changes_it),
	watched(the_worker_dies_between_the_phases),
	watched(use_first_pass_asks_nothing),
	watched(use_first_pass_without_one),
	watched(use_first_pass_below_the_floor),
	watched(try_first_pass_spares_the_first_question),
	watched(try_first_pass_without_one),
};
const size_t change_test_count = COUNT_OF(change_tests);
