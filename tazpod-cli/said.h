/* Text of other programs and servers on its way to a terminal, on which it must do nothing but be read. */
#ifndef TAZPOD_CLI_SAID_H
#define TAZPOD_CLI_SAID_H

#include <stddef.h>

/*
 * In place; a NUL is put behind it, so text has size + 1 bytes. Each control character but newline and tab becomes '?',
 * those of C1 (U+0080 to U+009F) as well, and so does each byte that is no UTF-8. The new size, never a larger one.
 */
size_t cli_make_printable(char *text, size_t size);

/* The same for a copy, in ret of size bytes; what has no room is left out, behind "...". */
void cli_printable_copy(const char *text, size_t text_size, char *ret, size_t size);

/*
 * The last lines of a printable text that are not empty, at most count, joined with "; ", into ret of size bytes. What is
 * too long begins with "...". "" where there is none.
 */
void cli_last_lines(const char *text, unsigned int count, char *ret, size_t size);

#endif
