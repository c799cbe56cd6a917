/* Against a kernel of the test's own: what ioctl() is given is what would have been done. */
#include "private_ns.h"

#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "libtazpod/devnode.h"
#include "libtazpod/dm.h"

#define CONTROL 77 /* no open descriptor: nothing here reaches the real kernel */
#define CALLS_MAX 8
#define RDEV makedev(252, 3)

struct seen {
	unsigned long request;
	uint32_t flags, event_nr, target_count;
	char name[DM_NAME_LEN], uuid[DM_UUID_LEN], type[DM_MAX_TYPE_NAME], table[1024];
	uint64_t length;
};

static struct seen seen[CALLS_MAX];
static int calls;
static int fail_at, fail_with; /* the call that fails, from 0 */
static uint32_t status_flags;
static int control_answer;

int __wrap_tz_devnode_open(mode_t type, dev_t device, int flags);
int __wrap_tz_devnode_open(mode_t type, dev_t device, int flags)
{
	assert_int_equal(type, S_IFCHR);
	assert_true(device == makedev(10, 236));
	assert_int_equal(flags, O_RDWR);
	return control_answer < 0 ? control_answer : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void remember(unsigned long request, const struct dm_ioctl *call)
{
	struct seen *one = &seen[calls];

	*one = (struct seen){ .request = request, .flags = call->flags, .event_nr = call->event_nr,
			      .target_count = call->target_count };
	memcpy(one->name, call->name, sizeof(one->name));
	memcpy(one->uuid, call->uuid, sizeof(one->uuid));
	if (request == DM_TABLE_LOAD) {
		struct dm_target_spec target;

		memcpy(&target, (const char *)call + call->data_start, sizeof(target));
		one->length = target.length;
		memcpy(one->type, target.target_type, sizeof(one->type));
		(void)snprintf(one->table, sizeof(one->table), "%s",
			       (const char *)call + call->data_start + sizeof(target));
	}
}

int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	struct dm_ioctl *call = argument;

	(void)fd;
	assert_true(calls < CALLS_MAX);
	assert_int_equal(call->version[0], DM_VERSION_MAJOR);
	assert_true(call->data_size >= sizeof(*call) && call->data_start == sizeof(*call));
	remember(request, call);
	if (calls++ == fail_at) {
		errno = fail_with;
		return -1;
	}
	call->dev = RDEV;
	call->flags |= status_flags;
	call->open_count = 3;
	return 0;
}

static int reset(void **state)
{
	(void)state;
	calls = 0;
	fail_at = -1;
	status_flags = 0;
	control_answer = 0;
	return 0;
}

static void fail_call(int at, int with)
{
	(void)reset(NULL);
	fail_at = at;
	fail_with = with;
}

static void the_control_device_is_opened_or_the_reason_told(void **state)
{
	struct tz_error err = { 0 };
	int fd;

	(void)state;
	fd = tz_dm_open(&err);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(seen[0].request, DM_VERSION);
	control_answer = -EPERM;
	assert_int_equal(tz_dm_open(&err), -EPERM);
	assert_contains(err.message, "may not be used here");
	control_answer = -ENXIO;
	assert_int_equal(tz_dm_open(&err), -ENODEV);
	assert_contains(err.message, "modprobe dm-crypt");
	fail_call(0, EACCES);
	assert_int_equal(tz_dm_open(&err), -EACCES);
	assert_contains(err.message, "does not answer");
}

static void a_missing_target_is_told_from_an_old_kernel(void **state)
{
	(void)state;
	assert_int_equal(tz_dm_has_target(CONTROL, "crypt"), 0);
	assert_int_equal(seen[0].request, DM_GET_TARGET_VERSION);
	assert_string_equal(seen[0].name, "crypt");
	fail_call(0, EINVAL);
	assert_int_equal(tz_dm_has_target(CONTROL, "crypt"), -ENOENT);
	/* it does not know the question */
	fail_call(0, ENOTTY);
	assert_int_equal(tz_dm_has_target(CONTROL, "crypt"), 0);
}

