/* What the fuzzers share: https://llvm.org/docs/LibFuzzer.html */
#ifndef TAZPOD_FUZZ_H
#define TAZPOD_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer takes the abort for a find: it keeps the input, and shows where it was. */
#define fuzz_assert(condition, ...)                                          \
	do {                                                                 \
		if (!(condition)) {                                          \
			(void)fprintf(stderr, "VIOLATED: %s: ", #condition); \
			(void)fprintf(stderr, __VA_ARGS__);                  \
			(void)fputc('\n', stderr);                           \
			abort();                                             \
		}                                                            \
	} while (0)

/* Something to read, and nothing that does things to the terminal on which it is read. */
__attribute__((unused)) static bool fuzz_is_sentence(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

#endif
