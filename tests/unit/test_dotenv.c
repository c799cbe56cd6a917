#include "unit.h"

#include <time.h>

#include "libtazpod/dotenv.h"

/* What was read, as "NAME=VALUE@LINE;" one behind the other. */
static struct tz_textbuf seen;

static int remember(void *data, const char *name, const char *value, size_t size, unsigned int line)
{
	char number[32];

	assert_ptr_equal(data, &seen);
	assert_int_equal(value[size], 0);
	assert_int_equal(strlen(value), size);
	(void)snprintf(number, sizeof(number), "@%u;", line);
	assert_int_equal(tz_textbuf_add_text(&seen, name), 0);
	assert_int_equal(tz_textbuf_add_text(&seen, "="), 0);
	assert_int_equal(tz_textbuf_add(&seen, value, size), 0);
	assert_int_equal(tz_textbuf_add_text(&seen, number), 0);
	return 0;
}

/* The text is where reading beyond it is seen. */
static int parse(const char *text, size_t size, struct tz_error *err)
{
	char *copy = malloc(size ? size : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, size);
	tz_textbuf_free(&seen);
	assert_int_equal(tz_textbuf_add_text(&seen, ""), 0);
	r = tz_dotenv_parse(copy, size, "f", remember, &seen, err);
	free(copy);
	return r;
}

static void accept(const char *text, const char *expected)
{
	struct tz_error err = { 0 };

	if (parse(text, strlen(text), &err) != 0)
		fail_msg("%s: %s", text, err.message);
	assert_string_equal(seen.data, expected);
}

static void refuse_bytes(const char *text, size_t size, const char *message)
{
	struct tz_error err = { 0 };

	if (parse(text, size, &err) != -EINVAL)
		fail_msg("'%s' was accepted instead of: %s", text, message);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(seen.data, "");
	if (strncmp(err.message, message, strlen(message)) != 0)
		fail_msg("'%s': \"%s\" instead of \"%s\"", text, err.message, message);
	assert_null(strstr(err.message, "hunter"));
}

static void refuse(const char *text, const char *message)
{
	refuse_bytes(text, strlen(text), message);
}

static void test_lines(void **state)
{
	(void)state;
	accept("", "");
	accept("\n\n  \n\t\n", "");
	accept("# a comment with 'quotes\" and $(id) \\\n#\n  # one more", "");
	accept("A=1", "A=1@1;");
	accept("A=1\n", "A=1@1;");
	accept("A=1\nB=2\n\n# x\nC=3", "A=1@1;B=2@2;C=3@5;");
	accept("A=1\r\nB='2'\r\n\r\n# x\r\nC=\r\n", "A=1@1;B=2@2;C=@5;");
	accept("  A=1  \n\tB=2\t\n", "A=1@1;B=2@2;");
	accept("export A=1\nexport\t B='2'\n  export C=3", "A=1@1;B=2@2;C=3@3;");
	accept("export=1\nexport_2=2\nexports=3\n", "export=1@1;export_2=2@2;exports=3@3;");
	accept("_=1\na_B9=2", "_=1@1;a_B9=2@2;");
}

static void test_plain(void **state)
{
	(void)state;
	accept("A=", "A=@1;");
	accept("A= \nB=\t# c\nC= # c", "A=@1;B=@2;C=@3;");
	accept("A=b#c\nB=b #c\nC=c\t# d 'e", "A=b#c@1;B=b@2;C=c@3;");
	accept("A=http://u:p@h:1/x?y=z&a;b|c<d>(e){f}[g]!*~%^,.", "A=http://u:p@h:1/x?y=z&a;b|c<d>(e){f}[g]!*~%^,.@1;");
	accept("A==\nB=c==", "A==@1;B=c==@2;");
	accept("A=\xc3\xa4\xff", "A=\xc3\xa4\xff@1;");
}

static void test_single_quotes(void **state)
{
	(void)state;
	accept("A=''", "A=@1;");
	accept("A='b c' # d", "A=b c@1;");
	accept("A='# $(id) `id` \\n \" \t\x01'", "A=# $(id) `id` \\n \" \t\x01@1;");
	accept("A='one\ntwo\r\n\nfour'\nB=x", "A=one\ntwo\r\n\nfour@1;B=x@5;");
}

static void test_double_quotes(void **state)
{
	(void)state;
	accept("A=\"\"", "A=@1;");
	accept("A=\"it's # b\" # c", "A=it's # b@1;");
	accept("A=\"\\n\\r\\t\\\\\\\"\\$\\`\"", "A=\n\r\t\\\"$`@1;");
	accept("A=\"one\ntwo\"\nB=x", "A=one\ntwo@1;B=x@3;");
	accept("A=\"\\\\n\"", "A=\\n@1;");
}

