#include "luks_segments.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "cleanup.h"

static void json_freep(json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ tz_cleanup(json_freep)

static const char *text_of(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/*
 * A reencryption keeps them, as "backup-previous", "backup-final" and the like, until it is done. libcryptsetup tells the
 * properties of such a segment as those of the data, which may be in another one.
 */
static bool is_backup(json_object *segment)
{
	json_object *flags;

	if (!json_object_object_get_ex(segment, "flags", &flags) || !json_object_is_type(flags, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(flags); i++) {
		const char *flag = json_object_get_string(json_object_array_get_idx(flags, i));

		if (flag && strncmp(flag, "backup-", strlen("backup-")) == 0)
			return true;
	}
	return false;
}

/* A number in a string, since JSON's own are not exact. */
static int parse_size(const char *text, uint64_t *ret)
{
	char *end;

	if (!text || (strcmp(text, "dynamic") != 0 && (*text < '0' || *text > '9')))
		return -EUCLEAN;
	if (strcmp(text, "dynamic") == 0) {
		*ret = 0;
		return 0;
	}
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end || *ret == 0 || *ret % 512 ? -EUCLEAN : 0;
}

static int read_segment(json_object *segment, const char *name, uint64_t *ret_size, struct tz_error *err)
{
	const char *type = text_of(segment, "type"), *tweak;

	if (is_backup(segment))
		return tz_error_set(err, EOPNOTSUPP, "%s has data segments that only an unfinished reencryption has; finish it with "
				    "'cryptsetup reencrypt --resume-only', or restore the header", name);
	if (!type)
		return tz_error_set(err, EUCLEAN, "%s: its header has a data segment without a type", name);
	if (strcmp(type, "crypt") != 0)
		return tz_error_set(err, EOPNOTSUPP, "%s has data that is not encrypted (a segment of the type '%.32s'), which "
				    "TazPod does not open", name, type);
	if (json_object_object_get_ex(segment, "integrity", NULL))
		return tz_error_set(err, EOPNOTSUPP, "%s was made with integrity protection (dm-integrity), which TazPod does "
				    "not open; copy its content into a vault without it", name);
	/* libcryptsetup does not tell it, nor honour it: who opened such an image with it would get other data than its maker */
	tweak = text_of(segment, "iv_tweak");
	if (!tweak || strcmp(tweak, "0") != 0)
		return tz_error_set(err, EOPNOTSUPP, "%s has sectors that are not numbered from 0 on (iv_tweak '%.32s'), which "
				    "TazPod does not open", name, tweak ? tweak : "missing");
	if (parse_size(text_of(segment, "size"), ret_size) < 0)
		return tz_error_set(err, EUCLEAN, "%s: its header has a data segment without a proper size", name);
	return 0;
}

int tz_luks_segments(const char *json, const char *name, uint64_t *ret_size, struct tz_error *err)
{
	_cleanup_json_ json_object *root = json_tokener_parse(json);
	json_object *segments = NULL;
	unsigned int count = 0;
	uint64_t size = 0;

	if (!root || !json_object_object_get_ex(root, "segments", &segments) ||
	    !json_object_is_type(segments, json_type_object))
		return tz_error_set(err, EUCLEAN, "%s: its header names no data segments", name);
	json_object_object_foreach(segments, key, segment) {
		int r;

		(void)key;
		r = read_segment(segment, name, &size, err);
		if (r < 0)
			return r;
		count++;
	}
	if (count != 1)
		return tz_error_set(err, EOPNOTSUPP, "%s has %u data segments; TazPod opens vaults with one", name, count);
	*ret_size = size;
	return 0;
}
