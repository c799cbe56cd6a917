#include "loop_of.h"
#include "private_ns.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "libtazpod/nodedir.h"

#define PLACE SCRATCH "/run/dev"

static struct tz_error err;

static void enter(const char *path)
{
	CHECK_CODE(tz_nodedir_enter(path, &err), 0, &err);
}

static int makes_a_private_folder(void)
{
	struct stat st;

	enter(PLACE);
	CHECK(stat(SCRATCH "/run", &st) == 0 && st.st_mode == (S_IFDIR | 0755) && st.st_uid == 0);
	CHECK(stat(PLACE, &st) == 0 && st.st_mode == (S_IFDIR | 0700) && st.st_uid == 0);
	CHECK_CONTAINS(mountinfo_of(PLACE), "nosuid,noexec");
	CHECK_CONTAINS(mountinfo_of(PLACE), "size=64k");
	tz_nodedir_leave(PLACE);
	CHECK(!mountinfo_of(PLACE)[0]);
	/* without one, and where it is there already */
	tz_nodedir_leave(PLACE);
	enter(PLACE);
	make_file(PLACE "/first", 0);
	enter(PLACE);
	CHECK(access(PLACE "/first", F_OK) < 0);
	tz_nodedir_leave(PLACE);
	CHECK(access(PLACE "/first", F_OK) == 0);
	return 0;
}

static int leaves_though_it_is_used(void)
{
	int fd;

	enter(PLACE);
	make_file(PLACE "/used", 0);
	fd = open(PLACE "/used", O_RDONLY | O_CLOEXEC);
	tz_nodedir_leave(PLACE);
	CHECK(fd >= 0 && !mountinfo_of(PLACE)[0] && access(PLACE "/used", F_OK) < 0);
	return close(fd);
}

static int makes_two_components_only(void)
{
	CHECK_CODE(tz_nodedir_enter(SCRATCH "/a/b/c", &err), -ENOENT, &err);
	CHECK_CONTAINS(err.message, SCRATCH "/a/b/c cannot be made");
	CHECK(access(SCRATCH "/a", F_OK) < 0);
	enter(SCRATCH "/a/b");
	make_file(SCRATCH "/file", 0);
	CHECK_CODE(tz_nodedir_enter(SCRATCH "/file/x", &err), -ENOTDIR, &err);
	/* a file is no folder to mount on */
	CHECK_CODE(tz_nodedir_enter(SCRATCH "/file", &err), -ENOTDIR, &err);
	CHECK_CONTAINS(err.message, "a private " SCRATCH "/file cannot be mounted");
	return 0;
}

static int opens_a_device_by_its_number(void)
{
	char path[160];
	struct stat st;
	dev_t rdev;
	int loop, fd;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	loop = loop_of(SCRATCH "/image", &rdev);
	enter(PLACE);
	fd = tz_nodedir_open(PLACE, "node", rdev, path, sizeof(path));
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && strcmp(path, PLACE "/node") == 0);
	CHECK(fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == rdev);
	CHECK(lstat(path, &st) == 0 && st.st_mode == (S_IFBLK | 0600) && st.st_rdev == rdev);
	/* it keeps the device, without the first one's */
	CHECK(close(loop) == 0 && tz_loop_is_named(fd, SCRATCH "/image") == 1);
	/* once more, over what has the name */
	loop = tz_nodedir_open(PLACE, "node", rdev, path, sizeof(path));
	CHECK(loop >= 0 && close(loop) == 0);
	CHECK(unlink(PLACE "/node") == 0 && symlink(SCRATCH "/image", PLACE "/node") == 0);
	loop = tz_nodedir_open(PLACE, "node", rdev, path, sizeof(path));
	CHECK(loop >= 0 && lstat(path, &st) == 0 && S_ISBLK(st.st_mode) && close(loop) == 0);
	return close(fd);
}

static int says_what_is_not_there(void)
{
	char path[160], small[8];

	enter(PLACE);
	/* no driver has this major */
	CHECK(tz_nodedir_open(PLACE, "node", makedev(511, 77), path, sizeof(path)) == -ENXIO);
	CHECK(tz_nodedir_open(PLACE, "node", makedev(7, 0), small, sizeof(small)) == -ENAMETOOLONG);
	CHECK(tz_nodedir_open(SCRATCH "/none", "node", makedev(7, 0), path, sizeof(path)) == -ENOENT);
	make_dir(PLACE "/folder", 0, 0700);
	CHECK(tz_nodedir_open(PLACE, "folder", makedev(7, 0), path, sizeof(path)) == -EISDIR);
	return 0;
}

static int tells_what_is_mounted(void)
{
	char path[160];
	dev_t rdev;
	int loop, fd;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	loop = loop_of(SCRATCH "/image", &rdev);
	enter(PLACE);
	fd = tz_nodedir_open(PLACE, "node", rdev, path, sizeof(path));
	CHECK(fd >= 0);
	/* open, also twice, is not mounted */
	CHECK(!tz_nodedir_is_mounted(path) && !tz_nodedir_is_mounted(path));
	make_dir(SCRATCH "/m", 0, 0755);
	CHECK(mount(path, SCRATCH "/m", "ext4", 0, NULL) == 0 && tz_nodedir_is_mounted(path));
	CHECK(umount2(SCRATCH "/m", 0) == 0 && !tz_nodedir_is_mounted(path));
	CHECK(!tz_nodedir_is_mounted(PLACE "/none"));
	CHECK(close(fd) == 0);
	return close(loop);
}

static int needs_privilege(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	char path[160];

	enter(PLACE);
	CHECK(syscall(SYS_capset, &header, none) == 0);
	CHECK_CODE(tz_nodedir_enter(SCRATCH "/other", &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "cannot be mounted");
	CHECK(tz_nodedir_open(PLACE, "node", makedev(7, 0), path, sizeof(path)) == -EPERM);
	return 0;
}

#define TESTS(TEST)                        \
	TEST(makes_a_private_folder)       \
	TEST(leaves_though_it_is_used)     \
	TEST(makes_two_components_only)    \
	TEST(opens_a_device_by_its_number) \
	TEST(says_what_is_not_there)       \
	TEST(tells_what_is_mounted)        \
	TEST(needs_privilege)

PRIVATE_NS_MAIN(TESTS)
