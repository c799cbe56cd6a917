#include "unit.h"

#include "pam_tazpod/args.h"

static char logged[512];
static int log_lines;

/* --wrap: what would go to syslog */
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	va_list list;

	(void)pamh;
	(void)priority;
	log_lines++;
	va_start(list, format);
	(void)vsnprintf(logged, sizeof(logged), format, list);
	va_end(list);
}

static int parse(int flags, const char **argv, struct tz_pam_args *ret)
{
	int argc = 0;

	log_lines = 0;
	while (argv[argc])
		argc++;
	return tz_pam_args_parse(NULL, flags, argc, argv, ret);
}

static void nothing_is_all_defaults(void **state)
{
	struct tz_pam_args args = { .config = "x", .debug = true, .try_first_pass = true, .use_first_pass = true,
				    .silent = true };
	const char *argv[] = { NULL };

	(void)state;
	assert_int_equal(parse(0, argv, &args), PAM_SUCCESS);
	assert_null(args.config);
	assert_false(args.debug || args.try_first_pass || args.use_first_pass || args.silent);
}

static void each_argument_sets_its_own(void **state)
{
	static const struct {
		const char *argument;
		size_t offset;
	} cases[] = {
		{ "debug", offsetof(struct tz_pam_args, debug) },
		{ "try_first_pass", offsetof(struct tz_pam_args, try_first_pass) },
		{ "use_first_pass", offsetof(struct tz_pam_args, use_first_pass) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *argv[] = { cases[i].argument, NULL };
		struct tz_pam_args args;

		assert_int_equal(parse(0, argv, &args), PAM_SUCCESS);
		assert_true(*(bool *)((char *)&args + cases[i].offset));
		assert_int_equal(args.debug + args.try_first_pass + args.use_first_pass + args.silent, 1);
		assert_null(args.config);
	}
}

static void the_last_config_counts(void **state)
{
	const char *argv[] = { "config=/a", "debug", "config=/etc/tazpod/other.yaml", NULL };
	struct tz_pam_args args;

	(void)state;
	assert_int_equal(parse(0, argv, &args), PAM_SUCCESS);
	assert_string_equal(args.config, "/etc/tazpod/other.yaml");
	assert_true(args.debug);
}

static void silence_is_the_application_s(void **state)
{
	const char *argv[] = { NULL };
	struct tz_pam_args args;

	(void)state;
	assert_int_equal(parse(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK, argv, &args), PAM_SUCCESS);
	assert_true(args.silent);
	assert_int_equal(parse(PAM_DISALLOW_NULL_AUTHTOK, argv, &args), PAM_SUCCESS);
	assert_false(args.silent);
}

static void anything_else_is_an_error_and_logged(void **state)
{
	static const char *const unknown[] = {
		"", "debugging", "Debug", "config", "config=", "config=relative.yaml", "config=~/x", "try_first_pass=1",
		"nullok",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		const char *argv[] = { "debug", unknown[i], "use_first_pass", NULL };
		struct tz_pam_args args = { .config = "untouched" };

		assert_int_equal(parse(0, argv, &args), PAM_SERVICE_ERR);
		assert_int_equal(log_lines, 1);
		assert_contains(logged, unknown[i]);
		assert_contains(logged, "known are config=/PATH, debug");
		assert_string_equal(args.config, "untouched");
		assert_false(args.debug);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_all_defaults),
		cmocka_unit_test(each_argument_sets_its_own),
		cmocka_unit_test(the_last_config_counts),
		cmocka_unit_test(silence_is_the_application_s),
		cmocka_unit_test(anything_else_is_an_error_and_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
