#include "unit.h"

#include "key_search.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libtazpod/vaultfile.h"

#define SHOWN "~/secrets"
#define LARGE (3 * 4096 + 5)

static struct tz_vaultfile_root root = { .fd = -1 };

static int setup(void **state)
{
	int fd = unit_setup_dir(state) < 0 ? -1 : open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	umask(022);
	return fd < 0 ? -1 : tz_vaultfile_root(fd, SHOWN, &root, NULL);
}

static int teardown(void **state)
{
	(void)close(root.fd);
	return unit_teardown_dir(state);
}

static void make_folder(const char *name)
{
	assert_int_equal(mkdir(unit_path(name), 0700), 0);
}

static void make_file_of(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0600);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, unit_path(name)), 0);
}

/* One of each kind, and how it is told. */
static const struct {
	const char *path;
	int code;
	const char *message;
} odd[] = {
	{ "folder", -EINVAL, SHOWN "/folder is a folder; move it away" },
	{ "fifo", -EINVAL, SHOWN "/fifo is a FIFO; move it away" },
	{ "socket", -EINVAL, SHOWN "/socket is " },
	{ "link", -ELOOP, SHOWN "/link is a symlink, or" },
	{ "dangling", -ELOOP, SHOWN "/dangling is a symlink, or" },
	{ "way/file", -ELOOP, SHOWN "/way/file is a symlink, or a folder on the way to it is one; move it away" },
	{ "file/x", -ENOTDIR, SHOWN "/file/x cannot be there: a folder on the way to it is a file" },
};

static void make_odd(void)
{
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	make_file_of("file", "text");
	make_folder("folder");
	make_file_of("folder/file", "text");
	assert_int_equal(mkfifo(unit_path("fifo"), 0600), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", unit_dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	make_link("file", "link");
	make_link("nowhere", "dangling");
	make_link("folder", "way");
}

/* ---- comparing and reading ---- */

static int compare(const char *path, const char *text)
{
	struct tz_error err = { 0 };
	int r = tz_vaultfile_compare(&root, path, text, strlen(text), &err);

	assert_int_equal(err.code, r < 0 ? r : 0);
	return r;
}

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(compare("file", ""), -ENOENT);
	assert_int_equal(compare("no/file", ""), -ENOENT);
	make_file_of("file", "text");
	assert_int_equal(compare("file", "text"), 1);
	assert_int_equal(compare("file", "tex"), 0);
	assert_int_equal(compare("file", "texts"), 0);
	assert_int_equal(compare("file", "Text"), 0);
	assert_int_equal(compare("file", ""), 0);
	make_file_of("file", "");
	assert_int_equal(compare("file", ""), 1);
	assert_int_equal(compare("file", "x"), 0);
	assert_int_equal(chmod(unit_path("file"), 0640), 0);
	assert_int_equal(compare("file", ""), 0);
	assert_int_equal(chmod(unit_path("file"), 0700), 0);
	assert_int_equal(compare("file", ""), 1);
}

static void test_compare_large(void **state)
{
	static char text[LARGE + 1];

	(void)state;
	memset(text, 'x', LARGE);
	for (size_t size = 4095; size <= LARGE; size = size == 4097 ? LARGE : size + 1) {
		unit_write(unit_path("file"), text, size, 0600);
		assert_int_equal(tz_vaultfile_compare(&root, "file", text, size, NULL), 1);
		assert_int_equal(tz_vaultfile_compare(&root, "file", text, size - 1, NULL), 0);
		text[size - 1] = 'y';
		assert_int_equal(tz_vaultfile_compare(&root, "file", text, size, NULL), 0);
		text[size - 1] = 'x';
	}
}

