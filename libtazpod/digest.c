#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static void free_context(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static bool add_framed(EVP_MD_CTX *context, const void *data, size_t size)
{
	uint8_t length[8];

	for (unsigned int i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
	return EVP_DigestUpdate(context, length, sizeof(length)) == 1 &&
	       (size == 0 || EVP_DigestUpdate(context, data, size) == 1);
}

int tz_digest(const struct tz_digest_part *parts, unsigned int count, char ret[static TZ_DIGEST_TEXT],
	      struct tz_error *err)
{
	tz_cleanup(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	for (unsigned int i = 0; ok && i < count; i++)
		ok = add_framed(context, parts[i].name, strlen(parts[i].name)) &&
		     add_framed(context, parts[i].data, parts[i].size);
	if (!ok || EVP_DigestFinal_ex(context, digest, NULL) != 1)
		return tz_error_set(err, EIO, "the crypto library cannot compute SHA-256");
	for (unsigned int i = 0; i < (TZ_DIGEST_TEXT - 1) / 2; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
