/* Is it UTF-8? RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TAZPOD_UTF8_H
#define TAZPOD_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* A NUL is a character as any other. */
bool tz_is_utf8(const char *text, size_t size);

#endif
