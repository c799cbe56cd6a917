/*
 * With device-mapper replaced: what stands for the mapping is a loop device of another file, and /sys is made where it
 * is asked. The loop devices, nodes and mounts are real.
 */
#include "loop_of.h"
#include "private_ns.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "libtazpod/dm.h"
#include "libtazpod/dm_guard.h"
#include "libtazpod/driver.h"
#include "libtazpod/loop.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define NODE_DIR "/dev/mapper"

/* ---- the replacement ---- */

static struct {
	bool exists, active;
	unsigned int open_count;
	dev_t rdev;
	int open_answer, target_answer, create_answer, start_answer;
	char name[128], uuid[160], beginning[128];
	int below_serves; /* the loop device on which it is started, the image */
	dev_t image_dev;
	ino_t image_ino;
	unsigned int guards, removals, naps;
} dm;

static int mapping_fd; /* keeps the device that stands for the mapping */

int tz_dm_open(struct tz_error *err)
{
	return dm.open_answer < 0 ? tz_error_set(err, dm.open_answer, "no device-mapper") : open("/dev/null", O_RDONLY);
}

int tz_dm_has_target(int control, const char *target)
{
	CHECK(control >= 0 && strcmp(target, "crypt") == 0);
	return dm.target_answer;
}

int tz_dm_find(int control, const char *name, struct tz_dm_status *ret)
{
	CHECK(control >= 0);
	(void)snprintf(dm.name, sizeof(dm.name), "%s", name);
	if (!dm.exists)
		return -ENXIO;
	*ret = (struct tz_dm_status){ .rdev = dm.rdev, .active = dm.active, .open_count = dm.open_count };
	return 0;
}

int tz_dm_create(int control, const char *name, const char *uuid, dev_t *ret_rdev)
{
	CHECK(control >= 0);
	(void)snprintf(dm.name, sizeof(dm.name), "%s", name);
	(void)snprintf(dm.uuid, sizeof(dm.uuid), "%s", uuid);
	if (dm.create_answer < 0)
		return dm.create_answer;
	dm.exists = true;
	*ret_rdev = dm.rdev;
	return 0;
}

int tz_dm_guard_create(int control, const char *name, const char *uuid, dev_t *ret_rdev, struct tz_dm_guard *ret)
{
	int r = tz_dm_create(control, name, uuid, ret_rdev);

	if (r == 0) {
		ret->pid = 1;
		dm.guards++;
	}
	return r;
}

void tz_dm_guard_release(struct tz_dm_guard *guard)
{
	if (guard->pid > 0)
		dm.guards--;
	guard->pid = -1;
}

int tz_dm_remove(int control, const char *name, bool deferred)
{
	CHECK(control >= 0 && strcmp(name, dm.name) == 0 && !deferred);
	dm.removals++;
	dm.exists = false;
	return 0;
}

int tz_dm_start_crypt(int control, const char *name, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
		      dev_t below)
{
	CHECK(control >= 0 && strcmp(name, dm.name) == 0 && strcmp(luks->uuid, UUID) == 0 && volume_key->size == 64);
	/* the driver has it in its hand */
	CHECK(dm.guards == 0);
	dm.below_serves = tz_loop_serves(below, dm.image_dev, dm.image_ino);
	dm.active = dm.start_answer == 0;
	return dm.start_answer;
}

bool tz_dm_any_named(const char *beginning)
{
	(void)snprintf(dm.beginning, sizeof(dm.beginning), "%s", beginning);
	return dm.exists;
}

/* --wrap: waiting is only counted */
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)rest;
	CHECK(time->tv_sec == 0 && time->tv_nsec > 0);
	dm.naps++;
	return 0;
}

/* ---- helpers ---- */

static const struct tz_driver *const driver = &tz_driver_dm_crypt;
static struct tz_error err;
static struct tz_image image = TZ_IMAGE_INIT;
static struct tz_luks_info luks = { .uuid = UUID, .cipher = "aes-xts-plain64", .sector_size = 4096 };
static struct tz_secret key = TZ_SECRET_INIT;
static struct tz_device device = TZ_DEVICE_INIT;

