/* The ext4 file system in a vault: made, checked, grown. ext4(5), e2fsck(8). */
#ifndef TAZPOD_EXT4_H
#define TAZPOD_EXT4_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* Makes a file system on the device at path, whose root directory belongs to uid:gid. */
int tz_ext4_make(const char *path, uid_t uid, gid_t gid, struct tz_error *err);

/*
 * Is there an ext4 file system on fd, and does it fit into the device's size? -EUCLEAN with a sentence when not.
 * Reads only.
 */
int tz_ext4_identify(int fd, uint64_t device_size, struct tz_error *err);

enum tz_ext4_check {
	TZ_EXT4_PREEN,  /* e2fsck -p: replays the journal; a full check only where the file system asks for one */
	TZ_EXT4_VERIFY, /* e2fsck -f -n: reads only */
	TZ_EXT4_REPAIR, /* e2fsck -f -y */
};

/* 0: clean; 1: it was repaired; -EUCLEAN: errors are left. */
int tz_ext4_check(const char *path, enum tz_ext4_check how, struct tz_error *err);

/* Grows the mounted file system, of which directory is any descriptor, to device_size bytes. */
int tz_ext4_grow(int directory, uint64_t device_size, struct tz_error *err);

#endif