static void read_all(const char *text, size_t size)
{
	_cleanup_textbuf_ struct tz_textbuf found = TZ_TEXTBUF_INIT;
	struct tz_error err = { 0 };
	struct tz_textbuf untouched = { NULL, 77, 0 };

	unit_write(unit_path("file"), text, size, 0400);
	if (tz_vaultfile_read(&root, "file", size, &found, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(found.size, size);
	assert_non_null(found.data);
	assert_memory_equal(found.data, text, size);
	assert_int_equal(found.data[size], '\0');
	/* what is there stays, and it is added */
	assert_int_equal(tz_vaultfile_read(&root, "file", size, &found, &err), 0);
	assert_int_equal(found.size, 2 * size);
	assert_memory_equal(found.data, text, size);
	assert_memory_equal(found.data + size, text, size);
	if (size > 0) {
		assert_int_equal(tz_vaultfile_read(&root, "file", size - 1, &found, &err), -EFBIG);
		assert_int_equal(found.size, 2 * size);
		assert_int_equal(tz_vaultfile_read(&root, "file", size - 1, &untouched, &err), -EFBIG);
		assert_contains(err.message, SHOWN "/file is larger than");
		assert_int_equal(untouched.size, 77);
	}
	assert_int_equal(unlink(unit_path("file")), 0);
}

static void test_read(void **state)
{
	static char text[LARGE];

	(void)state;
	memset(text, 'x', LARGE);
	text[1] = '\0';
	read_all("", 0);
	read_all(text, 1);
	read_all(text, 4096);
	read_all(text, LARGE);
}

static void test_odd(void **state)
{
	struct tz_textbuf text = TZ_TEXTBUF_INIT;

	(void)state;
	make_odd();
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct tz_error err = { 0 };

		if (tz_vaultfile_read(&root, odd[i].path, 100, &text, &err) != odd[i].code)
			fail_msg("%s: %d, %s", odd[i].path, err.code, err.message);
		assert_contains(err.message, odd[i].message);
		assert_int_equal(tz_vaultfile_compare(&root, odd[i].path, "text", 4, &err), odd[i].code);
		assert_contains(err.message, odd[i].message);
	}
	assert_null(text.data);
	assert_int_equal(tz_vaultfile_read(&root, "nothing", 100, &text, NULL), -ENOENT);
	assert_int_equal(tz_vaultfile_read(&root, "../x", 100, &text, NULL), -EXDEV);
}

static void test_open_folder(void **state)
{
	struct tz_error err = { 0 };
	int fd;

	(void)state;
	make_odd();
	fd = tz_vaultfile_open_folder(&root, "folder", &err);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(tz_vaultfile_open_folder(&root, "none", &err), -ENOENT);
	assert_int_equal(tz_vaultfile_open_folder(&root, "file", &err), -ENOTDIR);
	assert_contains(err.message, SHOWN "/file is no folder; move it away");
	assert_int_equal(tz_vaultfile_open_folder(&root, "way", &err), -ELOOP);
	assert_contains(err.message, SHOWN "/way is no folder; move it away");
}

/* Over and over, to more than what is read at a time. */
static int write_key(const struct tz_secret *key)
{
	int fd = open(unit_path("key"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	for (size_t i = 0; i < 2 * LARGE / KEY_SIZE; i++)
		CHECK(write(fd, key->data, KEY_SIZE) == KEY_SIZE);
	return close(fd);
}

static int find_no_copies(void *data)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT, all = TZ_SECRET_INIT;
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	const size_t count = 2 * LARGE / KEY_SIZE;

	(void)data;
	make_key(&key);
	CHECK(write_key(&key) == 0);
	CHECK(tz_secret_alloc(&all, count * KEY_SIZE) == 0);
	for (size_t i = 0; i < count; i++)
		memcpy(all.data + i * KEY_SIZE, key.data, KEY_SIZE);
	CHECK(look_for_key(getpid()).open == 0);
	CHECK(tz_vaultfile_compare(&root, "key", all.data, all.size, NULL) == 1);
	CHECK(look_for_key(getpid()).open == 0);
	all.data[all.size - 1] ^= 1;
	CHECK(tz_vaultfile_compare(&root, "key", all.data, all.size, NULL) == 0);
	CHECK(look_for_key(getpid()).open == 0);
	tz_secret_free(&all);
	CHECK(tz_vaultfile_read(&root, "key", count * KEY_SIZE, &text, NULL) == 0);
	CHECK(text.size == count * KEY_SIZE && look_for_key(getpid()).locked > count);
	tz_textbuf_free(&text);
	tz_secret_free(&key);
	CHECK(look_for_key(getpid()).locked == 0 && look_for_key(getpid()).open == 0);
	CHECK(tz_vaultfile_read(&root, "key", 5000, &text, NULL) == -EFBIG);
	CHECK(look_for_key(getpid()).locked == 0 && look_for_key(getpid()).open == 0);
	return 0;
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(find_no_copies, NULL), 0);
}

/* ---- what is in the way ---- */

static int check_put(const char *path, const struct tz_manifest *manifest, const char *message)
{
	struct tz_error err = { 0 };
	int r = tz_vaultfile_check_put(&root, path, manifest, &err);

	if (r < 0 && !strstr(err.message, message))
		fail_msg("%s: %s", path, err.message);
	return r;
}

static void test_put(void **state)
{
	const struct tz_manifest none = TZ_MANIFEST_INIT;

	(void)state;
	make_odd();
	assert_int_equal(check_put("new", &none, ""), 0);
	assert_int_equal(check_put("new/folder/file", &none, ""), 0);
	assert_int_equal(check_put("file", &none, ""), 0);
	assert_int_equal(check_put("folder/file", &none, ""), 0);
	assert_int_equal(check_put("folder/new", &none, ""), 0);
	assert_int_equal(check_put("folder/new/file", &none, ""), 0);
	assert_int_equal(check_put("folder", &none, SHOWN "/folder is a folder; move it away"), -EINVAL);
	assert_int_equal(check_put("file/x", &none, SHOWN "/file is a file where a folder is needed; move it away"), -ENOTDIR);
	assert_int_equal(check_put("file/x/y", &none, SHOWN "/file is a file"), -ENOTDIR);
	assert_int_equal(check_put("fifo", &none, SHOWN "/fifo is a FIFO; move it away"), -EINVAL);
	assert_int_equal(check_put("fifo/x", &none, SHOWN "/fifo is a FIFO; move it away"), -EINVAL);
	assert_int_equal(check_put("link", &none, SHOWN "/link is a symlink"), -ELOOP);
	assert_int_equal(check_put("dangling", &none, SHOWN "/dangling is a symlink"), -ELOOP);
	assert_int_equal(check_put("way/file", &none, SHOWN "/way is a symlink"), -ELOOP);
	assert_int_equal(check_put("way/to/file", &none, SHOWN "/way is a symlink"), -ELOOP);
}

static void test_put_for_removed(void **state)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;
	static const char *const paths[] = { "file", "fifo", "link" };

	(void)state;
	make_odd();
	for (size_t i = 0; i < 3; i++) {
		struct tz_manifest_entry *entry;

		assert_int_equal(tz_manifest_set(&manifest, "N", paths[i], &entry), 0);
		entry->removed = true;
	}
	assert_int_equal(check_put("file/x", &manifest, ""), 0);
	assert_int_equal(check_put("file/x/y", &manifest, ""), 0);
	/* what has become something else is not removed */
	assert_int_equal(check_put("fifo/x", &manifest, "is a FIFO"), -EINVAL);
	assert_int_equal(check_put("link/x", &manifest, "is a symlink"), -ELOOP);
	manifest.entries[1]->removed = false;
	assert_string_equal(manifest.entries[1]->path, "file");
	assert_int_equal(check_put("file/x", &manifest, "is a file"), -ENOTDIR);
}

