#include "printable.h"

#include <string.h>

/* Overlong forms are none: their second byte would stand for what a shorter one does. */
static size_t utf8_size(const unsigned char *c)
{
	size_t size;

	if (c[0] < 0xc2 || c[0] > 0xf4 || (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90))
		return 1;
	size = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < size; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 1;
	return size;
}

/* Those that change the direction of what stands around them, so that it reads as something else. UAX 9. */
static bool turns_text(const unsigned char *c, size_t size)
{
	if (size == 2)
		return c[0] == 0xd8 && c[1] == 0x9c;
	if (size != 3 || c[0] != 0xe2)
		return false;
	return (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae))) ||
	       (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

size_t tz_character(const char *text, bool *ret_control)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t size = utf8_size(c);

	if (size == 1)
		*ret_control = *c < 0x20 || (*c >= 0x7f && *c < 0xa0);
	else
		*ret_control = (c[0] == 0xc2 && c[1] < 0xa0) || turns_text(c, size);
	return size;
}

void tz_make_printable(char *text)
{
	char *to = text;
	size_t size;
	bool control;

	for (; *text; text += size) {
		size = tz_character(text, &control);
		if (control)
			*to++ = '?';
		else
			to = (char *)memmove(to, text, size) + size;
	}
	*to = '\0';
}
