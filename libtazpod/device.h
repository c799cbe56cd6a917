/*
 * A device that a driver makes of an image, and what is the same for each driver while it attaches one: its name, its node
 * in a private folder (nodedir.h), and the waiting for another session that is coming or going.
 */
#ifndef TAZPOD_DEVICE_H
#define TAZPOD_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "image.h"
#include "luks.h"

struct tz_device {
	int fd;          /* keeps the device alive until it is mounted; -1 when not attached */
	dev_t rdev;
	bool shared;     /* another session has it mounted: no file system check. Or a check that is being ended has it:
			    then mounting it fails with -EBUSY, and the whole is to be tried again */
	int server;      /* pidfd of the process that the device stands on, the caller's once attached; -1: the kernel alone */
	char path[160];  /* a node in this mount namespace, removed by release_when_unused or detach */
	char name[128];  /* the driver's own name for it, see tz_device_name() */
};

#define TZ_DEVICE_INIT { .fd = -1, .server = -1 }

/* A name is this, the vault's uuid, "-", and what tells the image from copies of it, which have the same uuid. */
#define TZ_DEVICE_PREFIX "tazpod-"
void tz_device_name(struct tz_device *device, const struct tz_image *image, const struct tz_luks_info *luks);

/* Makes a node of device->rdev in the folder and opens it: from here on the device cannot go. A negative errno. */
int tz_device_pin(struct tz_device *device, const char *folder, const char *node);
/* Lets go of it, and of the folder. */
void tz_device_unpin(struct tz_device *device, const char *folder);

/* -EAGAIN with a sentence where a loop device is on the image already: somebody has it open, or is closing it. */
int tz_device_refuse_bound(const struct tz_image *image, struct tz_error *err);

/*
 * Enters the folder and tries once() on the named device until it gives other than -EAGAIN, for a bounded time. On success
 * *ret is attached; on failure nothing is left of it.
 */
int tz_device_attach(const char *folder, const struct tz_image *image, const struct tz_luks_info *luks,
		     int (*once)(const void *attempt, struct tz_device *device, struct tz_error *err),
		     const void *attempt, struct tz_device *ret, struct tz_error *err);

#endif
