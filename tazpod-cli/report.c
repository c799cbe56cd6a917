#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "printable.h"

void cli_say(const char *format, ...)
{
	char text[2 * TZ_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	tz_make_printable(text);
	/* what was printed before comes before, where both streams are one file */
	(void)fflush(stdout);
	(void)fprintf(stderr, "tazpod: %s\n", text);
}

void cli_warn(void *data, const char *sentence)
{
	(void)data;
	cli_say("warning: %s", sentence);
}

int cli_fail(const struct cli *cli, const struct tz_error *err)
{
	cli_say("%s", err->message[0] ? err->message : strerror(-err->code));
	if (cli->verbose && err->detail[0])
		(void)fprintf(stderr, "  (%s)\n", err->detail);
	switch (err->code) {
	case -EKEYREJECTED:
		return CLI_WRONG_PASSPHRASE;
	case -ENOKEY:
		return CLI_LOCKED;
	case -EINTR:
		return CLI_INTERRUPTED;
	default:
		return CLI_FAILED;
	}
}

int cli_usage_error(const struct cli *cli, const char *format, ...)
{
	char text[TZ_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	cli_say("%s (see 'tazpod %s%s--help')", text, cli->command ? cli->command->path : "", cli->command ? " " : "");
	return CLI_USAGE;
}

bool cli_is_terminal(FILE *stream)
{
	const char *term = getenv("TERM");

	return isatty(fileno(stream)) && term && *term && strcmp(term, "dumb") != 0;
}

bool cli_has_colour(FILE *stream)
{
	const char *no_colour = getenv("NO_COLOR");

	return cli_is_terminal(stream) && !(no_colour && *no_colour);
}

int cli_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* who reads no more (head) has what he wanted */
	if (errno == EPIPE)
		return code;
	cli_say("the output cannot be written: %s", strerror(errno));
	return code == CLI_DONE ? CLI_FAILED : code;
}