static void a_mapping_is_found_with_its_state(void **state)
{
	struct tz_dm_status status = { 0 };

	(void)state;
	assert_int_equal(tz_dm_find(CONTROL, "name", &status), 0);
	assert_true(status.rdev == RDEV && !status.active);
	assert_int_equal(status.open_count, 3);
	status_flags = DM_ACTIVE_PRESENT_FLAG;
	assert_int_equal(tz_dm_find(CONTROL, "name", &status), 0);
	assert_true(status.active);
	fail_call(0, ENXIO);
	assert_int_equal(tz_dm_find(CONTROL, "name", &status), -ENXIO);
}

/* Since 5.16 a mapping without any table cannot be opened. */
static void a_new_one_gets_a_table_that_holds_nothing(void **state)
{
	dev_t rdev = 0;

	(void)state;
	assert_int_equal(tz_dm_create(CONTROL, "name", "uuid", &rdev), 0);
	assert_true(rdev == RDEV);
	assert_int_equal(calls, 2);
	assert_int_equal(seen[0].request, DM_DEV_CREATE);
	assert_string_equal(seen[0].name, "name");
	assert_string_equal(seen[0].uuid, "uuid");
	assert_int_equal(seen[1].request, DM_TABLE_LOAD);
	assert_string_equal(seen[1].type, "error");
	assert_int_equal(seen[1].target_count, 1);
}

static void one_that_cannot_be_made_leaves_nothing(void **state)
{
	dev_t rdev = 5;

	(void)state;
	fail_call(0, EBUSY);
	assert_int_equal(tz_dm_create(CONTROL, "name", "uuid", &rdev), -EBUSY);
	assert_int_equal(calls, 1);
	fail_call(1, ENOMEM);
	assert_int_equal(tz_dm_create(CONTROL, "name", "uuid", &rdev), -ENOMEM);
	assert_int_equal(calls, 3);
	assert_int_equal(seen[2].request, DM_DEV_REMOVE);
	assert_int_equal(seen[2].flags & DM_DEFERRED_REMOVE, 0);
	assert_true(rdev == 5);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	char longer[DM_UUID_LEN + 1];
	struct tz_dm_status status;
	dev_t rdev;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[DM_NAME_LEN] = '\0';
	assert_int_equal(tz_dm_find(CONTROL, longer, &status), -ENAMETOOLONG);
	assert_int_equal(tz_dm_remove(CONTROL, longer, true), -ENAMETOOLONG);
	longer[DM_NAME_LEN] = 'x';
	longer[DM_UUID_LEN] = '\0';
	assert_int_equal(tz_dm_create(CONTROL, "name", longer, &rdev), -ENAMETOOLONG);
	assert_int_equal(calls, 0);
}

static void it_is_removed_now_or_with_its_last_user(void **state)
{
	(void)state;
	assert_int_equal(tz_dm_remove(CONTROL, "name", false), 0);
	assert_int_equal(tz_dm_remove(CONTROL, "name", true), 0);
	assert_int_equal(seen[0].flags, 0);
	assert_int_equal(seen[1].flags, DM_DEFERRED_REMOVE);
	/* udev is to leave it alone, and no semaphore is to be signalled */
	assert_true(seen[0].event_nr >> 16);
	assert_int_equal(seen[0].event_nr & 0xffff, 0);
	fail_call(0, EBUSY);
	assert_int_equal(tz_dm_remove(CONTROL, "name", false), -EBUSY);
}

static int start(struct tz_luks_info *luks, size_t key_size)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;

	assert_int_equal(tz_secret_alloc(&key, key_size), 0);
	for (size_t i = 0; i < key_size; i++)
		key.data[i] = (uint8_t)(i * 17);
	return tz_dm_start_crypt(CONTROL, "name", luks, &key, makedev(7, 5));
}

