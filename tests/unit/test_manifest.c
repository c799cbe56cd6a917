#include "unit.h"

#include "libtazpod/cleanup.h"
#include "libtazpod/manifest.h"

#define SHOWN "~/secrets/.tazpod/pulled"

static int folder = -1;

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	folder = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)close(folder);
	return unit_teardown_dir(state);
}

static struct tz_manifest_entry *set(struct tz_manifest *manifest, const char *name, const char *path)
{
	struct tz_manifest_entry *entry;

	assert_int_equal(tz_manifest_set(manifest, name, path, &entry), 0);
	return entry;
}

static void write_to_file(const struct tz_manifest *manifest)
{
	_cleanup_close_ int fd = open(unit_path("pulled"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(tz_manifest_write(fd, manifest), 0);
}

static void test_paths(void **state)
{
	static const char *const good[] = { "a", "db/password", ".ssh/id", "a b/ü", ".tazpod/values/A_1", ".tazpodx/a",
					    ".tazpod.yaml" };
	static const char *const bad[] = { "", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a\nb", "a\x7f",
					   ".tazpod", ".tazpod/pulled", ".tazpod/stage/tree/a", ".tazpod/values",
					   ".tazpod/values/a/b", ".tazpod/values/1", ".tazpod/values/a.b", ".tazpod/valuesx" };
	char longest[TZ_MANIFEST_PATH + 2];
	struct tz_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(tz_manifest_check_path(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct tz_error){ 0 };
		if (tz_manifest_check_path(bad[i], &err) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_contains(err.message, strncmp(bad[i], ".tazpod", 7) == 0 ? "TazPod's own" : "must be relative");
	}
	memset(longest, 'a', sizeof(longest));
	longest[TZ_MANIFEST_PATH + 1] = '\0';
	longest[100] = '/';
	assert_int_equal(tz_manifest_check_path(longest, &err), -EINVAL);
	assert_contains(err.message, "at most 255 bytes");
	longest[TZ_MANIFEST_PATH] = '\0';
	assert_int_equal(tz_manifest_check_path(longest, &err), 0);
}

static void test_names(void **state)
{
	char longest[TZ_MANIFEST_NAME + 2];
	struct tz_error err = { 0 };

	(void)state;
	memset(longest, 'A', sizeof(longest));
	longest[TZ_MANIFEST_NAME + 1] = '\0';
	assert_int_equal(tz_manifest_check_name("DB_PASSWORD", &err), 0);
	assert_int_equal(tz_manifest_check_name("", &err), -EINVAL);
	assert_int_equal(tz_manifest_check_name("A B", &err), -EINVAL);
	assert_int_equal(tz_manifest_check_name("A\nB", &err), -EINVAL);
	assert_int_equal(tz_manifest_check_name(longest, &err), -EINVAL);
	assert_contains(err.message, "no secret's name");
	longest[TZ_MANIFEST_NAME] = '\0';
	assert_int_equal(tz_manifest_check_name(longest, &err), 0);
}

/* What is within a folder comes right behind it, and before what only begins alike. */
static void test_order(void **state)
{
	static const char *const paths[] = { "a", "a/b", "a/b/c", "a/c", "a b", "a-b", "a.b", "aa", "b", "\xc3\xbc" };
	const size_t count = sizeof(paths) / sizeof(paths[0]);
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;

	(void)state;
	/* 7 and 10 have no common divisor: each once, in disorder */
	for (size_t i = 0; i < count; i++)
		(void)set(&manifest, "N", paths[i * 7 % count]);
	assert_int_equal(manifest.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(manifest.entries[i]->path, paths[i]);
		assert_int_equal(tz_manifest_place(&manifest, paths[i]), i);
		assert_ptr_equal(tz_manifest_find(&manifest, paths[i]), manifest.entries[i]);
	}
	assert_null(tz_manifest_find(&manifest, "a/"));
	assert_null(tz_manifest_find(&manifest, ""));
	assert_null(tz_manifest_find(&manifest, "c"));
	assert_int_equal(tz_manifest_place(&manifest, "aaa"), 8);
}

static void test_set_again(void **state)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;
	struct tz_manifest_entry *entry = set(&manifest, "ONE", "a");

	(void)state;
	entry->put = true;
	assert_ptr_equal(set(&manifest, "TWO", "a"), entry);
	assert_string_equal(entry->name, "TWO");
	assert_true(entry->put);
	assert_int_equal(manifest.count, 1);
}

static void test_settle(void **state)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;

	(void)state;
	set(&manifest, "A", "a")->removed = true;
	set(&manifest, "B", "b")->put = true;
	set(&manifest, "B", "b")->staged = true;
	set(&manifest, "C", "c")->added = true;
	set(&manifest, "D", "d")->removed = true;
	tz_manifest_settle(&manifest);
	assert_int_equal(manifest.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct tz_manifest_entry *entry = manifest.entries[i];

		assert_string_equal(entry->path, i ? "c" : "b");
		assert_false(entry->put || entry->staged || entry->added || entry->removed);
	}
}

static int collide(const char *a, const char *between, const char *b, bool remove_a)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;
	struct tz_error err = { 0 };
	int r;

	set(&manifest, "A", a)->removed = remove_a;
	(void)set(&manifest, "X", between);
	(void)set(&manifest, "B", b);
	r = tz_manifest_check_collisions(&manifest, &err);
	if (r < 0)
		assert_contains(err.message, "cannot be the file of");
	return r;
}

