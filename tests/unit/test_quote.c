/* The texts. What real shells make of them is seen in tests/cli/quoting.py. */
#include "unit.h"

#include "libtazpod/quote.h"

#define SHELLS 5

static void check(enum tz_shell shell, const char *value, const char *expected)
{
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

	assert_int_equal(tz_textbuf_add_text(&out, "before\n"), 0);
	assert_int_equal(tz_quote_export(&out, shell, "N", value, strlen(value)), 0);
	assert_memory_equal(out.data, "before\n", 7);
	assert_string_equal(out.data + 7, expected);
}

/* Only what is between the quotes, for the shells that have the same around it. */
static void check_value(enum tz_shell shell, const char *value, const char *expected)
{
	static const char *const begins[SHELLS] = {
		"unset -v N && export N=", "unset -n N && unset -v N && declare +i -gx N=", "unset -v N && export N=",
		"set -gx N ", "${env:N} = -join (",
	};
	static const char *const ends[SHELLS] = { " || false\n", " || false\n", " || false\n", "\n", ")\n" };
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s%s%s", begins[shell], expected, ends[shell]);
	check(shell, value, text);
}

static void test_names(void **state)
{
	static const char *const names[SHELLS] = { "sh", "bash", "zsh", "fish", "powershell" };
	enum tz_shell shell = TZ_SHELL_FISH;

	(void)state;
	for (int i = 0; i < SHELLS; i++) {
		assert_string_equal(tz_shell_name((enum tz_shell)i), names[i]);
		assert_true(tz_shell_by_name(names[i], &shell));
		assert_int_equal(shell, i);
	}
	assert_true(tz_shell_by_name("dash", &shell));
	assert_int_equal(shell, TZ_SHELL_SH);
	assert_true(tz_shell_by_name("pwsh", &shell));
	assert_int_equal(shell, TZ_SHELL_POWERSHELL);
	assert_false(tz_shell_by_name("", &shell));
	assert_false(tz_shell_by_name("tcsh", &shell));
	assert_false(tz_shell_by_name("Bash", &shell));
	assert_false(tz_shell_by_name("zsh ", &shell));
	assert_int_equal(shell, TZ_SHELL_POWERSHELL);
}

static void test_plain(void **state)
{
	(void)state;
	for (int i = 0; i < SHELLS; i++) {
		check_value((enum tz_shell)i, "", "''");
		check_value((enum tz_shell)i, "value", "'value'");
		check_value((enum tz_shell)i, " -n $(id) `id` \"x\" ; # @ %s !! ~ {a,b} *", "' -n $(id) `id` \"x\" ; # @ %s !! ~ {a,b} *'");
	}
}

static void test_posix(void **state)
{
	(void)state;
	for (int i = TZ_SHELL_SH; i <= TZ_SHELL_BASH; i++) {
		check_value((enum tz_shell)i, "'", "''\\'''");
		check_value((enum tz_shell)i, "it's", "'it'\\''s'");
		check_value((enum tz_shell)i, "''", "''\\'''\\'''");
		check_value((enum tz_shell)i, "\na\\\n", "'\na\\\n'");
		check_value((enum tz_shell)i, "\x81\xff\x01", "'\x81\xff\x01'");
	}
	check_value(TZ_SHELL_ZSH, "''", "''\\'''\\'''");
	check_value(TZ_SHELL_ZSH, "a\n\nb", "'a'$'\\n'''$'\\n''b'");
	check_value(TZ_SHELL_ZSH, "\\n\x81", "'\\n\x81'");
}

static void test_fish(void **state)
{
	(void)state;
	check_value(TZ_SHELL_FISH, "'", "''\\'''");
	check_value(TZ_SHELL_FISH, "\\", "''\\\\''");
	check_value(TZ_SHELL_FISH, "\\'", "''\\\\''\\'''");
	check_value(TZ_SHELL_FISH, "a\nb", "'a\nb'");
}

