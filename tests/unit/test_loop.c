#include "private_ns.h"

#include <linux/fs.h>
#include <linux/loop.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "libtazpod/devnode.h"
#include "libtazpod/loop.h"

#define SIZE (4 << 20)
/* How long the kernel may take to free a device after its last close. */
#define FREE_MS 5000

struct file {
	int fd;
	struct stat st;
};

static struct file make_image(const char *path)
{
	struct file file = { .fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) };

	CHECK(file.fd >= 0 && ftruncate(file.fd, SIZE) == 0 && fstat(file.fd, &file.st) == 0);
	return file;
}

static int attach(int file, const char *name, unsigned int block_size, dev_t *ret_rdev)
{
	struct tz_error err = { 0 };
	int fd = -1, r = tz_loop_attach(file, name, block_size, &fd, ret_rdev, &err);

	if (r == -ENODEV || r == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
	CHECK(fd >= 0);
	return fd;
}

static void wait_until_free(dev_t rdev, const struct stat *st)
{
	for (int waited = 0; tz_loop_serves(rdev, st->st_dev, st->st_ino) != 0 && waited < FREE_MS; waited += 10)
		(void)usleep(10000);
	CHECK(tz_loop_serves(rdev, st->st_dev, st->st_ino) == 0);
}

static int serves_its_file(void)
{
	struct file image = make_image(SCRATCH "/image"), other = make_image(SCRATCH "/other");
	char text[] = "written through the device", read_back[sizeof(text)] = "";
	uint64_t size = 0;
	dev_t rdev = 0;
	int fd = attach(image.fd, "the name", 4096, &rdev), block = 0;

	CHECK(major(rdev) == TZ_LOOP_MAJOR && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK(tz_loop_serves(rdev, image.st.st_dev, image.st.st_ino) == 1);
	CHECK(tz_loop_serves(rdev, other.st.st_dev, other.st.st_ino) == 0);
	CHECK(tz_loop_find(image.st.st_dev, image.st.st_ino) == (int)minor(rdev));
	CHECK(tz_loop_find(other.st.st_dev, other.st.st_ino) == -ENOENT);
	CHECK(ioctl(fd, BLKGETSIZE64, &size) == 0 && size == SIZE);
	CHECK(ioctl(fd, BLKSSZGET, &block) == 0 && block == 4096);
	CHECK(pwrite(fd, text, sizeof(text), 8192) == (ssize_t)sizeof(text) && fsync(fd) == 0);
	CHECK(pread(image.fd, read_back, sizeof(read_back), 8192) == (ssize_t)sizeof(text));
	CHECK(strcmp(read_back, text) == 0);
	return 0;
}

static int is_named_and_autoclear(void)
{
	struct file image = make_image(SCRATCH "/image");
	struct loop_info64 info = { 0 };
	char longer[200];
	dev_t rdev;
	int fd;

	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fd = attach(image.fd, longer, 512, &rdev);
	CHECK(ioctl(fd, LOOP_GET_STATUS64, &info) == 0);
	CHECK(info.lo_flags & LO_FLAGS_AUTOCLEAR);
	/* cut to its room */
	CHECK(strncmp((const char *)info.lo_file_name, longer, LO_NAME_SIZE - 1) == 0);
	CHECK(info.lo_file_name[LO_NAME_SIZE - 1] == '\0');
	return 0;
}

static int knows_its_name(void)
{
	struct file image = make_image(SCRATCH "/image");
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fd, control, number, unbound;
	char longer[200], other[200];
	dev_t rdev;

	fd = attach(image.fd, "the name", 512, &rdev);
	CHECK(tz_loop_is_named(fd, "the name") == 1);
	CHECK(tz_loop_is_named(fd, "the nam") == 0 && tz_loop_is_named(fd, "the name ") == 0 && tz_loop_is_named(fd, "") == 0);
	CHECK(close(fd) == 0);
	/* as much of it as the kernel keeps decides */
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(other, longer, sizeof(other));
	fd = attach(image.fd, longer, 512, &rdev);
	CHECK(tz_loop_is_named(fd, longer) == 1);
	other[LO_NAME_SIZE - 1] = 'x';
	CHECK(tz_loop_is_named(fd, other) == 1);
	other[LO_NAME_SIZE - 2] = 'x';
	CHECK(tz_loop_is_named(fd, other) == 0);
	CHECK(tz_loop_is_named(null, "x") < 0 && tz_loop_is_named(-1, "x") == -EBADF);
	/* one that is bound to nothing; others may bind it, so the name is none that anybody gives */
	control = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, 237), O_RDWR);
	number = ioctl(control, LOOP_CTL_GET_FREE);
	unbound = tz_devnode_open(S_IFBLK, makedev(TZ_LOOP_MAJOR, (unsigned int)number), O_RDONLY);
	CHECK(number >= 0 && unbound >= 0 && tz_loop_is_named(unbound, longer) == 0);
	return 0;
}

