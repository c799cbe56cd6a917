/* SHA-256 over named pieces of data: so that a change of any of them is seen. */
#ifndef TAZPOD_DIGEST_H
#define TAZPOD_DIGEST_H

#include <stddef.h>

#include "error.h"

#define TZ_DIGEST_TEXT (64 + 1)

struct tz_digest_part {
	const char *name;
	const void *data;
	size_t size;
};

/*
 * The digest of all parts in their order, in hexadecimal. Each one's name and data are framed by their lengths (eight
 * bytes, the most significant first), so that nothing can be moved from one to another unseen.
 */
int tz_digest(const struct tz_digest_part *parts, unsigned int count, char ret[static TZ_DIGEST_TEXT],
	      struct tz_error *err);

#endif
