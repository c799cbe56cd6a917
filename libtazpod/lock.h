/* One opener at a time: flock() on the vault's directory (the image itself is locked by libcryptsetup). */
#ifndef TAZPOD_LOCK_H
#define TAZPOD_LOCK_H

#include "error.h"

/* Waits up to timeout_ms. -ETIMEDOUT with a sentence. The lock ends with the descriptor: keep *ret_fd open. */
int tz_lock_acquire(int directory, unsigned int timeout_ms, int *ret_fd, struct tz_error *err);

#endif
