/* Linked with --wrap=mkdirat,write: to stand in for whoever swaps a directory, and for short writes. */
#include "unit.h"

#include <signal.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/path.h"

static const char *swap_with;         /* moved into the place of the directory just made */
static const char *swap_at;
static const ssize_t *write_results;  /* negative: an errno; ends with SSIZE_MAX: as the kernel does */

int __real_mkdirat(int dirfd, const char *path, mode_t mode);
ssize_t __real_write(int fd, const void *data, size_t size);
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode);
ssize_t __wrap_write(int fd, const void *data, size_t size);

int __wrap_mkdirat(int dirfd, const char *path, mode_t mode)
{
	int r = __real_mkdirat(dirfd, path, mode);

	if (r == 0 && swap_with && (rmdir(swap_at) < 0 || rename(swap_with, swap_at) < 0))
		return -1;
	return r;
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	ssize_t result = write_results ? *write_results : SSIZE_MAX;

	if (result == SSIZE_MAX)
		return __real_write(fd, data, size);
	write_results++;
	if (result > 0)
		return __real_write(fd, data, (size_t)result);
	errno = (int)-result;
	return result < 0 ? -1 : 0;
}

static int setup(void **state)
{
	swap_with = swap_at = NULL;
	write_results = NULL;
	umask(022);
	return unit_setup_dir(state);
}

/* Opens and closes: 0 or the errno. */
static int try_open(const char *path, int flags)
{
	int fd = tz_path_open(AT_FDCWD, path, flags, 0);

	return fd < 0 ? fd : close(fd);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, unit_path(name)), 0);
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(unit_path(name), 0700), 0);
	assert_int_equal(chmod(unit_path(name), mode), 0);
}

