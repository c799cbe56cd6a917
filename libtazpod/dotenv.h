/*
 * Variables in a text: a reader as strict as can be, since programs that read such files differ in what they expand, and a
 * writer whose texts all of them read alike, or nearly so. What reads differently elsewhere is an error here.
 *
 * A line is blank, a comment that begins with '#', or
 *
 *	[export] NAME=VALUE [# comment]
 *
 * with blanks and tabs in front, behind, and behind "export", never around '='; and ends with LF, CR LF, or the text.
 * NAME is as tz_envname_is_legal() has it, and no second one is the same. VALUE is one of
 *
 *	nothing
 *	plain    no blanks, quotes, '$', '`', '\', control characters, and no '#' first; it ends at the first blank
 *	'...'    any bytes but a single quote; over as many lines as it takes
 *	"..."    \n \r \t \\ \" \$ \` stand for what they stand for in C and in a shell; any bytes besides but '\', '$',
 *	         '`' and '"'; over as many lines as it takes
 *
 * A NUL is nowhere, another control character only within quotes. Values are secrets: no message has any part of one in
 * it, or of what may have been meant for one, and all copies are wiped.
 */
#ifndef TAZPOD_DOTENV_H
#define TAZPOD_DOTENV_H

#include <stddef.h>

#include "error.h"
#include "textbuf.h"

/* One variable, with the line of its name. value[size] is 0. Below zero ends the reading, which then returns it. */
typedef int (*tz_dotenv_fn)(void *data, const char *name, const char *value, size_t size, unsigned int line);

/*
 * Calls fn for each variable of text, in order, and not before all of it was found right; source is what messages call
 * the text. -EINVAL with a sentence that begins with "SOURCE:LINE:COLUMN: " (from 1; columns are bytes), -ENOMEM, or what
 * fn returned, without one.
 */
int tz_dotenv_parse(const char *text, size_t size, const char *source, tz_dotenv_fn fn, void *data, struct tz_error *err);

/* Adds a line that reads back as this. -EINVAL: a name that is not legal, or a NUL in the value; -ENOMEM. */
int tz_dotenv_add(struct tz_textbuf *out, const char *name, const char *value, size_t size);

#endif
