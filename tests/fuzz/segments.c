/*
 * tz_luks_segments() on any text. What it accepts is one encrypted segment, as a second look at the JSON says.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "libtazpod/luks_segments.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/luks_json.h"
#include "tests/fuzz/mutate.h"

#define UNTOUCHED 0x7a7a7a7a7a7a7a7aULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *json = malloc(size + 1);
	uint64_t data_size = UNTOUCHED;
	struct tz_error err = { 0 };
	struct fuzz_segment segment;
	int r;

	fuzz_assert(json, "no memory");
	if (size > 0)
		memcpy(json, data, size);
	json[size] = '\0';
	r = tz_luks_segments(json, "image", &data_size, &err);
	if (r == 0) {
		fuzz_assert(fuzz_only_segment(json, &segment), "it is not the only one");
		fuzz_assert(strcmp(segment.type, "crypt") == 0, "a segment of the type %s", segment.type);
		fuzz_assert(data_size == segment.size, "%llu for %llu", (unsigned long long)data_size,
			    (unsigned long long)segment.size);
		fuzz_assert(data_size % 512 == 0, "%llu bytes", (unsigned long long)data_size);
	} else {
		fuzz_assert(r == -EUCLEAN || r == -EOPNOTSUPP, "%d", r);
		fuzz_assert(err.code == r && fuzz_is_sentence(err.message), "%d without a sentence", r);
		fuzz_assert(data_size == UNTOUCHED, "an output of a failure");
	}
	free(json);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (seed % 2 == 0 || size > max)
		return LLVMFuzzerMutate(data, size, max);
	return fuzz_mutate_json((char *)data, size, max, seed / 2);
}
