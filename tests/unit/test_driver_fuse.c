/*
 * With the real server, FUSE, loop devices and mounts. Linked with --wrap of the steps of attaching, so that whoever
 * attaches can be killed before each, and of nanosleep(): waiting is counted, and short.
 */
#include "server_place.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "libtazpod/devnode.h"
#include "libtazpod/driver.h"
#include "libtazpod/loop.h"
#include "libtazpod/server.h"

#define MOUNTED SCRATCH "/m"
#define NODE_DIR "/run/tazpod/dev"

static const struct tz_driver *const driver = &tz_driver_fuse;
static struct tz_luks_info luks = { .cipher = "aes-xts-plain64", .key_size = KEY_SIZE };

/* ---- what is put around the real thing ---- */

static unsigned int naps;
static unsigned int steps, die_at; /* 0: not at all */

int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	const struct timespec shorter = { .tv_nsec = time->tv_nsec / 10 };

	CHECK(time->tv_sec == 0 && time->tv_nsec > 0);
	naps++;
	return __real_nanosleep(&shorter, rest);
}

static void step(void)
{
	if (++steps == die_at)
		(void)raise(SIGKILL);
}

#define WRAP(type, name, parameters, ...)         \
	type __real_##name parameters;            \
	type __wrap_##name parameters;            \
	type __wrap_##name parameters             \
	{                                         \
		step();                           \
		return __real_##name(__VA_ARGS__); \
	}
WRAP(int, tz_nodedir_enter, (const char *path, struct tz_error *error), path, error)
WRAP(int, tz_nodedir_open, (const char *path, const char *name, dev_t rdev, char *ret_path, size_t size), path, name,
     rdev, ret_path, size)
WRAP(int, tz_fusemount_open_device, (struct tz_error *error), error)
WRAP(int, tz_fusemount, (int device, struct tz_error *error), device, error)
WRAP(int, tz_server_start, (int fd, int fuse, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
     int *ret_socket, int *ret_pidfd, struct tz_error *error), fd, fuse, setup, volume_key, ret_socket, ret_pidfd, error)
WRAP(int, tz_loop_attach, (int file, const char *name, unsigned int block_size, int *ret_fd, dev_t *ret_rdev,
     struct tz_error *error), file, name, block_size, ret_fd, ret_rdev, error)
WRAP(int, tz_server_bind, (int *socket, unsigned int loop, struct tz_error *error), socket, loop, error)

/* ---- helpers ---- */

/* Another vault each time, so that nobody else's loop devices are meant. */
static void prepare(void)
{
	uint8_t random[16];

	make_place();
	CHECK(getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random));
	(void)snprintf(luks.uuid, sizeof(luks.uuid), "%02x%02x%02x%02x-%02x%02x-4444-8888-%02x%02x%02x%02x%02x%02x", random[0],
		       random[1], random[2], random[3], random[4], random[5], random[6], random[7], random[8], random[9],
		       random[10], random[11]);
	luks.sector_size = geometry.sector_size;
	luks.data_offset = geometry.offset;
	luks.data_size = geometry.size;
	luks.iv_offset = geometry.iv_offset;
}

static int attach(struct tz_device *ret)
{
	int r;

	err = (struct tz_error){ 0 };
	naps = 0;
	*ret = (struct tz_device)TZ_DEVICE_INIT;
	r = driver->attach(&image, &luks, &key, ret, &err);
	if (r == -EPERM || r == -ENODEV)
		_exit(EXIT_SKIP);
	if (r < 0)
		CHECK(ret->fd == -1 && ret->server == -1 && err.message[0] && !mountinfo_of(NODE_DIR)[0]);
	return r;
}

static void must_attach(struct tz_device *ret)
{
	CHECK_CODE(attach(ret), 0, &err);
}

/* No loop device, no server, no lock. */
static void check_nothing_is_left(void)
{
	wait_for_all_children();
	for (int waited = 0; driver->is_open_uuid(luks.uuid) && waited < SOON_MS; waited += 10)
		(void)usleep(10000);
	CHECK(!driver->is_open_uuid(luks.uuid) && driver->is_open(&image, &luks) == 0);
	CHECK(!mountinfo_of(NODE_DIR)[0]);
}

static void check_device(int fd, uint64_t offset, uint32_t seed)
{
	static uint8_t found[PIECE], wanted[PIECE];

	fill(wanted, PIECE, offset, seed);
	CHECK(pread(fd, found, PIECE, (off_t)offset) == PIECE && memcmp(found, wanted, PIECE) == 0);
}

