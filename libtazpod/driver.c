#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loop.h"

const struct tz_driver *const tz_drivers[] = { &tz_driver_dm_crypt, &tz_driver_fuse, NULL };

static const struct tz_driver *by_name(const char *name)
{
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++)
		if (strcmp((*driver)->name, name) == 0)
			return *driver;
	return NULL;
}

static int choose_any(const struct tz_driver **ret, struct tz_error *err)
{
	char reasons[TZ_ERROR_TEXT] = "";
	size_t used = 0;
	int r = -ENODEV;

	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++) {
		struct tz_error reason = { 0 };

		r = (*driver)->usable(&reason);
		if (r == 0) {
			*ret = *driver;
			return 0;
		}
		if (used < sizeof(reasons))
			used += (size_t)snprintf(reasons + used, sizeof(reasons) - used, "%s%s: %s", used ? "; or " : "",
						 (*driver)->name, reason.message);
	}
	return tz_error_set(err, r, "no driver can open a vault here. %s", reasons);
}

int tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *err)
{
	const struct tz_driver *driver;
	int r;

	if (choice == TZ_DRIVER_AUTO)
		return choose_any(ret, err);
	driver = by_name(tz_driver_choice_name(choice));
	if (!driver)
		return tz_error_set(err, EOPNOTSUPP, "this build of TazPod has no driver '%s'; set 'driver: auto'",
				    tz_driver_choice_name(choice));
	r = driver->usable(err);
	if (r == 0)
		*ret = driver;
	return r;
}

/* A loop device on the image is a session that is coming or going, or somebody else who opened it. */
static int find_loop(const struct tz_image *image)
{
	int r = tz_loop_find(image->dev, image->ino);

	return r >= 0 ? 1 : r == -ENOENT ? 0 : r;
}

int tz_driver_find_open(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_driver **ret)
{
	int failed = 0, r;

	if (ret)
		*ret = NULL;
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++) {
		r = (*driver)->is_open(image, luks);
		if (r > 0) {
			if (ret)
				*ret = *driver;
			return 1;
		}
		if (r < 0)
			failed = r;
	}
	r = find_loop(image);
	return r != 0 ? r : failed;
}

int tz_driver_for(enum tz_driver_choice choice, const struct tz_image *image, const struct tz_luks_info *luks,
		  const struct tz_driver **ret, struct tz_error *err)
{
	const struct tz_driver *driver = NULL;
	struct tz_error reason = { 0 };
	int r = tz_driver_find_open(image, luks, &driver);

	if (r == -EBUSY)
		return tz_error_set(err, r, "%s is locked by another program; end that first", image->path);
	if (r < 0)
		return tz_error_set(err, r, "whether the vault is open cannot be told: %s", strerrordesc_np(-r));
	/* what is nobody's is waited for, or told, where the image is attached */
	if (!driver)
		return tz_driver_choose(choice, ret, err);
	if (driver->usable(&reason) < 0)
		return tz_error_set(err, EBUSY, "%s is open elsewhere, by the driver '%s', which cannot be used here (%s)",
				    image->path, driver->name, reason.message);
	*ret = driver;
	return 0;
}
