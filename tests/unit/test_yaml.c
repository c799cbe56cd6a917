/* Linked with --wrap=calloc,strdup: every allocation of the reader is made to fail once. */
#include "unit.h"

#include "libtazpod/yaml.h"

static unsigned int allocations_left; /* 0: no limit; 1: the next one fails */

void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

static bool fails_now(void)
{
	return allocations_left > 0 && --allocations_left == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

static struct tz_yaml *parse(const char *text)
{
	struct tz_yaml *document = NULL;
	struct tz_error err = { 0 };

	if (tz_yaml_parse(text, strlen(text), "f", &document, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return document;
}

static void refuse_bytes(const char *text, size_t size, int code, const char *message)
{
	struct tz_yaml *document = NULL;
	struct tz_error err = { 0 };
	int r = tz_yaml_parse(text, size, "f", &document, &err);

	if (r == 0)
		fail_msg("'%s' was accepted instead of: %s", text, message);
	assert_int_equal(r, code);
	assert_int_equal(err.code, code);
	assert_null(document);
	assert_string_equal(err.message, message);
	assert_int_equal(tz_yaml_parse(text, size, "f", &document, NULL), code);
}

static void refuse(const char *text, const char *message)
{
	refuse_bytes(text, strlen(text), -EINVAL, message);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n", "---\n", "~", "null\n", "---\n...\n",
					     "\xef\xbb\xbf" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_yaml_ struct tz_yaml *document = parse(texts[i]);

		assert_null(tz_yaml_root(document));
	}
	tz_yaml_free(NULL);
}

static void test_null_text(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = NULL;

	(void)state;
	assert_int_equal(tz_yaml_parse(NULL, 0, "f", &document, NULL), 0);
	assert_null(tz_yaml_root(document));
}

static void test_tree(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = parse("a: 1\nlist:\n  - x\n  - 'y z'\n  - {k: v, w: }\n\"b\": \"\"\n");
	const struct tz_yaml_node *root = tz_yaml_root(document), *list, *n;

	(void)state;
	assert_int_equal(tz_yaml_kind(root), TZ_YAML_MAP);
	assert_int_equal(tz_yaml_count(root), 3);
	assert_null(tz_yaml_key(root));
	assert_null(tz_yaml_text(root));
	n = tz_yaml_first(root);
	assert_string_equal(tz_yaml_key(n), "a");
	assert_string_equal(tz_yaml_text(n), "1");
	assert_true(tz_yaml_plain(n));
	assert_int_equal(tz_yaml_line(n), 1);
	assert_int_equal(tz_yaml_column(n), 4);
	assert_null(tz_yaml_first(n));
	assert_int_equal(tz_yaml_count(n), 0);
	list = tz_yaml_next(n);
	assert_ptr_equal(list, tz_yaml_find(root, "list"));
	assert_int_equal(tz_yaml_kind(list), TZ_YAML_LIST);
	assert_int_equal(tz_yaml_count(list), 3);
	assert_null(tz_yaml_find(list, "k"));
	n = tz_yaml_next(tz_yaml_first(list));
	assert_string_equal(tz_yaml_text(n), "y z");
	assert_false(tz_yaml_plain(n));
	assert_null(tz_yaml_key(n));
	assert_int_equal(tz_yaml_line(n), 4);
	assert_int_equal(tz_yaml_column(n), 5);
	n = tz_yaml_next(n);
	assert_string_equal(tz_yaml_text(tz_yaml_find(n, "k")), "v");
	assert_true(tz_yaml_is_null(tz_yaml_find(n, "w")));
	assert_null(tz_yaml_next(n));
	n = tz_yaml_next(list);
	assert_string_equal(tz_yaml_key(n), "b");
	assert_false(tz_yaml_is_null(n));
	assert_null(tz_yaml_next(n));
	assert_null(tz_yaml_find(root, "c"));
	assert_false(tz_yaml_is_null(root));
}

static void test_roots(void **state)
{
	_cleanup_yaml_ struct tz_yaml *list = parse("- a\n- b\n");
	_cleanup_yaml_ struct tz_yaml *scalar = parse("%YAML 1.1\n--- word\n...\n");

	(void)state;
	assert_int_equal(tz_yaml_kind(tz_yaml_root(list)), TZ_YAML_LIST);
	assert_string_equal(tz_yaml_text(tz_yaml_root(scalar)), "word");
}

/* The reader says where: a character counts as one column, however many bytes it has. */
static void test_columns(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = parse("\xef\xbb\xbf" "äöü: x\r\nb: y\r\n");
	const struct tz_yaml_node *n = tz_yaml_first(tz_yaml_root(document));

	(void)state;
	assert_string_equal(tz_yaml_key(n), "äöü");
	assert_int_equal(tz_yaml_line(tz_yaml_next(n)), 2);
	assert_int_equal(tz_yaml_column(tz_yaml_next(n)), 4);
}

static void test_refuses_features(void **state)
{
	(void)state;
	refuse("a: &x 1\n", "f:1:4: anchors ('&name') are not allowed; copy the value");
	refuse("a: &x\n  b: 1\n", "f:1:4: anchors ('&name') are not allowed; copy the value");
	refuse("a: &x [1]\n", "f:1:4: anchors ('&name') are not allowed; copy the value");
	refuse("b: 1\na: *x\n", "f:2:4: aliases ('*name') are not allowed; copy the value");
	refuse("<<: *x\n", "f:1:5: aliases ('*name') are not allowed; copy the value");
	refuse("a: !!str 1\n", "f:1:4: tags ('!name') are not allowed");
	refuse("a: !own {}\n", "f:1:4: tags ('!name') are not allowed");
	refuse("! [a]\n", "f:1:1: tags ('!name') are not allowed");
	refuse("a: !x!y z\n", "f:1:4: tags ('!name') are not allowed");
	refuse("a: 1\n---\nb: 2\n", "f:2:1: only one document ('---') is allowed");
	refuse("a: 1\n...\nb: 2\n", "f:3:1: the document has ended, but its text goes on");
}

static void test_refuses_keys(void **state)
{
	(void)state;
	refuse("a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' is already set on line 1");
	refuse("x: {a: 1, 'a': 2}\n", "f:1:11: key 'a' is already set on line 1");
	refuse("? [a]\n: 1\n", "f:1:3: a key must be a text, not a list or map");
	refuse("? {a: b}\n: 1\n", "f:1:3: a key must be a text, not a list or map");
	refuse(": 1\n", "f:1:1: a line 'key: value' is expected here; check the indentation");
	refuse("'': 1\n", "f:1:1: a key is missing before the ':'");
	refuse("\"a\\0b\": 1\n", "f:1:1: a NUL character is not allowed in a value");
	refuse("a: \"x\\0y\"\n", "f:1:4: a NUL character is not allowed in a value");
	/* the same key at different depths is no duplicate */
	tz_yaml_free(parse("a: {a: {a: 1}}\nb: {a: 1}\n"));
}

static void test_refuses_syntax(void **state)
{
	(void)state;
	refuse("a: 1\n\tb: 2\n", "f:2:1: a tab cannot indent; use spaces");
	refuse("a:\n\t- b\n", "f:2:1: a tab cannot indent; use spaces");
	refuse("a: @b\n", "f:1:4: '@' cannot start a value; quote the value");
	refuse("ä: 'é'\nb: `x\n", "f:2:4: '`' cannot start a value; quote the value");
	refuse("a: b: c\n", "f:1:5: a ':' is not allowed here; check the indentation, or quote the value");
	refuse("a: 1\n b: 2\n", "f:2:3: a ':' is not allowed here; check the indentation, or quote the value");
	refuse("a: 'x\n", "f:2:1: the text ends within a quoted value");
	refuse("a: [x, y\n", "f:2:1: a ',' or ']' is missing in a list that starts with '['");
	refuse("a: {x: y\n", "f:2:1: a ',' or '}' is missing in a map that starts with '{'");
	refuse("a: \"\\q\"\n", "f:1:5: this escape is unknown; use single quotes to write a backslash");
	refuse("a: 1\n- b\n", "f:2:1: a line 'key: value' is expected here; check the indentation");
	refuse("a: 1\nb\n", "f:3:1: a ':' is missing after a key");
	refuse("- a\nb: 1\n", "f:2:1: an item '- value' is expected here; check the indentation");
	refuse("a: - b\n", "f:1:4: an item '- value' is not allowed here; check the indentation");
	refuse("a: 1\n}\n", "f:2:1: a line 'key: value' is expected here; check the indentation");
}

static void test_refuses_bytes(void **state)
{
	(void)state;
	refuse("a: 1\nb: \xff\n", "f:2:4: this is not valid UTF-8 text");
	refuse("a: \xc3\n", "f:1:4: this is not valid UTF-8 text");
	refuse("a: \xc0\xaf\n", "f:1:4: this is not valid UTF-8 text");
	refuse("ä: \xed\xa0\x80\n", "f:1:4: this is not valid UTF-8 text");
	refuse("a: \xe2\x82", "f:1:4: this is not valid UTF-8 text");
	refuse("a: \x1b[2J\n", "f:1:4: a control character is not allowed here");
	refuse_bytes("a: b\0c\n", 7, -EINVAL, "f:1:5: a control character is not allowed here");
	/* UTF-16 is not what we were promised, byte order mark or not */
	refuse_bytes("\xff\xfe" "a\0", 4, -EINVAL, "f:1:1: this is not valid UTF-8 text");
}

static void test_depth(void **state)
{
	(void)state;
	tz_yaml_free(parse("[[[[[[[[1]]]]]]]]"));
	refuse("[[[[[[[[[1]]]]]]]]]", "f:1:9: lists and maps are nested too deeply");
	/* depth is counted down again */
	tz_yaml_free(parse("[[[[[[[[1]]]]]]], [[[[[[[1]]]]]]]]"));
}

static void test_too_many_nodes(void **state)
{
	size_t size = 2 * (size_t)TZ_YAML_NODES_MAX + 3;
	char *text = malloc(size);
	_cleanup_yaml_ struct tz_yaml *document = NULL;
	struct tz_error err;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i += 2)
		memcpy(text + i, "1,", i + 2 <= size ? 2 : 1);
	text[0] = '[';
	text[1] = ' ';
	/* a list and 9,999 items */
	text[2 * TZ_YAML_NODES_MAX - 1] = ']';
	assert_int_equal(tz_yaml_parse(text, 2 * TZ_YAML_NODES_MAX, "f", &document, NULL), 0);
	assert_int_equal(tz_yaml_count(tz_yaml_root(document)), TZ_YAML_NODES_MAX - 1);
	text[2 * TZ_YAML_NODES_MAX - 1] = ',';
	text[2 * TZ_YAML_NODES_MAX + 1] = ']';
	assert_int_equal(tz_yaml_parse(text, 2 * TZ_YAML_NODES_MAX + 2, "f", &document, &err), -EINVAL);
	assert_contains(err.message, ": there are too many keys and values before this one");
	free(text);
}

static void test_too_large(void **state)
{
	size_t size = TZ_YAML_SIZE_MAX;
	char *text = malloc(size + 1);
	_cleanup_yaml_ struct tz_yaml *document = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size + 1);
	refuse_bytes(text, size + 1, -EFBIG, "f:1:1: the file is larger than 1 MiB");
	assert_int_equal(tz_yaml_parse(text, size, "f", &document, NULL), 0);
	assert_int_equal(strlen(tz_yaml_text(tz_yaml_root(document))), size);
	free(text);
}