static void write_device(int fd, uint64_t offset, uint32_t seed)
{
	static uint8_t data[PIECE];

	fill(data, PIECE, offset, seed);
	CHECK(pwrite(fd, data, PIECE, (off_t)offset) == PIECE && fsync(fd) == 0);
}

static pid_t server_pid(void)
{
	struct tz_server_place place;

	CHECK(tz_server_find(image.fd, &place) == 1);
	return place.pid;
}

static void make_file_system(const struct tz_device *device)
{
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", device->path, NULL };

	if (access("/sbin/mkfs.ext4", X_OK) < 0)
		_exit(EXIT_SKIP);
	CHECK(run_program("/sbin/mkfs.ext4", argv) == 0);
	make_dir(MOUNTED, 0, 0755);
}

/* ---- the tests ---- */

static int without_capabilities(void *data)
{
	(void)data;
	CHECK(unit_become_nobody() == 0);
	CHECK_CODE(driver->usable(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "--device /dev/fuse and --cap-add SYS_ADMIN");
	return 0;
}

static int says_whether_it_is_usable(void)
{
	int status;
	pid_t pid;

	CHECK_CODE(driver->usable(&err), 0, &err);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(without_capabilities(NULL));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(strcmp(driver->name, "fuse") == 0);
	return 0;
}

static void check_loop(const struct tz_device *device)
{
	struct loop_info64 info;
	int block = 0;
	uint64_t size = 0;

	CHECK(ioctl(device->fd, LOOP_GET_STATUS64, &info) == 0 && (info.lo_flags & LO_FLAGS_AUTOCLEAR));
	CHECK(info.lo_flags & LO_FLAGS_DIRECT_IO);
	CHECK(ioctl(device->fd, BLKSSZGET, &block) == 0 && block == (int)luks.sector_size);
	CHECK(ioctl(device->fd, BLKGETSIZE64, &size) == 0 && size == PAYLOAD);
}

static int makes_a_device_of_the_payload(void)
{
	struct tz_device device;
	struct stat node, open_one;
	char name[128];

	prepare();
	must_attach(&device);
	(void)snprintf(name, sizeof(name), "tazpod-%s-%llx-%llx", luks.uuid, (unsigned long long)image.dev,
		       (unsigned long long)image.ino);
	CHECK(strcmp(device.name, name) == 0 && !device.shared && device.server >= 0);
	CHECK(strncmp(device.path, NODE_DIR "/loop", strlen(NODE_DIR "/loop")) == 0 && major(device.rdev) == TZ_LOOP_MAJOR);
	CHECK(lstat(device.path, &node) == 0 && S_ISBLK(node.st_mode) && (node.st_mode & 0777) == 0600);
	CHECK(fstat(device.fd, &open_one) == 0 && node.st_rdev == device.rdev && open_one.st_rdev == device.rdev);
	check_loop(&device);
	for (uint64_t at = 0; at < PAYLOAD; at += PIECE)
		check_device(device.fd, at, 1);
	write_device(device.fd, 3 * PIECE, 2);
	CHECK(image_holds(3 * PIECE, PIECE, 2) && image_holds(2 * PIECE, PIECE, 1) && image_holds(4 * PIECE, PIECE, 1));
	check_guards();
	driver->detach(&device);
	CHECK(device.fd == -1 && device.server == -1);
	check_nothing_is_left();
	driver->detach(&device);
	return 0;
}

/* What is not a whole sector at the end is nobody's. */
static int leaves_out_what_is_no_sector(void)
{
	struct tz_device device;

	prepare();
	luks.data_size = PAYLOAD + 512 * 3;
	must_attach(&device);
	check_loop(&device);
	driver->detach(&device);
	check_nothing_is_left();
	return 0;
}

static int shares_what_is_open(void)
{
	struct tz_device first, second;
	pid_t pid;

	prepare();
	must_attach(&first);
	make_file_system(&first);
	pid = server_pid();
	/* in use, but by no mount: its file system is to be checked */
	must_attach(&second);
	CHECK(second.rdev == first.rdev && !second.shared && second.server >= 0 && server_pid() == pid);
	driver->detach(&second);
	/* the first one has not noticed */
	CHECK(server_pid() == pid && mount(first.path, MOUNTED, "ext4", 0, NULL) == 0 && umount2(MOUNTED, 0) == 0);
	driver->detach(&first);
	check_nothing_is_left();
	return 0;
}

static int goes_with_its_last_mount(void)
{
	struct tz_device first, second;
	pid_t pid;

	prepare();
	must_attach(&first);
	make_file_system(&first);
	make_dir(SCRATCH "/m2", 0, 0755);
	CHECK(mount(first.path, MOUNTED, "ext4", 0, NULL) == 0);
	CHECK(driver->release_when_unused(&first, &err) == 0 && first.fd == -1 && !mountinfo_of(NODE_DIR)[0]);
	CHECK(first.server >= 0 && driver->is_open_uuid(luks.uuid));
	make_file(MOUNTED "/kept", 54321);
	pid = server_pid();
	must_attach(&second);
	CHECK(second.shared && second.rdev == first.rdev && server_pid() == pid && naps == 0);
	CHECK(mount(second.path, SCRATCH "/m2", "ext4", 0, NULL) == 0 && owner_of(SCRATCH "/m2/kept") == 54321);
	CHECK(driver->release_when_unused(&second, &err) == 0);
	CHECK(umount2(MOUNTED, 0) == 0 && !has_ended(first.server, 300));
	CHECK(umount2(SCRATCH "/m2", 0) == 0);
	CHECK(has_ended(first.server, SOON_MS) && has_ended(second.server, 0));
	check_nothing_is_left();
	/* and it is all there the next time; detach of one that is shared leaves it */
	must_attach(&first);
	CHECK(mount(first.path, MOUNTED, "ext4", 0, NULL) == 0 && owner_of(MOUNTED "/kept") == 54321);
	must_attach(&second);
	driver->detach(&second);
	CHECK(second.server == -1 && owner_of(MOUNTED "/kept") == 54321 && umount2(MOUNTED, 0) == 0);
	tz_closep(&first.fd);
	CHECK(has_ended(first.server, SOON_MS));
	return 0;
}

/* At once after the last one: what is going is waited out, and made anew. */
static int waits_for_what_is_going(void)
{
	struct tz_device device;

	prepare();
	for (int turn = 0; turn < 20; turn++) {
		must_attach(&device);
		CHECK(driver->release_when_unused(&device, &err) == 0);
		tz_closep(&device.server);
	}
	check_nothing_is_left();
	return 0;
}

static int share_elsewhere(void *data)
{
	struct tz_device device;

	(void)data;
	must_attach(&device);
	/* it cannot be watched, but it can be used */
	CHECK(device.server == -1 && device.fd >= 0);
	driver->detach(&device);
	return 0;
}

static int shares_with_another_pid_namespace(void)
{
	struct tz_device device;

	prepare();
	must_attach(&device);
	CHECK(in_pid_ns(share_elsewhere, NULL) == 0);
	check_device(device.fd, 0, 1);
	driver->detach(&device);
	return 0;
}

/* Killed before each of its steps, and once more after the last. */
static int killed_it_leaves_nothing(void)
{
	struct tz_device device;
	unsigned int last;

	prepare();
	steps = 0;
	must_attach(&device);
	last = steps + 1;
	driver->detach(&device);
	CHECK(last >= 8);
	for (unsigned int at = 1; at <= last; at++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			/* the other is wiped in a child; and what it mounts goes with it, as in a session */
			CHECK(unshare(CLONE_NEWNS) == 0);
			make_key(&key);
			steps = 0;
			die_at = at;
			must_attach(&device);
			step();
			_exit(1);
		}
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		check_nothing_is_left();
	}
	must_attach(&device);
	check_device(device.fd, 0, 1);
	return 0;
}

