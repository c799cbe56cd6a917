#include "error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "printable.h"

/* An error without a code must not read as success: EIO stands in. */
static int negative_code(int code)
{
	if (code == 0 || code == INT_MIN)
		return -EIO;
	return code > 0 ? -code : code;
}

/* Text is first made aside: an argument may well be the message that is being replaced. */
int (tz_error_set)(struct tz_error *err, int code, const char *format, ...)
{
	char message[TZ_ERROR_TEXT];
	va_list args;

	if (!err)
		return negative_code(code);
	va_start(args, format);
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		message[0] = '\0';
	va_end(args);
	tz_make_printable(message);
	err->code = negative_code(code);
	err->detail[0] = '\0';
	memcpy(err->message, message, sizeof(message));
	return err->code;
}

int (tz_error_detail)(struct tz_error *err, const char *format, ...)
{
	char detail[TZ_ERROR_TEXT];
	va_list args;
	size_t used;

	if (!err)
		return negative_code(0);
	va_start(args, format);
	if (vsnprintf(detail, sizeof(detail), format, args) < 0)
		detail[0] = '\0';
	va_end(args);
	tz_make_printable(detail);
	used = strlen(err->detail);
	(void)snprintf(err->detail + used, sizeof(err->detail) - used, "%s%s", used > 0 ? "; " : "", detail);
	return negative_code(err->code);
}

int (tz_error_wrap)(struct tz_error *err, const char *format, ...)
{
	char context[TZ_ERROR_TEXT], message[TZ_ERROR_TEXT];
	va_list args;

	if (!err)
		return negative_code(0);
	va_start(args, format);
	if (vsnprintf(context, sizeof(context), format, args) < 0)
		context[0] = '\0';
	va_end(args);
	tz_make_printable(context);
	memcpy(message, err->message, sizeof(message));
	(void)snprintf(err->message, sizeof(err->message), "%s: %s", context, message);
	return negative_code(err->code);
}

/* The other process may have been killed as it wrote: its texts need not have an end. */
int tz_error_adopt(struct tz_error *err, const struct tz_error *reported)
{
	if (reported->code == 0)
		return 0;
	(void)tz_error_set(err, reported->code, "%.*s", TZ_ERROR_TEXT - 1, reported->message);
	if (reported->detail[0])
		(void)tz_error_detail(err, "%.*s", TZ_ERROR_TEXT - 1, reported->detail);
	return negative_code(reported->code);
}