static void test_collisions(void **state)
{
	(void)state;
	assert_int_equal(collide("a", "a.x", "a/b/c", false), -EEXIST);
	assert_int_equal(collide("a/b/c", "b", "a", false), -EEXIST);
	assert_int_equal(collide("a", "a/b/b", "a/b/c", false), -EEXIST);
	assert_int_equal(collide("a", "aa", "ab", false), 0);
	assert_int_equal(collide("a", "b", "a/b", true), 0);
}

static void test_round(void **state)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT, read = TZ_MANIFEST_INIT;
	struct tz_error err = { 0 };

	(void)state;
	(void)set(&manifest, "B", "b with blanks / and \xc3\xbc");
	(void)set(&manifest, "A", "a/b");
	(void)set(&manifest, "A", ".tazpod/values/A");
	set(&manifest, "GONE", "gone")->removed = true;
	write_to_file(&manifest);
	if (tz_manifest_load(folder, "pulled", SHOWN, &read, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(read.count, 3);
	tz_manifest_settle(&manifest);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(read.entries[i]->path, manifest.entries[i]->path);
		assert_string_equal(read.entries[i]->name, manifest.entries[i]->name);
	}
}

static void test_none(void **state)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT, read = TZ_MANIFEST_INIT;
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_manifest_load(folder, "pulled", SHOWN, &read, &err), -ENOENT);
	assert_int_equal(err.code, 0);
	write_to_file(&manifest);
	assert_int_equal(tz_manifest_load(folder, "pulled", SHOWN, &read, &err), 0);
	assert_int_equal(read.count, 0);
	assert_int_equal(tz_manifest_check_collisions(&read, &err), 0);
}

static void refuse(const char *text, size_t size, const char *reason)
{
	struct tz_manifest untouched = { NULL, 77, 0 };
	struct tz_error err = { 0 };

	unit_write(unit_path("pulled"), text, size, 0600);
	if (tz_manifest_load(folder, "pulled", SHOWN, &untouched, &err) != -EINVAL)
		fail_msg("not refused: %s", text);
	assert_int_equal(untouched.count, 77);
	assert_contains(err.message, SHOWN " is damaged: line ");
	assert_contains(err.message, reason);
	assert_contains(err.message, "remove that file, and pull again");
}

static void test_damaged(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "line 1 is not" },
		{ "tazpod-pulled 1", "line 1 is not" },
		{ "tazpod-pulled 1 \n", "line 1 is not" },
		{ "tazpod-pulled 1 x\n", "line 1 is not" },
		{ "tazpod-pulled 1 -1\n", "line 1 is not" },
		{ "tazpod-pulled 1 123456789\n", "line 1 is not" },
		{ "tazpod-pulled 2 0\n", "line 1 is not" },
		{ "tazpod-pulled 1 1\n", "line 2 is missing" },
		{ "tazpod-pulled 1 1\nA a", "line 2 is missing" },
		{ "tazpod-pulled 1 2\nA a\n", "line 3 is missing" },
		{ "tazpod-pulled 1 1\nA a\nB b\n", "line 3 is one too many" },
		{ "tazpod-pulled 1 1\nA a\nB", "line 3 is one too many" },
		{ "tazpod-pulled 1 1\nA\n", "line 2 has no path" },
		{ "tazpod-pulled 1 1\n a\n", "line 2 has no secret's name" },
		{ "tazpod-pulled 1 1\n1 a\n", "line 2 has no secret's name" },
		{ "tazpod-pulled 1 1\nA \n", "line 2 names no file" },
		{ "tazpod-pulled 1 1\nA ../a\n", "line 2 names no file" },
		{ "tazpod-pulled 1 1\nA /etc/passwd\n", "line 2 names no file" },
		{ "tazpod-pulled 1 1\nA a\r\n", "line 2 names no file" },
		{ "tazpod-pulled 1 1\nA .tazpod/stage\n", "line 2 names no file" },
		{ "tazpod-pulled 1 2\nA b\nB a\n", "line 3 does not fit" },
		{ "tazpod-pulled 1 2\nA a\nB a\n", "line 3 does not fit" },
		{ "tazpod-pulled 1 2\nA a\nB a/b\n", "line 3 does not fit" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse(cases[i].text, strlen(cases[i].text), cases[i].reason);
	refuse("tazpod-pulled 1 1\nA a\0b\n", 24, "line 1 is not");
}

static void test_odd_files(void **state)
{
	struct tz_manifest manifest = TZ_MANIFEST_INIT;
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(symlink("elsewhere", unit_path("link")), 0);
	assert_int_equal(tz_manifest_load(folder, "link", SHOWN, &manifest, &err), -ELOOP);
	assert_contains(err.message, SHOWN " is a symlink");
	assert_int_equal(mkfifo(unit_path("fifo"), 0600), 0);
	assert_int_equal(tz_manifest_load(folder, "fifo", SHOWN, &manifest, &err), -EINVAL);
	assert_int_equal(mkdir(unit_path("folder"), 0700), 0);
	assert_int_equal(tz_manifest_load(folder, "folder", SHOWN, &manifest, &err), -EINVAL);
	unit_write(unit_path("large"), "", 0, 0600);
	assert_int_equal(truncate(unit_path("large"), TZ_MANIFEST_SIZE_MAX + 1L), 0);
	assert_int_equal(tz_manifest_load(folder, "large", SHOWN, &manifest, &err), -EFBIG);
	assert_int_equal(manifest.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_set_again),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test_setup_teardown(test_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