static void test_string(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = parse("{a: x, b: 12, c: 'null', d: , e: [], f: {}, g: ''}");
	const struct tz_yaml_node *root = tz_yaml_root(document);
	const char *text = "before";
	struct tz_error err;

	(void)state;
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "d"), &text, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:29: 'd' has no value; a text is expected");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "e"), &text, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:34: 'e' must be a text, not a list");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "f"), &text, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:41: 'f' must be a text, not a map");
	assert_string_equal(text, "before");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "a"), &text, &err), 0);
	assert_string_equal(text, "x");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "b"), &text, &err), 0);
	assert_string_equal(text, "12");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "c"), &text, &err), 0);
	assert_string_equal(text, "null");
	assert_int_equal(tz_yaml_string(tz_yaml_find(root, "g"), &text, &err), 0);
	assert_string_equal(text, "");
}

static void test_bool(void **state)
{
	_cleanup_yaml_ struct tz_yaml *good = parse("[true, Yes, ON, false, no, OFF]");
	_cleanup_yaml_ struct tz_yaml *bad = parse("k: [ 'true', y, 1, ~, [], tRUE ]");
	const struct tz_yaml_node *n = tz_yaml_first(tz_yaml_root(good));
	struct tz_error err;
	bool value = true;

	(void)state;
	for (unsigned int i = 0; n; n = tz_yaml_next(n), i++) {
		value = i >= 3;
		assert_int_equal(tz_yaml_bool(n, &value, &err), 0);
		assert_int_equal(value, i < 3);
	}
	value = true;
	for (n = tz_yaml_first(tz_yaml_find(tz_yaml_root(bad), "k")); n; n = tz_yaml_next(n)) {
		assert_int_equal(tz_yaml_bool(n, &value, &err), -EINVAL);
		assert_contains(err.message, "must be true or false, without quotes");
		assert_contains(err.message, " of 'k' ");
		assert_true(value);
	}
}

