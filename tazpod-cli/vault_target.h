/*
 * What the vault commands share: root's own process, the vault, its lock.
 *
 * 1. No passphrase is asked for into a refusal that could have come before.
 * 2. Whoever writes a header holds the vault's lock from vault_lock() to the end of the process.
 */
#ifndef TAZPOD_CLI_VAULT_TARGET_H
#define TAZPOD_CLI_VAULT_TARGET_H

#include <stdbool.h>

#include "cleanup.h"
#include "cli.h"
#include "error.h"
#include "image.h"
#include "luks.h"
#include "settings.h"

struct vault_target {
	struct tz_settings settings;
	struct tz_image image;
	struct tz_luks_info luks; /* all zero before vault_read() */
	int lock;
};

#define VAULT_TARGET_INIT { .image = TZ_IMAGE_INIT, .lock = -1 }

/* Makes this process fit to hold secrets, and reads the settings. -EPERM: not root. */
int vault_begin(const struct cli *cli, struct vault_target *target, struct tz_error *err);
/* Opens the image; -ENOENT when there is none. */
int vault_find(struct vault_target *target, struct tz_error *err);
/* The same, and reads its header. */
int vault_read(struct vault_target *target, struct tz_error *err);
/* -EBUSY while a session has it open. */
int vault_require_closed(const struct vault_target *target, struct tz_error *err);
/* -ENODEV and the like where no driver works here: its file system is out of reach. */
int vault_require_driver(const struct vault_target *target, struct tz_error *err);
int vault_lock(struct vault_target *target, struct tz_error *err);
void vault_release(struct vault_target *target);

#define _cleanup_vault_ tz_cleanup(vault_release)

#endif
