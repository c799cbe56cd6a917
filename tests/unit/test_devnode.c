#include "private_ns.h"

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "libtazpod/devnode.h"

/* LOOP_CTRL_MINOR of the kernel's miscdevice.h */
#define LOOP_CONTROL makedev(TZ_MISC_MAJOR, 237)
/* makedev(0, 0) is no device, for ever */
#define NO_DEVICE makedev(0, 0)

/* A descriptor of loop-control; no kernel module, no test. */
static int open_control(void)
{
	int fd = tz_devnode_open(S_IFCHR, LOOP_CONTROL, O_RDWR);

	if (fd == -ENODEV || fd == -ENXIO)
		_exit(EXIT_SKIP);
	CHECK(fd >= 0);
	return fd;
}

static int opens_a_character_device(void)
{
	struct stat st;
	int fd = open_control();

	CHECK(fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == LOOP_CONTROL);
	CHECK((st.st_mode & 0777) == 0600 && st.st_uid == 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	/* not a mere node: the driver answers */
	CHECK(ioctl(fd, LOOP_CTL_GET_FREE) >= 0);
	return close(fd);
}

static int opens_a_block_device(void)
{
	struct stat st;
	int control = open_control(), number = ioctl(control, LOOP_CTL_GET_FREE), fd;

	CHECK(number >= 0);
	fd = tz_devnode_open(S_IFBLK, makedev(TZ_LOOP_MAJOR, (unsigned int)number), O_RDONLY);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode));
	CHECK(st.st_rdev == makedev(TZ_LOOP_MAJOR, (unsigned int)number));
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	return close(fd) + close(control);
}

/* The same from a namespace whose /dev is empty, and nothing of it is to be seen. */
static int needs_no_dev_and_leaves_no_mount(void)
{
	char before[1024], path[64], link[PATH_MAX];
	ssize_t n;
	int fd;

	CHECK(mount("empty", "/dev", "tmpfs", 0, NULL) == 0);
	(void)snprintf(before, sizeof(before), "%s", mountinfo_of("/dev"));
	fd = open_control();
	CHECK(access("/dev/loop-control", F_OK) < 0 && strcmp(before, mountinfo_of("/dev")) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	CHECK(n > 0);
	link[n] = '\0';
	CHECK(access(link, F_OK) < 0);
	return close(fd);
}

static int knows_what_is_not_there(void)
{
	CHECK(tz_devnode_open(S_IFBLK, NO_DEVICE, O_RDONLY) == -ENXIO);
	CHECK(tz_devnode_open(S_IFCHR, NO_DEVICE, O_RDONLY) == -ENXIO);
	return 0;
}

static int is_not_for_everyone(void *data)
{
	(void)data;
	CHECK(unit_become_nobody() == 0);
	CHECK(tz_devnode_open(S_IFCHR, LOOP_CONTROL, O_RDWR) == -EPERM);
	return 0;
}

static void test_is_not_for_everyone(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(is_not_for_everyone, NULL), 0);
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(opens_a_character_device)
TEST(opens_a_block_device)
TEST(needs_no_dev_and_leaves_no_mount)
TEST(knows_what_is_not_there)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_a_character_device),
		cmocka_unit_test(test_opens_a_block_device),
		cmocka_unit_test(test_needs_no_dev_and_leaves_no_mount),
		cmocka_unit_test(test_knows_what_is_not_there),
		cmocka_unit_test(test_is_not_for_everyone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
