#include "said.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "utf8.h"

static bool is_control(uint32_t character)
{
	return (character < ' ' && character != '\n' && character != '\t') || (character >= 0x7f && character < 0xa0);
}

size_t cli_make_printable(char *text, size_t size)
{
	size_t used = 0, step;

	for (size_t at = 0; at < size; at += step) {
		uint32_t character = 0;

		step = tz_utf8_character(text + at, size - at, &character);
		if (step == 0 || is_control(character)) {
			text[used++] = '?';
			step = step ? step : 1;
			continue;
		}
		memmove(text + used, text + at, step);
		used += step;
	}
	text[used] = '\0';
	return used;
}

void cli_printable_copy(const char *text, size_t text_size, char *ret, size_t size)
{
	size_t used = text_size < size ? text_size : size - 1;

	memcpy(ret, text, used);
	used = cli_make_printable(ret, used);
	if (text_size >= size && size > strlen("...")) {
		if (used > size - 1 - strlen("..."))
			used = size - 1 - strlen("...");
		/* not through the middle of a character */
		while (used > 0 && ((unsigned char)ret[used] & 0xc0) == 0x80)
			used--;
		memcpy(ret + used, "...", strlen("...") + 1);
	}
}

/* Without the blanks at its ends. */
static void trim(const char **begin, const char **end)
{
	while (*begin < *end && (**begin == ' ' || **begin == '\t'))
		(*begin)++;
	while (*end > *begin && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
		(*end)--;
}

/* Puts it in front of what is in ret already. False where not all of it had room. */
static bool put_before(char *ret, size_t size, const char *begin, size_t length)
{
	static const char separator[] = { ';', ' ' }, cut[] = { '.', '.', '.' };
	size_t used = strlen(ret), between = used ? sizeof(separator) : 0, room = size - 1 - used, in_front = 0;

	if (length + between > room) {
		/* not worth the few bytes */
		if (room < between + sizeof(cut) + 16)
			return false;
		in_front = sizeof(cut);
		room -= between + in_front;
		begin += length - room;
		length = room;
		for (; length > 0 && ((unsigned char)*begin & 0xc0) == 0x80; length--)
			begin++;
	}
	memmove(ret + in_front + length + between, ret, used + 1);
	memcpy(ret, cut, in_front);
	memcpy(ret + in_front, begin, length);
	memcpy(ret + in_front + length, separator, between);
	return in_front == 0;
}

void cli_last_lines(const char *text, unsigned int count, char *ret, size_t size)
{
	const char *line_end = text + strlen(text);

	ret[0] = '\0';
	while (count > 0 && line_end > text) {
		const char *line = line_end, *begin, *end = line_end;

		while (line > text && line[-1] != '\n')
			line--;
		begin = line;
		trim(&begin, &end);
		if (begin < end) {
			if (!put_before(ret, size, begin, (size_t)(end - begin)))
				return;
			count--;
		}
		line_end = line > text ? line - 1 : text;
	}
}
