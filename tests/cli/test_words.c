#include "tests/unit/unit.h"

#include "tazpod-cli/words.h"

static void check(char *const words[], const char *expected)
{
	char *text = cli_quote_words(words);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_quote(void **state)
{
	(void)state;
	check((char *[]){ NULL }, "");
	check((char *[]){ (char[]){ "" }, NULL }, "''");
	check((char *[]){ (char[]){ "ls" }, (char[]){ "-l" }, NULL }, "'ls' '-l'");
	check((char *[]){ (char[]){ "it's" }, NULL }, "'it'\\''s'");
	check((char *[]){ (char[]){ "'" }, (char[]){ "''" }, NULL }, "''\\''' ''\\'''\\'''");
	check((char *[]){ (char[]){ "$(id) `id` \\ \"\n" }, NULL }, "'$(id) `id` \\ \"\n'");
}

static void check_line(char *const words[], const char *expected)
{
	char *text = cli_quote_line(words);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_quote_line(void **state)
{
	(void)state;
	check_line((char *[]){ NULL }, "");
	check_line((char *[]){ (char[]){ "" }, NULL }, "''");
	check_line((char *[]){ (char[]){ "run" }, (char[]){ "--cap-add=A" }, NULL }, "run \\\n  --cap-add=A");
	check_line((char *[]){ (char[]){ "--rule=b 7:* rmw" }, NULL }, "'--rule=b 7:* rmw'");
	check_line((char *[]){ (char[]){ "~" }, (char[]){ "a{b,c}" }, (char[]){ "it's" }, NULL },
		   "'~' \\\n  'a{b,c}' \\\n  'it'\\''s'");
	check_line((char *[]){ (char[]){ "\xc3\xa4" }, NULL }, "'\xc3\xa4'");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_quote), cmocka_unit_test(test_quote_line) };

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
