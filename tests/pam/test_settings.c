/* Whose transaction is it: arguments of the module, users, settings, services. */
#include "tests/pam/pam_test.h"

#define CONFIG WORLD "/other.yaml"

static void unknown_argument_is_an_error(void)
{
	struct app *app = app_start("su-l", GHOST, "debug nullok");

	assert_code(pam_authenticate(app->pamh, 0), PAM_SERVICE_ERR);
	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SERVICE_ERR);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SERVICE_ERR);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SERVICE_ERR);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_logged("unknown argument 'nullok'");
	assert_int_equal(world_report()->starts, 0);
}

static void unknown_argument_is_one_for_other_users_too(void)
{
	assert_code(pam_authenticate(app_start("su-l", OTHER, "config=relative.yaml")->pamh, 0), PAM_SERVICE_ERR);
	assert_logged("unknown argument 'config=relative.yaml'");
}

static void other_users_are_ignored(void)
{
	struct app *app = app_start("su-l", OTHER, "debug try_first_pass");

	assert_code(pam_authenticate(app->pamh, 0), IGNORED);
	assert_code(pam_acct_mgmt(app->pamh, 0), IGNORED);
	assert_code(pam_open_session(app->pamh, 0), IGNORED);
	assert_code(pam_close_session(app->pamh, 0), IGNORED);
	assert_code(pam_chauthtok(app->pamh, 0), IGNORED);
	assert_string_equal(app->shown, "");
	assert_int_equal(world_report()->starts, 0);
}

static void setcred_ignores_other_users(void)
{
	assert_code(pam_setcred(app_start("su-l", OTHER, "")->pamh, PAM_ESTABLISH_CRED), IGNORED);
}

static void setcred_has_nothing_to_do(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_code(pam_setcred(app->pamh, PAM_DELETE_CRED), PAM_SUCCESS);
	assert_int_equal(world_report()->starts, 0);
}

static void users_that_the_machine_does_not_know_are_ignored(void)
{
	assert_code(pam_authenticate(app_start("su-l", "nobody-of-that-name", "")->pamh, 0), IGNORED);
}

static void a_user_without_a_name_is_unknown(void)
{
	assert_code(pam_authenticate(app_start("su-l", "", "")->pamh, 0), PAM_USER_UNKNOWN);
}

static void the_user_may_be_asked_for(void)
{
	struct app *app = app_start("login", NULL, "");

	app_will_answer(app, OTHER);
	assert_code(pam_authenticate(app->pamh, 0), IGNORED);
	assert_int_equal(app->asked, 1);
}

static void without_a_user_there_is_nothing_to_do(void)
{
	assert_code(pam_authenticate(app_start("login", NULL, "")->pamh, 0), PAM_CONV_ERR);
}

static void an_application_may_be_in_no_hurry_to_name_the_user(void)
{
	struct app *app = app_start("login", NULL, "");

	app->hang_up = PAM_CONV_AGAIN;
	assert_code(pam_authenticate(app->pamh, 0), PAM_INCOMPLETE);
	app_will_answer(app, OTHER);
	assert_code(pam_authenticate(app->pamh, 0), IGNORED);
}

static void debug_tells_who_and_where(void)
{
	struct app *app = app_start("su-l", GHOST, "debug");

	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_logged("7 pam_tazpod(su-l:setcred): service su-l, user " GHOST);
}

