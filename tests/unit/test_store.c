#include "private_ns.h"
#include "store_vault.h"

#include <time.h>

/* ---- the set ---- */

static void test_sets(void **state)
{
	struct stat st;

	(void)state;
	begin();
	assert_true(sets_is_seen(unit_dir, sets_old));
	assert_int_equal(stat(unit_path(".tazpod"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	pull(sets_new);
	assert_true(sets_is_seen(unit_dir, sets_new));
	assert_false(is_there("gone/deep"));
	/* what makes the difference of two sets is seen as one, either way */
	assert_false(sets_is_seen(unit_dir, sets_old));
}

static int pull_without_privilege(void *data)
{
	struct tz_error err = { 0 };

	(void)data;
	CHECK(unit_become_nobody() == 0);
	CHECK_CODE(sets_begin(unit_dir, &err), 0, &err);
	CHECK(sets_is_seen(unit_dir, sets_old));
	CHECK_CODE(sets_pull(unit_dir, sets_new, &err), 0, &err);
	CHECK(sets_is_seen(unit_dir, sets_new));
	return 0;
}

static void test_without_privilege(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(chown(unit_dir, UNIT_NOBODY, UNIT_NOBODY), 0);
	assert_int_equal(unit_in_child(pull_without_privilege, NULL), 0);
}

/* What tells that nothing was written: neither the file nor the folder was touched. */
static struct timespec changed_at(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(unit_path(name), &st), 0);
	return st.st_ctim;
}

static void test_same_set_writes_nothing(void **state)
{
	static const char *const names[] = { ".", ".tazpod", ".tazpod/pulled", ".tazpod/values", "same", "db", "db/large" };
	struct timespec before[7];

	(void)state;
	begin();
	for (size_t i = 0; i < 7; i++)
		before[i] = changed_at(names[i]);
	pull(sets_old);
	for (size_t i = 0; i < 7; i++) {
		struct timespec after = changed_at(names[i]);

		assert_memory_equal(&before[i], &after, sizeof(after));
	}
	/* and with a change elsewhere, that which is the same is left alone */
	pull(sets_new);
	for (size_t i = 0; i < 7; i++) {
		struct timespec after = changed_at(names[i]);

		if (strcmp(names[i], "same") == 0)
			assert_memory_equal(&before[i], &after, sizeof(after));
		else if (strcmp(names[i], "db/large") == 0)
			assert_memory_not_equal(&before[i], &after, sizeof(after));
	}
}

static void test_states(void **state)
{
	_cleanup_store_ struct tz_store *store = open_store(true);
	enum tz_store_state found;
	struct tz_error err = { 0 };

	(void)state;
	make_file_of("open", "text");
	assert_int_equal(chmod(unit_path("open"), 0644), 0);
	make_file_of("mine", "text");
	make_folder("folder");
	assert_int_equal(tz_store_compare(store, "mine", "text", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_SAME);
	assert_int_equal(tz_store_compare(store, "mine", "test", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_CHANGED);
	assert_int_equal(tz_store_compare(store, "open", "text", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_CHANGED);
	assert_int_equal(tz_store_compare(store, "none/at/all", "text", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_NEW);
	assert_int_equal(tz_store_compare(store, "folder", "text", 4, &found, &err), -EINVAL);
	assert_contains(err.message, SETS_SHOWN "/folder is a folder; move it away");
	assert_int_equal(tz_store_compare(store, "../x", "text", 4, &found, &err), -EINVAL);
	assert_int_equal(put(store, "A", "mine", "text"), TZ_STORE_SAME);
	assert_int_equal(put(store, "B", "open", "text"), TZ_STORE_CHANGED);
	assert_int_equal(put(store, "C", "new", "text"), TZ_STORE_NEW);
	/* nothing of it is there before the commit */
	assert_false(is_there("new"));
	assert_int_equal(tz_store_compare(store, "new", "text", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_NEW);
	commit(store);
	assert_text("new", "text");
	assert_int_equal(tz_store_compare(store, "open", "text", 4, &found, &err), 0);
	assert_int_equal(found, TZ_STORE_SAME);
}

/* What the vault's owner keeps there is not lost to a map that names it. */
static void test_own_files(void **state)
{
	_cleanup_store_ struct tz_store *store = open_store(true);
	struct tz_error err = { 0 };

	(void)state;
	make_file_of("own", "the user's");
	assert_int_equal(tz_store_put(store, "A", "own", "text", 4, NULL, &err), -EEXIST);
	assert_contains(err.message, SETS_SHOWN "/own is there already, and no pull has put it there: move it away");
	assert_text("own", "the user's");
	/* nor what cannot be read */
	assert_int_equal(chmod(unit_path("own"), 0), 0);
	assert_int_equal(tz_store_put(store, "A", "own", "text", 4, NULL, &err), -EEXIST);
}

static void test_next(void **state)
{
	_cleanup_store_ struct tz_store *store = open_store(true);
	const struct tz_manifest_entry *entry;

	(void)state;
	make_file_of("own", "the user's");
	assert_null(tz_store_next(store, NULL));
	put(store, "B", "b", "b");
	put(store, "A", "a", "a");
	commit(store);
	put(store, "A", "a", "a");
	put(store, "C", "c", "c");
	entry = tz_store_next(store, NULL);
	assert_string_equal(entry->path, "a");
	assert_true(entry->put);
	entry = tz_store_next(store, entry);
	assert_string_equal(entry->path, "b");
	assert_string_equal(entry->name, "B");
	assert_false(entry->put);
	assert_int_equal(tz_store_remove(store, "b", NULL), 0);
	/* it is gone, and what follows is not */
	entry = tz_store_next(store, entry);
	assert_string_equal(entry->path, "c");
	assert_null(tz_store_next(store, entry));
	assert_string_equal(tz_store_next(store, tz_store_next(store, NULL))->path, "c");
	assert_null(tz_store_find(store, "b"));
	assert_null(tz_store_find(store, "own"));
	assert_string_equal(tz_store_find(store, "c")->name, "C");
	assert_true(is_there("b"));
	commit(store);
	assert_false(is_there("b"));
	assert_null(tz_store_find(store, "b"));
	assert_false(tz_store_find(store, "a")->put);
}

static void test_remove(void **state)
{
	_cleanup_store_ struct tz_store *store = open_store(true);
	struct tz_error err = { 0 };

	(void)state;
	make_file_of("own", "the user's");
	for (char path[] = "a"; path[0] <= 'e'; path[0]++)
		put(store, "N", path, "x");
	commit(store);
	assert_int_equal(tz_store_remove(store, "own", &err), -ENOENT);
	assert_contains(err.message, SETS_SHOWN "/own was not put there by TazPod");
	assert_int_equal(tz_store_remove(store, "none", &err), -ENOENT);
	put(store, "N", "e", "y");
	assert_int_equal(tz_store_remove(store, "e", &err), -EINVAL);
	/* what has become something else is the user's now */
	assert_int_equal(unlink(unit_path("a")), 0);
	make_folder("a");
	assert_int_equal(unlink(unit_path("b")), 0);
	assert_int_equal(symlink("own", unit_path("b")), 0);
	assert_int_equal(unlink(unit_path("c")), 0);
	for (char path[] = "a"; path[0] <= 'd'; path[0]++)
		assert_int_equal(tz_store_remove(store, path, &err), 0);
	assert_int_equal(tz_store_remove(store, "d", &err), -ENOENT);
	/* and may come back */
	put(store, "M", "d", "x");
	commit(store);
	assert_true(is_there("a") && is_there("b") && is_there("own"));
	assert_text("d", "x");
	assert_text("e", "y");
	assert_null(tz_store_find(store, "a"));
	assert_string_equal(tz_store_find(store, "d")->name, "M");
}

static void test_not_committed(void **state)
{
	struct tz_store *store = open_store(true);

	(void)state;
	tz_store_close(store);
	assert_false(is_there(".tazpod"));
	begin();
	store = open_store(true);
	put(store, "A", "changed", "not committed");
	put(store, "B", "deep/er", "not committed");
	assert_int_equal(tz_store_remove(store, "same", NULL), 0);
	assert_true(is_there(".tazpod/stage.new"));
	tz_store_close(store);
	assert_false(is_there(".tazpod/stage.new"));
	assert_true(sets_is_seen(unit_dir, sets_old));
	tz_store_close(NULL);
}

/* ---- what is refused ---- */

static void refuse_put(struct tz_store *store, const char *name, const char *path, int code, const char *message)
{
	struct tz_error err = { 0 };

	if (tz_store_put(store, name, path, "hunter2", 7, NULL, &err) != code)
		fail_msg("%s: %s", path, err.message);
	assert_contains(err.message, message);
	assert_null(strstr(err.message, "hunter2"));
	/* and so nothing at all can be committed */
	assert_int_equal(tz_store_commit(store, &err), code);
	assert_contains(err.message, "nothing was changed in " SETS_SHOWN);
}

static void test_put_refuses(void **state)
{
	static const struct {
		const char *before, *name, *path;
		int code;
		const char *message;
	} cases[] = {
		{ NULL, "A", "../x", -EINVAL, "must be relative" },
		{ NULL, "A", "/etc/passwd", -EINVAL, "must be relative" },
		{ NULL, "A", ".tazpod/pulled", -EINVAL, "TazPod's own" },
		{ NULL, "A B", "x", -EINVAL, "no secret's name" },
		{ "a", "A", "a", -EEXIST, "a is to be the file of BEFORE and of A" },
		{ "same", "A", "same", -EEXIST, "same is to be the file of BEFORE and of A" },
		{ "a", "A", "a/b", -EEXIST, "a/b cannot be a secret's file: another secret of this pull" },
		{ "a/b/c", "A", "a", -EEXIST, "a cannot be a secret's file: another secret of this pull" },
	};

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tz_store *store = open_store(true);

		if (cases[i].before)
			put(store, "BEFORE", cases[i].before, "the same in both");
		refuse_put(store, cases[i].name, cases[i].path, cases[i].code, cases[i].message);
		tz_store_close(store);
		assert_true(sets_is_seen(unit_dir, sets_old));
		assert_false(is_there(".tazpod/stage.new"));
	}
}

/* Puts this beside a change that is fine: neither is made. */
static void refuse_commit(const char *path, int code, const char *message)
{
	struct tz_store *store = open_store(true);
	struct tz_error err = { 0 };

	put(store, "CHANGED", "changed", "must not be seen");
	put(store, "X", path, "hunter2");
	if (tz_store_commit(store, &err) != code)
		fail_msg("%s: %s", path, err.message);
	assert_contains(err.message, message);
	assert_null(strstr(err.message, "hunter2"));
	assert_int_equal(tz_store_commit(store, &err), code);
	tz_store_close(store);
	assert_false(is_there(".tazpod/stage.new"));
	if (!sets_is_seen(unit_dir, sets_old))
		fail_msg("%s", path);
}

static void test_obstacles(void **state)
{
	(void)state;
	begin();
	make_folder("folder");
	assert_int_equal(symlink("folder", unit_path("link")), 0);
	assert_int_equal(mkfifo(unit_path("fifo"), 0600), 0);
	refuse_commit("folder", -EINVAL, SETS_SHOWN "/folder is a folder; move it away");
	refuse_commit("fifo", -EINVAL, SETS_SHOWN "/fifo is a FIFO; move it away");
	refuse_commit("link", -ELOOP, SETS_SHOWN "/link is a symlink");
	refuse_commit("link/x", -ELOOP, SETS_SHOWN "/link is a symlink");
	refuse_commit("own/x", -ENOTDIR, SETS_SHOWN "/own is a file where a folder is needed; move it away");
	refuse_commit("db", -EEXIST, "db cannot be the file of X while db/large, in it, is that of LARGE");
	refuse_commit("place/x", -EEXIST, "place cannot be the file of PLACE while place/x, in it, is that of X");
	assert_false(is_there("folder/x"));
}

static void test_for_reading(void **state)
{
	_cleanup_store_ struct tz_store *store = NULL;
	struct tz_error err = { 0 };

	(void)state;
	begin();
	store = open_store(false);
	assert_int_equal(tz_store_put(store, "A", "a", "x", 1, NULL, &err), -EBADF);
	assert_contains(err.message, "open for reading only");
	assert_int_equal(tz_store_remove(store, "same", &err), -EBADF);
	assert_int_equal(tz_store_commit(store, &err), -EBADF);
	assert_true(sets_is_seen(unit_dir, sets_old));
}

static void test_read(void **state)
{
	_cleanup_store_ struct tz_store *store = NULL;
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	struct tz_error err = { 0 };

	(void)state;
	begin();
	make_file_of("own", "the user's");
	assert_int_equal(symlink("own", unit_path("link")), 0);
	store = open_store(false);
	assert_int_equal(tz_store_read(store, "own", 10, &text, &err), 0);
	assert_string_equal(text.data, "the user's");
	tz_textbuf_free(&text);
	assert_int_equal(tz_store_read(store, "own", 9, &text, &err), -EFBIG);
	assert_int_equal(tz_store_read(store, "none", 9, &text, &err), -ENOENT);
	assert_int_equal(tz_store_read(store, "link", 9, &text, &err), -ELOOP);
	assert_int_equal(tz_store_read(store, "db", 9, &text, &err), -EINVAL);
	assert_int_equal(tz_store_read(store, "../x", 9, &text, &err), -EINVAL);
	assert_int_equal(tz_store_read(store, ".tazpod/pulled", 9999, &text, &err), -EINVAL);
	assert_null(text.data);
}

static void test_odd_vaults(void **state)
{
	struct tz_store *store = NULL;
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_store_open(unit_path("none"), SETS_SHOWN, false, 0, &store, &err), -ENOENT);
	assert_contains(err.message, SETS_SHOWN " cannot be opened: No such file");
	make_folder("folder");
	assert_int_equal(symlink("folder", unit_path(".tazpod")), 0);
	refuse_open(false, -ELOOP, SETS_SHOWN "/.tazpod is no folder; move it away");
	refuse_open(true, -ELOOP, SETS_SHOWN "/.tazpod is no folder; move it away");
	assert_int_equal(unlink(unit_path(".tazpod")), 0);
	make_file_of(".tazpod", "");
	refuse_open(true, -ENOTDIR, SETS_SHOWN "/.tazpod is no folder; move it away");
	assert_int_equal(unlink(unit_path(".tazpod")), 0);
	make_folder(".tazpod");
	make_file_of(".tazpod/pulled", "tazpod-pulled 1 1\nA ../../.ssh/authorized_keys\n");
	refuse_open(false, -EINVAL, SETS_SHOWN "/.tazpod/pulled is damaged: line 2 names no file that a secret may have");
	refuse_open(true, -EINVAL, "remove that file, and pull again");
	assert_int_equal(unlink(unit_path(".tazpod/pulled")), 0);
	assert_int_equal(symlink("/etc/passwd", unit_path(".tazpod/pulled")), 0);
	refuse_open(true, -ELOOP, SETS_SHOWN "/.tazpod/pulled is a symlink");
	assert_int_equal(unlink(unit_path(".tazpod/pulled")), 0);
	make_file_of(".tazpod/stage", "");
	refuse_open(false, -ENOTDIR, SETS_SHOWN "/.tazpod/stage is no folder; move it away");
	assert_int_equal(unlink(unit_path(".tazpod/stage")), 0);
	assert_int_equal(symlink("../folder", unit_path(".tazpod/stage")), 0);
	refuse_open(false, -ELOOP, SETS_SHOWN "/.tazpod/stage is no folder; move it away");
	assert_int_equal(unlink(unit_path(".tazpod/stage")), 0);
	assert_int_equal(symlink("../folder", unit_path(".tazpod/stage.new")), 0);
	refuse_open(true, -ELOOP, SETS_SHOWN "/.tazpod/stage.new cannot be removed");
	tz_store_close(open_store(false));
}

/* ---- one that was interrupted ---- */

static void test_finish(void **state)
{
	(void)state;
	begin();
	make_stage("tazpod-pulled 1 3\nA a/b\nC changed\nSAME same\n");
	make_folder(".tazpod/stage/tree/a");
	make_file_of(".tazpod/stage/tree/a/b", "staged");
	make_file_of(".tazpod/stage/tree/changed", "staged");
	make_file_of("a", "the user's, put there in the meantime");
	refuse_open(false, -ENOTDIR, "the last pull is not whole yet: its rest follows when that can be done: " SETS_SHOWN
		    "/a is no folder, where one is needed: move it away");
	refuse_open(true, -ENOTDIR, "the last pull is not whole yet");
	assert_int_equal(unlink(unit_path("a")), 0);
	tz_store_close(open_store(false));
	assert_text("a/b", "staged");
	assert_text("changed", "staged");
	assert_text("same", "the same in both");
	assert_false(is_there("db/large") || is_there("place") || is_there("gone/deep") || is_there(".tazpod/values"));
	assert_true(is_there("db/own") && is_there("own") && is_there("gone/own"));
	assert_text(".tazpod/pulled", "tazpod-pulled 1 3\nA a/b\nC changed\nSAME same\n");
	assert_false(is_there(".tazpod/stage"));
}

/* Deeper than what is taken for a pull's. */
static void make_deep_folder(const char *name)
{
	int folder;

	assert_int_equal(mkdir(unit_path(name), 0700), 0);
	folder = open(unit_path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 200; i++) {
		int next;

		assert_int_equal(mkdirat(folder, "d", 0700), 0);
		next = openat(folder, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		assert_int_equal(close(folder), 0);
		folder = next;
	}
	assert_int_equal(close(folder), 0);
}

/* A vault from elsewhere may have anything there. */
static void test_odd_stage(void **state)
{
	(void)state;
	begin();
	make_stage("nonsense");
	refuse_open(false, -EINVAL, SETS_SHOWN "/.tazpod/stage/pulled is damaged: line 1");
	make_file_of(".tazpod/stage/pulled", "tazpod-pulled 1 0\n");
	make_folder("outside");
	assert_int_equal(rmdir(unit_path(".tazpod/stage/tree")), 0);
	assert_int_equal(symlink("../../outside", unit_path(".tazpod/stage/tree")), 0);
	refuse_open(false, -ELOOP, SETS_SHOWN "/.tazpod/stage/tree is no folder; move it away");
	assert_int_equal(unlink(unit_path(".tazpod/stage/tree")), 0);
	make_folder(".tazpod/stage/tree");
	assert_int_equal(symlink("/etc/passwd", unit_path(".tazpod/stage/tree/same")), 0);
	assert_int_equal(unlink(unit_path(".tazpod/stage/pulled")), 0);
	refuse_open(false, -EINVAL, SETS_SHOWN "/same was not staged by TazPod: it is no regular file");
	assert_int_equal(unlink(unit_path(".tazpod/stage/tree/same")), 0);
	/* without a manifest to be, what is there keeps its own */
	make_file_of(".tazpod/stage/other", "");
	tz_store_close(open_store(false));
	assert_true(sets_is_seen(unit_dir, sets_old));
	assert_false(is_there(".tazpod/stage"));
	/* and what cannot even be removed does not keep anybody busy */
	make_deep_folder(".tazpod/stage");
	refuse_open(false, -ENAMETOOLONG, SETS_SHOWN "/.tazpod/stage cannot be removed: File name too long; remove it");
	refuse_open(true, -ENAMETOOLONG, SETS_SHOWN "/.tazpod/stage cannot be removed");
	assert_int_equal(nftw(unit_path(".tazpod/stage"), unit_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_true(sets_is_seen(unit_dir, sets_old));
	assert_false(is_there(".tazpod/stage"));
}

static void test_leftovers(void **state)
{
	(void)state;
	begin();
	make_folder(".tazpod/stage.new");
	make_folder(".tazpod/stage.new/tree");
	make_file_of(".tazpod/stage.new/tree/same", "never committed");
	assert_true(sets_is_seen(unit_dir, sets_old));
	assert_true(is_there(".tazpod/stage.new"));
	pull(sets_new);
	assert_true(sets_is_seen(unit_dir, sets_new));
	assert_false(is_there(".tazpod/stage.new"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_teardown_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_sets),
		TEST(test_without_privilege),
		TEST(test_same_set_writes_nothing),
		TEST(test_states),
		TEST(test_own_files),
		TEST(test_next),
		TEST(test_remove),
		TEST(test_not_committed),
		TEST(test_put_refuses),
		TEST(test_obstacles),
		TEST(test_for_reading),
		TEST(test_read),
		TEST(test_odd_vaults),
		TEST(test_finish),
		TEST(test_odd_stage),
		TEST(test_leftovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