static int check_without_privilege(void *data)
{
	const struct tz_manifest none = TZ_MANIFEST_INIT;
	struct tz_error err = { 0 };

	(void)data;
	if (unit_become_nobody() < 0)
		return 77;
	CHECK_CODE(tz_vaultfile_check_put(&root, "mine/file", &none, &err), 0, &err);
	CHECK_CODE(tz_vaultfile_check_put(&root, "shut/new", &none, &err), -EACCES, &err);
	CHECK_CONTAINS(err.message, SHOWN "/shut/new cannot be changed in its folder: Permission denied");
	CHECK_CODE(tz_vaultfile_check_put(&root, "shut/file", &none, &err), -EACCES, &err);
	CHECK_CODE(tz_vaultfile_check_put(&root, "shut/new/file", &none, &err), -EACCES, &err);
	CHECK_CODE(tz_vaultfile_check_remove(&root, "shut/file", &err), -EACCES, &err);
	CHECK_CODE(tz_vaultfile_check_remove(&root, "shut/none", &err), 0, &err);
	CHECK_CODE(tz_vaultfile_check_put(&root, "dark/file", &none, &err), -EACCES, &err);
	CHECK_CONTAINS(err.message, SHOWN "/dark/file cannot be reached: Permission denied");
	CHECK_CODE(tz_vaultfile_check_remove(&root, "dark/file", &err), -EACCES, &err);
	CHECK_CODE(tz_vaultfile_check_put(&root, "new", &none, &err), geteuid() == 0 ? 0 : -EACCES, &err);
	return 0;
}