static void test_open(void **state)
{
	struct stat st;
	_cleanup_close_ int fd = -1;

	(void)state;
	unit_write(unit_path("file"), "x", 1, 0600);
	fd = tz_path_open(AT_FDCWD, unit_path("file"), O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	tz_closep(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(try_open(unit_path("none"), O_RDONLY), -ENOENT);
	assert_int_equal(try_open(unit_path("file/x"), O_RDONLY), -ENOTDIR);
	fd = tz_path_open(AT_FDCWD, unit_path("new"), O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* a mode without O_CREAT is no error, though openat2() would say so */
	tz_closep(&fd);
	fd = tz_path_open(AT_FDCWD, unit_path("new"), O_RDONLY, 0640);
	assert_true(fd >= 0);
}

static void test_open_refuses_symlinks(void **state)
{
	static const int flags[] = { O_RDONLY, O_PATH, O_PATH | O_NOFOLLOW, O_RDWR | O_CREAT, O_RDONLY | O_DIRECTORY };

	(void)state;
	unit_write(unit_path("file"), "x", 1, 0600);
	make_dir("dir", 0700);
	unit_write(unit_path("dir/file"), "x", 1, 0600);
	make_link("file", "link");
	make_link("dir", "dirlink");
	make_link("nowhere", "dangling");
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(try_open(unit_path("link"), flags[i]), -ELOOP);
		assert_int_equal(try_open(unit_path("dangling"), flags[i]), -ELOOP);
		assert_int_equal(try_open(unit_path("dirlink"), flags[i]), -ELOOP);
		assert_int_equal(try_open(unit_path("dirlink/file"), flags[i]), -ELOOP);
	}
	assert_int_equal(access(unit_path("nowhere"), F_OK), -1);
}

static void test_open_refuses_magic_links(void **state)
{
	_cleanup_close_ int fd = open("/", O_PATH | O_CLOEXEC);
	char buffer[TZ_FD_PATH_MAX];

	(void)state;
	assert_int_equal(try_open("/proc/self/root/etc", O_RDONLY), -ELOOP);
	assert_int_equal(try_open(tz_fd_path(fd, buffer), O_RDONLY), -ELOOP);
}

/* A lease makes the open fail with EAGAIN for as long as its holder likes: that must end. */
static void test_open_does_not_spin(void **state)
{
	_cleanup_close_ int fd = -1;

	(void)state;
	unit_write(unit_path("file"), "x", 1, 0600);
	fd = open(unit_path("file"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(signal(SIGIO, SIG_IGN) != SIG_ERR);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		unit_skip("this file system has no leases");
	alarm(10);
	assert_int_equal(try_open(unit_path("file"), O_RDONLY | O_NONBLOCK), -EAGAIN);
	alarm(0);
}

static void test_open_beneath(void **state)
{
	_cleanup_close_ int dir = -1;
	_cleanup_close_ int fd = -1;

	(void)state;
	make_dir("dir", 0700);
	unit_write(unit_path("outside"), "x", 1, 0600);
	unit_write(unit_path("dir/file"), "x", 1, 0600);
	make_link("../outside", "dir/link");
	dir = open(unit_path("dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = tz_path_open_beneath(dir, "file", O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(tz_path_open_beneath(dir, "../outside", O_RDONLY, 0), -EXDEV);
	assert_int_equal(tz_path_open_beneath(dir, unit_path("outside"), O_RDONLY, 0), -EXDEV);
	assert_int_equal(tz_path_open_beneath(dir, "link", O_RDONLY, 0), -ELOOP);
}

static void test_trusted(void **state)
{
	static const struct {
		mode_t mode;
		int code;
	} cases[] = { { 0600, 0 },      { 0644, 0 },      { 0755, 0 },      { 0444, 0 },
		      { 0660, -EPERM }, { 0602, -EPERM }, { 0666, -EPERM }, { 0020, -EPERM } };
	struct tz_error err;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_close_ int fd = -1;

		unit_write(unit_path("file"), "x", 1, cases[i].mode);
		fd = open(unit_path("file"), O_PATH | O_CLOEXEC);
		memset(&st, 0, sizeof(st));
		err = (struct tz_error){ 0 };
		assert_int_equal(tz_path_trusted(fd, geteuid(), "the file", &st, &err), cases[i].code);
		assert_int_equal(st.st_size, cases[i].code == 0);
		assert_int_equal(err.code, cases[i].code);
		if (cases[i].code < 0)
			assert_contains(err.message, "the file may be written by others");
		assert_int_equal(tz_path_trusted(fd, geteuid(), "the file", NULL, NULL), cases[i].code);
		assert_int_equal(unlink(unit_path("file")), 0);
	}
}

static void test_trusted_owner(void **state)
{
	_cleanup_close_ int fd = -1;
	struct tz_error err = { 0 };
	struct stat st = { 0 };

	(void)state;
	unit_write(unit_path("file"), "x", 1, 0600);
	fd = open(unit_path("file"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(tz_path_trusted(fd, geteuid() + 1, "the file", &st, &err), -EPERM);
	assert_contains(err.message, "the file belongs to uid");
	assert_int_equal(st.st_size, 0);
	assert_int_equal(tz_path_trusted(-1, 0, "the file", &st, &err), -EBADF);
	assert_contains(err.message, "the file");
}

static void test_open_dir(void **state)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	(void)state;
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("a"), false, 0750, geteuid(), getegid()), -ENOENT);
	fd = tz_path_open_dir(AT_FDCWD, unit_path("a"), true, 0751, geteuid(), getegid());
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(fsync(fd), 0);
	tz_closep(&fd);
	/* the second time it is there, and is left as it is */
	fd = tz_path_open_dir(AT_FDCWD, unit_path("a"), true, 0700, geteuid(), getegid());
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("b/c"), true, 0700, geteuid(), getegid()), -ENOENT);
	assert_int_equal(access(unit_path("b"), F_OK), -1);
}

static void test_open_dir_relative(void **state)
{
	_cleanup_close_ int top = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int one = tz_path_open_dir(top, "one", true, 0700, geteuid(), getegid());
	_cleanup_close_ int two = tz_path_open_dir(top, "one/two", true, 0700, geteuid(), getegid());

	(void)state;
	assert_true(one >= 0);
	assert_true(two >= 0);
	assert_int_equal(access(unit_path("one/two"), F_OK), 0);
}

static void test_open_dir_refuses(void **state)
{
	char longer[PATH_MAX + 8];

	(void)state;
	make_dir("dir", 0700);
	make_link("dir", "link");
	make_link("nowhere", "dangling");
	unit_write(unit_path("file"), "x", 1, 0600);
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("link"), true, 0700, geteuid(), getegid()), -ELOOP);
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("dangling"), true, 0700, geteuid(), getegid()), -ELOOP);
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("link/x"), true, 0700, geteuid(), getegid()), -ELOOP);
	assert_int_equal(tz_path_open_dir(AT_FDCWD, unit_path("file"), true, 0700, geteuid(), getegid()), -ENOTDIR);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(tz_path_open_dir(AT_FDCWD, longer, true, 0700, geteuid(), getegid()), -ENAMETOOLONG);
	assert_int_equal(access(unit_path("dir/x"), F_OK), -1);
}

