/* pam_authenticate(3) with a vault that is there. */
#include "tests/pam/pam_test.h"

#include <signal.h>

#define ASK "hidden: Vault passphrase: \n"
#define REFUSED TAKE(UNLOCK), FAILED(EKEYREJECTED, "wrong passphrase")
#define REFUSED_LINE "error: tazpod: wrong passphrase\n"
#define CALLER 61000

static void right_passphrase(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK);
	assert_int_equal(world_report()->requests, 2);
	assert_int_equal(world_asked(0)->request.entering, 1);
	assert_int_equal(world_asked(0)->request.authenticated, 0);
	assert_int_equal(world_asked(0)->request.caller, 0);
	assert_int_equal(world_asked(1)->request.secret_size, strlen(RIGHT));
	assert_string_equal(world_asked(1)->secret, RIGHT);
	/* There is nothing to ask for again. */
	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->requests, 2);
}

static void the_passphrase_is_nowhere_after(void)
{
	struct app *app = app_start("su-l", GHOST, "debug");

	world_script(TAKE(HELLO), READY, REFUSED, TAKE(UNLOCK), DONE);
	app_will_answer(app, WRONG, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(world_asked(2)->secret, RIGHT);
	/* Under valgrind the memory of valgrind, which has a copy of the literals, can be written too. */
	if (!getenv("TAZPOD_TEST_VALGRIND")) {
		assert_false(app_holds(RIGHT));
		assert_false(app_holds(WRONG));
	}
}

static void second_attempt(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, REFUSED, TAKE(UNLOCK), DONE);
	app_will_answer(app, WRONG, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK REFUSED_LINE ASK);
}

static void three_wrong_passphrases(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, REFUSED, REFUSED, REFUSED);
	app_will_answer(app, WRONG, WRONG, WRONG, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_MAXTRIES);
	assert_string_equal(app->shown, ASK REFUSED_LINE ASK REFUSED_LINE ASK REFUSED_LINE);
	assert_int_equal(app->asked, 3);
	assert_int_equal(kill(world_report()->worker, 0), -1);
	assert_logged("3 pam_tazpod(su-l:auth): wrong passphrase");
}

static void nothing_typed_opens_nothing(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, REFUSED);
	app_will_answer(app, "");
	assert_code(pam_authenticate(app->pamh, 0), PAM_CONV_ERR);
	assert_int_equal(world_asked(1)->request.secret_size, 0);
}

/* More than PAM itself allows, so that no answer is cut to one that opens. */
static void too_long_a_passphrase_opens_nothing(void)
{
	static char longest[TZ_PASSPHRASE_MAX + 1], longer[TZ_PASSPHRASE_MAX + 2];
	struct app *app = app_start("su-l", GHOST, "");

	memset(longest, 'x', sizeof(longest) - 1);
	memset(longer, 'x', sizeof(longer) - 1);
	world_script(TAKE(HELLO), READY, REFUSED, TAKE(UNLOCK), DONE);
	app_will_answer(app, longer, longest);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_asked(1)->request.secret_size, 0);
	assert_int_equal(world_asked(2)->request.secret_size, TZ_PASSPHRASE_MAX);
}

static void the_user_hangs_up(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY);
	assert_code(pam_authenticate(app->pamh, 0), PAM_CONV_ERR);
	assert_string_equal(app->shown, ASK);
	assert_int_equal(kill(world_report()->worker, 0), -1);
}

static void no_terminal_and_no_stash(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY);
	assert_code(pam_set_item(app->pamh, PAM_TTY, NULL), PAM_SUCCESS);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(app->asked, 0);
	assert_string_equal(app->shown, "error: tazpod: there is no terminal to ask for the vault's passphrase on, and no key "
			    "is kept for this login session; run it from a terminal\n");
}

static void sshd_asks_without_a_terminal(void)
{
	struct app *app = app_start("sshd", GHOST, "");

	world_script(UNLOCKED);
	assert_code(pam_set_item(app->pamh, PAM_TTY, NULL), PAM_SUCCESS);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
}

/* As in su, which is setuid root: the caller is the real uid. */
static int as_caller(struct app *app)
{
	int r;

	assert_int_equal(setresuid(CALLER, 0, 0), 0);
	r = pam_authenticate(app->pamh, 0);
	assert_int_equal(setresuid(0, 0, 0), 0);
	return r;
}

static void a_stash_spares_the_question(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(STASH), DONE);
	assert_code(pam_set_item(app->pamh, PAM_TTY, NULL), PAM_SUCCESS);
	assert_code(as_caller(app), PAM_SUCCESS);
	assert_string_equal(app->shown, "");
	assert_int_equal(world_asked(0)->request.caller, CALLER);
}

static void without_a_stash_the_caller_is_asked(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(STASH), FAILED(ENOKEY, "no key is kept"), TAKE(UNLOCK), DONE);
	app_will_answer(app, RIGHT);
	assert_code(as_caller(app), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK);
	assert_string_equal(watch_log(), "");
}

static int with_item(struct app *app, const char *item, const char *value)
{
	int r;

	assert_int_equal(setenv(item, value, 1), 0);
	r = pam_authenticate(app->pamh, 0);
	assert_int_equal(unsetenv(item), 0);
	return r;
}

static void first_pass_is_used(const char *arguments)
{
	struct app *app = app_start_after_items("su-l", GHOST, arguments);

	world_script(UNLOCKED);
	assert_code(with_item(app, "PAM_AUTHTOK", RIGHT), PAM_SUCCESS);
	assert_string_equal(app->shown, "");
	assert_string_equal(world_asked(1)->secret, RIGHT);
}

static void try_first_pass_that_fits(void)
{
	first_pass_is_used("try_first_pass");
}

