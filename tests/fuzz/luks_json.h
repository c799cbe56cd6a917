/*
 * A second look at a LUKS2 header's JSON, which shares nothing with TazPod's own but the parser (json-c, which is
 * libcryptsetup's as well).
 */
#ifndef TAZPOD_FUZZ_LUKS_JSON_H
#define TAZPOD_FUZZ_LUKS_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fuzz_segment {
	char type[32], encryption[64];
	uint64_t offset, size; /* size 0: to the end */
	int sector_size;
	bool integrity;
};

static json_object *fuzz_member(json_object *object, const char *key)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static const char *fuzz_text(json_object *object, const char *key)
{
	const char *text = json_object_get_string(fuzz_member(object, key));

	return text ? text : "";
}

/* What a reencryption keeps is to be nowhere: libcryptsetup would take its word for the data's. */
static bool fuzz_is_backup(json_object *segment)
{
	json_object *flags = fuzz_member(segment, "flags");

	for (size_t i = 0; json_object_is_type(flags, json_type_array) && i < json_object_array_length(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i));

		if (flag && memcmp(flag, "backup-", strnlen(flag, 7)) == 0 && strlen(flag) >= 7)
			return true;
	}
	return false;
}

static void fuzz_copy_segment(json_object *segment, struct fuzz_segment *ret)
{
	(void)snprintf(ret->type, sizeof(ret->type), "%s", fuzz_text(segment, "type"));
	(void)snprintf(ret->encryption, sizeof(ret->encryption), "%s", fuzz_text(segment, "encryption"));
	ret->offset = strtoull(fuzz_text(segment, "offset"), NULL, 10);
	ret->size = strtoull(fuzz_text(segment, "size"), NULL, 10); /* "dynamic" gives 0 */
	ret->sector_size = json_object_get_int(fuzz_member(segment, "sector_size"));
	ret->integrity = fuzz_member(segment, "integrity") != NULL;
}

/* Is there exactly one, and is it no reencryption's backup? */
static bool fuzz_only_segment(const char *json, struct fuzz_segment *ret)
{
	json_object *root = json_tokener_parse(json), *segments = fuzz_member(root, "segments");
	unsigned int count = 0;

	if (json_object_is_type(segments, json_type_object)) {
		json_object_object_foreach(segments, key, segment) {
			(void)key;
			count += fuzz_is_backup(segment) ? 2 : 1;
			fuzz_copy_segment(segment, ret);
		}
	}
	json_object_put(root);
	return count == 1;
}

#endif
