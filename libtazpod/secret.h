/*
 * Memory for passphrases and keys: locked, kept out of core dumps and of forked children, wiped on release.
 *
 * 1. A secret MUST live in a struct tz_secret from the moment it is read to the moment it is used up.
 * 2. Ownership is one: hand it on with tz_secret_move(), never by copying the struct.
 * 3. Release with tz_secret_free() (or _cleanup_secret_) on every path.
 */
#ifndef TAZPOD_SECRET_H
#define TAZPOD_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* A passphrase has at most this many bytes (libcryptsetup itself takes no more). */
#define TZ_PASSPHRASE_MAX 512
/* AES-XTS with two 256-bit keys is the largest volume key in use. */
#define TZ_VOLUME_KEY_MAX 64

struct tz_secret {
	uint8_t *data;  /* NULL when empty; data[size] is always 0, so a passphrase is also a string */
	size_t size;    /* bytes in use */
	size_t mapped;  /* bytes mapped, private to this module */
};

#define TZ_SECRET_INIT { NULL, 0, 0 }

/* Room for size bytes, all zero. -ENOMEM, or -EPERM/-EAGAIN where the memory cannot be locked. */
int tz_secret_alloc(struct tz_secret *ret, size_t size);
/* A copy of size bytes from data; the caller wipes its own. */
int tz_secret_copy(struct tz_secret *ret, const void *data, size_t size);
/* Hands from on to ret (which must be empty); from is empty after. */
void tz_secret_move(struct tz_secret *ret, struct tz_secret *from);
/* Same bytes? In constant time for equal sizes. */
bool tz_secret_equal(const struct tz_secret *a, const struct tz_secret *b);
/* Wipes and unmaps; the struct is empty after. Accepts an empty one. */
void tz_secret_free(struct tz_secret *secret);

/* No core dumps, no ptrace by the same user: for a process that is about to hold secrets. */
int tz_secret_harden_process(void);

#define _cleanup_secret_ tz_cleanup(tz_secret_free)

#endif