static void test_powershell(void **state)
{
	(void)state;
	check_value(TZ_SHELL_POWERSHELL, "'", "'',[char]0x27,''");
	check_value(TZ_SHELL_POWERSHELL, "a\r\nb", "'a',[char]0xD,'',[char]0xA,'b'");
	check_value(TZ_SHELL_POWERSHELL, "\x01\x7f", "'',[char]0x1,'',[char]0x7F,''");
	/* quotes there: U+2018 to U+201B */
	check_value(TZ_SHELL_POWERSHELL, "\xe2\x80\x98\xe2\x80\x99", "'',[char]0x2018,'',[char]0x2019,''");
	check_value(TZ_SHELL_POWERSHELL, "\xe2\x80\x9a\xe2\x80\x9b", "'',[char]0x201A,'',[char]0x201B,''");
	check_value(TZ_SHELL_POWERSHELL, "\xc3\xa4", "'',[char]0xE4,''");
	check_value(TZ_SHELL_POWERSHELL, "\xef\xbf\xbf", "'',[char]0xFFFF,''");
	check_value(TZ_SHELL_POWERSHELL, "\xf0\x90\x80\x80", "'',[char]0xD800,'',[char]0xDC00,''");
	check_value(TZ_SHELL_POWERSHELL, "\xf4\x8f\xbf\xbf", "'',[char]0xDBFF,'',[char]0xDFFF,''");
}

static void test_powershell_is_text_only(void **state)
{
	static const char *const values[] = { "a\x80", "\xff", "\xc0\xa7", "\xc1\xbf", "\xe0\x80\xa7", "\xe2\x80", "\xe2\x80x",
					      "\xc3", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\xa7", "\xf4\x90\x80\x80",
					      "\xf8\x88\x80\x80\x80", "\xe2\x98'" };
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&out, "x"), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(tz_quote_export(&out, TZ_SHELL_POWERSHELL, "N", values[i], strlen(values[i])), -EILSEQ);
		assert_string_equal(out.data, "x");
		assert_int_equal(out.size, 1);
	}
}

static void test_refused(void **state)
{
	static const char *const names[] = { "", "1A", "A B", "A=", "A;id", "A\n", "$(id)", "A-B", "\xc3\xa4" };
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

	(void)state;
	for (int i = 0; i < SHELLS; i++) {
		enum tz_shell shell = (enum tz_shell)i;

		assert_int_equal(tz_quote_export(&out, shell, "N", "a\0b", 3), -EINVAL);
		assert_int_equal(tz_quote_export(&out, shell, "N", "\0", 1), -EINVAL);
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			assert_int_equal(tz_quote_export(&out, shell, names[j], "x", 1), -EINVAL);
			assert_int_equal(tz_quote_unset(&out, shell, names[j]), -EINVAL);
		}
		assert_int_equal(out.size, 0);
	}
}

/* Each longest name and many bytes, each of which is another's. */
static void test_every_byte(void **state)
{
	char value[255 * 2];

	(void)state;
	for (unsigned int i = 0; i < sizeof(value); i++)
		value[i] = (char)(i % 255 + 1);
	for (int i = TZ_SHELL_SH; i <= TZ_SHELL_FISH; i++) {
		_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

		assert_int_equal(tz_quote_export(&out, (enum tz_shell)i, "N", value, sizeof(value)), 0);
		assert_null(memchr(out.data, '\0', out.size));
		/* what is no quote, backslash or newline stays together */
		assert_contains(out.data, "()*+,-./0123456789:;<=>?@ABC");
		assert_contains(out.data, "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89");
		assert_int_equal(out.data[out.size - 1], '\n');
	}
}

static void test_unset(void **state)
{
	static const char *const texts[SHELLS] = { "unset -v A_1\n", "unset -n A_1 && unset -v A_1\n", "unset -v A_1\n",
						   "set -eg A_1\n", "${env:A_1} = $null\n" };

	(void)state;
	for (int i = 0; i < SHELLS; i++) {
		_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

		assert_int_equal(tz_quote_unset(&out, (enum tz_shell)i, "A_1"), 0);
		assert_string_equal(out.data, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_posix),
		cmocka_unit_test(test_fish),
		cmocka_unit_test(test_powershell),
		cmocka_unit_test(test_powershell_is_text_only),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_unset),
	};

	return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
