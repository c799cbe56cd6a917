#include "unit.h"

#include "libtazpod/utf8.h"

static void is_utf8(const char *text, size_t size)
{
	if (!tz_is_utf8(text, size))
		fail_msg("%zu bytes from 0x%02x on were refused", size, (unsigned char)text[0]);
}

static void is_none(const char *text)
{
	if (tz_is_utf8(text, strlen(text)))
		fail_msg("'%s' was accepted", text);
}

static void test_good(void **state)
{
	static const char with_nul[] = "a\0b";

	(void)state;
	is_utf8("", 0);
	is_utf8(with_nul, sizeof(with_nul));
	is_utf8("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 25);
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "a\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2(\xa1", "\xe2\x82(",
		"\xf0\x9f\x98(", "ok\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_none(texts[i]);
}

static void test_character(void **state)
{
	uint32_t character = 7;

	(void)state;
	assert_int_equal(tz_utf8_character("\xe2\x82\xac!", 4, &character), 3);
	assert_int_equal(character, 0x20ac);
	/* cut, or none left: nothing is told */
	assert_int_equal(tz_utf8_character("\xe2\x82\xac", 2, &character), 0);
	assert_int_equal(tz_utf8_character("", 0, &character), 0);
	assert_int_equal(character, 0x20ac);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_character),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
