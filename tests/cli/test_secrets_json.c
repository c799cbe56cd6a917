#include "tests/unit/unit.h"

#include <json-c/json.h>

#include "tazpod-cli/secrets_json.h"

static struct tz_error err;
static char warnings[1024];

/* What every text here has as a value, and no message may have. */
#define HIDDEN "hidden-value"

int __real_json_object_put(struct json_object *object);
int __wrap_json_object_put(struct json_object *object);

static unsigned int puts_seen;

/* Nothing is let go of that has not been wiped. */
int __wrap_json_object_put(struct json_object *object)
{
	assert_null(strstr(json_object_to_json_string(object), HIDDEN));
	assert_null(strstr(json_object_to_json_string(object), "31337"));
	puts_seen++;
	return __real_json_object_put(object);
}

static void note(void *data, const char *sentence)
{
	assert_ptr_equal(data, warnings);
	(void)snprintf(warnings + strlen(warnings), sizeof(warnings) - strlen(warnings), "%s\n", sentence);
	assert_null(strstr(sentence, HIDDEN));
}

static int read_bytes(const char *text, size_t size, const char *select, struct cli_fetched *ret)
{
	const struct cli_secrets_source source = { "the output", select, note, warnings };
	/* nothing may be read behind its NUL */
	char *copy = malloc(size + 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, size);
	copy[size] = '\0';
	err = (struct tz_error){ .code = 0 };
	warnings[0] = '\0';
	r = cli_secrets_json(copy, size, &source, ret, &err);
	free(copy);
	if (r < 0) {
		assert_int_equal(err.code, r);
		assert_null(strstr(err.message, HIDDEN));
		assert_null(ret->texts.data);
	}
	return r;
}

static void get(const char *text, const char *select, struct cli_fetched *ret)
{
	*ret = (struct cli_fetched)CLI_FETCHED_INIT;
	if (read_bytes(text, strlen(text), select, ret) < 0)
		fail_msg("%s: %s", text, err.message);
}

static void fails(const char *text, const char *select, int code, const char *sentence)
{
	struct cli_fetched fetched = CLI_FETCHED_INIT;

	assert_int_equal(read_bytes(text, strlen(text), select, &fetched), code);
	assert_contains(err.message, sentence);
}

static void has(const struct cli_fetched *fetched, const char *name, const char *value, size_t size)
{
	struct cli_secret secret;

	assert_true(cli_fetched_find(fetched, name, &secret));
	assert_int_equal(secret.size, size);
	assert_memory_equal(secret.value, value, size);
}

#define HAS(fetched, name, value) has(fetched, name, value, sizeof(value) - 1)

static void an_object_is_read(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	get("{}", "", &fetched);
	assert_int_equal(fetched.count, 0);
	cli_fetched_free(&fetched);
	get(" {\"B\":\"b\\n\\\"\\u00fc\\ud83d\\ude00\", \"A\":\"\", \"C_1\":\"x\\u0000y\\u0000\"}\n", "", &fetched);
	assert_int_equal(fetched.count, 3);
	assert_string_equal(warnings, "");
	HAS(&fetched, "A", "");
	HAS(&fetched, "B", "b\n\"\xc3\xbc\xf0\x9f\x98\x80");
	HAS(&fetched, "C_1", "x\0y\0");
	cli_fetched_free(&fetched);
}

static void numbers_are_kept_as_they_are_written(void **state)
{
	static const char *const numbers[] = { "0", "-1", "12345", "1.10", "1e5", "-0.0", "1E+05", "1e400", "0.1000000000000000055511",
					       "9223372036854775807", "-9223372036854775807", "9223372036854775808",
					       "18446744073709551614" };
	struct cli_fetched fetched;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"N\":%s}", numbers[i]);
		get(text, "", &fetched);
		has(&fetched, "N", numbers[i], strlen(numbers[i]));
		cli_fetched_free(&fetched);
	}
	get("{\"Y\":true,\"N\":false}", "", &fetched);
	HAS(&fetched, "Y", "true");
	HAS(&fetched, "N", "false");
	cli_fetched_free(&fetched);
	fails("{\"N\":18446744073709551615}", "", -EINVAL, "the output: the number \"N\" is too large to be kept as it is");
	fails("{\"N\":99999999999999999999}", "", -EINVAL, "the number \"N\" is too large");
	fails("{\"N\":-9223372036854775809}", "", -EINVAL, "the number \"N\" is too large");
	fails("{\"N\":-0}", "", -EINVAL, "line 1, column 6: this number is not written as JSON has it");
}

