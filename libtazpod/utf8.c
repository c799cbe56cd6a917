#include "utf8.h"

/* Forms that are longer than they need be, and halves of pairs, are no characters. */
size_t tz_utf8_character(const char *text, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *c = (const unsigned char *)text;
	uint32_t character;
	size_t size;

	if (left == 0)
		return 0;
	size = *c < 0x80 ? 1 : *c >> 5 == 6 ? 2 : *c >> 4 == 14 ? 3 : *c >> 3 == 30 ? 4 : 0;

	if (size == 0 || size > left)
		return 0;
	character = size == 1 ? *c : *c & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if (c[i] >> 6 != 2)
			return 0;
		character = character << 6 | (c[i] & 0x3fU);
	}
	if (character < least[size] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return 0;
	*ret = character;
	return size;
}

bool tz_is_utf8(const char *text, size_t size)
{
	uint32_t character;
	size_t step;

	for (size_t at = 0; at < size; at += step) {
		step = tz_utf8_character(text + at, size - at, &character);
		if (step == 0)
			return false;
	}
	return true;
}