static void the_table_is_as_dm_crypt_reads_it(void **state)
{
	struct tz_luks_info luks = { .cipher = "aes-xts-plain64", .sector_size = 4096, .data_offset = 16777216,
				     .data_size = 33554432 + 100 };

	(void)state;
	assert_int_equal(start(&luks, 4), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(seen[0].request, DM_TABLE_LOAD);
	assert_int_equal(seen[0].flags & DM_SECURE_DATA_FLAG, DM_SECURE_DATA_FLAG);
	assert_string_equal(seen[0].type, "crypt");
	assert_string_equal(seen[0].table, "aes-xts-plain64 00112233 0 7:5 32768 1 sector_size:4096");
	/* whole sectors of the vault's, counted in those of 512 bytes */
	assert_int_equal(seen[0].length, 65536);
	assert_int_equal(seen[1].request, DM_DEV_SUSPEND);
	assert_int_equal(seen[1].flags & DM_SUSPEND_FLAG, 0);
	assert_true(seen[1].event_nr >> 16);
}

static void what_the_header_says_is_in_the_table(void **state)
{
	struct tz_luks_info luks = { .cipher = "serpent-xts-plain64", .sector_size = 512, .data_offset = 4096,
				     .data_size = 1024, .iv_offset = 9, .allow_discards = true };

	(void)state;
	assert_int_equal(start(&luks, 2), 0);
	assert_string_equal(seen[0].table, "serpent-xts-plain64 0011 9 7:5 8 1 allow_discards");
	assert_int_equal(seen[0].length, 2);
	(void)reset(NULL);
	luks.allow_discards = false;
	assert_int_equal(start(&luks, 2), 0);
	assert_string_equal(seen[0].table, "serpent-xts-plain64 0011 9 7:5 8 0");
	(void)reset(NULL);
	assert_int_equal(start(&luks, TZ_VOLUME_KEY_MAX), 0);
	assert_int_equal(strcspn(strchr(seen[0].table, ' ') + 1, " "), 2 * TZ_VOLUME_KEY_MAX);
}

static void a_table_that_is_refused_is_not_started(void **state)
{
	struct tz_luks_info luks = { .cipher = "no-such-cipher", .sector_size = 512, .data_size = 1024 };

	(void)state;
	fail_call(0, EINVAL);
	assert_int_equal(start(&luks, 2), -EINVAL);
	assert_int_equal(calls, 1);
	fail_call(1, EIO);
	assert_int_equal(start(&luks, 2), -EIO);
}

static int finds_mappings_by_their_beginning(void)
{
	CHECK(mount("sys", "/sys", "tmpfs", 0, NULL) == 0);
	CHECK(!tz_dm_any_named("tazpod-"));
	make_dir("/sys/block", 0, 0755);
	make_dir("/sys/block/sda", 0, 0755);
	CHECK(!tz_dm_any_named("tazpod-"));
	make_dir("/sys/block/dm-0", 0, 0755);
	make_dir("/sys/block/dm-0/dm", 0, 0755);
	/* "text" */
	make_file("/sys/block/dm-0/dm/name", 0);
	CHECK(tz_dm_any_named("te") && tz_dm_any_named("text") && !tz_dm_any_named("textile") && !tz_dm_any_named("ext"));
	return 0;
}

static void test_finds_mappings_by_their_beginning(void **state)
{
	(void)state;
	in_private_ns(finds_mappings_by_their_beginning);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_control_device_is_opened_or_the_reason_told, reset),
		cmocka_unit_test_setup(a_missing_target_is_told_from_an_old_kernel, reset),
		cmocka_unit_test_setup(a_mapping_is_found_with_its_state, reset),
		cmocka_unit_test_setup(a_new_one_gets_a_table_that_holds_nothing, reset),
		cmocka_unit_test_setup(one_that_cannot_be_made_leaves_nothing, reset),
		cmocka_unit_test_setup(names_that_do_not_fit_are_refused, reset),
		cmocka_unit_test_setup(it_is_removed_now_or_with_its_last_user, reset),
		cmocka_unit_test_setup(the_table_is_as_dm_crypt_reads_it, reset),
		cmocka_unit_test_setup(what_the_header_says_is_in_the_table, reset),
		cmocka_unit_test_setup(a_table_that_is_refused_is_not_started, reset),
		cmocka_unit_test(test_finds_mappings_by_their_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