static void a_list_is_read(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	get("[]", "", &fetched);
	assert_int_equal(fetched.count, 0);
	cli_fetched_free(&fetched);
	get("[{\"key\":\"A\",\"workspace\":\"\",\"value\":\"1\",\"tags\":[{\"id\":1}],\"comment\":null},"
	    "{\"secretKey\":\"B\",\"secretValue\":2,\"secretValueHidden\":false}]", "", &fetched);
	assert_int_equal(fetched.count, 2);
	HAS(&fetched, "A", "1");
	HAS(&fetched, "B", "2");
	assert_string_equal(warnings, "");
	cli_fetched_free(&fetched);
	fails("[{\"key\":\"A\",\"value\":\"" HIDDEN "\"},\"" HIDDEN "\"]", "", -EINVAL, "item 2 of the list is a single value, and");
	fails("[null]", "", -EINVAL, "item 1 of the list is null, and no object");
	fails("[{\"value\":\"" HIDDEN "\"}]", "", -EINVAL, "item 1 of the list has no name");
	fails("[{\"key\":1,\"value\":\"" HIDDEN "\"}]", "", -EINVAL, "item 1 of the list has no name");
	fails("[{\"key\":\"A\"}]", "", -EINVAL, "item 1 of the list has no \"value\"");
	fails("[{\"key\":\"A\\u0000\\u0090\",\"value\":\"" HIDDEN "\",\"secretValueHidden\":true}]", "", -EPERM,
	      "the server hides the value of \"A??\": you may not read it");
}

static void a_part_is_selected(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	get("{\"request_id\":{},\"data\":{\"data\":{\"A\":\"1\"},\"metadata\":[]}}", "data.data", &fetched);
	assert_int_equal(fetched.count, 1);
	HAS(&fetched, "A", "1");
	cli_fetched_free(&fetched);
	get("{\"secrets\":[{\"secretKey\":\"A\",\"secretValue\":\"1\"}]}", "secrets", &fetched);
	HAS(&fetched, "A", "1");
	cli_fetched_free(&fetched);
	fails("{\"data\":{}}", "data.data", -ENOENT, "the output has no \"data\", which 'select: data.data' in secrets.yml asks for");
	fails("{\"data\":[{}]}", "data.more", -ENOENT, "has no \"more\", which 'select: data.more' in secrets.yml asks for: what "
						       "should have it is a list");
	fails("{\"data\":\"" HIDDEN "\"}", "data", -EINVAL, "the output has a single value, where an object");
	fails("{\"data\":null}", "data", -EINVAL, "the output has null, where an object");
}

static void what_is_nested_leads_to_select(void **state)
{
	(void)state;
	fails("{\"A\":\"1\",\"data\":{\"B\":\"" HIDDEN "\"}}", "", -EINVAL,
	      "the output: \"data\" is an object, and no secret; where the secrets are in there, secrets.yml must have "
	      "'select: data'");
	fails("{\"data\":{\"B\":[\"" HIDDEN "\"]}}", "data", -EINVAL, "\"B\" is a list, and no secret; where the secrets are in "
								      "there, secrets.yml must have 'select: data.B'");
	fails("[{\"key\":\"A\",\"value\":{}}]", "", -EINVAL, "\"A\" is an object");
}

static void what_nobody_can_ask_for_is_left_out(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	get("{\"A\":\"1\",\"a-b\":\"" HIDDEN "\",\"1A\":{},\"\":1,\"x\\u009b\\n\\u001b\":[],\"NONE\":null}", "", &fetched);
	assert_int_equal(fetched.count, 1);
	assert_string_equal(warnings, "the secret \"a-b\" is left out: no variable can have this name\n"
				      "the secret \"1A\" is left out: no variable can have this name\n"
				      "the secret \"\" is left out: no variable can have this name\n"
				      "the secret \"x???\" is left out: no variable can have this name\n"
				      "the secret \"NONE\" is left out: its value is null\n");
	cli_fetched_free(&fetched);
	get("[{\"key\":\"A\\u0000B\",\"value\":\"" HIDDEN "\"}]", "", &fetched);
	assert_int_equal(fetched.count, 0);
	assert_string_equal(warnings, "the secret \"A?B\" is left out: no variable can have this name\n");
	cli_fetched_free(&fetched);
}

static void nothing_can_be_meant_in_two_ways(void **state)
{
	(void)state;
	fails("{\"A\":\"" HIDDEN "\",\"A\":\"2\"}", "", -EINVAL, "the name \"A\" is in this object twice");
	fails("{\"A\":\"" HIDDEN "\",\"\\u0041\":\"2\"}", "", -EINVAL, "the same name twice, once escaped");
	fails("[{\"key\":\"A\",\"value\":\"" HIDDEN "\"},{\"key\":\"A\",\"value\":\"2\"}]", "", -EEXIST,
	      "two secrets of the name A");
	fails("{\"A\\u0000B\":\"" HIDDEN "\"}", "", -EINVAL, "this name has a NUL in it");
	fails("{\"A\":\"\\ud800" HIDDEN "\"}", "", -EINVAL, "this is half of a character");
}