static void without_debug_nothing_is_logged(void)
{
	assert_code(pam_setcred(app_start("su-l", GHOST, "")->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_string_equal(watch_log(), "");
}

static void config_names_the_settings(void)
{
	world_write(CONFIG, "ghost_user: " OTHER "\n");
	assert_code(pam_setcred(app_start("su-l", OTHER, "config=" CONFIG)->pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_code(pam_setcred(app_start("su-l", GHOST, "config=" CONFIG)->pamh, PAM_ESTABLISH_CRED), IGNORED);
}

static void the_worker_gets_the_same_settings(void)
{
	struct app *app = app_start("su-l", GHOST, "config=" CONFIG);

	world_write(CONFIG, "{}\n");
	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_int_equal(world_report()->arguments, 3);
	assert_string_equal(world_report()->argument[1], "session");
	assert_string_equal(world_report()->argument[2], "--config=" CONFIG);
}

static void without_settings_the_defaults_hold(void)
{
	struct app *app = app_start("su-l", GHOST, "config=" WORLD "/nothing.yaml");

	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
}

static void a_config_of_great_length_is_refused(void)
{
	char arguments[900] = "config=/";
	struct app *app;

	memset(arguments + strlen(arguments), 'x', 600);
	app = app_start("su-l", GHOST, arguments);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SERVICE_ERR);
	assert_shown(app, "error: tazpod: /xxx");
	assert_int_equal(world_report()->starts, 0);
}

/* There is no session, and nothing may keep an application from closing it. */
static void assert_closing_succeeds(const char *service)
{
	struct app *app = app_start(service, GHOST, "");

	assert_code(pam_close_session(app->pamh, 0), PAM_SUCCESS);
	app_end(app);
}

/* Refused to the ghost user in every entry, with a sentence; nothing to others. */
static void assert_fails_closed(const char *sentence)
{
	struct app *app = app_start("su-l", GHOST, ""), *other;

	assert_code(pam_authenticate(app->pamh, 0), PAM_SERVICE_ERR);
	assert_shown(app, sentence);
	assert_logged(sentence);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SERVICE_ERR);
	assert_code(pam_setcred(app->pamh, PAM_ESTABLISH_CRED), PAM_SERVICE_ERR);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SERVICE_ERR);
	app_end(app);
	assert_closing_succeeds("su-l");
	app = app_start("su-l", SHELLED, "");
	assert_code(pam_authenticate(app->pamh, 0), PAM_SERVICE_ERR);
	other = app_start("su-l", OTHER, "");
	assert_code(pam_authenticate(other->pamh, 0), IGNORED);
	assert_code(pam_open_session(other->pamh, 0), IGNORED);
	assert_code(pam_close_session(other->pamh, 0), IGNORED);
	assert_string_equal(other->shown, "");
	assert_int_equal(world_report()->starts, 0);
}

static void settings_of_another_owner(void)
{
	world_write(SETTINGS, "{}\n");
	assert_int_equal(chown(SETTINGS, 61002, 0), 0);
	assert_fails_closed(SETTINGS " belongs to uid 61002, not to uid 0");
}

static void settings_that_a_group_may_write(void)
{
	world_write(SETTINGS, "{}\n");
	assert_int_equal(chmod(SETTINGS, 0664), 0);
	assert_fails_closed(SETTINGS " may be written by others");
}

static void settings_that_all_may_write(void)
{
	world_write(SETTINGS, "{}\n");
	assert_int_equal(chmod(SETTINGS, 0646), 0);
	assert_fails_closed(SETTINGS " may be written by others");
}

static void settings_by_a_symlink(void)
{
	world_write(CONFIG, "{}\n");
	assert_int_equal(symlink(CONFIG, SETTINGS), 0);
	assert_fails_closed(SETTINGS " is a symlink");
}

static void settings_in_a_fifo(void)
{
	assert_int_equal(mkfifo(SETTINGS, 0600), 0);
	assert_fails_closed(SETTINGS " is not a regular file");
}

static void settings_with_a_syntax_error(void)
{
	world_write(SETTINGS, "services: [su-l\n");
	assert_fails_closed(SETTINGS ":");
}

static void settings_with_an_unknown_key(void)
{
	world_write(SETTINGS, "key_timeout: 5m\nghost_usr: " OTHER "\n");
	assert_fails_closed(SETTINGS ":2:1: ");
}

static void a_service_that_is_not_named_is_refused(void)
{
	struct app *app = app_start("cron", GHOST, "");

	assert_code(pam_authenticate(app->pamh, 0), PAM_PERM_DENIED);
	assert_string_equal(app->shown, "error: tazpod: the service 'cron' may not open the vault; use 'su -l " GHOST
			    "', or add it to 'services' in the settings\n");
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_PERM_DENIED);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
	assert_closing_succeeds("cron");
	assert_int_equal(world_report()->starts, 0);
}

static void a_service_that_is_named_is_served(void)
{
	struct app *app = app_start("cron", GHOST, "");

	world_write(SETTINGS, "services: [cron]\n");
	world_script(UNLOCKED);
	app_will_answer(app, RIGHT);
	assert_code(pam_authenticate(app->pamh, 0), PAM_SUCCESS);
	assert_code(pam_acct_mgmt(app->pamh, 0), PAM_SUCCESS);
}

static void services_replace_the_default_ones(void)
{
	world_write(SETTINGS, "services: [cron]\n");
	assert_code(pam_authenticate(app_start("su-l", GHOST, "")->pamh, 0), PAM_PERM_DENIED);
}

const struct CMUnitTest settings_tests[] = {
	watched(unknown_argument_is_an_error),
	watched(unknown_argument_is_one_for_other_users_too),
	watched(other_users_are_ignored),
	watched(setcred_ignores_other_users),
	watched(setcred_has_nothing_to_do),
	watched(users_that_the_machine_does_not_know_are_ignored),
	watched(a_user_without_a_name_is_unknown),
	watched(the_user_may_be_asked_for),
	watched(without_a_user_there_is_nothing_to_do),
	watched(an_application_may_be_in_no_hurry_to_name_the_user),
	watched(debug_tells_who_and_where),
	watched(without_debug_nothing_is_logged),
	watched(config_names_the_settings),
	watched(the_worker_gets_the_same_settings),
	watched(without_settings_the_defaults_hold),
	watched(a_config_of_great_length_is_refused),
	watched(settings_of_another_owner),
	watched(settings_that_a_group_may_write),
	watched(settings_that_all_may_write),
	watched(settings_by_a_symlink),
	watched(settings_in_a_fifo),
	watched(settings_with_a_syntax_error),
	watched(settings_with_an_unknown_key),
	watched(a_service_that_is_not_named_is_refused),
	watched(a_service_that_is_named_is_served),
	watched(services_replace_the_default_ones),
};
const size_t settings_test_count = COUNT_OF(settings_tests);
