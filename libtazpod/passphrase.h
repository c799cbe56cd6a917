/* The floor under a new passphrase's quality. */
#ifndef TAZPOD_PASSPHRASE_H
#define TAZPOD_PASSPHRASE_H

#include "error.h"
#include "secret.h"

/*
 * Refuses (-EINVAL, with a sentence that never quotes the passphrase) what is too short (minimum characters; UTF-8
 * counts as characters), longer than TZ_PASSPHRASE_MAX bytes, holds control characters, has fewer than five
 * different characters, is one run such as "abcdefghij" or "1234567890", one short piece repeated, or is the user's
 * name with a decoration.
 */
int tz_passphrase_check(const struct tz_secret *passphrase, unsigned int minimum, const char *user,
			struct tz_error *err);

#endif