static void test_bad_names(void **state)
{
	char text[400];

	(void)state;
	refuse("1A=hunter", "f:1:1: expected a variable's name");
	refuse("A=1\n  =hunter", "f:2:3: expected a variable's name");
	refuse("A-B=hunter", "f:1:2: expected '=' right behind");
	refuse("A =hunter", "f:1:2: expected '='");
	refuse("A: hunter", "f:1:2: expected '='");
	refuse("hunter", "f:1:7: expected '='");
	refuse("export", "f:1:7: expected '='");
	refuse("export A", "f:1:9: expected '='");
	refuse("export export A=1", "f:1:14: expected '='");
	refuse("\xef\xbb\xbf" "A=1", "f:1:1: expected a variable's name");
	refuse("{\"A\": \"hunter\"}", "f:1:1: expected a variable's name");
	refuse("A=1\n\r", "f:2:1: expected a variable's name");
	memset(text, 'A', sizeof(text));
	text[255] = '=';
	text[256] = '\0';
	text[254] = 'B';
	assert_int_equal(parse(text, 256, NULL), 0);
	text[255] = 'B';
	text[256] = '=';
	refuse_bytes(text, 257, "f:1:1: expected a variable's name");
}

static void test_duplicates(void **state)
{
	(void)state;
	refuse("A=1\nB=2\nA=hunter", "f:3:1: expected another name: line 1 has the same");
	refuse("A=1\n  export A=1", "f:2:10: expected another name: line 1 has the same");
	refuse("C=1\nB=2\nB=3\nC=4\nA=5\nA=6\nC=7", "f:3:1: expected another name: line 2 has the same");
	refuse("C=1\nC=2\nC=3", "f:2:1: expected another name: line 1 has the same");
	accept("A=1\na=2\nAA=3", "A=1@1;a=2@2;AA=3@3;");
}

static void test_bad_plain(void **state)
{
	(void)state;
	refuse("A=hun ter", "f:1:7: expected the end of the line or a comment");
	refuse("A= hunter", "f:1:4: expected the value right behind '='");
	refuse("A=#hunter", "f:1:3: expected quotes around a value that begins with '#'");
	refuse("A=hun'ter", "f:1:6: expected single quotes around the whole");
	refuse("A=hun\"ter\"", "f:1:6: expected single quotes");
	refuse("A=$hunter", "f:1:3: expected single quotes");
	refuse("A=`hunter`", "f:1:3: expected single quotes");
	refuse("A=hun\\ter", "f:1:6: expected single quotes");
	refuse("A=hunter\x01", "f:1:9: expected quotes around a value with a control character");
	refuse("A=hunter\x7f", "f:1:9: expected quotes around");
	refuse("A=hun\rter", "f:1:6: expected quotes around");
	refuse("A=hunter\r", "f:1:9: expected quotes around");
}

static void test_bad_quoted(void **state)
{
	(void)state;
	refuse("A=1\nB='hunter\nC=1\n", "f:2:3: expected a single quote that ends this one");
	refuse("A='", "f:1:3: expected a single quote");
	refuse("A=\"hunter\n\n", "f:1:3: expected a double quote that ends this one");
	refuse("A=\"", "f:1:3: expected a double quote");
	refuse("A=\"hunter\\\"", "f:1:3: expected a double quote");
	refuse("A='it'\\''s hunter'", "f:1:7: expected the end of the line behind the closing quote");
	refuse("A='a''hunter'", "f:1:6: expected the end of the line behind the closing quote");
	refuse("A='a'hunter", "f:1:6: expected the end of the line behind the closing quote");
	refuse("A=\"a\"#hunter", "f:1:6: expected the end of the line behind the closing quote");
	refuse("A='a' hunter", "f:1:7: expected the end of the line or a comment");
	refuse("A=\"x\n$hunter\"", "f:2:1: expected a backslash in front of '$'");
	refuse("A=\"`hunter`\"", "f:1:4: expected a backslash in front");
	refuse("A=\"hunter\\q\"", "f:1:10: expected one of n r t");
	refuse("A=\"hunter\\\n\"", "f:1:10: expected one of n r t");
	refuse("A=\"\\0\"", "f:1:4: expected one of");
	refuse("A=\"\\'\"", "f:1:4: expected one of");
	refuse("A=\"hunter\\", "f:1:10: expected one of");
}

static void test_bad_bytes(void **state)
{
	(void)state;
	refuse_bytes("A=1\nB=hun\0ter", 13, "f:2:6: expected no NUL");
	refuse_bytes("A='hun\0ter'", 11, "f:1:7: expected no NUL");
	refuse_bytes("\0", 1, "f:1:1: expected no NUL");
	refuse_bytes("A=x\0", 4, "f:1:4: expected no NUL");
	refuse("# hunter \x1b[2J", "f:1:10: expected no control character");
	refuse("A=1 # hunter\x01", "f:1:13: expected no control character");
	refuse("A='1'\x01", "f:1:6: expected no control character");
	refuse("A='1'\r \n", "f:1:6: expected no control character");
	refuse("\x0c\n", "f:1:1: expected a variable's name");
}

/* Nothing was given on before the last line was read. */
static void test_all_or_nothing(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(parse("A=1\nB=2\nC", 9, &err), -EINVAL);
	assert_int_equal(seen.size, 0);
	assert_int_equal(parse("A=1\nB=2\nC", 9, NULL), -EINVAL);
	assert_int_equal(tz_dotenv_parse(NULL, 0, "f", remember, &seen, &err), 0);
}