static void use_first_pass_that_fits(void)
{
	first_pass_is_used("use_first_pass");
}

static void without_an_argument_the_first_pass_is_not_looked_at(void)
{
	struct app *app = app_start_after_items("su-l", GHOST, "");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(with_item(app, "PAM_AUTHTOK", WRONG), PAM_SUCCESS);
	assert_string_equal(world_asked(1)->secret, RIGHT);
}

static void try_first_pass_that_does_not_fit(void)
{
	struct app *app = app_start_after_items("su-l", GHOST, "try_first_pass");

	world_script(TAKE(HELLO), READY, REFUSED, TAKE(UNLOCK), DONE);
	app_will_answer(app, RIGHT);
	assert_code(with_item(app, "PAM_AUTHTOK", WRONG), PAM_SUCCESS);
	assert_string_equal(world_asked(1)->secret, WRONG);
	assert_string_equal(app->shown, REFUSED_LINE ASK);
}

static void try_first_pass_without_one(void)
{
	struct app *app = app_start("su-l", GHOST, "try_first_pass");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK);
}

static void try_first_pass_and_a_vault_that_cannot_be_opened(void)
{
	struct app *app = app_start_after_items("su-l", GHOST, "try_first_pass");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(ENOMEM, "there is not enough memory"));
	app_will_answer(app, RIGHT);
	assert_code(with_item(app, "PAM_AUTHTOK", RIGHT), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(app->asked, 0);
}

static void use_first_pass_that_does_not_fit(void)
{
	struct app *app = app_start_after_items("su-l", GHOST, "use_first_pass");

	world_script(TAKE(HELLO), READY, REFUSED);
	app_will_answer(app, RIGHT);
	assert_code(with_item(app, "PAM_AUTHTOK", WRONG), PAM_AUTH_ERR);
	assert_int_equal(app->asked, 0);
}

static void use_first_pass_without_one(void)
{
	struct app *app = app_start("su-l", GHOST, "use_first_pass");

	world_script(TAKE(HELLO), READY);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTH_ERR);
	assert_int_equal(app->asked, 0);
}

static void silence_is_kept(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, REFUSED, TAKE(UNLOCK), NOTICE("the file system is checked"), DONE);
	app_will_answer(app, WRONG, RIGHT);
	assert_code(pam_authenticate(app->pamh, PAM_SILENT), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK ASK);
	assert_logged("wrong passphrase");
}

static void what_the_worker_says_is_shown(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), NOTICE("the second header serves"), DONE);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_string_equal(app->shown, ASK "error: tazpod: the second header serves\n");
}

/* The text is the worker's; it is no format. */
static void the_detail_is_for_the_log_alone(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), FAILED_WITH(EUCLEAN, "the vault is damaged: 100 %s", "libcryptsetup: %n bad checksum"));
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(app->shown, "error: tazpod: the vault is damaged: 100 %s\n");
	assert_string_equal(watch_log(), "3 pam_tazpod(su-l:auth): the vault is damaged: 100 %s | libcryptsetup: %n bad "
			    "checksum\n");
}

static void a_failure_that_is_no_wrong_passphrase_is_not_tried_again(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(TAKE(HELLO), READY, TAKE(UNLOCK), FAILED(EIO, "the disk is broken"));
	app_will_answer(app, RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(app->asked, 1);
}

static void no_memory_that_can_be_locked(void)
{
	for (int locks = 0; locks < 2; locks++) {
		struct app *app = app_start("su-l", GHOST, "");

		world_script(TAKE(HELLO), READY);
		app_will_answer(app, RIGHT);
		watch_lock_limit(locks);
		assert_code(pam_authenticate(app->pamh, 0), PAM_BUF_ERR);
		watch_lock_limit(-1);
		app_end(app);
	}
}

static void only_root_can_open_a_vault(void)
{
	struct app *app = app_start("su-l", GHOST, "");
	int r;

	assert_int_equal(seteuid(CALLER), 0);
	r = pam_authenticate(app->pamh, 0);
	assert_int_equal(seteuid(0), 0);
	assert_code(r, PAM_AUTHINFO_UNAVAIL);
	assert_shown(app, "the vault can be opened only by a program that runs as root, such as su");
}

static void a_second_authentication_replaces_the_first(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->starts, 2);
}

const struct CMUnitTest auth_tests[] = {
	watched(right_passphrase),
	watched(the_passphrase_is_nowhere_after),
	watched(second_attempt),
	watched(three_wrong_passphrases),
	watched(nothing_typed_opens_nothing),
	watched(too_long_a_passphrase_opens_nothing),
	watched(the_user_hangs_up),
	watched(no_terminal_and_no_stash),
	watched(sshd_asks_without_a_terminal),
	watched(a_stash_spares_the_question),
	watched(without_a_stash_the_caller_is_asked),
	watched(try_first_pass_that_fits),
	watched(use_first_pass_that_fits),
	watched(without_an_argument_the_first_pass_is_not_looked_at),
	watched(try_first_pass_that_does_not_fit),
	watched(try_first_pass_without_one),
	watched(try_first_pass_and_a_vault_that_cannot_be_opened),
	watched(use_first_pass_that_does_not_fit),
	watched(use_first_pass_without_one),
	watched(silence_is_kept),
	watched(what_the_worker_says_is_shown),
	watched(the_detail_is_for_the_log_alone),
	watched(a_failure_that_is_no_wrong_passphrase_is_not_tried_again),
	watched(no_memory_that_can_be_locked),
	watched(only_root_can_open_a_vault),
	watched(a_second_authentication_replaces_the_first),
};
const size_t auth_test_count = COUNT_OF(auth_tests);
