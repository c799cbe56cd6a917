#include "xts.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "cryptomem.h"

#define CIPHER "aes-xts-plain64"
#define IV_UNIT 512
#define IV_SIZE 16
#define SECTOR_MAX 4096

int tz_xts_supports(const char *cipher, unsigned int key_size, unsigned int sector_size, struct tz_error *err)
{
	if (strcmp(cipher, CIPHER) != 0 || (key_size != 32 && key_size != 64))
		return tz_error_set(err, EOPNOTSUPP, "the vault's cipher %s with %u-bit keys is not one that the driver 'fuse' "
				    "has: it does " CIPHER " with 256 or 512 bits; open it where device-mapper can be used",
				    cipher, key_size * 8);
	if (sector_size < IV_UNIT || sector_size > SECTOR_MAX || (sector_size & (sector_size - 1)))
		return tz_error_set(err, EOPNOTSUPP, "the vault's encryption sectors of %u bytes are not ones that the driver "
				    "'fuse' has", sector_size);
	return 0;
}

/* One context a direction, since setting a direction anew would expand the key anew. */
static EVP_CIPHER_CTX *new_context(const EVP_CIPHER *cipher, const struct tz_secret *key, bool encrypt)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context && EVP_CipherInit_ex2(context, cipher, key->data, NULL, encrypt, NULL) == 1)
		return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

int tz_xts_init(struct tz_xts *ret, const struct tz_secret *key, unsigned int sector_size, uint64_t iv_offset)
{
	struct tz_xts xts = { NULL, NULL, sector_size, iv_offset };
	EVP_CIPHER *cipher;

	if ((key->size != 32 && key->size != 64) || memcmp(key->data, key->data + key->size / 2, key->size / 2) == 0)
		return -EINVAL;
	cipher = EVP_CIPHER_fetch(NULL, key->size == 32 ? "AES-128-XTS" : "AES-256-XTS", NULL);
	if (!cipher)
		return -ENOMEM;
	tz_cryptomem_secret(true);
	xts.encrypt = new_context(cipher, key, true);
	xts.decrypt = new_context(cipher, key, false);
	tz_cryptomem_secret(false);
	EVP_CIPHER_free(cipher);
	if (!xts.encrypt || !xts.decrypt) {
		tz_xts_free(&xts);
		return -ENOMEM;
	}
	*ret = xts;
	return 0;
}

static int transform(EVP_CIPHER_CTX *context, const struct tz_xts *xts, uint64_t offset, const uint8_t *in,
		     uint8_t *out, size_t size)
{
	uint8_t iv[IV_SIZE] = { 0 };

	if (offset % xts->sector_size || size % xts->sector_size)
		return -EINVAL;
	for (size_t done = 0; done < size; done += xts->sector_size) {
		uint64_t number = htole64((offset + done) / IV_UNIT + xts->iv_offset);
		int written = 0;

		memcpy(iv, &number, sizeof(number));
		if (EVP_CipherInit_ex2(context, NULL, NULL, iv, -1, NULL) != 1 ||
		    EVP_CipherUpdate(context, out + done, &written, in + done, (int)xts->sector_size) != 1 ||
		    written != (int)xts->sector_size)
			return -EIO;
	}
	return 0;
}

int tz_xts_encrypt(const struct tz_xts *xts, uint64_t offset, const uint8_t *in, uint8_t *out, size_t size)
{
	return transform(xts->encrypt, xts, offset, in, out, size);
}

int tz_xts_decrypt(const struct tz_xts *xts, uint64_t offset, const uint8_t *in, uint8_t *out, size_t size)
{
	return transform(xts->decrypt, xts, offset, in, out, size);
}

void tz_xts_free(struct tz_xts *xts)
{
	EVP_CIPHER_CTX_free(xts->encrypt);
	EVP_CIPHER_CTX_free(xts->decrypt);
	*xts = (struct tz_xts)TZ_XTS_INIT;
}
