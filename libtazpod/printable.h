/*
 * What an image, a file or a container says goes to a terminal and into a log, in which a control character could pass for
 * more than a text. Those of ASCII count, and those of C1 (U+0080 to U+009F): in UTF-8, where they are two bytes, and as
 * the one byte that a terminal without UTF-8 obeys.
 */
#ifndef TAZPOD_PRINTABLE_H
#define TAZPOD_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the character at text, which is not at its end; 1 for a byte that is none of UTF-8. Is it a control one? */
size_t tz_character(const char *text, bool *ret_control);

/* Each control character becomes one question mark: the text gets no longer. */
void tz_make_printable(char *text);

#endif
