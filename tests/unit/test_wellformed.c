#include "unit.h"

#include "libtazpod/wellformed.h"

static void check(bool (*is)(const char *), const char *const *good, const char *const *bad)
{
	for (; *good; good++)
		if (!is(*good))
			fail_msg("'%s' was refused", *good);
	for (; *bad; bad++)
		if (is(*bad))
			fail_msg("'%s' was accepted", *bad);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define CONTROL "a\nb", "a\x1b[31m", "a\x7f", "a\tb", "\xc2\x9b" "0m"

static void test_visible(void **state)
{
	(void)state;
	check(tz_is_visible, LIST("", "a b", "ä", "\xc2\xa0", "日本"), LIST(CONTROL, "\xc2\x80", "\x9b" "0m", "ab\r"));
}

static void test_paths(void **state)
{
	char name[258];

	(void)state;
	check(tz_is_relative_path, LIST("a", "a/b", ".a", "..a", "a..", "...", "-a", "a b/ä"),
	      LIST("", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/../b", "a/..", CONTROL));
	check(tz_is_absolute_path, LIST("/a", "/a/b", "/.a"),
	      LIST("", "/", "a", "//a", "/a/", "/..", "/a/../b", "/.", "/a\nb"));
	memset(name, 'n', 256);
	name[255] = '\0';
	assert_true(tz_is_relative_path(name));
	name[255] = 'n';
	name[256] = '\0';
	assert_false(tz_is_relative_path(name));
}

static void test_names(void **state)
{
	(void)state;
	check(tz_is_engine_name, LIST("ab", "A-", "0_.-x", "bridge"),
	      LIST("", "a", "-a", ".a", "_a", "a/b", "a:b", "a b", "ä1", "container:x", CONTROL));
	check(tz_is_image_name, LIST("a", "localhost/tazpod/base:latest", "tazzo/tazlab.net:tazpod-gemini",
				     "reg.example:5000/a/b@sha256:0123"),
	      LIST("", "-a", "--privileged", "/a", "a b", "a$b", "a=b", "ä", CONTROL));
	check(tz_is_user_name, LIST("tazpod", "_x", "a.b-c9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	      LIST("", "1a", "1000", "-a", ".a", "a:b", "0:0", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", CONTROL));
	check(tz_is_variable_name, LIST("A", "_", "a1_B"), LIST("", "1A", "A-B", "A=B", "A.B", "Ä", "A B", CONTROL));
}

static void test_within(void **state)
{
	(void)state;
	assert_true(tz_path_is_within("/a/b", "/a"));
	assert_true(tz_path_is_within("/a", "/a"));
	assert_true(tz_path_is_within("/a", "/"));
	assert_true(tz_path_is_within("a/b", "a"));
	assert_false(tz_path_is_within("/ab", "/a"));
	assert_false(tz_path_is_within("/a", "/a/b"));
	assert_false(tz_path_is_within("/b", "a"));
	assert_true(tz_paths_collide("/a", "/a/b"));
	assert_true(tz_paths_collide("/a/b", "/a"));
	assert_true(tz_paths_collide("/a", "/a"));
	assert_false(tz_paths_collide("/a/b", "/a/c"));
	assert_false(tz_paths_collide("a", "ab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_within),
	};

	return cmocka_run_group_tests_name("wellformed", tests, NULL, NULL);
}