static void check_integer(const char *text, bool good, int64_t expected)
{
	_cleanup_yaml_ struct tz_yaml *document = parse(text);
	struct tz_error err;
	int64_t value = 424242;

	if (!good) {
		assert_int_equal(tz_yaml_integer(tz_yaml_root(document), INT64_MIN, INT64_MAX, &value, &err), -EINVAL);
		assert_contains(err.message, "the document must be a whole number from -9223372036854775808 to ");
		assert_int_equal(value, 424242);
		return;
	}
	assert_int_equal(tz_yaml_integer(tz_yaml_root(document), INT64_MIN, INT64_MAX, &value, &err), 0);
	assert_true(value == expected);
}

static void test_integer(void **state)
{
	static const char *const bad[] = { "'12'", "0x10", "010", "1_000", "1.5", "1e3", "+5", "-", "--1", "abc", "12a",
					   "9223372036854775808", "-9223372036854775809", "[1]", "{a: 1}", "-01" };

	(void)state;
	check_integer("0", true, 0);
	check_integer("12", true, 12);
	check_integer("-7", true, -7);
	check_integer("9223372036854775807", true, INT64_MAX);
	check_integer("-9223372036854775808", true, INT64_MIN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_integer(bad[i], false, 0);
}

static void test_integer_range(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = parse("n: 5");
	const struct tz_yaml_node *n = tz_yaml_find(tz_yaml_root(document), "n");
	struct tz_error err;
	int64_t value = 0;

	(void)state;
	assert_int_equal(tz_yaml_integer(n, 5, 5, &value, &err), 0);
	assert_int_equal(value, 5);
	assert_int_equal(tz_yaml_integer(n, 6, 9, &value, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:4: 'n' must be a whole number from 6 to 9, without quotes");
	assert_int_equal(tz_yaml_integer(n, -1, 4, &value, &err), -EINVAL);
}

static void test_expect(void **state)
{
	_cleanup_yaml_ struct tz_yaml *document = parse("- - 1\n- b\n- c: []\n");
	const struct tz_yaml_node *root = tz_yaml_root(document), *n = tz_yaml_first(root);
	struct tz_error err;

	(void)state;
	assert_int_equal(tz_yaml_expect(root, TZ_YAML_LIST, &err), 0);
	assert_int_equal(tz_yaml_expect(root, TZ_YAML_MAP, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:1: the document must be a map ('key: value' lines)");
	assert_int_equal(tz_yaml_expect(n, TZ_YAML_SCALAR, &err), -EINVAL);
	assert_string_equal(err.message, "f:1:3: item 1 must be a single value");
	n = tz_yaml_next(n);
	assert_int_equal(tz_yaml_expect(n, TZ_YAML_LIST, &err), -EINVAL);
	assert_string_equal(err.message, "f:2:3: item 2 must be a list ('- value' lines)");
}

static void test_unknown(void **state)
{
	static const char *const known[] = { "vault", "mount", NULL };
	_cleanup_yaml_ struct tz_yaml *document = parse("mount: 1\nother: 2\nvualt: 3\nvault: 4\n\"\\e[2J\\x9b\": 5\n");
	const struct tz_yaml_node *root = tz_yaml_root(document), *n;
	struct tz_error err;

	(void)state;
	n = tz_yaml_next_unknown(root, NULL, known);
	assert_string_equal(tz_yaml_key(n), "other");
	assert_int_equal(tz_yaml_unknown_error(n, known, &err), -EINVAL);
	assert_string_equal(err.message, "f:2:1: unknown key 'other'");
	n = tz_yaml_next_unknown(root, n, known);
	assert_int_equal(tz_yaml_unknown_error(n, known, &err), -EINVAL);
	assert_string_equal(err.message, "f:3:1: unknown key 'vualt'; did you mean 'vault'?");
	n = tz_yaml_next_unknown(root, n, known);
	/* what would steer a terminal is not passed on */
	assert_int_equal(tz_yaml_unknown_error(n, known, &err), -EINVAL);
	assert_string_equal(err.message, "f:5:1: unknown key '?[2J?'");
	assert_null(tz_yaml_next_unknown(root, n, known));
	assert_null(tz_yaml_next_unknown(tz_yaml_find(root, "vault"), NULL, known));
}

/* A long key is cut, between two characters. */
static void test_long_key(void **state)
{
	static const char *const known[] = { NULL };
	struct tz_error err;

	(void)state;
	for (unsigned int pad = 0; pad < 4; pad++) {
		_cleanup_yaml_ struct tz_yaml *document = NULL;
		_cleanup_yaml_ struct tz_yaml *message = NULL;
		char text[256];
		size_t n = 0;

		for (; n < pad; n++)
			text[n] = 'x';
		for (unsigned int i = 0; i < 30; i++, n += 4)
			memcpy(text + n, "🐙", 4);
		(void)snprintf(text + n, sizeof(text) - n, ": 1");
		document = parse(text);
		(void)tz_yaml_unknown_error(tz_yaml_first(tz_yaml_root(document)), known, &err);
		assert_contains(err.message, "🐙...'");
		/* only valid UTF-8 can be parsed again */
		(void)snprintf(text, sizeof(text), "\"%s\"", err.message);
		message = parse(text);
		assert_non_null(tz_yaml_root(message));
	}
}

static void test_no_memory(void **state)
{
	const char *text = "a: 1\nb: [x, {c: d}]\n";
	struct tz_yaml *document = NULL;
	struct tz_error err = { 0 };
	unsigned int failures = 0;
	int r = -ENOMEM;

	(void)state;
	for (unsigned int i = 1; r < 0 && i < 100; i++) {
		allocations_left = i;
		r = tz_yaml_parse(text, strlen(text), "f", &document, &err);
		allocations_left = 0;
		if (r == 0)
			break;
		failures++;
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(err.message, "f: out of memory");
		assert_null(document);
	}
	assert_int_equal(r, 0);
	/* the document, its name, three keys, six nodes */
	assert_int_equal(failures, 11);
	tz_yaml_free(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_null_text),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_refuses_features),
		cmocka_unit_test(test_refuses_keys),
		cmocka_unit_test(test_refuses_syntax),
		cmocka_unit_test(test_refuses_bytes),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_too_many_nodes),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_integer),
		cmocka_unit_test(test_integer_range),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
