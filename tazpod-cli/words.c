#include "words.h"

#include <stdlib.h>
#include <string.h>

/* Within single quotes only a single quote means anything: it ends them, stands escaped, and begins them again. */
static const char quote_in_quotes[] = "'\\''";

static size_t quoted_size(const char *word)
{
	size_t size = 2;

	for (; *word; word++)
		size += *word == '\'' ? sizeof(quote_in_quotes) - 1 : 1;
	return size;
}

static char *put_quoted(char *to, const char *word)
{
	*to++ = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			to = stpcpy(to, quote_in_quotes);
		else
			*to++ = *word;
	}
	*to++ = '\'';
	return to;
}

char *cli_quote_words(char *const words[])
{
	size_t size = 1;
	char *text, *to;

	for (char *const *word = words; *word; word++)
		size += quoted_size(*word) + 1;
	text = malloc(size);
	if (!text)
		return NULL;
	to = text;
	for (char *const *word = words; *word; word++) {
		if (word != words)
			*to++ = ' ';
		to = put_quoted(to, *word);
	}
	*to = '\0';
	return text;
}
