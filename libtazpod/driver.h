/*
 * How a vault's payload becomes a block device with a file system. One driver, one file: driver_dm.c, and a
 * user-space one.
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

#include "error.h"
#include "image.h"
#include "luks.h"
#include "secret.h"
#include "settings.h"

struct tz_device {
	int fd;          /* keeps the device alive until it is mounted; -1 when not attached */
	dev_t rdev;
	bool shared;     /* another session has it mounted: no file system check. Or a check that is being ended has it:
			    then mounting it fails with -EBUSY, and the whole is to be tried again */
	char path[160];  /* a node in this mount namespace, removed by release_when_unused or detach */
	char name[128];  /* the driver's own name for it */
};

#define TZ_DEVICE_INIT { .fd = -1 }

struct tz_driver {
	const char *name; /* as in the setting: "dm-crypt" */
	/* Can it work here? A negative errno and a sentence that says what is missing and how to get it. */
	int (*usable)(struct tz_error *err);
	/* Opens the image's payload, or joins the device that another session has open. */
	int (*attach)(const struct tz_image *image, const struct tz_luks_info *luks,
		      const struct tz_secret *volume_key, struct tz_device *ret, struct tz_error *err);
	/* The device is mounted now: from here on it goes with the last mount. */
	int (*release_when_unused)(struct tz_device *device, struct tz_error *err);
	/* Undoes attach, unless another session uses the device. */
	void (*detach)(struct tz_device *device);
	/* Is this image open by this driver, by anyone? 1, 0 or a negative errno. */
	int (*is_open)(const struct tz_image *image, const struct tz_luks_info *luks);
	/* Without privilege: is a vault of this uuid open by this driver, as far as can be seen? */
	bool (*is_open_uuid)(const char *uuid);
};

extern const struct tz_driver tz_driver_dm_crypt;

/* The driver that the setting asks for; for "auto" the first that is usable. */
int tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *err);

/* All drivers, ended by NULL, in the order in which "auto" tries them. */
extern const struct tz_driver *const tz_drivers[];

#endif
