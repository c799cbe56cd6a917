/* Chooses among a driver of the test's own, which stands in for the dm-crypt one. */
#include "unit.h"

#include "libtazpod/driver.h"
#include "libtazpod/loop.h"

static int answer;
static int asked;

static int usable(struct tz_error *err)
{
	asked++;
	return answer < 0 ? tz_error_set(err, answer, "it cannot work here") : 0;
}

static int open_answer;
static int fuse_answer;

static int is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	(void)image;
	(void)luks;
	return open_answer;
}

static int fuse_usable(struct tz_error *err)
{
	return fuse_answer < 0 ? tz_error_set(err, fuse_answer, "FUSE cannot either") : 0;
}

static int fuse_open_answer;

static int fuse_is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	(void)image;
	(void)luks;
	return fuse_open_answer;
}

const struct tz_driver tz_driver_dm_crypt = { .name = "dm-crypt", .usable = usable, .is_open = is_open };
const struct tz_driver tz_driver_fuse = { .name = "fuse", .usable = fuse_usable, .is_open = fuse_is_open };

static void it_is_in_the_table(void **state)
{
	unsigned int count = 0;

	(void)state;
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++)
		count += *driver == &tz_driver_dm_crypt;
	assert_int_equal(count, 1);
	assert_ptr_equal(tz_drivers[0], &tz_driver_dm_crypt);
}

static void the_named_one_is_taken_where_it_can_work(void **state)
{
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = asked = 0;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_DM_CRYPT, &driver, &err), 0);
	assert_ptr_equal(driver, &tz_driver_dm_crypt);
	assert_int_equal(asked, 1);
}

static void the_named_one_says_why_it_cannot(void **state)
{
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = -ENODEV;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_DM_CRYPT, &driver, &err), -ENODEV);
	assert_string_equal(err.message, "it cannot work here");
	assert_null(driver);
}

static void auto_takes_the_first_that_can_work(void **state)
{
	const struct tz_driver *driver = NULL;

	(void)state;
	answer = asked = 0;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_AUTO, &driver, NULL), 0);
	assert_ptr_equal(driver, &tz_driver_dm_crypt);
	assert_int_equal(asked, 1);
}

static int loop_answer = -ENOENT;

int tz_loop_find(dev_t dev, ino_t ino)
{
	assert_int_equal(dev, 0);
	assert_int_equal(ino, 0);
	return loop_answer;
}

static void a_loop_device_of_nobody_is_open_but_decides_nothing(void **state)
{
	const struct tz_image image = TZ_IMAGE_INIT;
	const struct tz_luks_info luks = { .sector_size = 512 };
	const struct tz_driver *driver = &tz_driver_fuse;
	struct tz_error err = { 0 };

	(void)state;
	answer = fuse_answer = open_answer = fuse_open_answer = 0;
	loop_answer = 7;
	assert_int_equal(tz_driver_find_open(&image, &luks, &driver), 1);
	assert_null(driver);
	assert_int_equal(tz_driver_for(TZ_DRIVER_FUSE, &image, &luks, &driver, &err), 0);
	assert_ptr_equal(driver, &tz_driver_fuse);
	loop_answer = -EACCES;
	assert_int_equal(tz_driver_find_open(&image, &luks, NULL), -EACCES);
	assert_int_equal(tz_driver_for(TZ_DRIVER_AUTO, &image, &luks, &driver, &err), -EACCES);
	loop_answer = -ENOENT;
}

static void auto_takes_the_next_where_the_first_cannot(void **state)
{
	const struct tz_driver *driver = NULL;

	(void)state;
	answer = -ENODEV;
	fuse_answer = 0;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_AUTO, &driver, NULL), 0);
	assert_ptr_equal(driver, &tz_driver_fuse);
}

static void auto_says_why_none_can(void **state)
{
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = -EPERM;
	fuse_answer = -ENODEV;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_AUTO, &driver, &err), -ENODEV);
	assert_contains(err.message, "dm-crypt: it cannot work here; or fuse: FUSE cannot either");
	assert_null(driver);
}

static void the_one_that_has_it_open_is_taken(void **state)
{
	const struct tz_image image = TZ_IMAGE_INIT;
	const struct tz_luks_info luks = { .sector_size = 512 };
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = fuse_answer = open_answer = 0;
	fuse_open_answer = 1;
	assert_int_equal(tz_driver_find_open(&image, &luks, NULL), 1);
	assert_int_equal(tz_driver_for(TZ_DRIVER_DM_CRYPT, &image, &luks, &driver, &err), 0);
	assert_ptr_equal(driver, &tz_driver_fuse);
	fuse_answer = -EPERM;
	driver = NULL;
	assert_int_equal(tz_driver_for(TZ_DRIVER_AUTO, &image, &luks, &driver, &err), -EBUSY);
	assert_contains(err.message, "by the driver 'fuse', which cannot be used here (FUSE cannot either)");
	assert_null(driver);
	fuse_open_answer = 0;
	assert_int_equal(tz_driver_for(TZ_DRIVER_DM_CRYPT, &image, &luks, &driver, &err), 0);
	assert_ptr_equal(driver, &tz_driver_dm_crypt);
}

static void what_cannot_be_told_is_no(void **state)
{
	const struct tz_image image = TZ_IMAGE_INIT;
	const struct tz_luks_info luks = { .sector_size = 512 };
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = fuse_answer = fuse_open_answer = 0;
	open_answer = -EIO;
	assert_int_equal(tz_driver_find_open(&image, &luks, &driver), -EIO);
	assert_int_equal(tz_driver_for(TZ_DRIVER_AUTO, &image, &luks, &driver, &err), -EIO);
	/* but one that surely has it open decides */
	fuse_open_answer = 1;
	assert_int_equal(tz_driver_find_open(&image, &luks, &driver), 1);
	assert_ptr_equal(driver, &tz_driver_fuse);
	fuse_open_answer = -EBUSY;
	open_answer = 0;
	assert_int_equal(tz_driver_for(TZ_DRIVER_AUTO, &image, &luks, &driver, &err), -EBUSY);
	assert_contains(err.message, "locked by another program");
	fuse_open_answer = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_the_table),
		cmocka_unit_test(the_named_one_is_taken_where_it_can_work),
		cmocka_unit_test(the_named_one_says_why_it_cannot),
		cmocka_unit_test(auto_takes_the_first_that_can_work),
		cmocka_unit_test(auto_says_why_none_can),
		cmocka_unit_test(auto_takes_the_next_where_the_first_cannot),
		cmocka_unit_test(the_one_that_has_it_open_is_taken),
		cmocka_unit_test(what_cannot_be_told_is_no),
		cmocka_unit_test(a_loop_device_of_nobody_is_open_but_decides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
