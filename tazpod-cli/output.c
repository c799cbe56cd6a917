#include "output.h"

#include <stdio.h>

#define TIME_TEXT 32

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
	(void)puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct json_object *cli_session_json(const struct tz_session *session)
{
	struct json_object *object = json_object_new_object();
	char started[TIME_TEXT] = "";
	struct tm tm;

	if (gmtime_r(&session->started, &tm))
		(void)strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cli_json_text(object, "caller", session->caller);
	cli_json_text(object, "tty", session->tty);
	cli_json_text(object, "service", session->service);
	cli_json_text(object, "driver", session->driver);
	cli_json_text(object, "started", started);
	cli_json_text(object, "vault", session->vault);
	return object;
}

const char *cli_session_text(const struct tz_session *session, char buffer[static CLI_SESSION_TEXT])
{
	char started[TIME_TEXT] = "?";
	struct tm tm;

	if (localtime_r(&session->started, &tm))
		(void)strftime(started, sizeof(started), "%Y-%m-%d %H:%M:%S", &tm);
	(void)snprintf(buffer, CLI_SESSION_TEXT, "%s %s%s by %s, open since %s", session->caller,
		       session->tty[0] ? "on " : "without a terminal", session->tty, session->service, started);
	return buffer;
}
