#include "unit.h"

#include "libtazpod/cleanup.h"
#include "libtazpod/stage.h"

#define SHOWN "~/secrets"

static int vault = -1, tree = -1;

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(unit_path(name), 0700), 0);
}

static void make_file(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0600);
}

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	umask(022);
	make_dir("vault");
	make_dir("tree");
	vault = open(unit_path("vault"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree = open(unit_path("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return vault < 0 || tree < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)close(vault);
	(void)close(tree);
	return unit_teardown_dir(state);
}

static void stage(const char *path, const char *text)
{
	assert_int_equal(tz_stage_write(tree, path, text, strlen(text)), 0);
}

static void merge(void)
{
	struct tz_error err = { 0 };

	if (tz_stage_merge(tree, vault, SHOWN, &err) < 0)
		fail_msg("%s", err.message);
}

static void refuse_merge(int code, const char *message)
{
	struct tz_error err = { 0 };

	assert_int_equal(tz_stage_merge(tree, vault, SHOWN, &err), code);
	assert_int_equal(err.code, code);
	assert_contains(err.message, message);
	assert_int_equal(tz_stage_merge(tree, vault, SHOWN, NULL), code);
}

static void assert_text(const char *name, const char *text)
{
	char found[64] = "";
	int fd = open(unit_path(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	assert_int_equal(close(fd), 0);
	assert_string_equal(found, text);
}

static void assert_mode(const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(unit_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static bool is_empty(const char *name)
{
	_cleanup_closedir_ DIR *dir = opendir(unit_path(name));
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count == 2;
}

static void test_write(void **state)
{
	(void)state;
	stage("a", "text");
	stage("one/two/three", "");
	stage("one/two/four", "4");
	assert_text("tree/a", "text");
	assert_text("tree/one/two/three", "");
	assert_text("tree/one/two/four", "4");
	assert_mode("tree/a", 0600);
	assert_mode("tree/one", 0700);
	assert_mode("tree/one/two", 0700);
	assert_int_equal(tz_stage_write(tree, "a/b", "", 0), -ENOTDIR);
	assert_int_equal(tz_stage_write(tree, "one", "", 0), -EEXIST);
	assert_int_equal(tz_stage_write(tree, "a", "", 0), -EEXIST);
	assert_int_equal(symlink("one", unit_path("tree/link")), 0);
	assert_int_equal(tz_stage_write(tree, "link/x", "", 0), -ELOOP);
	assert_int_equal(tz_stage_write(tree, "link", "", 0), -EEXIST);
	assert_int_equal(access(unit_path("tree/one/x"), F_OK), -1);
}

static void test_merge(void **state)
{
	(void)state;
	make_dir("vault/there");
	assert_int_equal(chmod(unit_path("vault/there"), 0750), 0);
	make_file("vault/there/old", "old");
	make_file("vault/there/own", "own");
	stage("a", "a");
	stage("there/old", "new");
	stage("there/deep/er/b", "b");
	stage("new/c", "c");
	stage(".tazpod/values/D", "d");
	make_dir("vault/.tazpod");
	merge();
	assert_text("vault/a", "a");
	assert_text("vault/there/old", "new");
	assert_text("vault/there/own", "own");
	assert_text("vault/there/deep/er/b", "b");
	assert_text("vault/new/c", "c");
	assert_text("vault/.tazpod/values/D", "d");
	assert_mode("vault/there", 0750);
	assert_mode("vault/new", 0700);
	assert_true(is_empty("tree"));
	/* with nothing to do */
	merge();
}

/* More than fits into one reading of a folder. */
static void test_merge_many(void **state)
{
	char path[64];

	(void)state;
	make_dir("vault/many");
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(path, sizeof(path), "many/a-name-that-takes-some-room-%d", i);
		stage(path, "x");
	}
	merge();
	assert_true(is_empty("tree"));
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(path, sizeof(path), "vault/many/a-name-that-takes-some-room-%d", i);
		assert_int_equal(access(unit_path(path), F_OK), 0);
	}
}

static void test_merge_deepest(void **state)
{
	char path[256];

	(void)state;
	for (size_t i = 0; i < 255; i++)
		path[i] = i % 2 ? '/' : 'a';
	path[255] = '\0';
	stage(path, "x");
	make_dir("vault/a");
	make_dir("vault/a/a");
	merge();
	assert_true(is_empty("tree"));
	stage(path, "y");
	/* each of its folders is there now */
	merge();
	assert_true(is_empty("tree"));
	assert_int_equal(tz_stage_drop(vault, "a"), 0);
	assert_true(is_empty("vault"));
}

static void test_merge_is_blocked(void **state)
{
	(void)state;
	stage("a", "a");
	make_dir("vault/a");
	refuse_merge(-EISDIR, SHOWN "/a is a folder where a file is to be put: move it away");
	assert_int_equal(rmdir(unit_path("vault/a")), 0);
	merge();
	assert_text("vault/a", "a");
	stage("b/c", "c");
	make_file("vault/b", "in the way");
	refuse_merge(-ENOTDIR, SHOWN "/b is no folder, where one is needed: move it away");
	assert_int_equal(unlink(unit_path("vault/b")), 0);
	make_dir("vault/other");
	assert_int_equal(symlink("other", unit_path("vault/b")), 0);
	refuse_merge(-ELOOP, SHOWN "/b is no folder, where one is needed: move it away");
	assert_true(is_empty("vault/other"));
	assert_int_equal(unlink(unit_path("vault/b")), 0);
	merge();
	assert_text("vault/b/c", "c");
	/* a symlink in a file's place is replaced, not followed */
	make_file("outside", "outside");
	assert_int_equal(symlink("../outside", unit_path("vault/link")), 0);
	stage("link", "new");
	merge();
	assert_text("vault/link", "new");
	assert_text("outside", "outside");
}

/* Nobody but a hostile vault has these. */
static void test_merge_refuses_what_it_did_not_make(void **state)
{
	static const char *const own[] = { ".tazpod/pulled", ".tazpod/stage/tree/x", ".tazpod/valuesx" };

	(void)state;
	make_dir("vault/.tazpod");
	make_file("vault/.tazpod/pulled", "manifest");
	for (size_t i = 0; i < 3; i++) {
		stage(own[i], "x");
		refuse_merge(-EINVAL, "was not staged by TazPod");
		assert_int_equal(tz_stage_drop(tree, ".tazpod"), 0);
	}
	assert_text("vault/.tazpod/pulled", "manifest");
	assert_int_equal(symlink("/etc/passwd", unit_path("tree/link")), 0);
	refuse_merge(-EINVAL, SHOWN "/link was not staged by TazPod: it is no regular file");
	assert_int_equal(unlink(unit_path("tree/link")), 0);
	assert_int_equal(mkfifo(unit_path("tree/fifo"), 0600), 0);
	refuse_merge(-EINVAL, "it is no regular file");
	assert_int_equal(access(unit_path("vault/fifo"), F_OK), -1);
}

/* Deeper than any path that is allowed, in both. */
static void test_merge_ends(void **state)
{
	char path[400] = "";

	(void)state;
	for (int i = 0; i < 30; i++) {
		(void)strcat(path, i ? "/ten-bytes-" : "ten-bytes-");
		assert_int_equal(mkdirat(tree, path, 0700), 0);
		assert_int_equal(mkdirat(vault, path, 0700), 0);
	}
	refuse_merge(-EINVAL, "was not staged by TazPod");
}

static void test_drop(void **state)
{
	(void)state;
	stage("a/b/c", "c");
	make_file("outside", "outside");
	make_dir("folder");
	make_file("folder/inside", "inside");
	assert_int_equal(symlink("../../outside", unit_path("tree/a/link")), 0);
	assert_int_equal(symlink("../../folder", unit_path("tree/a/folder")), 0);
	assert_int_equal(mkfifo(unit_path("tree/a/fifo"), 0600), 0);
	assert_int_equal(tz_stage_drop(tree, "a"), 0);
	assert_true(is_empty("tree"));
	assert_text("outside", "outside");
	assert_text("folder/inside", "inside");
	assert_int_equal(tz_stage_drop(tree, "a"), 0);
	assert_int_equal(symlink("../folder", unit_path("tree/a")), 0);
	assert_int_equal(tz_stage_drop(tree, "a"), -ELOOP);
	assert_int_equal(unlink(unit_path("tree/a")), 0);
	make_file("tree/a", "file");
	assert_int_equal(tz_stage_drop(tree, "a"), -ENOTDIR);
	assert_text("folder/inside", "inside");
}

/* A vault from elsewhere may have a folder that is as deep as it likes: that costs neither memory nor descriptors. */
static void test_drop_ends(void **state)
{
	int deep = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < 500; i++) {
		int next;

		assert_int_equal(mkdirat(deep, "d", 0700), 0);
		next = openat(deep, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		assert_int_equal(close(deep), 0);
		deep = next;
	}
	assert_int_equal(close(deep), 0);
	assert_int_equal(tz_stage_drop(tree, "d"), -ENAMETOOLONG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_write),
		TEST(test_merge),
		TEST(test_merge_many),
		TEST(test_merge_deepest),
		TEST(test_merge_is_blocked),
		TEST(test_merge_refuses_what_it_did_not_make),
		TEST(test_merge_ends),
		TEST(test_drop),
		TEST(test_drop_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