static int a_killed_server_is_an_error(void)
{
	uint8_t byte;
	struct tz_device device;

	prepare();
	must_attach(&device);
	CHECK(driver->is_open(&image, &luks) == 1 && kill(server_pid(), SIGKILL) == 0 && has_ended(device.server, SOON_MS));
	CHECK(pread(device.fd, &byte, 1, 9 * PIECE) < 0 && errno == EIO);
	CHECK(driver->is_open(&image, &luks) == 0 && driver->is_open_uuid(luks.uuid));
	driver->detach(&device);
	check_nothing_is_left();
	/* the vault is as it was */
	must_attach(&device);
	check_device(device.fd, 9 * PIECE, 1);
	return 0;
}

static int waits_for_an_image_that_is_open_elsewhere(void)
{
	struct tz_device device;
	dev_t rdev;
	int loop = -1;

	prepare();
	CHECK_CODE(tz_loop_attach(image.fd, "elsewhere", 512, &loop, &rdev, &err), 0, &err);
	CHECK_CODE(attach(&device), -EAGAIN, &err);
	CHECK_CONTAINS(err.message, "already open elsewhere, through /dev/loop");
	CHECK(naps > 10 && naps < 1000);
	CHECK(close(loop) == 0);
	must_attach(&device);
	return 0;
}

