#include "words.h"

#include <stdbool.h>
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

/* No shell takes any of these for something else, wherever in a word they stand. */
static bool is_plain(const char *word)
{
	return *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%")];
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

static char *join(char *const words[], const char *separator, bool sparingly)
{
	size_t size = 1;
	char *text, *to;

	for (char *const *word = words; *word; word++)
		size += quoted_size(*word) + strlen(separator);
	text = malloc(size);
	if (!text)
		return NULL;
	to = text;
	for (char *const *word = words; *word; word++) {
		if (word != words)
			to = stpcpy(to, separator);
		to = sparingly && is_plain(*word) ? stpcpy(to, *word) : put_quoted(to, *word);
	}
	*to = '\0';
	return text;
}

char *cli_quote_words(char *const words[])
{
	return join(words, " ", false);
}

char *cli_quote_line(char *const words[])
{
	return join(words, " \\\n  ", true);
}