static void test_put_without_permission(void **state)
{
	static const char *const folders[] = { "mine", "shut", "dark" };
	static const mode_t modes[] = { 0700, 0500, 0600 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char path[32];

		make_folder(folders[i]);
		(void)snprintf(path, sizeof(path), "%s/file", folders[i]);
		make_file_of(path, "text");
		if (geteuid() == 0)
			assert_int_equal(chown(unit_path(folders[i]), UNIT_NOBODY, UNIT_NOBODY), 0);
		assert_int_equal(chmod(unit_path(folders[i]), modes[i]), 0);
	}
	assert_int_equal(chmod(unit_dir, 0555), 0);
	assert_int_equal(unit_in_child(check_without_privilege, NULL), 0);
	assert_int_equal(chmod(unit_dir, 0700), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(chmod(unit_path(folders[i]), 0700), 0);
}

static void test_put_on_immutable(void **state)
{
	const struct tz_manifest none = TZ_MANIFEST_INIT;
	_cleanup_close_ int fd = -1;
	int flags = FS_IMMUTABLE_FL;

	(void)state;
	make_file_of("file", "text");
	fd = open(unit_path("file"), O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		unit_skip("no file can be made immutable here");
	assert_int_equal(check_put("file", &none, SHOWN "/file may not be changed; take its attributes off"), -EPERM);
	assert_int_equal(tz_vaultfile_check_remove(&root, "file", NULL), -EPERM);
	flags = 0;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	assert_int_equal(check_put("file", &none, ""), 0);
}

static int check_mounts(void)
{
	const struct tz_manifest none = TZ_MANIFEST_INIT;
	struct tz_vaultfile_root place;
	struct tz_error err = { 0 };

	CHECK(mkdir(SCRATCH "/v", 0700) == 0 && mkdir(SCRATCH "/v/bound", 0700) == 0 && mkdir(SCRATCH "/o", 0700) == 0);
	make_file(SCRATCH "/v/file", 0);
	make_file(SCRATCH "/o/file", 0);
	/* of the same file system, so that its device tells nothing */
	CHECK(mount(SCRATCH "/o", SCRATCH "/v/bound", NULL, MS_BIND, NULL) == 0);
	CHECK(mount(SCRATCH "/o/file", SCRATCH "/v/file", NULL, MS_BIND, NULL) == 0);
	CHECK(tz_vaultfile_root(open(SCRATCH "/v", O_RDONLY | O_DIRECTORY | O_CLOEXEC), SHOWN, &place, &err) == 0);
	CHECK_CODE(tz_vaultfile_check_put(&place, "bound/x", &none, &err), -EXDEV, &err);
	CHECK_CONTAINS(err.message, SHOWN "/bound is mounted from elsewhere");
	CHECK_CODE(tz_vaultfile_check_put(&place, "file", &none, &err), -EXDEV, &err);
	CHECK_CODE(tz_vaultfile_check_put(&place, "other", &none, &err), 0, &err);
	return 0;
}

static void test_put_on_mount(void **state)
{
	(void)state;
	in_private_ns(check_mounts);
}

/* ---- removing ---- */

static void remove_path(const char *path)
{
	struct tz_error err = { 0 };

	if (tz_vaultfile_check_remove(&root, path, &err) < 0 || tz_vaultfile_remove(&root, path, &err) < 0)
		fail_msg("%s", err.message);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(unit_path(name), &st) == 0;
}

static void test_remove(void **state)
{
	(void)state;
	make_odd();
	remove_path("way/file");
	remove_path("file/x");
	remove_path("none/x");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		remove_path(odd[i].path);
	assert_true(is_there("folder") && is_there("fifo") && is_there("socket") && is_there("link"));
	assert_true(is_there("dangling") && is_there("file") && is_there("folder/file"));
	remove_path("file");
	remove_path("folder/file");
	assert_false(is_there("file") || is_there("folder/file"));
	assert_true(is_there("folder"));
}

static void test_remove_empty_folders(void **state)
{
	(void)state;
	make_folder("a");
	make_folder("a/b");
	make_folder("a/b/c");
	make_folder("x");
	make_file_of("a/own", "");
	tz_vaultfile_remove_empty_folders(&root, "a/b/c/file");
	assert_false(is_there("a/b"));
	assert_true(is_there("a/own"));
	/* it begins where there is something, whatever is missing below */
	assert_int_equal(unlink(unit_path("a/own")), 0);
	tz_vaultfile_remove_empty_folders(&root, "a/b/file");
	assert_false(is_there("a"));
	make_link("x", "link");
	tz_vaultfile_remove_empty_folders(&root, "link/file");
	tz_vaultfile_remove_empty_folders(&root, "file");
	assert_true(is_there("link") && is_there("x"));
}

static void test_sentences(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_vaultfile_refuse(&root, "a", -ENOSPC, &err), -ENOSPC);
	assert_string_equal(err.message, SHOWN " is full: make room there, or have the vault grow");
	assert_int_equal(tz_vaultfile_refuse(&root, "a", -EDQUOT, &err), -ENOSPC);
	assert_int_equal(tz_vaultfile_refuse(&root, "a", -EROFS, &err), -EROFS);
	assert_contains(err.message, SHOWN " is read-only");
	assert_int_equal(tz_vaultfile_refuse(&root, "a", -ENXIO, &err), -EINVAL);
	assert_int_equal(tz_vaultfile_refuse(&root, "a", -EIO, &err), -EIO);
	assert_contains(err.message, SHOWN "/a cannot be reached: Input/output error");
	assert_int_equal(tz_vaultfile_root(-1, SHOWN, &root, &err), -EBADF);
	assert_contains(err.message, SHOWN " cannot be looked at");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_compare),
		TEST(test_compare_large),
		TEST(test_read),
		TEST(test_odd),
		TEST(test_open_folder),
		TEST(test_memory),
		TEST(test_put),
		TEST(test_put_for_removed),
		TEST(test_put_without_permission),
		TEST(test_put_on_immutable),
		TEST(test_put_on_mount),
		TEST(test_remove),
		TEST(test_remove_empty_folders),
		TEST(test_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