static int does_not_open_what_others_have_locked(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct tz_device device;
	int ready[2];
	char byte;
	pid_t pid;

	prepare();
	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && fcntl(image.fd, F_SETLK, &lock) == 0);
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			(void)pause();
	}
	CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1);
	CHECK_CODE(attach(&device), -EBUSY, &err);
	CHECK_CONTAINS(err.message, IMAGE " is locked by another program");
	CHECK(driver->is_open(&image, &luks) == -EBUSY);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	must_attach(&device);
	return 0;
}

static int names_what_it_cannot_open(void)
{
	struct tz_device device;

	prepare();
	steps = 0;
	(void)snprintf(luks.cipher, sizeof(luks.cipher), "serpent-xts-plain64");
	CHECK_CODE(attach(&device), -EOPNOTSUPP, &err);
	CHECK_CONTAINS(err.message, "serpent-xts-plain64");
	(void)snprintf(luks.cipher, sizeof(luks.cipher), "aes-xts-plain64");
	luks.key_size = 48;
	CHECK_CODE(attach(&device), -EOPNOTSUPP, &err);
	luks.key_size = KEY_SIZE;
	/* nothing was even begun */
	CHECK(steps == 0);
	memcpy(key.data, key.data + KEY_SIZE / 2, KEY_SIZE / 2);
	CHECK_CODE(attach(&device), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "a key whose halves are the same");
	check_nothing_is_left();
	return 0;
}

/* It still holds its lock while it ends; its loop device is another's by now. */
static int an_ending_server_has_nothing_open(void)
{
	_cleanup_close_ int other = open(SCRATCH "/other", O_RDWR | O_CREAT | O_CLOEXEC, 0600), loop = -1;
	struct tz_server_place place;
	int ready[2];
	char byte;
	dev_t rdev;
	pid_t pid;

	prepare();
	CHECK(other >= 0 && ftruncate(other, 65536) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	CHECK_CODE(tz_loop_attach(other, "tazpod-another", 512, &loop, &rdev, &err), 0, &err);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && tz_server_hold(image.fd, minor(rdev)) == 0);
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			(void)pause();
	}
	CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0);
	CHECK(tz_server_find(image.fd, &place) == 1 && place.loop == minor(rdev));
	CHECK(driver->is_open(&image, &luks) == 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	return 0;
}

static int knows_what_is_open(void)
{
	struct tz_device device;
	char other[TZ_UUID_TEXT];

	prepare();
	CHECK(driver->is_open(&image, &luks) == 0 && !driver->is_open_uuid(luks.uuid));
	must_attach(&device);
	CHECK(driver->is_open(&image, &luks) == 1 && driver->is_open_uuid(luks.uuid));
	(void)snprintf(other, sizeof(other), "%s", luks.uuid);
	other[0] = other[0] == 'f' ? '0' : 'f';
	CHECK(!driver->is_open_uuid(other));
	other[0] = '\0';
	CHECK(!driver->is_open_uuid(other));
	driver->detach(&device);
	CHECK(driver->is_open(&image, &luks) == 0 && !driver->is_open_uuid(luks.uuid));
	return 0;
}

#define TESTS(TEST)                                     \
	TEST(says_whether_it_is_usable)                 \
	TEST(makes_a_device_of_the_payload)             \
	TEST(leaves_out_what_is_no_sector)              \
	TEST(shares_what_is_open)                       \
	TEST(goes_with_its_last_mount)                  \
	TEST(waits_for_what_is_going)                   \
	TEST(shares_with_another_pid_namespace)         \
	TEST(killed_it_leaves_nothing)                  \
	TEST(a_killed_server_is_an_error)               \
	TEST(waits_for_an_image_that_is_open_elsewhere) \
	TEST(does_not_open_what_others_have_locked)     \
	TEST(names_what_it_cannot_open)                 \
	TEST(an_ending_server_has_nothing_open)         \
	TEST(knows_what_is_open)

PRIVATE_NS_MAIN(TESTS)
