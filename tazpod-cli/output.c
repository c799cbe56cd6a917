#include "output.h"

#include <stdio.h>

#include "engine.h"
#include "printable.h"

#define TIME_TEXT 32
#define ISO_8601 "%Y-%m-%dT%H:%M:%SZ"

void cli_json_text(struct json_object *object, const char *key, const char *text)
{
	(void)json_object_object_add(object, key, text && *text ? json_object_new_string(text) : NULL);
}

void cli_json_number(struct json_object *object, const char *key, uint64_t number)
{
	(void)json_object_object_add(object, key, json_object_new_int64((int64_t)number));
}

void cli_json_flag(struct json_object *object, const char *key, bool flag)
{
	(void)json_object_object_add(object, key, json_object_new_boolean(flag));
}

void cli_json_print(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
								  JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t size;
	bool control;

	/* json-c escapes those below U+0020 only, and puts none but newlines between */
	for (; *text; text += size) {
		size = tz_character(text, &control);
		if (control && *text != '\n')
			(void)printf("\\u%04x", (unsigned char)text[size - 1]);
		else
			(void)fwrite(text, 1, size, stdout);
	}
	(void)putchar('\n');
}

struct json_object *cli_session_json(const struct tz_session *session)
{
	struct json_object *object = json_object_new_object();
	char started[TIME_TEXT] = "";
	struct tm tm;

	if (session->started && gmtime_r(&session->started, &tm))
		(void)strftime(started, sizeof(started), ISO_8601, &tm);
	cli_json_text(object, "caller", session->caller);
	cli_json_text(object, "tty", session->tty);
	cli_json_text(object, "service", session->service);
	cli_json_text(object, "driver", session->driver);
	cli_json_text(object, "started", started);
	cli_json_text(object, "vault", session->vault);
	return object;
}

static void read_text(struct json_object *told, const char *key, char *field, size_t size)
{
	(void)snprintf(field, size, "%s", cli_json_text_at(told, CLI_KEYS(key)));
	tz_make_printable(field);
}

void cli_session_read(struct json_object *told, struct tz_session *ret)
{
	struct tm tm = { .tm_sec = 0 };

	*ret = (struct tz_session){ .init = 0 };
	read_text(told, "caller", ret->caller, sizeof(ret->caller));
	read_text(told, "tty", ret->tty, sizeof(ret->tty));
	read_text(told, "service", ret->service, sizeof(ret->service));
	read_text(told, "driver", ret->driver, sizeof(ret->driver));
	read_text(told, "vault", ret->vault, sizeof(ret->vault));
	if (strptime(cli_json_text_at(told, CLI_KEYS("started")), ISO_8601, &tm))
		ret->started = timegm(&tm);
}

const char *cli_session_text(const struct tz_session *session, char buffer[static CLI_SESSION_TEXT])
{
	char started[TIME_TEXT] = "?";
	struct tm tm;

	if (session->started && localtime_r(&session->started, &tm))
		(void)strftime(started, sizeof(started), "%Y-%m-%d %H:%M:%S", &tm);
	(void)snprintf(buffer, CLI_SESSION_TEXT, "%s %s%s by %s, open since %s", session->caller,
		       session->tty[0] ? "on " : "without a terminal", session->tty, session->service, started);
	return buffer;
}
