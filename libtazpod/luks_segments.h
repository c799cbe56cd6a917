/*
 * The data segments of a LUKS2 header, from the JSON that libcryptsetup gives of it: it has calls for one segment's
 * properties, but none that says whether there are more, or where the first one ends.
 * Format: LUKS2 On-Disk Format Specification 1.1.1, section 3.3.
 */
#ifndef TAZPOD_LUKS_SEGMENTS_H
#define TAZPOD_LUKS_SEGMENTS_H

#include <stdint.h>

#include "error.h"

/*
 * Accepts one encrypted segment whose sectors are numbered from 0 on, and nothing beside it. *ret_size in bytes, 0: to the
 * image's end. Not for a vault in the middle of a reencryption, which has several. -EOPNOTSUPP, with a sentence, for what is sound but not served; -EUCLEAN when the JSON makes no sense. name is what the
 * sentence begins with.
 */
int tz_luks_segments(const char *json, const char *name, uint64_t *ret_size, struct tz_error *err);

#endif