static void prepare(void)
{
	struct stat st;

	CHECK(mount("dev", "/dev", "tmpfs", 0, "mode=755") == 0 && mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	make_ext4(SCRATCH "/mapping", "root_owner=0:0");
	mapping_fd = loop_of(SCRATCH "/mapping", &dm.rdev);
	image.fd = open(SCRATCH "/vault.img", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(image.fd >= 0 && ftruncate(image.fd, 8 << 20) == 0 && fstat(image.fd, &st) == 0);
	dm.image_dev = image.dev = st.st_dev;
	dm.image_ino = image.ino = st.st_ino;
	(void)snprintf(image.path, sizeof(image.path), SCRATCH "/vault.img");
	CHECK(tz_secret_alloc(&key, 64) == 0);
}

static int attach(void)
{
	int r;

	err = (struct tz_error){ 0 };
	dm.naps = dm.removals = 0;
	r = driver->attach(&image, &luks, &key, &device, &err);
	if (r < 0)
		CHECK(device.fd == -1 && access(NODE_DIR "/control", F_OK) < 0 && !mountinfo_of(NODE_DIR)[0]);
	CHECK(dm.guards == 0);
	return r;
}

static void is_pinned(void)
{
	struct stat node, open_one;

	CHECK(strncmp(device.path, NODE_DIR "/", strlen(NODE_DIR "/")) == 0 && device.rdev == dm.rdev);
	CHECK(lstat(device.path, &node) == 0 && S_ISBLK(node.st_mode) && (node.st_mode & 0777) == 0600);
	CHECK(fstat(device.fd, &open_one) == 0 && node.st_rdev == dm.rdev && open_one.st_rdev == dm.rdev);
	CHECK_CONTAINS(mountinfo_of(NODE_DIR), "mode=700");
}

/* ---- the tests ---- */

static int says_whether_it_is_usable(void)
{
	CHECK_CODE(driver->usable(&err), 0, &err);
	dm.target_answer = -ENOENT;
	CHECK_CODE(driver->usable(&err), -ENODEV, &err);
	CHECK_CONTAINS(err.message, "no 'crypt' target");
	dm.open_answer = -EPERM;
	CHECK_CODE(driver->usable(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "no device-mapper");
	CHECK(strcmp(driver->name, "dm-crypt") == 0);
	return 0;
}

static int makes_a_mapping_on_a_loop_device(void)
{
	char name[128];

	prepare();
	CHECK_CODE(attach(), 0, &err);
	is_pinned();
	CHECK(!device.shared && dm.active && dm.below_serves == 1);
	(void)snprintf(name, sizeof(name), "tazpod-" UUID "-%llx-%llx", (unsigned long long)image.dev,
		       (unsigned long long)image.ino);
	CHECK(strcmp(device.name, name) == 0 && strcmp(dm.name, name) == 0);
	/* so that cryptsetup knows what it sees */
	CHECK(strncmp(dm.uuid, "CRYPT-LUKS2-11111111222233334444555555555555-tazpod-", 52) == 0);
	CHECK_CODE(driver->release_when_unused(&device, &err), 0, &err);
	CHECK(device.fd == -1 && !mountinfo_of(NODE_DIR)[0] && dm.removals == 0);
	return 0;
}

static int undoes_it(void)
{
	prepare();
	CHECK_CODE(attach(), 0, &err);
	driver->detach(&device);
	CHECK(device.fd == -1 && !mountinfo_of(NODE_DIR)[0]);
	driver->detach(&device);
	return 0;
}

static int tells_what_the_kernel_cannot_do(void)
{
	prepare();
	dm.start_answer = -EINVAL;
	CHECK_CODE(attach(), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "this kernel does not have its cipher");
	CHECK_CONTAINS(err.detail, "aes-xts-plain64, sectors of 4096 bytes");
	dm.exists = false;
	dm.create_answer = -ENOMEM;
	CHECK_CODE(attach(), -ENOMEM, &err);
	CHECK_CONTAINS(err.message, "no mapping can be made");
	dm.open_answer = -ENODEV;
	CHECK_CODE(attach(), -ENODEV, &err);
	/* no loop device is left on the image, but for the moment that the kernel takes */
	for (int i = 0; i < 500 && tz_loop_find(image.dev, image.ino) >= 0; i++)
		(void)usleep(10000);
	CHECK(tz_loop_find(image.dev, image.ino) == -ENOENT);
	return 0;
}

/* Waited out, bounded, and then told what it is. */
static int waits_for_an_image_that_is_open_elsewhere(void)
{
	dev_t rdev;
	int other;

	prepare();
	other = loop_of(SCRATCH "/vault.img", &rdev);
	CHECK_CODE(attach(), -EAGAIN, &err);
	CHECK_CONTAINS(err.message, "already open elsewhere, through /dev/loop");
	CHECK(dm.naps > 10 && dm.naps < 1000 && !dm.exists);
	return close(other);
}

static int takes_away_what_a_kill_left(void)
{
	prepare();
	dm.exists = true;
	CHECK_CODE(attach(), 0, &err);
	CHECK(dm.removals == 1 && dm.naps == 1 && dm.active && !device.shared);
	return 0;
}

/* /sys says that the mapping stands on loop device number. */
static void stand_on(unsigned int number)
{
	char path[160];

	CHECK(mount("sys", "/sys", "tmpfs", 0, NULL) == 0);
	make_dir("/sys/dev", 0, 0755);
	make_dir("/sys/dev/block", 0, 0755);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dm.rdev), minor(dm.rdev));
	make_dir(path, 0, 0755);
	(void)strcat(path, "/slaves");
	make_dir(path, 0, 0755);
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/loop%u", number);
	make_dir(path, 0, 0755);
}

static int joins_what_another_session_has_mounted(void)
{
	dev_t below;
	int loop;

	prepare();
	loop = loop_of(SCRATCH "/vault.img", &below);
	stand_on(minor(below));
	dm.exists = dm.active = true;
	dm.open_count = 1;
	CHECK_CODE(attach(), 0, &err);
	is_pinned();
	/* only looked at by someone: its file system is to be checked */
	CHECK(!device.shared && dm.removals == 0);
	make_dir(SCRATCH "/m", 0, 0755);
	CHECK(mount(device.path, SCRATCH "/m", "ext4", 0, NULL) == 0);
	driver->detach(&device);
	CHECK_CODE(attach(), 0, &err);
	CHECK(device.shared && umount2(SCRATCH "/m", 0) == 0);
	driver->detach(&device);
	return close(loop);
}

static int does_not_join_another_image(void)
{
	dev_t below;
	int loop;

	prepare();
	make_ext4(SCRATCH "/other", "root_owner=0:0");
	loop = loop_of(SCRATCH "/other", &below);
	stand_on(minor(below));
	dm.exists = dm.active = true;
	dm.open_count = 1;
	CHECK_CODE(attach(), -EBUSY, &err);
	CHECK_CONTAINS(err.message, "exists on another image; close it with 'cryptsetup close tazpod-" UUID);
	return close(loop);
}

static int knows_what_is_open(void)
{
	prepare();
	CHECK(driver->is_open(&image, &luks) == 0);
	dm.exists = true;
	CHECK(driver->is_open(&image, &luks) == 0);
	dm.active = true;
	CHECK(driver->is_open(&image, &luks) == 1);
	CHECK(driver->is_open_uuid(UUID) && strcmp(dm.beginning, "tazpod-" UUID "-") == 0);
	dm.exists = false;
	CHECK(!driver->is_open_uuid(UUID));
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(says_whether_it_is_usable)
TEST(makes_a_mapping_on_a_loop_device)
TEST(undoes_it)
TEST(tells_what_the_kernel_cannot_do)
TEST(waits_for_an_image_that_is_open_elsewhere)
TEST(takes_away_what_a_kill_left)
TEST(joins_what_another_session_has_mounted)
TEST(does_not_join_another_image)
TEST(knows_what_is_open)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_whether_it_is_usable),
		cmocka_unit_test(test_makes_a_mapping_on_a_loop_device),
		cmocka_unit_test(test_undoes_it),
		cmocka_unit_test(test_tells_what_the_kernel_cannot_do),
		cmocka_unit_test(test_waits_for_an_image_that_is_open_elsewhere),
		cmocka_unit_test(test_takes_away_what_a_kill_left),
		cmocka_unit_test(test_joins_what_another_session_has_mounted),
		cmocka_unit_test(test_does_not_join_another_image),
		cmocka_unit_test(test_knows_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
