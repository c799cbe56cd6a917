/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TAZPOD_UTF8_H
#define TAZPOD_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at text has, and which one it is; 0 where there is none, or left bytes cut it. */
size_t tz_utf8_character(const char *text, size_t left, uint32_t *ret);

/* Is it all UTF-8? A NUL is a character as any other. */
bool tz_is_utf8(const char *text, size_t size);

#endif
