/*
 * Device-mapper by its own ioctls on /dev/mapper/control: linux/dm-ioctl.h, and the kernel's
 * Documentation/admin-guide/device-mapper/dm-crypt.rst for the table.
 *
 * libcryptsetup is not used for this: it makes, loads and starts a mapping in several steps, and killed in between it
 * leaves the mapping, with its key. Here the mapping is already doomed (pinned by a descriptor, in deferred removal)
 * before it gets a table. Nor is libdevmapper: it waits for udev, and removes nodes that are in use.
 */
#ifndef TAZPOD_DM_H
#define TAZPOD_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "luks.h"
#include "secret.h"

struct tz_dm_status {
	dev_t rdev;
	bool active;             /* it has a table */
	unsigned int open_count;
};

/* A descriptor of the control device that the caller owns; each usual failure has its sentence. */
int tz_dm_open(struct tz_error *err);

/* Has the kernel a target of this name? Loads its module where it can. 0, or -ENOENT. */
int tz_dm_has_target(int control, const char *target);

/* -ENXIO: there is no mapping of this name. */
int tz_dm_find(int control, const char *name, struct tz_dm_status *ret);

/* A mapping that can be opened, but holds nothing. -EBUSY: there is one of this name or uuid (the mapping's, not the vault's). */
int tz_dm_create(int control, const char *name, const char *uuid, dev_t *ret_rdev);

/* Now; or, deferred, with its last user (now, where there is none). -EBUSY: it is in use. */
int tz_dm_remove(int control, const char *name, bool deferred);

/* Gives the mapping its table, dm-crypt on the block device below, and starts it. */
int tz_dm_start_crypt(int control, const char *name, const struct tz_luks_info *luks,
		      const struct tz_secret *volume_key, dev_t below);

/* Without privilege, by sysfs: has any mapping a name that begins so? */
bool tz_dm_any_named(const char *beginning);

#endif