static int refuse_swapped(const char *other)
{
	static char at[PATH_MAX], with[PATH_MAX];
	struct stat st;
	int r;

	(void)snprintf(at, sizeof(at), "%s", unit_path("fresh"));
	(void)snprintf(with, sizeof(with), "%s", unit_path(other));
	swap_at = at;
	swap_with = with;
	r = tz_path_open_dir(AT_FDCWD, at, true, 0777, geteuid(), getegid());
	swap_with = NULL;
	if (r >= 0)
		(void)close(r);
	/* what was put there is neither given away nor removed */
	assert_int_equal(stat(at, &st), 0);
	assert_int_not_equal(st.st_mode & 0777, 0777);
	return r;
}

static void test_open_dir_refuses_swapped(void **state)
{
	(void)state;
	make_dir("open", 0755);
	assert_int_equal(refuse_swapped("open"), -EPERM);
	assert_int_equal(rmdir(unit_path("fresh")), 0);
	make_dir("full", 0700);
	unit_write(unit_path("full/file"), "x", 1, 0600);
	assert_int_equal(refuse_swapped("full"), -ENOTEMPTY);
}

static int make_for_root(void *data)
{
	int fd;

	(void)data;
	if (unit_become_nobody() < 0)
		return 200;
	fd = tz_path_open_dir(AT_FDCWD, unit_path("mine/given"), true, 0700, 0, 0);
	return fd < 0 ? -fd : 201;
}

/* What could not be given to its owner must not stay behind, to be taken for a good one the next time. */
static void test_open_dir_leaves_nothing_half_made(void **state)
{
	(void)state;
	make_dir("mine", 0700);
	if (geteuid() == 0) {
		assert_int_equal(chmod(unit_dir, 0755), 0);
		assert_int_equal(chown(unit_path("mine"), UNIT_NOBODY, UNIT_NOBODY), 0);
	}
	assert_int_equal(unit_in_child(make_for_root, NULL), EPERM);
	assert_int_equal(access(unit_path("mine/given"), F_OK), -1);
}

static void test_open_dir_owner(void **state)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		unit_skip("only root can give a directory away");
	fd = tz_path_open_dir(AT_FDCWD, unit_path("given"), true, 02750, 1234, 4321);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 4321);
	assert_int_equal(st.st_mode & 07777, 02750);
}

static void test_fd_path(void **state)
{
	char buffer[TZ_FD_PATH_MAX];

	(void)state;
	assert_string_equal(tz_fd_path(7, buffer), "/proc/self/fd/7");
	assert_string_equal(tz_fd_path(INT_MAX, buffer), "/proc/self/fd/2147483647");
}

static void test_write_all(void **state)
{
	static const ssize_t short_writes[] = { 2, -EINTR, 1, SSIZE_MAX };
	static const ssize_t nothing[] = { 2, 0, SSIZE_MAX };
	static const ssize_t full[] = { 1, -ENOSPC, SSIZE_MAX };
	char text[16] = "";
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	write_results = short_writes;
	assert_int_equal(tz_write_all(fds[1], "abcdef", 6), 0);
	assert_int_equal(read(fds[0], text, sizeof(text)), 6);
	assert_memory_equal(text, "abcdef", 6);
	write_results = nothing;
	assert_int_equal(tz_write_all(fds[1], "abcdef", 6), -EIO);
	write_results = full;
	assert_int_equal(tz_write_all(fds[1], "abcdef", 6), -ENOSPC);
	write_results = NULL;
	assert_int_equal(tz_write_all(fds[1], NULL, 0), 0);
	assert_int_equal(tz_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, setup, unit_teardown_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIR_TEST(test_open),
		DIR_TEST(test_open_refuses_symlinks),
		DIR_TEST(test_open_refuses_magic_links),
		DIR_TEST(test_open_does_not_spin),
		DIR_TEST(test_open_beneath),
		DIR_TEST(test_trusted),
		DIR_TEST(test_trusted_owner),
		DIR_TEST(test_open_dir),
		DIR_TEST(test_open_dir_relative),
		DIR_TEST(test_open_dir_refuses),
		DIR_TEST(test_open_dir_refuses_swapped),
		DIR_TEST(test_open_dir_leaves_nothing_half_made),
		DIR_TEST(test_open_dir_owner),
		DIR_TEST(test_fd_path),
		DIR_TEST(test_write_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