static int stop_at_second(void *data, const char *name, const char *value, size_t size, unsigned int line)
{
	unsigned int *calls = data;

	(void)name;
	(void)value;
	(void)size;
	(void)line;
	return ++*calls == 2 ? -ECANCELED : 1;
}

static void test_caller_stops(void **state)
{
	struct tz_error err = { 0 };
	unsigned int calls = 0;

	(void)state;
	assert_int_equal(tz_dotenv_parse("A=1\nB=2\nC=3", 11, "f", stop_at_second, &calls, &err), -ECANCELED);
	assert_int_equal(calls, 2);
	assert_int_equal(err.code, 0);
	calls = 2;
	assert_int_equal(tz_dotenv_parse("A=1\nB=2\nC=3", 11, "f", stop_at_second, &calls, &err), 0);
	assert_int_equal(calls, 5);
}

static int count(void *data, const char *name, const char *value, size_t size, unsigned int line)
{
	unsigned int *calls = data;
	char expected[32];

	(void)snprintf(expected, sizeof(expected), "N%u", *calls);
	assert_string_equal(name, expected);
	(void)snprintf(expected, sizeof(expected), "v%u", (*calls)++);
	assert_string_equal(value, expected);
	assert_int_equal(size, strlen(expected));
	assert_int_equal(line, *calls);
	return 0;
}

/* A comparison of each name with each would take minutes for as many. */
static void test_many(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	struct timespec begin, end;
	struct tz_error err = { 0 };
	unsigned int calls = 0;
	char line[64];

	(void)state;
	for (unsigned int i = 0; i < 300000; i++) {
		(void)snprintf(line, sizeof(line), "N%u=v%u\n", i, i);
		assert_int_equal(tz_textbuf_add_text(&text, line), 0);
	}
	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin), 0);
	assert_int_equal(tz_dotenv_parse(text.data, text.size, "f", count, &calls, &err), 0);
	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
	assert_int_equal(calls, 300000);
	assert_true(end.tv_sec - begin.tv_sec < 20);
	assert_int_equal(tz_textbuf_add_text(&text, "N299999=hunter\n"), 0);
	assert_int_equal(tz_dotenv_parse(text.data, text.size, "f", count, &calls, &err), -EINVAL);
	assert_string_equal(err.message, "f:300001:1: expected another name: line 300000 has the same");
}

static void check_written(const char *value, size_t size, const char *expected)
{
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;
	struct tz_error err = { 0 };

	assert_int_equal(tz_dotenv_add(&out, "N", value, size), 0);
	assert_string_equal(out.data, expected);
	assert_int_equal(parse(out.data, out.size, &err), 0);
	assert_int_equal(seen.size, size + 5);
	assert_memory_equal(seen.data + 2, value, size);
	assert_string_equal(seen.data + 2 + size, "@1;");
}

static void test_writer(void **state)
{
	(void)state;
	check_written("", 0, "N=''\n");
	check_written("a b", 3, "N='a b'\n");
	check_written("$(id) \\ \" # `\t\xff", 15, "N='$(id) \\ \" # `\t\xff'\n");
	check_written("it's $x", 7, "N=\"it's \\$x\"\n");
	check_written("a\nb\r\n", 5, "N=\"a\\nb\\r\\n\"\n");
	check_written("'\t\\\"`\x01", 6, "N=\"'\\t\\\\\\\"\\`\x01\"\n");
}

static void test_writer_refuses(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&out, "x"), 0);
	assert_int_equal(tz_dotenv_add(&out, "N", "a\0b", 3), -EINVAL);
	assert_int_equal(tz_dotenv_add(&out, "1N", "a", 1), -EINVAL);
	assert_int_equal(tz_dotenv_add(&out, "", "a", 1), -EINVAL);
	assert_int_equal(tz_dotenv_add(&out, "N=1\nM", "a", 1), -EINVAL);
	assert_string_equal(out.data, "x");
}

/* Every byte, alone and among others, comes back. */
static void test_round_trip(void **state)
{
	char value[3] = "a?b";

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		for (int i = 0; i < 4; i++) {
			_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;
			const char *from = value + (i & 1);
			size_t size = (i & 2 ? 3u : 2u) - (i & 1);

			value[1] = (char)byte;
			assert_int_equal(tz_dotenv_add(&out, "N", from, size), 0);
			assert_int_equal(parse(out.data, out.size, NULL), 0);
			assert_int_equal(seen.size, size + 5);
			assert_memory_equal(seen.data + 2, from, size);
		}
	}
}

static int teardown(void **state)
{
	(void)state;
	tz_textbuf_free(&seen);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_single_quotes),
		cmocka_unit_test(test_double_quotes),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_bad_plain),
		cmocka_unit_test(test_bad_quoted),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_caller_stops),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_refuses),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("dotenv", tests, NULL, teardown);
}
