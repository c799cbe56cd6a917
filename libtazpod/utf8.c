#include "utf8.h"

#include <stdint.h>

/* How many bytes the first of a character announces, and what the second one may be; 0: no first byte. */
static unsigned int length(uint8_t first, uint8_t *ret_least, uint8_t *ret_most)
{
	*ret_least = 0x80;
	*ret_most = 0xbf;
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef) {
		if (first == 0xe0)
			*ret_least = 0xa0; /* shorter forms exist */
		if (first == 0xed)
			*ret_most = 0x9f; /* surrogates */
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		if (first == 0xf0)
			*ret_least = 0x90;
		if (first == 0xf4)
			*ret_most = 0x8f; /* above U+10FFFF */
		return 4;
	}
	return 0;
}

bool tz_is_utf8(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		uint8_t least, most;
		unsigned int bytes = length((uint8_t)text[at], &least, &most);

		if (bytes == 0 || bytes > size - at)
			return false;
		for (unsigned int i = 1; i < bytes; i++) {
			uint8_t byte = (uint8_t)text[at + i];

			if (byte < least || byte > most)
				return false;
			least = 0x80;
			most = 0xbf;
		}
		at += bytes;
	}
	return true;
}
