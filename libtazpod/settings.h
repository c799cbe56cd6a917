/*
 * /etc/tazpod/tazpod.yaml: what root decided about the vault and its session. See tazpod.yaml(5).
 *
 * The file is opened first and then judged by its descriptor: owned by root, not writable by group or others. An
 * unknown key, a wrong type or a value out of range is an error that names file, line and column; a missing file
 * means all defaults.
 */
#ifndef TAZPOD_SETTINGS_H
#define TAZPOD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TZ_SETTINGS_PATH "/etc/tazpod/tazpod.yaml"
#define TZ_BRIDGES_MAX 16
#define TZ_SERVICES_MAX 16
#define TZ_NAME_MAX 64
#define TZ_PATH_TEXT 256

enum tz_driver_choice { TZ_DRIVER_AUTO, TZ_DRIVER_DM_CRYPT, TZ_DRIVER_FUSE };

struct tz_bridge_setting {
	char vault[TZ_PATH_TEXT]; /* one name in the vault's root: ".infisical-vault" */
	char home[TZ_PATH_TEXT];  /* relative to the ghost user's home: ".infisical" */
};

struct tz_settings {
	char ghost_user[TZ_NAME_MAX];   /* ghost_user: tazpod-ghost */
	char public_user[TZ_NAME_MAX];  /* public_user: tazpod */
	char vault[TZ_PATH_TEXT];       /* vault: /var/lib/tazpod/vault/vault.img (absolute) */
	char mount[TZ_PATH_TEXT];       /* mount: secrets (relative to the ghost user's home) */
	char workspace[TZ_PATH_TEXT];   /* workspace: /workspace (absolute; "" or none: no workspace) */
	char shell[TZ_PATH_TEXT];       /* shell: /bin/bash (absolute) */
	enum tz_driver_choice driver;   /* driver: auto | dm-crypt | fuse */
	uint64_t vault_size;            /* vault_size: 512M, bytes; suffixes K M G (1024) */
	unsigned int key_timeout;       /* key_timeout: 15m, seconds; suffixes s m h; 0 = never stash */
	unsigned int passphrase_min;    /* passphrase_min_length: 10, characters; 8 is the least */
	unsigned int kdf_memory;        /* kdf_memory: 256M, stored in KiB; for new keyslots only */
	unsigned int kdf_time;          /* kdf_time: 2000, milliseconds a new keyslot's derivation takes here */
	unsigned int kdf_iterations;    /* kdf_iterations: 0 = measured by kdf_time; else a fixed count (4 is least) */
	unsigned int bridge_count;
	struct tz_bridge_setting bridges[TZ_BRIDGES_MAX];
	unsigned int service_count;     /* services: PAM services that may open an enclave */
	char services[TZ_SERVICES_MAX][TZ_NAME_MAX]; /* su-l, sshd, login, tazpod */
};

/* All defaults. */
void tz_settings_defaults(struct tz_settings *ret);

/*
 * Reads path (TZ_SETTINGS_PATH when NULL). *ret is untouched on failure. -EPERM: others may write it; -EINVAL: its
 * content; the message has "path:line:column: ...".
 */
int tz_settings_load(const char *path, struct tz_settings *ret, struct tz_error *err);

/* The same for text in memory, named name in errors: for tests and fuzzing. */
int tz_settings_parse(const char *text, size_t size, const char *name, struct tz_settings *ret,
		      struct tz_error *err);

/* May this PAM service open an enclave? */
bool tz_settings_service_allowed(const struct tz_settings *settings, const char *service);

const char *tz_driver_choice_name(enum tz_driver_choice choice);

#endif
