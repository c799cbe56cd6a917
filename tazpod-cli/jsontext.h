/*
 * What json-c lets pass in a JSON text, or changes without a word, even when it is to be strict: a second value of the
 * same name in an object, of which the last is kept; a NUL in a name, at which the name ends; halves of characters,
 * which become others; bytes that are no UTF-8, though it looks for them; numbers that are none, such as 007 or NaN. Text
 * is looked at before it is parsed; whether it is JSON at all is for json-c to say.
 */
#ifndef TAZPOD_CLI_JSONTEXT_H
#define TAZPOD_CLI_JSONTEXT_H

#include <stddef.h>

#include "error.h"

#define CLI_JSONTEXT_DEPTH 32
#define CLI_JSONTEXT_VALUES_MAX 1000000 /* each is an object in memory */

/*
 * 0, with the number of names that all objects have together; what a parser found must be as many. It is SIZE_MAX where
 * the text cannot be JSON. -EINVAL with a sentence, -ENOMEM. source is what sentences call the text.
 */
int cli_jsontext_check(const char *text, size_t size, const char *source, size_t *ret_names, struct tz_error *err);

/* -EINVAL with "SOURCE: line L, column C: SENTENCE", for the byte at offset. No part of the text is in it. */
int cli_jsontext_refuse(const char *text, size_t offset, const char *source, const char *sentence, struct tz_error *err);

#endif
