#include "unit.h"

#include "libtazpod/printable.h"

static void check(const char *text, const char *expected)
{
	char buffer[64];

	assert_true(strlen(text) < sizeof(buffer));
	(void)strcpy(buffer, text);
	tz_make_printable(buffer);
	assert_string_equal(buffer, expected);
}

static void test_text_stays(void **state)
{
	static const char *const texts[] = { "", " a~", "ä", "\xc2\xa0", "日本", "\xf0\x9f\x98\x80", "\xc3\x9b\xe2\x80\x9b" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], texts[i]);
	/* letters of Latin-1 */
	check("\xe4\xf6", "\xe4\xf6");
}

static void test_control_characters(void **state)
{
	(void)state;
	check("a\x1b[31m\n\tb\x7f", "a?[31m??b?");
	check("\x01\x1f", "??");
	/* CSI and the rest of C1 in UTF-8 */
	check("\xc2\x9b" "31mx\xc2\x80\xc2\x9f", "?31mx??");
	/* as one byte, also behind what only looks like the start of a character */
	check("\x9b" "31m\x80\x9f", "?31m??");
	check("\xc3\x9b\x9b", "\xc3\x9b?");
	check("\xc0\x9b\xc1\x9b", "\xc0?\xc1?");
	check("\xe0\x80\x9b", "\xe0??");
	check("\xf0\x80\x80\x9b", "\xf0???");
	check("\xf5\x9b", "\xf5?");
	check("\xe2\x9b" "x", "\xe2?x");
	check("\xc2", "\xc2");
	check("\xe2\x9b", "\xe2?");
	check("\xf0\x90\x9b", "\xf0??");
}

static void test_character(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		bool control;
	} of[] = { { "ab", 1, false }, { "\n", 1, true }, { "ä", 2, false }, { "\xc2\x85", 2, true }, { "日", 3, false },
		   { "\xf0\x9f\x98\x80", 4, false }, { "\xe6\x97", 1, false },
		   /* what turns the direction of text: U+061C, U+200F, U+202E, U+2066, U+2069; and what is next to them */
		   { "\xd8\x9c", 2, true }, { "\xe2\x80\x8f", 3, true }, { "\xe2\x80\xae", 3, true }, { "\xe2\x81\xa6", 3, true },
		   { "\xe2\x81\xa9", 3, true }, { "\xd8\x9b", 2, false }, { "\xe2\x80\x93", 3, false }, { "\xe2\x80\xaf", 3, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		bool control = !of[i].control;

		assert_int_equal(tz_character(of[i].text, &control), of[i].size);
		assert_int_equal(control, of[i].control);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_stays),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
