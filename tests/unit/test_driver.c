/* Chooses among a driver of the test's own, which stands in for the dm-crypt one. */
#include "unit.h"

#include "libtazpod/driver.h"

static int answer;
static int asked;

static int usable(struct tz_error *err)
{
	asked++;
	return answer < 0 ? tz_error_set(err, answer, "it cannot work here") : 0;
}

const struct tz_driver tz_driver_dm_crypt = { .name = "dm-crypt", .usable = usable };

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

static void auto_says_why_none_can(void **state)
{
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = -EPERM;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_AUTO, &driver, &err), -EPERM);
	assert_string_equal(err.message, "it cannot work here");
	assert_null(driver);
}

static void one_that_was_not_built_is_named(void **state)
{
	const struct tz_driver *driver = NULL;
	struct tz_error err = { 0 };

	(void)state;
	answer = asked = 0;
	assert_int_equal(tz_driver_choose(TZ_DRIVER_FUSE, &driver, &err), -EOPNOTSUPP);
	assert_contains(err.message, "no driver 'fuse'");
	assert_null(driver);
	assert_int_equal(asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_the_table),
		cmocka_unit_test(the_named_one_is_taken_where_it_can_work),
		cmocka_unit_test(the_named_one_says_why_it_cannot),
		cmocka_unit_test(auto_takes_the_first_that_can_work),
		cmocka_unit_test(auto_says_why_none_can),
		cmocka_unit_test(one_that_was_not_built_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
