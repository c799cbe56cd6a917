/*
 * OpenSSL's expanded keys in secret memory: it has no allocator of its own for them, so all of its allocations come
 * through here, and those made while a cipher is set up are served out of one locked, DONTDUMP block.
 */
#ifndef TAZPOD_CRYPTOMEM_H
#define TAZPOD_CRYPTOMEM_H

#include <stdbool.h>

#include "error.h"

/*
 * Before anything else of OpenSSL is used in this process, once; for good. -EALREADY: OpenSSL has allocated already, or
 * this was called before; or as tz_secret_alloc() fails.
 */
int tz_cryptomem_install(struct tz_error *err);

/* From now on (or no more) this thread's allocations for OpenSSL come from the block; without room there they fail. */
void tz_cryptomem_secret(bool on);

/* Bytes of the block that are given away; 0 when nothing was installed. */
unsigned int tz_cryptomem_used(void);

#endif
