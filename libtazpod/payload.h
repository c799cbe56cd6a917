/*
 * A vault's payload, decrypted as it is read and encrypted as it is written: the encrypted part of an image file seen
 * as a block device. It is read and written in units of 512 bytes: a loop device's requests are whole sectors, but FUSE
 * cuts those that lie in too many pages anywhere, in two that come to two threads.
 *
 * 1. What is answered is whole or an error, never less than asked for: who asks believes that a short write is done.
 * 2. Nothing outside of the payload is read or written, whatever is asked for.
 * 3. A write has only reached the disk when tz_payload_sync() has returned 0.
 */
#ifndef TAZPOD_PAYLOAD_H
#define TAZPOD_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "secret.h"
#include "xts.h"

struct tz_payload_geometry {
	uint64_t offset;          /* of the payload in the image, bytes */
	uint64_t size;            /* of the payload, bytes; whole sectors */
	uint64_t iv_offset;       /* see xts.h */
	uint32_t sector_size;     /* bytes */
};

/* One for each thread: it has the cipher's state in it. */
struct tz_payload {
	int fd;                   /* the image; not owned */
	struct tz_payload_geometry geometry;
	struct tz_xts xts;
	uint8_t *buffer;          /* not owned */
	size_t largest;
};

#define TZ_PAYLOAD_INIT { .fd = -1, .xts = TZ_XTS_INIT }

/* What a buffer has room for beyond the largest request: the rest of a sector at either end. */
#define TZ_PAYLOAD_MORE 8192

/*
 * largest is what one request may ask for, in bytes. buffer has TZ_PAYLOAD_MORE bytes more than that, is aligned for
 * O_DIRECT where fd has that, and only lent; what was read last stays in it. -EINVAL: the geometry makes no sense (sizes
 * that are not whole sectors or overflow), or as tz_xts_init().
 */
int tz_payload_init(struct tz_payload *ret, int fd, const struct tz_payload_geometry *geometry,
		    const struct tz_secret *key, void *buffer, size_t largest);

/*
 * Up to size bytes at an offset of the payload; less only where the payload ends. *ret_data lies in the buffer until the
 * next call. The number of bytes, or -EINVAL: not whole units, or too many; -EIO: the image cannot be read, or ends
 * before it should; or what read(2) says.
 */
ssize_t tz_payload_read(struct tz_payload *payload, uint64_t offset, size_t size, const uint8_t **ret_data);

/* All of it, or an error: as above, and -ENOSPC, also where it would go beyond the payload's end. data is not changed. */
int tz_payload_write(struct tz_payload *payload, uint64_t offset, const uint8_t *data, size_t size);

/* Everything written by any thread before is on the disk when this returns 0. */
int tz_payload_sync(const struct tz_payload *payload);

/* Accepts an empty one. */
void tz_payload_free(struct tz_payload *payload);

#define _cleanup_payload_ tz_cleanup(tz_payload_free)

#endif