static void what_is_no_json_is_told_where(void **state)
{
	static const char *const texts[] = { "garbage", "{\"A\":\"" HIDDEN "\"} {}", "{\"A\":\"" HIDDEN "\",}", "{'A':'" HIDDEN "'}",
					     "{\"A\":'" HIDDEN "'}", "{A:1}", "// comment\n{}", "[1 2]", "{\"A\" \"" HIDDEN "\"}",
					     "{\"A\":\"\\x" HIDDEN "\"}", "{\"A\":TRUE}", "{\"A\":NaN}", "{\"A\":\"" HIDDEN "\xff\"}",
					     "\xef\xbb\xbf{}", "{\"A\":\"" HIDDEN "\"}]" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fails(texts[i], "", -EINVAL, "the output: line 1, column ");
	fails("{\"A\":\"1\",\n\"B\":hidden}", "", -EINVAL, "the output: line 2, column 5: ");
	fails("", "", -EINVAL, "the output is empty, where JSON is expected");
	fails(" \n", "", -EINVAL, "the output is empty, where JSON is expected");
	fails("{\"A\":\"" HIDDEN, "", -EINVAL, "the output is JSON that ends too early");
	fails("[{\"key\":\"A\",", "", -EINVAL, "the output is JSON that ends too early");
	fails("null", "", -EINVAL, "the output has null, where");
	fails("5", "", -EINVAL, "the output has a single value, where");
	fails("\"" HIDDEN "\"", "", -EINVAL, "the output has a single value, where");
}

static void a_nul_ends_nothing(void **state)
{
	struct cli_fetched fetched = CLI_FETCHED_INIT;

	(void)state;
	assert_int_equal(read_bytes("{}\0{}", 5, "", &fetched), -EINVAL);
	assert_contains(err.message, "line 1, column 3: something stands behind the JSON");
	assert_int_equal(read_bytes("{}\0", 3, "", &fetched), -EINVAL);
	assert_int_equal(read_bytes("{\"A\":1\0}", 8, "", &fetched), -EINVAL);
	assert_int_equal(read_bytes("\0", 1, "", &fetched), -EINVAL);
}

static void depth_has_an_end(void **state)
{
	struct cli_fetched fetched;
	char text[2 * 40 + 16] = "[{\"key\":\"A\",\"value\":\"1\",\"x\":";
	size_t used = strlen(text);

	(void)state;
	memset(text + used, '[', 30);
	memset(text + used + 30, ']', 30);
	(void)strcpy(text + used + 60, "}]");
	get(text, "", &fetched);
	HAS(&fetched, "A", "1");
	cli_fetched_free(&fetched);
	memset(text + used, '[', 31);
	memset(text + used + 31, ']', 31);
	(void)strcpy(text + used + 62, "}]");
	fails(text, "", -EINVAL, "this is nested too deep");
}

static void thousands_are_read(void **state)
{
	const size_t count = CLI_FETCHED_MAX, room = count * 64;
	char *text = malloc(room), name[16];
	struct cli_fetched fetched;
	size_t used = 1;

	(void)state;
	assert_non_null(text);
	(void)strcpy(text, "[");
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, room - used, "%s{\"key\":\"N%zu\",\"value\":\"v%zu\"}", i ? "," : "", i, i);
	(void)strcpy(text + used, "]");
	get(text, "", &fetched);
	assert_int_equal(fetched.count, count);
	(void)snprintf(name, sizeof(name), "v%zu", count / 2);
	has(&fetched, "N10000", name, strlen(name));
	cli_fetched_free(&fetched);
	(void)strcpy(text + used, ",{\"key\":\"A\",\"value\":\"\"}]");
	fails(text, "", -E2BIG, "more than 20000 secrets");
	free(text);
}

static void values_are_wiped(void **state)
{
	struct cli_fetched fetched;
	unsigned int before = puts_seen;

	(void)state;
	get("{\"A\":\"" HIDDEN "\",\"B\":31337,\"C\":31337.0,\"D\":-31337}", "", &fetched);
	HAS(&fetched, "A", HIDDEN);
	HAS(&fetched, "B", "31337");
	HAS(&fetched, "C", "31337.0");
	cli_fetched_free(&fetched);
	get("[{\"key\":\"A\",\"value\":\"" HIDDEN "\",\"tags\":[[{\"x\":\"" HIDDEN "\"}]]}]", "", &fetched);
	HAS(&fetched, "A", HIDDEN);
	cli_fetched_free(&fetched);
	fails("{\"A\":\"" HIDDEN "\",\"B\":{\"C\":\"" HIDDEN "\"}}", "", -EINVAL, "\"B\" is an object");
	assert_true(puts_seen >= before + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_read),
		cmocka_unit_test(numbers_are_kept_as_they_are_written),
		cmocka_unit_test(a_list_is_read),
		cmocka_unit_test(a_part_is_selected),
		cmocka_unit_test(what_is_nested_leads_to_select),
		cmocka_unit_test(what_nobody_can_ask_for_is_left_out),
		cmocka_unit_test(nothing_can_be_meant_in_two_ways),
		cmocka_unit_test(what_is_no_json_is_told_where),
		cmocka_unit_test(a_nul_ends_nothing),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(thousands_are_read),
		cmocka_unit_test(values_are_wiped),
	};

	return cmocka_run_group_tests_name("secrets_json", tests, NULL, NULL);
}
