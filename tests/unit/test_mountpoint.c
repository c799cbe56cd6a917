#include "private_ns.h"

#include "libtazpod/mountpoint.h"

static int tells_a_mount(void)
{
	int fd;

	make_dir(SCRATCH "/t", 0, 0755);
	fd = open_dir(SCRATCH);
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 0 && tz_mount_is_root(fd, "t") == 0);
	CHECK(mount("t", SCRATCH "/t", "tmpfs", 0, NULL) == 0);
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 1 && tz_mount_is_root(fd, "t") == 1);
	make_dir(SCRATCH "/t/below", 0, 0755);
	CHECK(tz_mount_is_root(fd, "t/below") == 0);
	/* a symlink is itself, and not what it names */
	CHECK(symlink("t", SCRATCH "/link") == 0 && tz_mount_is_root(fd, "link") == 0);
	CHECK(close(fd) == 0);
	fd = open_dir(SCRATCH "/t");
	CHECK(tz_mount_is_root(fd, "") == 1 && close(fd) == 0);
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/none") == -ENOENT && tz_mount_is_root(-1, "") == -EBADF);
	return 0;
}

static void test_tells_a_mount(void **state)
{
	(void)state;
	in_private_ns(tells_a_mount);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_a_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
