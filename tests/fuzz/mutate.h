/* Mutations of JSON that are JSON again. */
#ifndef TAZPOD_FUZZ_MUTATE_H
#define TAZPOD_FUZZ_MUTATE_H

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_PLACES_MAX 512

/* libFuzzer's own, which knows nothing of JSON; and what it calls instead where there is such a function. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

#define FUZZ_SEGMENT "{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\"," \
		     "\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}"

/* Values that a LUKS2 header could have somewhere, or should not. */
static const char *const fuzz_values[] = {
	"{}", "[]", "null", "true", "0", "-1", "1", "32", "64", "128", "512", "1024", "2048", "4096", "8192", "4097",
	"4294967296", "\"\"", "\"0\"", "\"1\"", "\"511\"", "\"512\"", "\"4096\"", "\"16384\"", "\"32768\"", "\"524288\"",
	"\"1048576\"", "\"16777216\"", "\"-1\"", "\"-512\"", "\" 512\"", "\"512 \"", "\"0x200\"", "\"dynamic\"",
	"\"9223372036854775296\"", "\"9223372036854775807\"", "\"9223372036854775808\"", "\"18446744073709551104\"",
	"\"18446744073709551615\"", "\"18446744073709552128\"", "\"crypt\"", "\"linear\"", "\"luks2\"", "\"reencrypt\"",
	"\"aes-xts-plain64\"", "\"aes-xts-plain\"", "\"aes-cbc-essiv:sha256\"", "\"serpent-xts-plain64\"",
	"\"capi:xts(aes)-plain64\"", "\"aes\"", "\"aes-xts-plain64-\"", "\"aes-xts-plain64 \"", "\"xts-plain64\"",
	"\"null\"", "\"\\u001b[2J\"", "\"aes-\\u001b[2J\"", "\"cipher_null-ecb\"",
	"\"tazpod-recovery\"", "[\"0\"]", "[\"0\",\"1\"]", "[\"backup-final\"]",
	"[\"in-reencryption\"]", "[\"online-reencrypt\"]", "[\"allow-discards\"]", "{\"mandatory\":[\"online-reencrypt\"]}",
	"{\"type\":\"hmac(sha256)\",\"journal_encryption\":\"none\",\"journal_integrity\":\"none\"}",
	FUZZ_SEGMENT,
	"{\"type\":\"linear\",\"offset\":\"16777216\",\"size\":\"512\"}",
};

static const char *const fuzz_keys[] = { "0", "1", "2", "31", "32", "-1", "flags", "size", "offset", "type", "integrity",
					 "sector_size", "iv_tweak", "encryption", "requirements", "key_size", "segments" };

struct fuzz_place {
	json_object *parent;
	const char *key;
};

static void fuzz_collect(json_object *object, struct fuzz_place *places, size_t *count)
{
	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, key, value) {
			if (*count < FUZZ_PLACES_MAX)
				places[(*count)++] = (struct fuzz_place){ object, key };
			fuzz_collect(value, places, count);
		}
	}
}

/* A number near the one in the text, or near its double. */
static json_object *fuzz_neighbour(json_object *value, unsigned int chance)
{
	static const long long steps[] = { 1, -1, 512, -512, 4096, -4096, 256, 1 << 20 };
	unsigned long long number = strtoull(json_object_get_string(value), NULL, 10);
	char text[32];

	number = (chance & 8 ? number * 2 : number) + (unsigned long long)steps[chance % 8];
	if (json_object_is_type(value, json_type_int))
		return json_object_new_int64((int64_t)number);
	(void)snprintf(text, sizeof(text), "%llu", number);
	return json_object_new_string(text);
}

static json_object *fuzz_deep_copy(json_object *value)
{
	return json_tokener_parse(json_object_to_json_string(value));
}

static void fuzz_change(const struct fuzz_place *place, const struct fuzz_place *other, unsigned int chance)
{
	json_object *value = json_object_object_get(place->parent, place->key);
	const char *values = fuzz_values[chance / 8 % (sizeof(fuzz_values) / sizeof(fuzz_values[0]))];
	const char *key = fuzz_keys[chance / 8 % (sizeof(fuzz_keys) / sizeof(fuzz_keys[0]))];

	switch (chance % 8) {
	case 0:
		json_object_object_del(place->parent, place->key);
		break;
	case 1: /* one more like it */
		(void)json_object_object_add(place->parent, key, fuzz_deep_copy(value));
		break;
	case 2: /* something from elsewhere */
		value = json_object_object_get(other->parent, other->key);
		(void)json_object_object_add(place->parent, place->key, fuzz_deep_copy(value));
		break;
	case 3:
		(void)json_object_object_add(place->parent, key, json_tokener_parse(values));
		break;
	case 4:
	case 5:
		if (json_object_is_type(value, json_type_string) || json_object_is_type(value, json_type_int)) {
			(void)json_object_object_add(place->parent, place->key, fuzz_neighbour(value, chance / 8));
			break;
		}
		/* fall through */
	default:
		(void)json_object_object_add(place->parent, place->key, json_tokener_parse(values));
	}
}

/* strndup() will not do: with strict_string_checks AddressSanitizer wants a NUL behind the text, and there is none. */
static json_object *fuzz_parse(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	json_object *root = NULL;

	if (copy) {
		memcpy(copy, text, size);
		copy[size] = '\0';
		root = json_tokener_parse(copy);
	}
	free(copy);
	return root;
}

/* In place; the new size. What is no JSON, or would not fit, stays as it is. */
static size_t fuzz_mutate_json(char *text, size_t size, size_t max, unsigned int chance)
{
	static struct fuzz_place places[FUZZ_PLACES_MAX];
	json_object *root = fuzz_parse(text, size);
	size_t count = 0, length;
	const char *changed;

	fuzz_collect(root, places, &count);
	if (count > 0) {
		srand(chance);
		fuzz_change(&places[(size_t)rand() % count], &places[(size_t)rand() % count], (unsigned int)rand());
		changed = json_object_to_json_string_length(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
		if (length <= max) {
			memcpy(text, changed, length);
			size = length;
		}
	}
	json_object_put(root);
	return size;
}

#endif