static int look_as_nobody(void *data)
{
	CHECK(unit_become_nobody() == 0);
	return tz_loop_any_backed_by(data) ? 0 : 1;
}

static int is_seen_without_privilege(void)
{
	char path[64], beginning[64];
	struct file image;
	int fd, status;
	dev_t rdev;
	pid_t pid;

	/* nobody else has one of this name */
	(void)snprintf(path, sizeof(path), SCRATCH "/image-%d-x", getpid());
	(void)snprintf(beginning, sizeof(beginning), SCRATCH "/image-%d-", getpid());
	image = make_image(path);
	CHECK(!tz_loop_any_backed_by(beginning));
	fd = attach(image.fd, "another name", 512, &rdev);
	CHECK(tz_loop_any_backed_by(beginning) && tz_loop_any_backed_by(path) && !tz_loop_any_backed_by(path + 1));
	(void)strcat(path, "yyy");
	CHECK(!tz_loop_any_backed_by(path));
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(look_as_nobody(beginning));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(close(fd) == 0);
	wait_until_free(rdev, &image.st);
	CHECK(!tz_loop_any_backed_by(beginning));
	/* where nothing can be seen, there is nothing */
	CHECK(mount("sys", "/sys", "tmpfs", 0, NULL) == 0 && !tz_loop_any_backed_by(""));
	return 0;
}

static int goes_with_the_last_close(void)
{
	struct file image = make_image(SCRATCH "/image");
	dev_t rdev;
	int fd = attach(image.fd, "x", 0, &rdev), again;

	again = tz_devnode_open(S_IFBLK, rdev, O_RDONLY);
	CHECK(again >= 0 && close(fd) == 0);
	CHECK(tz_loop_serves(rdev, image.st.st_dev, image.st.st_ino) == 1);
	CHECK(close(again) == 0);
	wait_until_free(rdev, &image.st);
	CHECK(tz_loop_find(image.st.st_dev, image.st.st_ino) == -ENOENT);
	return 0;
}

static int goes_with_the_last_mount(void)
{
	struct stat st;
	dev_t rdev;
	int file, fd;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	file = open(SCRATCH "/image", O_RDWR | O_CLOEXEC);
	CHECK(file >= 0 && fstat(file, &st) == 0);
	fd = attach(file, "x", 0, &rdev);
	CHECK(close(file) == 0 && mknod(SCRATCH "/node", S_IFBLK | 0600, rdev) == 0);
	make_dir(SCRATCH "/m", 0, 0755);
	CHECK(mount(SCRATCH "/node", SCRATCH "/m", "ext4", 0, NULL) == 0 && close(fd) == 0);
	CHECK(tz_loop_serves(rdev, st.st_dev, st.st_ino) == 1);
	CHECK(umount2(SCRATCH "/m", 0) == 0);
	wait_until_free(rdev, &st);
	return 0;
}

