/*
 * How a vault's payload becomes a block device with a file system. One driver, one file: driver_dm.c, driver_fuse.c.
 *
 * The order of a session's use: usable, attach, (file system check when not shared), mount, release_when_unused.
 * After release_when_unused the kernel owns the device: it goes with its last mount, whoever is killed. If anything
 * fails before that, detach undoes attach. All calls are made under the vault's lock (lock.h), as root, in the
 * session's private mount namespace.
 */
#ifndef TAZPOD_DRIVER_H
#define TAZPOD_DRIVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "device.h"
#include "error.h"
#include "image.h"
#include "luks.h"
#include "secret.h"
#include "settings.h"

struct tz_driver {
	const char *name; /* as in the setting: "dm-crypt" */
	/* Can it work here? A negative errno and a sentence that says what is missing and how to get it. */
	int (*usable)(struct tz_error *err);
	/* Opens the image's payload, or joins the device that another session has open. */
	int (*attach)(const struct tz_image *image, const struct tz_luks_info *luks,
		      const struct tz_secret *volume_key, struct tz_device *ret, struct tz_error *err);
	/* The device is mounted now: from here on it goes with the last mount. server stays open, for the caller to watch. */
	int (*release_when_unused)(struct tz_device *device, struct tz_error *err);
	/* Undoes attach, unless another session uses the device. */
	void (*detach)(struct tz_device *device);
	/* Is this image open by this driver, by anyone? 1, 0 or a negative errno. */
	int (*is_open)(const struct tz_image *image, const struct tz_luks_info *luks);
	/* Without privilege: is a vault of this uuid open by this driver, as far as can be seen? */
	bool (*is_open_uuid)(const char *uuid);
};

extern const struct tz_driver tz_driver_dm_crypt;
extern const struct tz_driver tz_driver_fuse;

/* The driver that the setting asks for; for "auto" the first that is usable. */
int tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *err);

/*
 * Is this image open? 1 and (ret may be NULL) the driver by which, or NULL: a loop device is on it that is not known to be
 * a driver's. 0, or a negative errno: it cannot be told.
 */
int tz_driver_find_open(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_driver **ret);

/*
 * Under the vault's lock: the driver that has this image open, whatever the setting asks for, since two would write
 * into it side by side; or else the chosen one. -EBUSY: it is open by one that cannot be used here.
 */
int tz_driver_for(enum tz_driver_choice choice, const struct tz_image *image, const struct tz_luks_info *luks,
		  const struct tz_driver **ret, struct tz_error *err);

/* All drivers, ended by NULL, in the order in which "auto" tries them. */
extern const struct tz_driver *const tz_drivers[];

#endif
