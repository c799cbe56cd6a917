/*
 * The vault's image file: found by descriptor, judged before anything reads it.
 *
 * 1. Every directory down to the image belongs to root and is not writable by others, and one of them lets only
 *    root in (mode & 077 == 0): below that gate no other user can reach the image, whoever owns it.
 * 2. No symlink is followed; the image is a regular file.
 * 3. All later work uses the descriptor, never the path again.
 */
#ifndef TAZPOD_IMAGE_H
#define TAZPOD_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "error.h"
#include "settings.h"

struct tz_image {
	int dir;                 /* its directory: for the lock, and for what is created beside it */
	int fd;                  /* -1 when there is no image yet */
	dev_t dev;
	ino_t ino;
	uint64_t size;           /* bytes */
	char path[TZ_PATH_TEXT]; /* for messages */
	char name[NAME_MAX + 1]; /* the last component of path */
};

#define TZ_IMAGE_INIT { .dir = -1, .fd = -1 }

enum tz_image_kind {
	TZ_IMAGE_LUKS2,
	TZ_IMAGE_LUKS1,
	TZ_IMAGE_EMPTY,
	TZ_IMAGE_TRUNCATED, /* shorter than the LUKS2 header area, or than what its header asks for */
	TZ_IMAGE_UNKNOWN,   /* anything else: not ours to touch */
};

/*
 * Opens path for reading and writing. Success with ret->fd == -1 means: the directory is fine and there is no image.
 * -ELOOP: a symlink; -EINVAL: not a regular file; -EPERM: a directory on the way is not to be trusted;
 * -ENOENT: the directory itself is missing. Each with its sentence.
 */
int tz_image_open(const char *path, struct tz_image *ret, struct tz_error *err);

/*
 * Under the vault's lock, for what was opened before it was taken: its present size. -ESTALE with a sentence when another
 * file has its name now.
 */
int tz_image_refresh(struct tz_image *image, struct tz_error *err);

/*
 * Takes the vault's lock (lock.h), waiting a bounded time, and then refreshes the image, where there is one. On failure
 * nothing is locked.
 */
int tz_image_lock(struct tz_image *image, int *ret_lock, struct tz_error *err);

/* What is in it, by its first bytes and its second header; reads only. */
int tz_image_identify(const struct tz_image *image, enum tz_image_kind *ret, struct tz_error *err);

/* -EUCLEAN with a sentence that says what it is and what to do next, unless it is LUKS2. */
int tz_image_require_luks2(const struct tz_image *image, struct tz_error *err);

void tz_image_close(struct tz_image *image);

#define _cleanup_image_ tz_cleanup(tz_image_close)

#endif
