/* The other side, which answers the kernel, is played here: only its first question, and never an answer. */
#include "private_ns.h"

#include <linux/capability.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "libtazpod/fusemount.h"

static struct tz_error err;

static int open_device(void)
{
	int fd = tz_fusemount_open_device(&err);

	if (fd == -ENODEV || fd == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(fd < 0 ? fd : 0, 0, &err);
	return fd;
}

static int must_mount(int device)
{
	int fd = tz_fusemount(device, &err);

	CHECK_CODE(fd < 0 ? fd : 0, 0, &err);
	return fd;
}

static unsigned int count_mounts(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned int count = 0;
	char line[1024];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		count++;
	return count;
}

static int opens_the_device_by_its_number(void)
{
	struct stat st;
	int fd = open_device();

	CHECK(fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(10, 229));
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	/* no node is needed */
	CHECK(mount("dev", "/dev", "tmpfs", 0, "mode=755") == 0);
	(void)open_device();
	return 0;
}

static int mounts_nowhere(void)
{
	unsigned int before = count_mounts();
	struct fuse_in_header question;
	uint8_t buffer[65536];
	int device = open_device(), fd = must_mount(device);
	struct pollfd watch = { .fd = device, .events = POLLIN };

	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && count_mounts() == before);
	/* the kernel asks the holder of the device */
	CHECK(poll(&watch, 1, 5000) == 1 && read(device, buffer, sizeof(buffer)) > (ssize_t)sizeof(question));
	memcpy(&question, buffer, sizeof(question));
	CHECK(question.opcode == FUSE_INIT);
	return 0;
}

static int is_restricted(void)
{
	int device = open_device(), fd = must_mount(device);
	const char *line;

	/* attached somewhere, its options can be read */
	make_dir(SCRATCH "/m", 0, 0755);
	CHECK(move_mount(fd, "", AT_FDCWD, SCRATCH "/m", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	line = mountinfo_of(SCRATCH "/m");
	CHECK_CONTAINS(line, "nosuid,nodev,noexec");
	CHECK_CONTAINS(line, " fuse tazpod ");
	CHECK_CONTAINS(line, "user_id=0,group_id=0");
	CHECK(!strstr(line, "allow_other") && !strstr(line, "default_permissions"));
	return close(device);
}

/* Once its mount and files are closed, whoever reads the device hears that it is over. */
static int ends_with_its_descriptor(void)
{
	uint8_t buffer[65536];
	int device = open_device(), fd = must_mount(device);
	struct pollfd watch = { .fd = device, .events = POLLIN };

	CHECK(read(device, buffer, sizeof(buffer)) > 0 && poll(&watch, 1, 100) == 0);
	CHECK(close(fd) == 0);
	CHECK(poll(&watch, 1, 5000) == 1 && read(device, buffer, sizeof(buffer)) < 0 && errno == ENODEV);
	return 0;
}

/* And the other way round. */
static int ends_with_its_server(void)
{
	int device = open_device(), fd = must_mount(device);

	CHECK(close(device) == 0);
	CHECK(openat(fd, "file", O_RDWR) < 0 && (errno == ENOTCONN || errno == ECONNABORTED));
	return 0;
}

static int drop_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int says_what_is_missing(void)
{
	int device = open_device();

	CHECK(tz_fusemount(-1, &err) < 0);
	CHECK_CONTAINS(err.message, "FUSE cannot be mounted");
	/* not FUSE's */
	CHECK(tz_fusemount(open("/dev/null", O_RDWR | O_CLOEXEC), &err) == -EINVAL);
	CHECK(drop_admin() == 0);
	CHECK_CODE(tz_fusemount(device, &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "--cap-add SYS_ADMIN");
	CHECK_CODE(tz_fusemount_open_device(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "--device /dev/fuse");
	return 0;
}

#define TESTS(TEST)                          \
	TEST(opens_the_device_by_its_number) \
	TEST(mounts_nowhere)                 \
	TEST(is_restricted)                  \
	TEST(ends_with_its_descriptor)       \
	TEST(ends_with_its_server)           \
	TEST(says_what_is_missing)

PRIVATE_NS_MAIN(TESTS)
