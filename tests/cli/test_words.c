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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_quote) };

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
