/*
 * The vault's life: made whole or not at all, opened in order, checked, grown. Everything here runs as root.
 * Creating, checking and growing move the calling process into a private mount namespace, for good.
 */
#ifndef TAZPOD_VAULT_H
#define TAZPOD_VAULT_H

#include <stdint.h>

#include "driver.h"
#include "error.h"
#include "image.h"
#include "luks.h"
#include "secret.h"
#include "settings.h"

/* step is a short present participle ("reserving space"); percent is 0 to 100 over the whole. */
typedef void (*tz_progress_fn)(void *data, const char *step, unsigned int percent);

/*
 * Makes the image at settings->vault: fully allocated, formatted, its file system made and owned by owner, synced,
 * and only then given its name. -EEXIST: there is one (never overwritten); -ENOSPC with the figures. Killed at any
 * point it leaves nothing, or (where the file system has no O_TMPFILE) a temporary file that the next one removes.
 * ret_volume_key may be NULL. size in bytes, 0: settings->vault_size.
 */
int tz_vault_create(const struct tz_settings *settings, uint64_t size, uid_t owner_uid, gid_t owner_gid,
		    const struct tz_secret *passphrase, tz_progress_fn progress, void *data,
		    struct tz_secret *ret_volume_key, struct tz_error *err);

/* Attaches the image by driver and checks its file system (e2fsck -p) unless another session has it mounted. */
int tz_vault_attach(const struct tz_driver *driver, const struct tz_image *image, const struct tz_luks_info *luks,
		    const struct tz_secret *volume_key, struct tz_device *ret, struct tz_error *err);

/*
 * Checks the file system of a closed vault; repair false: reads only. 0: clean; 1: was repaired;
 * -EUCLEAN: has errors. -EBUSY: a session has it open.
 */
int tz_vault_check(const struct tz_settings *settings, const struct tz_secret *passphrase, bool repair,
		   struct tz_error *err);

/* Grows image and file system to size bytes. -EBUSY while a session is open; -EINVAL: not larger; -ENOSPC. */
int tz_vault_grow(const struct tz_settings *settings, const struct tz_secret *passphrase, uint64_t size,
		  tz_progress_fn progress, void *data, struct tz_error *err);

#endif
