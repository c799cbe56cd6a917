#include "driver.h"

#include <errno.h>
#include <string.h>

const struct tz_driver *const tz_drivers[] = { &tz_driver_dm_crypt, NULL };

static const struct tz_driver *by_name(const char *name)
{
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++)
		if (strcmp((*driver)->name, name) == 0)
			return *driver;
	return NULL;
}

int tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *err)
{
	int r = -ENODEV;

	if (choice != TZ_DRIVER_AUTO) {
		const struct tz_driver *driver = by_name(tz_driver_choice_name(choice));

		if (!driver)
			return tz_error_set(err, EOPNOTSUPP, "this build of TazPod has no driver '%s'; set 'driver: auto'",
					    tz_driver_choice_name(choice));
		r = driver->usable(err);
		if (r == 0)
			*ret = driver;
		return r;
	}
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++) {
		r = (*driver)->usable(err);
		if (r < 0)
			continue;
		*ret = *driver;
		return 0;
	}
	return r;
}
