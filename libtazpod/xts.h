/*
 * The cipher of a LUKS2 segment in user space: AES-XTS by OpenSSL, as dm-crypt does "aes-xts-plain64".
 *
 * IEEE 1619 for the mode; the kernel's Documentation/admin-guide/device-mapper/dm-crypt.rst for plain64: the tweak is
 * the number of the sector, little endian, 64 bits, always counted in units of 512 bytes, whatever the size of the
 * sectors that are encrypted (LUKS2 never sets iv_large_sectors).
 */
#ifndef TAZPOD_XTS_H
#define TAZPOD_XTS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "secret.h"

struct tz_xts {
	void *encrypt, *decrypt; /* EVP_CIPHER_CTX; one thread at a time may use them */
	unsigned int sector_size; /* bytes */
	uint64_t iv_offset;       /* of the first sector, in units of 512 bytes */
};

#define TZ_XTS_INIT { NULL, NULL, 0, 0 }

/* Can it be done exactly? -EOPNOTSUPP with a sentence that names what cannot. key_size and sector_size in bytes. */
int tz_xts_supports(const char *cipher, unsigned int key_size, unsigned int sector_size, struct tz_error *err);

/*
 * key has 32 bytes (AES-128) or 64 (AES-256); where tz_cryptomem_install() was called, it is expanded in its block. -EINVAL:
 * its two halves are the same, which XTS forbids; -ENOMEM.
 */
int tz_xts_init(struct tz_xts *ret, const struct tz_secret *key, unsigned int sector_size, uint64_t iv_offset);

/* size bytes at the payload's offset, both whole sectors. out may be in. -EINVAL when not whole, or -EIO. */
int tz_xts_encrypt(const struct tz_xts *xts, uint64_t offset, const uint8_t *in, uint8_t *out, size_t size);
int tz_xts_decrypt(const struct tz_xts *xts, uint64_t offset, const uint8_t *in, uint8_t *out, size_t size);

/* Wipes the keys. Accepts an empty one. */
void tz_xts_free(struct tz_xts *xts);

#define _cleanup_xts_ tz_cleanup(tz_xts_free)

#endif
