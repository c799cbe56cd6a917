#include "unit.h"

#include "libtazpod/yamlvalue.h"

static char told[512];

static void warn(void *data, const char *sentence)
{
	assert_ptr_equal(data, told);
	(void)strcat(strcat(told, sentence), "\n");
}

static struct tz_yaml *parse(const char *text)
{
	struct tz_yaml *document = NULL;
	struct tz_error err = { 0 };

	if (tz_yaml_parse(text, strlen(text), "f", &document, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return document;
}

static bool is_lower(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static void text_is(const char *yaml, int wanted, const char *said)
{
	_cleanup_yaml_ struct tz_yaml *document = parse(yaml);
	struct tz_error err = { 0 };
	char text[4] = "old";

	assert_int_equal(tz_yaml_text_into(tz_yaml_find(tz_yaml_root(document), "k"), text, sizeof(text), is_lower,
					   "a word", &err), wanted);
	assert_string_equal(wanted < 0 ? err.message : text, said);
	if (wanted < 0)
		assert_string_equal(text, "old");
}

static void test_text(void **state)
{
	(void)state;
	text_is("k: abc", 0, "abc");
	text_is("k: ''", 0, "");
	text_is("k: abcd", -EINVAL, "f:1:4: 'k' is too long: at most 3 bytes");
	text_is("k: A", -EINVAL, "f:1:4: 'k' must be a word");
	text_is("k: [a]", -EINVAL, "f:1:4: 'k' must be a text, not a list");
}

static void test_choice(void **state)
{
	static const char *const words[] = { "auto", "docker", NULL };
	_cleanup_yaml_ struct tz_yaml *document = parse("[docker, auto, dokcer, x, {}]");
	const struct tz_yaml_node *node = tz_yaml_first(tz_yaml_root(document));
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_yaml_choice(node, words, "auto or docker", &err), 1);
	node = tz_yaml_next(node);
	assert_int_equal(tz_yaml_choice(node, words, "auto or docker", &err), 0);
	node = tz_yaml_next(node);
	assert_int_equal(tz_yaml_choice(node, words, "auto or docker", &err), -EINVAL);
	assert_contains(err.message, "must be auto or docker; did you mean 'docker'?");
	node = tz_yaml_next(node);
	assert_int_equal(tz_yaml_choice(node, words, "auto or docker", &err), -EINVAL);
	assert_null(strstr(err.message, "did you mean"));
	node = tz_yaml_next(node);
	assert_int_equal(tz_yaml_choice(node, words, "auto or docker", &err), -EINVAL);
}

static void test_unknown(void **state)
{
	static const char *const known[] = { "name", "file", NULL };
	_cleanup_yaml_ struct tz_yaml *document = parse("nmae: 1\nfile: 2\nother: 3\n"), *list = parse("[a]");
	struct tz_error err = { 0 };

	(void)state;
	told[0] = '\0';
	assert_int_equal(tz_yaml_warn_unknown(tz_yaml_root(document), known, warn, told, &err), 0);
	assert_string_equal(told, "f:1:1: unknown key 'nmae'; did you mean 'name'?\nf:3:1: unknown key 'other'\n");
	assert_int_equal(tz_yaml_warn_unknown(tz_yaml_root(document), known, NULL, NULL, &err), 0);
	assert_int_equal(tz_yaml_warn_unknown(tz_yaml_root(list), known, warn, told, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests_name("yamlvalue", tests, NULL, NULL);
}
