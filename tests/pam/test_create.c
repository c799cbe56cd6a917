/* The first login: there is no vault, and one is offered. */
#include "tests/pam/pam_test.h"

#define OFFER "asked: There is no vault yet. Create one of 512 MiB now? [Y/n] \n"
#define ADVICE "info: Choose a passphrase that you can remember: without it nobody can open the vault.\n"
#define NEW "hidden: New vault passphrase: \n"
#define AGAIN "hidden: The same once more: \n"
#define DIFFER "error: tazpod: the two differ\n"
#define NOTHING TAKE(HELLO), ABSENT(512)

static struct app *first_login(const char *arguments)
{
	world_script(NOTHING, TAKE(CREATE), DONE);
	return app_start("su-l", GHOST, arguments);
}

static void assert_made(struct app *app, const char *passphrase)
{
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_asked(1)->request.op, TZ_OP_CREATE);
	assert_string_equal(world_asked(1)->secret, passphrase);
}

static void the_offer_is_taken(void)
{
	static const char *const yes[] = { "", "y", "Y", "yes", "YES" };

	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		struct app *app = first_login("");

		world_reset();
		world_script(NOTHING, TAKE(CREATE), DONE);
		app_will_answer(app, yes[i], RIGHT, RIGHT);
		assert_made(app, RIGHT);
		assert_string_equal(app->shown, OFFER ADVICE NEW AGAIN);
		app_end(app);
	}
}

static void the_offer_is_refused(void)
{
	static const char *const no[] = { "n", "N", "no", "what?", " " };

	for (size_t i = 0; i < COUNT_OF(no); i++) {
		struct app *app = first_login("");

		app_will_answer(app, no[i], RIGHT, RIGHT);
		assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
		assert_string_equal(app->shown, OFFER "error: tazpod: no vault was created, so there is nothing to open\n");
		app_end(app);
	}
	assert_int_equal(world_report()->requests, COUNT_OF(no));
}

static void hanging_up_is_no_consent(void)
{
	struct app *app = first_login("");

	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(world_report()->requests, 1);
}

static void hanging_up_in_the_middle(void)
{
	struct app *app = first_login("");

	app_will_answer(app, "y");
	assert_code(pam_authenticate(app->pamh, 0), PAM_CONV_ERR);
	app_will_answer(app, "y", RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_CONV_ERR);
	assert_int_equal(world_report()->requests, 2);
}

static void the_two_differ_once(void)
{
	struct app *app = first_login("");

	app_will_answer(app, "y", RIGHT, WRONG, RIGHT, RIGHT);
	assert_made(app, RIGHT);
	assert_string_equal(app->shown, OFFER ADVICE NEW AGAIN DIFFER NEW AGAIN);
}

static void the_two_differ_three_times(void)
{
	struct app *app = first_login("");

	app_will_answer(app, "y", RIGHT, WRONG, RIGHT, WRONG, WRONG, RIGHT, RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_int_equal(app->asked, 7);
	assert_int_equal(world_report()->requests, 1);
}

static void the_floor(void)
{
	struct app *app = first_login("");

	app_will_answer(app, "y", "short pw", "aaaaaaaaaaaaaa", "tazpod-ghost!", RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_int_equal(app->asked, 4);
	assert_null(strstr(app->shown, AGAIN));
	assert_false(app_secret_in(app->shown));
	assert_int_equal(world_report()->requests, 1);
}

static void the_floor_is_that_of_the_settings(void)
{
	struct app *app = first_login("");

	world_write(SETTINGS, "passphrase_min_length: 40\n");
	app_will_answer(app, "y", "thirty-nine characters are not enough..", RIGHT, RIGHT);
	assert_made(app, RIGHT);
	assert_shown(app, "40");
}

static void no_memory_that_can_be_locked(void)
{
	for (int locks = 1; locks < 3; locks++) {
		struct app *app = first_login("");

		app_will_answer(app, "y", RIGHT, RIGHT);
		watch_lock_limit(locks);
		assert_code(pam_authenticate(app->pamh, 0), PAM_BUF_ERR);
		watch_lock_limit(-1);
		app_end(app);
	}
}

static void progress_is_shown_in_steps(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(NOTHING, TAKE(CREATE), PROGRESS(0, "reserving space"), PROGRESS(4, "reserving space"),
		     PROGRESS(9, "reserving space"), PROGRESS(10, "reserving space"), PROGRESS(11, "reserving space"),
		     PROGRESS(35, "reserving space"), PROGRESS(0, "making the file system"),
		     PROGRESS(50, "making the file system"), DONE);
	app_will_answer(app, "y", RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, OFFER ADVICE NEW AGAIN
			    "info: tazpod:   0 % reserving space\n"
			    "info: tazpod:  10 % reserving space\n"
			    "info: tazpod:  35 % reserving space\n"
			    "info: tazpod:   0 % making the file system\n"
			    "info: tazpod:  50 % making the file system\n");
}

static void silence_leaves_the_questions(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(NOTHING, TAKE(CREATE), PROGRESS(50, "reserving space"), DONE);
	app_will_answer(app, "y", RIGHT, WRONG, RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, PAM_SILENT), PAM_SUCCESS);
	assert_string_equal(app->shown, OFFER NEW AGAIN NEW AGAIN);
}

static void a_full_disk(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(NOTHING, TAKE(CREATE), FAILED(ENOSPC, "there is no room for the vault"));
	app_will_answer(app, "y", RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, "error: tazpod: there is no room for the vault\n");
}

static void no_terminal_and_no_vault(void)
{
	struct app *app = first_login("");

	assert_code(pam_set_item(app->pamh, PAM_TTY, ""), PAM_SUCCESS);
	app_will_answer(app, "y", RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(app->asked, 0);
}

/* A passphrase for the vault's whole life is chosen knowingly, and is not some other module's. */
static void the_first_pass_makes_no_vault(void)
{
	struct app *app = app_start_after_items("su-l", GHOST, "try_first_pass");

	world_script(NOTHING, TAKE(CREATE), DONE);
	assert_int_equal(setenv("PAM_AUTHTOK", WRONG, 1), 0);
	app_will_answer(app, "y", RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(unsetenv("PAM_AUTHTOK"), 0);
	assert_string_equal(world_asked(1)->secret, RIGHT);
}

const struct CMUnitTest create_tests[] = {
	watched(the_offer_is_taken),
	watched(the_offer_is_refused),
	watched(hanging_up_is_no_consent),
	watched(hanging_up_in_the_middle),
	watched(the_two_differ_once),
	watched(the_two_differ_three_times),
	watched(the_floor),
	watched(the_floor_is_that_of_the_settings),
	watched(no_memory_that_can_be_locked),
	watched(progress_is_shown_in_steps),
	watched(silence_leaves_the_questions),
	watched(a_full_disk),
	watched(no_terminal_and_no_vault),
	watched(the_first_pass_makes_no_vault),
};
const size_t create_test_count = COUNT_OF(create_tests);
