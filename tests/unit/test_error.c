#include "unit.h"

static void test_set(void **state)
{
	struct tz_error err = { .detail = "old" };

	(void)state;
	assert_int_equal(tz_error_set(&err, ENOENT, "no %s", "vault"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.message, "no vault");
	assert_string_equal(err.detail, "");
	assert_int_equal(tz_error_set(&err, -EIO, "again"), -EIO);
	assert_int_equal(err.code, -EIO);
}

static void test_set_without_code_is_no_success(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_error_set(&err, 0, "x"), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_int_equal(tz_error_set(&err, INT_MIN, "x"), -EIO);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(tz_error_set(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(tz_error_set(NULL, -EPERM, "x"), -EPERM);
	assert_true(tz_error_detail(NULL, "x") < 0);
	assert_true(tz_error_wrap(NULL, "x") < 0);
}

static void test_unset_is_no_success(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_true(tz_error_wrap(&err, "context") < 0);
	assert_true(tz_error_detail(&err, "detail") < 0);
}

static void test_detail(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	(void)tz_error_set(&err, EIO, "message");
	assert_int_equal(tz_error_detail(&err, "one %d", 1), -EIO);
	assert_string_equal(err.detail, "one 1");
	assert_int_equal(tz_error_detail(&err, "two"), -EIO);
	assert_string_equal(err.detail, "one 1; two");
	assert_string_equal(err.message, "message");
}

static void test_wrap(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	(void)tz_error_set(&err, EIO, "inner");
	assert_int_equal(tz_error_wrap(&err, "outer %d", 2), -EIO);
	assert_string_equal(err.message, "outer 2: inner");
}

static void test_percent_m(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	errno = EACCES;
	(void)tz_error_set(&err, errno, "x: %m");
	assert_string_equal(err.message, "x: Permission denied");
}

/* Nothing in any of the texts may steer a terminal. */
static void test_printable(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	(void)tz_error_set(&err, EIO, "a%s", "\x1b[2J\xc2\x9b" "1mä\n");
	assert_string_equal(err.message, "a?[2J?1mä?");
	(void)tz_error_detail(&err, "%s", "\x9b" "b\x7f");
	assert_string_equal(err.detail, "?b?");
	(void)tz_error_wrap(&err, "\xc2\x85");
	assert_string_equal(err.message, "?: a?[2J?1mä?");
}

/* The message may be an argument of what replaces it. */
static void test_aliasing(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	(void)tz_error_set(&err, EIO, "inner");
	(void)tz_error_set(&err, EPERM, "outer (%s)", err.message);
	assert_string_equal(err.message, "outer (inner)");
	(void)tz_error_wrap(&err, "<%s>", err.message);
	assert_string_equal(err.message, "<outer (inner)>: outer (inner)");
	(void)tz_error_detail(&err, "d");
	(void)tz_error_detail(&err, "<%s>", err.detail);
	assert_string_equal(err.detail, "d; <d>");
}

static void test_long(void **state)
{
	struct tz_error err = { 0 };
	char text[2 * TZ_ERROR_TEXT];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)tz_error_set(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.message), TZ_ERROR_TEXT - 1);
	(void)tz_error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.message), TZ_ERROR_TEXT - 1);
	for (unsigned int i = 0; i < 3; i++)
		(void)tz_error_detail(&err, "%s", text);
	assert_int_equal(strlen(err.detail), TZ_ERROR_TEXT - 1);
	assert_int_equal(err.code, -EIO);
}

static void test_adopt(void **state)
{
	struct tz_error err = { 0 }, reported = { .code = 0, .message = "not told" };

	(void)state;
	assert_int_equal(tz_error_adopt(&err, &reported), 0);
	assert_string_equal(err.message, "");
	reported = (struct tz_error){ .code = -EPERM, .message = "not allowed\n", .detail = "by whom" };
	assert_int_equal(tz_error_adopt(&err, &reported), -EPERM);
	assert_int_equal(err.code, -EPERM);
	assert_string_equal(err.message, "not allowed?");
	assert_string_equal(err.detail, "by whom");
	assert_int_equal(tz_error_adopt(NULL, &reported), -EPERM);
	/* texts without an end */
	memset(reported.message, 'm', sizeof(reported.message));
	memset(reported.detail, 'd', sizeof(reported.detail));
	assert_int_equal(tz_error_adopt(&err, &reported), -EPERM);
	assert_int_equal(strlen(err.message), TZ_ERROR_TEXT - 1);
	assert_int_equal(strlen(err.detail), TZ_ERROR_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_without_code_is_no_success),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_unset_is_no_success),
		cmocka_unit_test(test_detail),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_percent_m),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_aliasing),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_adopt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
