#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes word; NULL counts as memory that ran out. */
static void append(struct cli_args *args, char *word)
{
	char **words = word ? reallocarray(args->words, args->count + 2, sizeof(*words)) : NULL;

	if (!words) {
		args->failed = true;
		free(word);
		return;
	}
	words[args->count++] = word;
	words[args->count] = NULL;
	args->words = words;
}

void cli_args_add(struct cli_args *args, const char *format, ...)
{
	char *word = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&word, format, list) < 0)
		word = NULL;
	va_end(list);
	append(args, word);
}

void cli_args_add_all(struct cli_args *args, const char *const words[])
{
	for (; *words; words++)
		cli_args_add(args, "%s", *words);
}

void cli_args_free(struct cli_args *args)
{
	for (unsigned int i = 0; i < args->count; i++)
		free(args->words[i]);
	free(args->words);
	*args = (struct cli_args)CLI_ARGS_INIT;
}

int cli_args_check(const struct cli_args *args, struct tz_error *err)
{
	return args->failed || !args->words ? tz_error_set(err, ENOMEM, "out of memory") : 0;
}
