/*
 * LUKS2 headers, by libcryptsetup on the image file itself (no block device needed).
 * Format: LUKS2 On-Disk Format Specification 1.1.1.
 *
 * A recovery keyslot is one that a LUKS2 token of type "tazpod-recovery" names; cryptsetup shows it and any
 * LUKS2 tool opens the vault with it.
 */
#ifndef TAZPOD_LUKS_H
#define TAZPOD_LUKS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "secret.h"
#include "settings.h"

#define TZ_UUID_TEXT 40
#define TZ_LUKS_SLOTS 32

struct tz_luks_info {
	char uuid[TZ_UUID_TEXT];
	char cipher[64];            /* "aes-xts-plain64" */
	unsigned int key_size;      /* bytes */
	unsigned int sector_size;   /* bytes */
	uint64_t data_offset;       /* bytes */
	uint64_t data_size;         /* bytes from there: to the image's end, unless the header says less */
	bool fixed_size;            /* the header says where the data ends */
	uint64_t iv_offset;         /* of the first sector, in units of 512 bytes: 0, since others are refused */
	bool allow_discards;        /* a flag kept in the header */
	unsigned int slots;         /* passphrases, recovery ones not counted */
	unsigned int recovery_slots;
	bool reencrypting;          /* left in the middle of cryptsetup reencrypt */
};

/* Reads the header; a damaged primary copy is served, and repaired, from the second one. */
int tz_luks_info(const struct tz_image *image, struct tz_luks_info *ret, struct tz_error *err);

/* Writes a new header with one keyslot to fd, a file of its final size; gives its volume key. */
int tz_luks_format(int fd, const struct tz_settings *settings, const struct tz_secret *passphrase,
		   struct tz_secret *ret_volume_key, struct tz_error *err);

/* -EKEYREJECTED: wrong passphrase. ret_recovery (may be NULL): it was a recovery passphrase. */
int tz_luks_unlock(const struct tz_image *image, const struct tz_secret *passphrase,
		   struct tz_secret *ret_volume_key, bool *ret_recovery, struct tz_error *err);

/* Is this the volume key of this image? -EKEYREJECTED when not. */
int tz_luks_verify(const struct tz_image *image, const struct tz_secret *volume_key, struct tz_error *err);

/*
 * Replaces old by new. The new keyslot is written before the old one is destroyed: killed at any point, the vault
 * opens with one of the two. Where old is a recovery passphrase it stays, and new replaces the only ordinary one.
 */
int tz_luks_change(const struct tz_image *image, const struct tz_settings *settings, const struct tz_secret *old,
		   const struct tz_secret *new, struct tz_error *err);

/* -EEXIST when there is one already; -EKEYREJECTED: current is wrong. */
int tz_luks_add_recovery(const struct tz_image *image, const struct tz_settings *settings,
			 const struct tz_secret *current, const struct tz_secret *recovery, struct tz_error *err);
/* -ENOENT when there is none; refuses (-EPERM) to destroy the last keyslot. */
int tz_luks_remove_recovery(const struct tz_image *image, struct tz_error *err);

/* Writes header and keyslots to a new file (mode 0600); -EEXIST rather than overwriting. */
int tz_luks_backup_header(const struct tz_image *image, const char *path, struct tz_error *err);
/*
 * Puts a backup back. -EINVAL: not a header backup; -EXDEV: of another vault (uuid differs) while the image's own
 * header is readable.
 */
int tz_luks_restore_header(const struct tz_image *image, const char *path, struct tz_error *err);

#endif