static int attach_and_hold(void *data)
{
	const int *ends = data;
	struct file image = { .fd = open(SCRATCH "/image", O_RDWR | O_CLOEXEC) };
	dev_t rdev;

	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && image.fd >= 0);
	(void)attach(image.fd, "x", 0, &rdev);
	CHECK(write(ends[1], &rdev, sizeof(rdev)) == (ssize_t)sizeof(rdev));
	(void)pause();
	return 0;
}

/* Killed, not closed. */
static int goes_with_its_process(void)
{
	struct file image = make_image(SCRATCH "/image");
	int ends[2];
	dev_t rdev;
	pid_t pid;

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(attach_and_hold(ends));
	CHECK(close(ends[1]) == 0);
	if (read(ends[0], &rdev, sizeof(rdev)) != (ssize_t)sizeof(rdev))
		_exit(EXIT_SKIP);
	CHECK(tz_loop_serves(rdev, image.st.st_dev, image.st.st_ino) == 1);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	wait_until_free(rdev, &image.st);
	return 0;
}

#define RACERS 4

/* Several at once: each gets a device of its own. */
static int is_not_shared(void)
{
	struct file image = make_image(SCRATCH "/image");
	dev_t seen[RACERS];
	pid_t pids[RACERS];
	int ends[2];

	CHECK(close(attach(image.fd, "x", 0, &seen[0])) == 0);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	for (int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(attach_and_hold(ends));
	}
	for (int i = 0; i < RACERS; i++) {
		CHECK(read(ends[0], &seen[i], sizeof(seen[i])) == (ssize_t)sizeof(seen[i]));
		for (int j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
	for (int i = 0; i < RACERS; i++)
		CHECK(kill(pids[i], SIGKILL) == 0 && waitpid(pids[i], NULL, 0) == pids[i]);
	return 0;
}

static int tells_why_not(void)
{
	struct file image = make_image(SCRATCH "/image");
	struct tz_error err = { 0 };
	dev_t rdev = 7;
	int fd = -7;

	(void)close(attach(image.fd, "x", 0, &rdev));
	CHECK_CODE(tz_loop_usable(&err), 0, &err);
	rdev = 7;
	/* not a power of two */
	CHECK_CODE(tz_loop_attach(image.fd, "x", 1000, &fd, &rdev, &err), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "no loop device could be set up");
	CHECK_CODE(tz_loop_attach(-1, "x", 0, &fd, &rdev, &err), -EBADF, &err);
	CHECK(fd == -7 && rdev == 7);
	CHECK(tz_loop_serves(makedev(0, 0), image.st.st_dev, image.st.st_ino) == -ENXIO);
	return 0;
}

static int unprivileged(void *data)
{
	struct tz_error err = { 0 };
	dev_t rdev;
	int fd;

	(void)data;
	CHECK(unit_become_nobody() == 0);
	CHECK_CODE(tz_loop_attach(0, "x", 0, &fd, &rdev, &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "may not be used here");
	err = (struct tz_error){ 0 };
	CHECK_CODE(tz_loop_usable(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "--device /dev/loop-control");
	return 0;
}

static void test_unprivileged(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(unprivileged, NULL), 0);
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(serves_its_file)
TEST(is_named_and_autoclear)
TEST(knows_its_name)
TEST(is_seen_without_privilege)
TEST(goes_with_the_last_close)
TEST(goes_with_the_last_mount)
TEST(goes_with_its_process)
TEST(is_not_shared)
TEST(tells_why_not)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves_its_file),
		cmocka_unit_test(test_is_named_and_autoclear),
		cmocka_unit_test(test_knows_its_name),
		cmocka_unit_test(test_is_seen_without_privilege),
		cmocka_unit_test(test_goes_with_the_last_close),
		cmocka_unit_test(test_goes_with_the_last_mount),
		cmocka_unit_test(test_goes_with_its_process),
		cmocka_unit_test(test_is_not_shared),
		cmocka_unit_test(test_tells_why_not),
		cmocka_unit_test(test_unprivileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
