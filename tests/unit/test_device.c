#include "loop_of.h"
#include "private_ns.h"

#include <time.h>

#include "libtazpod/device.h"

#define FOLDER SCRATCH "/nodes"
#define UUID "11111111-2222-3333-4444-555555555555"

static struct tz_error err;
static struct tz_image image = { .dir = -1, .fd = -1, .path = "/vault.img", .dev = 0x10, .ino = 0xabc };
static struct tz_luks_info luks = { .uuid = UUID };
static unsigned int naps;

/* --wrap: waiting is only counted */
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)rest;
	CHECK(time->tv_sec == 0 && time->tv_nsec > 0);
	naps++;
	return 0;
}

static int has_a_name_that_tells_copies_apart(void)
{
	struct tz_device device = TZ_DEVICE_INIT;

	tz_device_name(&device, &image, &luks);
	CHECK(strcmp(device.name, "tazpod-" UUID "-10-abc") == 0);
	return 0;
}

struct script {
	unsigned int again; /* how often it is to be tried again */
	int answer;
	dev_t rdev;
};

static unsigned int calls;

static int play(const void *attempt, struct tz_device *device, struct tz_error *error)
{
	const struct script *script = attempt;

	CHECK(strcmp(device->name, "tazpod-" UUID "-10-abc") == 0 && device->fd == -1);
	if (calls++ < script->again)
		return -EAGAIN;
	if (script->answer < 0)
		return tz_error_set(error, script->answer, "it failed");
	device->rdev = script->rdev;
	return tz_device_pin(device, FOLDER, "node");
}

static int attach(const struct script *script, struct tz_device *device)
{
	err = (struct tz_error){ 0 };
	calls = naps = 0;
	return tz_device_attach(FOLDER, &image, &luks, play, script, device, &err);
}

static int is_pinned_in_its_folder(void)
{
	struct script script = { .again = 3 };
	struct tz_device device = TZ_DEVICE_INIT;
	struct stat st;
	int loop;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	loop = loop_of(SCRATCH "/image", &script.rdev);
	CHECK_CODE(attach(&script, &device), 0, &err);
	CHECK(calls == 4 && naps == 3 && strcmp(device.path, FOLDER "/node") == 0);
	CHECK(fstat(device.fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == script.rdev);
	tz_device_unpin(&device, FOLDER);
	CHECK(device.fd == -1 && device.path[0] == '\0' && mountinfo_of(FOLDER)[0] == '\0');
	return close(loop);
}

static int nothing_is_left_of_a_failure(void)
{
	const struct script refused = { .answer = -EPERM }, busy = { .again = 1000000 };
	struct tz_device device = TZ_DEVICE_INIT;

	CHECK_CODE(attach(&refused, &device), -EPERM, &err);
	CHECK(calls == 1 && naps == 0 && device.fd == -1 && mountinfo_of(FOLDER)[0] == '\0');
	CHECK_CONTAINS(err.message, "it failed");
	/* for a bounded time, and what did not say why is told */
	CHECK_CODE(attach(&busy, &device), -EAGAIN, &err);
	CHECK(calls == naps && naps > 1 && mountinfo_of(FOLDER)[0] == '\0');
	CHECK_CONTAINS(err.message, "/vault.img is still being closed by another session");
	return 0;
}

static int a_loop_device_is_told(void)
{
	struct tz_image real = { .dir = -1, .fd = -1, .path = SCRATCH "/image" };
	struct stat st;
	dev_t rdev;
	int loop;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	CHECK(stat(SCRATCH "/image", &st) == 0);
	real.dev = st.st_dev;
	real.ino = st.st_ino;
	CHECK_CODE(tz_device_refuse_bound(&real, &err), 0, &err);
	loop = loop_of(SCRATCH "/image", &rdev);
	CHECK_CODE(tz_device_refuse_bound(&real, &err), -EAGAIN, &err);
	CHECK_CONTAINS(err.message, SCRATCH "/image is already open elsewhere, through /dev/loop");
	return close(loop);
}

#define TESTS(TEST)                              \
	TEST(has_a_name_that_tells_copies_apart) \
	TEST(is_pinned_in_its_folder)            \
	TEST(nothing_is_left_of_a_failure)       \
	TEST(a_loop_device_is_told)

PRIVATE_NS_MAIN(TESTS)
