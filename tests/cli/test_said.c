#include "tests/unit/unit.h"

#include "tazpod-cli/said.h"

static void check(const char *text, size_t size, const char *wanted)
{
	char copy[256];

	memset(copy, 'z', sizeof(copy));
	memcpy(copy, text, size);
	assert_int_equal(cli_make_printable(copy, size), strlen(wanted));
	assert_string_equal(copy, wanted);
	/* no byte behind its NUL was touched */
	assert_int_equal(copy[size + 1], 'z');
}

#define CHECK(text, wanted) check(text, sizeof(text) - 1, wanted)

static void controls_are_made_question_marks(void **state)
{
	(void)state;
	CHECK("", "");
	CHECK("plain text\n\twith lines\n", "plain text\n\twith lines\n");
	CHECK("\x1b[31mred\x1b[0m", "?[31mred?[0m");
	CHECK("a\0b\rc\x7f", "a?b?c?");
	CHECK("\xc2\x9b" "31m\xc2\x80\xc2\x9f\xc2\xa0", "?31m??\xc2\xa0");
}

static void what_is_no_utf8_is_made_question_marks(void **state)
{
	(void)state;
	CHECK("gr\xc3\xbc\xc3\x9f \xe2\x94\x82 \xf0\x9f\x94\x91", "gr\xc3\xbc\xc3\x9f \xe2\x94\x82 \xf0\x9f\x94\x91");
	CHECK("\x80\x9b\xff\xfe", "????");
	CHECK("\xc3", "?");
	CHECK("\xc3(", "?(");
	CHECK("\xe2\x94", "??");
	CHECK("\xf0\x9f\x94", "???");
	/* longer than it need be: a newline, and an escape */
	CHECK("\xc0\x8a\xc1\x9b\xe0\x80\x9b", "???????");
	/* a half of a pair, and beyond the last character */
	CHECK("\xed\xa0\x80", "???");
	CHECK("\xf4\x90\x80\x80", "????");
	CHECK("\xf8\x88\x80\x80\x80", "?????");
}

static void a_copy_is_cut(void **state)
{
	char copy[8];

	(void)state;
	cli_printable_copy("1234567", 7, copy, sizeof(copy));
	assert_string_equal(copy, "1234567");
	cli_printable_copy("12345678", 8, copy, sizeof(copy));
	assert_string_equal(copy, "1234...");
	cli_printable_copy("a\0\033b", 4, copy, sizeof(copy));
	assert_string_equal(copy, "a??b");
	cli_printable_copy("12\xe2\x94\x82\xe2\x94\x82", 8, copy, sizeof(copy));
	assert_string_equal(copy, "12...");
	cli_printable_copy("", 0, copy, sizeof(copy));
	assert_string_equal(copy, "");
}

static void last(const char *text, unsigned int count, size_t size, const char *wanted)
{
	char ret[128];

	memset(ret, 'z', sizeof(ret));
	cli_last_lines(text, count, ret, size);
	assert_string_equal(ret, wanted);
	assert_int_equal(ret[size], 'z');
}

static void the_last_lines_are_joined(void **state)
{
	(void)state;
	last("", 3, 100, "");
	last("\n \n\t\n", 3, 100, "");
	last("one", 3, 100, "one");
	last("one\n", 3, 100, "one");
	last("one\ntwo\nthree\nfour\n", 3, 100, "two; three; four");
	last("\none\n\n  two \n\n", 3, 100, "one; two");
	last("one\ntwo", 0, 100, "");
}

static void what_is_too_long_is_cut_in_front(void **state)
{
	(void)state;
	last("abcdefghijklmnopqrstuvwxyz", 3, 27, "abcdefghijklmnopqrstuvwxyz");
	last("abcdefghijklmnopqrstuvwxyz", 3, 26, "...efghijklmnopqrstuvwxyz");
	last("abcdefghijklmnopqrstuvwxyz\n0123456789", 3, 37, "...fghijklmnopqrstuvwxyz; 0123456789");
	last("abcdefghijklmnopqrstuvwxyz\n0123456789", 3, 20, "0123456789");
	/* never through the middle of a character */
	last("\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82", 1, 24,
	     "...\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82\xe2\x94\x82");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_are_made_question_marks),
		cmocka_unit_test(what_is_no_utf8_is_made_question_marks),
		cmocka_unit_test(a_copy_is_cut),
		cmocka_unit_test(the_last_lines_are_joined),
		cmocka_unit_test(what_is_too_long_is_cut_in_front),
	};

	return cmocka_run_group_tests_name("said", tests, NULL, NULL);
}
