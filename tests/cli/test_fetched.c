#include "tests/unit/unit.h"

#include "tazpod-cli/fetched.h"

static struct tz_error err;

static void add(struct cli_fetched *fetched, const char *name, const char *value, size_t size)
{
	assert_int_equal(cli_fetched_add(fetched, name, value, size, &err), 0);
}

static void what_was_added_is_found(void **state)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	struct cli_secret secret = { .size = 77 };

	(void)state;
	add(&fetched, "TWO", "2", 1);
	add(&fetched, "ONE", "a\0b", 3);
	add(&fetched, "THREE", "", 0);
	add(&fetched, "ONE_MORE", NULL, 0);
	assert_int_equal(cli_fetched_finish(&fetched, &err), 0);
	assert_int_equal(fetched.count, 4);
	assert_string_equal(cli_fetched_at(&fetched, 0).name, "ONE");
	assert_string_equal(cli_fetched_at(&fetched, 1).name, "ONE_MORE");
	assert_string_equal(cli_fetched_at(&fetched, 2).name, "THREE");
	assert_string_equal(cli_fetched_at(&fetched, 3).name, "TWO");
	assert_true(cli_fetched_find(&fetched, "ONE", &secret));
	assert_string_equal(secret.name, "ONE");
	assert_int_equal(secret.size, 3);
	assert_memory_equal(secret.value, "a\0b", 4);
	assert_true(cli_fetched_find(&fetched, "THREE", &secret));
	assert_int_equal(secret.size, 0);
	assert_string_equal(secret.value, "");
	assert_true(cli_fetched_find(&fetched, "TWO", &secret));
	assert_string_equal(secret.value, "2");
	secret.size = 77;
	assert_false(cli_fetched_find(&fetched, "ON", &secret));
	assert_false(cli_fetched_find(&fetched, "", &secret));
	assert_false(cli_fetched_find(&fetched, "Z", &secret));
	assert_int_equal(secret.size, 77);
}

static void an_empty_set_is_one(void **state)
{
	struct cli_fetched fetched = CLI_FETCHED_INIT;
	struct cli_secret secret;

	(void)state;
	assert_int_equal(cli_fetched_finish(&fetched, &err), 0);
	assert_false(cli_fetched_find(&fetched, "A", &secret));
	cli_fetched_free(&fetched);
	cli_fetched_free(&fetched);
}

static void a_name_twice_is_an_error(void **state)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;

	(void)state;
	add(&fetched, "SAME", "value-1", 7);
	add(&fetched, "OTHER", "value-2", 7);
	add(&fetched, "SAME", "value-3", 7);
	assert_int_equal(cli_fetched_finish(&fetched, &err), -EEXIST);
	assert_contains(err.message, "two secrets of the name SAME,");
	assert_null(strstr(err.message, "value"));
}

static void there_is_an_end_to_their_number(void **state)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	struct cli_secret secret;
	char name[32];

	(void)state;
	for (int i = 0; i < CLI_FETCHED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "N%d", i * 7919 % CLI_FETCHED_MAX);
		add(&fetched, name, name, strlen(name));
	}
	assert_int_equal(cli_fetched_add(&fetched, "MORE", "", 0, &err), -E2BIG);
	assert_contains(err.message, "more than 20000 secrets");
	assert_int_equal(cli_fetched_finish(&fetched, &err), 0);
	for (int i = 0; i < CLI_FETCHED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "N%d", i);
		assert_true(cli_fetched_find(&fetched, name, &secret));
		assert_string_equal(secret.value, name);
	}
}

static void there_is_an_end_to_their_size(void **state)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	char *value = calloc(1, CLI_FETCHED_SIZE_MAX);

	(void)state;
	assert_non_null(value);
	assert_int_equal(cli_fetched_add(&fetched, "A", value, CLI_FETCHED_SIZE_MAX, &err), -E2BIG);
	assert_contains(err.message, "more than 16 MiB");
	add(&fetched, "A", value, CLI_FETCHED_SIZE_MAX - 3);
	assert_int_equal(cli_fetched_add(&fetched, "BC", value, 1, &err), -E2BIG);
	assert_int_equal(cli_fetched_add(&fetched, "BCD", value, 0, &err), -E2BIG);
	add(&fetched, "B", "x", 1);
	assert_int_equal(cli_fetched_add(&fetched, "C", value, 0, &err), -E2BIG);
	assert_int_equal(fetched.count, 2);
	assert_int_equal(cli_fetched_finish(&fetched, &err), 0);
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found),
		cmocka_unit_test(an_empty_set_is_one),
		cmocka_unit_test(a_name_twice_is_an_error),
		cmocka_unit_test(there_is_an_end_to_their_number),
		cmocka_unit_test(there_is_an_end_to_their_size),
	};

	return cmocka_run_group_tests_name("fetched", tests, NULL, NULL);
}
