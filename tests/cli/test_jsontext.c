#include "tests/unit/unit.h"

#include "tazpod-cli/jsontext.h"

static struct tz_error err;

static void good(const char *text, size_t names)
{
	size_t count = 77;

	if (cli_jsontext_check(text, strlen(text), "text", &count, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	assert_int_equal(count, names);
}

static void bad_bytes(const char *text, size_t size, const char *sentence)
{
	/* no byte of it may be read behind its end */
	char *copy = malloc(size);
	size_t count = 77;

	assert_non_null(copy);
	memcpy(copy, text, size);
	assert_int_equal(cli_jsontext_check(copy, size, "text", &count, &err), -EINVAL);
	assert_string_equal(err.message, sentence);
	assert_int_equal(count, 77);
	free(copy);
}

static void bad(const char *text, const char *sentence)
{
	bad_bytes(text, strlen(text), sentence);
}

static void what_is_right_passes(void **state)
{
	(void)state;
	good("{}", 0);
	good("[]", 0);
	good(" { \"a\" : 1 , \"b\":{\"a\":[{\"a\":1},{\"a\":2}]} }\n", 5);
	good("{\"a:\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}", 1);
	good("[\"\\ud83d\\ude00\", \"\\\\ud800\", \"\\u0000\", \"gr\xc3\xbc\xc3\x9f\", \"\\\"\", \"\x7f\"]", 0);
	good("[0,-1,10,0.5,-0.0,1e5,1E+05,1.5e-3,12345678901234567890123,true,false,null]", 0);
	good("0", 0);
	good("-1", 0);
	/* not JSON, which is for json-c to say */
	good("", 0);
	good("garbage", SIZE_MAX);
	good("secret-token: 007", SIZE_MAX);
	good("not-json", SIZE_MAX);
	good("[1] // \xff", SIZE_MAX);
	good("['007']", SIZE_MAX);
	good("tru", SIZE_MAX);
	good("{\"a\":", 1);
	good("\"half", 0);
	good("\"half\\", 0);
	good("\"half\\u12", 0);
	good("]}]}]", 0);
}

static void a_name_twice_is_told(void **state)
{
	(void)state;
	bad("{\"a\":1,\"b\":2,\n \"a\":3}", "text: line 2, column 3: the name \"a\" is in this object twice");
	bad("{\"x\":[{},{\"a\":{\"a\":1},\"a\":3}]}", "text: line 1, column 24: the name \"a\" is in this object twice");
	bad("{\"\":1,\"\":2}", "text: line 1, column 8: the name \"\" is in this object twice");
	bad("{\"\x7f\":1,\"\x7f\" :2}", "text: line 1, column 9: the name \"?\" is in this object twice");
	/* known by the number of names alone */
	good("{\"A\":1,\"\\u0041\":2}", 2);
}

static void names_end_nowhere_else(void **state)
{
	(void)state;
	bad("{\"a\\u0000b\":1}", "text: line 1, column 3: this name has a NUL in it");
	good("{\"a\\\\u0000b\":1}", 1);
}

static void characters_are_whole(void **state)
{
	static const char *const halves[] = { "[\"\\ud800\"]", "[\"\\udc00\"]", "[\"\\ud800\\ud800\"]", "[\"\\ud800x\"]",
					      "[\"\\uDBFF\\u0041\"]", "[\"\\udfff\\ud800\"]", "[\"\\ud83d\\ude0" };

	(void)state;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		bad(halves[i], "text: line 1, column 3: this is half of a character (a surrogate without its other one)");
	bad("[\"\xff\"]", "text: line 1, column 3: this is not UTF-8");
	bad("[\"\xc0\x8a\"]", "text: line 1, column 3: this is not UTF-8");
	bad("[\"a\xed\xa0\x80\"]", "text: line 1, column 4: this is not UTF-8");
	bad("[\"a\xe2\x94", "text: line 1, column 4: this is not UTF-8");
	bad("[\"a\nb\"]", "text: line 1, column 4: a control character stands here that JSON wants escaped");
	bad_bytes("[\"a\0b\"]", 7, "text: line 1, column 4: a control character stands here that JSON wants escaped");
}

static void numbers_are_numbers(void **state)
{
	static const char *const numbers[] = { "00", "007", "-01", "01.5", "1.", "-", "-.5", "1e", "1e+", "1.e5", "1.5.5", "1-1",
					       "--1", "-0" };
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text), "[%s]", numbers[i]);
		bad(text, "text: line 1, column 2: this number is not written as JSON has it");
		bad(numbers[i], "text: line 1, column 1: this number is not written as JSON has it");
	}
	bad("[NaN]", "text: line 1, column 2: this is no value that JSON has");
	bad("[Infinity]", "text: line 1, column 2: this is no value that JSON has");
	bad("[-Infinity]", "text: line 1, column 2: this number is not written as JSON has it");
}

static void there_are_bounds(void **state)
{
	size_t size = 2 * CLI_JSONTEXT_VALUES_MAX + 2, count;
	char deep[2 * CLI_JSONTEXT_DEPTH + 8], *wide = malloc(size);

	(void)state;
	assert_non_null(wide);
	memset(deep, '[', sizeof(deep));
	memset(deep + CLI_JSONTEXT_DEPTH, ']', CLI_JSONTEXT_DEPTH);
	assert_int_equal(cli_jsontext_check(deep, 2 * CLI_JSONTEXT_DEPTH, "text", &count, &err), 0);
	memset(deep, '[', CLI_JSONTEXT_DEPTH + 1);
	assert_int_equal(cli_jsontext_check(deep, 2 * CLI_JSONTEXT_DEPTH, "text", &count, &err), -EINVAL);
	assert_string_equal(err.message, "text: line 1, column 33: this is nested too deep");
	for (size_t i = 0; i < size; i++)
		wide[i] = i % 2 ? '1' : i ? ',' : '[';
	assert_int_equal(cli_jsontext_check(wide, 2 * CLI_JSONTEXT_VALUES_MAX, "text", &count, &err), 0);
	assert_int_equal(cli_jsontext_check(wide, size, "text", &count, &err), -EINVAL);
	assert_contains(err.message, "too many values");
	free(wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_passes),
		cmocka_unit_test(a_name_twice_is_told),
		cmocka_unit_test(names_end_nowhere_else),
		cmocka_unit_test(characters_are_whole),
		cmocka_unit_test(numbers_are_numbers),
		cmocka_unit_test(there_are_bounds),
	};

	return cmocka_run_group_tests_name("jsontext", tests, NULL, NULL);
}
