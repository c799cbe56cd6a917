#include "tests/unit/unit.h"

#include "tazpod-cli/env_text.h"

static struct tz_error err;

/* Variables with one value each; ended by NULL. */
static struct tz_variables make(const char *const pairs[])
{
	struct tz_variables variables = TZ_VARIABLES_INIT;

	variables.list = calloc(16, sizeof(*variables.list));
	assert_non_null(variables.list);
	for (; pairs[0]; pairs += 2) {
		struct tz_variable *variable = &variables.list[variables.count++];

		(void)snprintf(variable->name, sizeof(variable->name), "%s", pairs[0]);
		variable->at = variables.values.size;
		variable->size = strlen(pairs[1]);
		assert_int_equal(tz_textbuf_add(&variables.values, pairs[1], variable->size + 1), 0);
	}
	return variables;
}

#define MAKE(...) make((const char *const[]){ __VA_ARGS__, NULL })

static const char *shell_text(struct tz_textbuf *text, const struct tz_variables *variables, const char *before)
{
	tz_textbuf_free(text);
	if (cli_env_shell(text, TZ_SHELL_FISH, variables, before, &err) < 0)
		fail_msg("%s", err.message);
	return text->data;
}

static void test_names_are_kept(void **state)
{
	_cleanup_variables_ struct tz_variables variables = MAKE("A", "1", "B", "it's");
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT, wanted = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, "A", "1", 1), 0);
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, "B", "it's", 4), 0);
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, CLI_ENV_NAMES, "A B", 3), 0);
	assert_string_equal(shell_text(&text, &variables, NULL), wanted.data);
	assert_string_equal(shell_text(&text, &variables, ""), wanted.data);
	assert_string_equal(shell_text(&text, &variables, "A"), wanted.data);
	assert_string_equal(shell_text(&text, &variables, "B A"), wanted.data);
}

static void test_what_is_gone_is_unset(void **state)
{
	_cleanup_variables_ struct tz_variables variables = MAKE("AB", "1");
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT, wanted = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_quote_unset(&wanted, TZ_SHELL_FISH, "A"), 0);
	assert_int_equal(tz_quote_unset(&wanted, TZ_SHELL_FISH, "ABC"), 0);
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, "AB", "1", 1), 0);
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, CLI_ENV_NAMES, "AB", 2), 0);
	assert_string_equal(shell_text(&text, &variables, "  A AB  ABC "), wanted.data);
	/* what another one put there: no name, or one that tazpod would not have set */
	assert_string_equal(shell_text(&text, &variables, "A PATH AB $(x) ;id ABC LD_PRELOAD A-B 1"), wanted.data);
}

static void test_none(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT, wanted = TZ_TEXTBUF_INIT, json = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_quote_export(&wanted, TZ_SHELL_FISH, CLI_ENV_NAMES, "", 0), 0);
	assert_string_equal(shell_text(&text, &variables, NULL), wanted.data);
	assert_int_equal(cli_env_json(&json, &variables, &err), 0);
	assert_string_equal(json.data, "{\n}\n");
}

static void test_formats(void **state)
{
	_cleanup_variables_ struct tz_variables variables = MAKE("A", "x\ny", "B", "\"\\/\xc3\xa4");
	_cleanup_textbuf_ struct tz_textbuf json = TZ_TEXTBUF_INIT, dotenv = TZ_TEXTBUF_INIT, null = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(cli_env_json(&json, &variables, &err), 0);
	assert_contains(json.data, "\"A\":\"x\\ny\"");
	assert_contains(json.data, "\"B\":\"\\\"\\\\/\xc3\xa4\"");
	assert_int_equal(cli_env_dotenv(&dotenv, &variables, &err), 0);
	assert_contains(dotenv.data, "A=");
	assert_int_equal(cli_env_null(&null, &variables, &err), 0);
	assert_int_equal(null.size, 14);
	assert_memory_equal(null.data, "A=x\ny\0B=\"\\/\xc3\xa4\0", 14);
}

static void test_json_has_no_other_bytes(void **state)
{
	static const char *const values[] = { "\xff", "a\xc3", "\xed\xa0\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		_cleanup_variables_ struct tz_variables variables = MAKE("FINE", "x", "ODD", values[i]);
		_cleanup_textbuf_ struct tz_textbuf json = TZ_TEXTBUF_INIT;

		assert_int_equal(cli_env_json(&json, &variables, &err), -EILSEQ);
		assert_contains(err.message, "the value of ODD is no UTF-8");
		assert_int_equal(json.size, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_kept),
		cmocka_unit_test(test_what_is_gone_is_unset),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_json_has_no_other_bytes),
	};

	return cmocka_run_group_tests_name("env_text", tests, NULL, NULL);
}
