/*
 * Prints what a shell is to evaluate, for tests/cli/quoting.py. Usage: quote_env SHELL. On standard input are records,
 * each with a NUL behind it: NAME=VALUE is to be set, NAME unset.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libtazpod/quote.h"

int main(int argc, char *argv[])
{
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;
	_cleanup_free_ char *record = NULL;
	enum tz_shell shell;
	size_t room = 0;
	ssize_t size;

	if (argc != 2 || !tz_shell_by_name(argv[1], &shell)) {
		(void)fputs("usage: quote_env sh|bash|zsh|fish|powershell\n", stderr);
		return 2;
	}
	while ((size = getdelim(&record, &room, '\0', stdin)) > 0) {
		char *value = strchr(record, '=');
		int r;

		if (value)
			*value++ = '\0';
		r = value ? tz_quote_export(&out, shell, record, value, (size_t)(record + size - 1 - value)) :
			    tz_quote_unset(&out, shell, record);
		if (r < 0) {
			(void)fprintf(stderr, "quote_env: %s: %s\n", record, strerror(-r));
			return 1;
		}
	}
	if (out.size > 0 && fwrite(out.data, 1, out.size, stdout) != out.size)
		return 1;
	return fflush(stdout) == 0 ? 0 : 1;
}
