/* Output for programs (JSON) and what text and JSON share. Keys, once given out, stay. */
#ifndef TAZPOD_CLI_OUTPUT_H
#define TAZPOD_CLI_OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"
#include "sessions.h"

/* text NULL or "": null. */
void cli_json_text(struct json_object *object, const char *key, const char *text);
void cli_json_number(struct json_object *object, const char *key, uint64_t number);
void cli_json_flag(struct json_object *object, const char *key, bool flag);

/* On standard output, with a newline. No text in it steers a terminal: control characters are escaped. */
void cli_json_print(struct json_object *object);

static inline void cli_json_freep(struct json_object **object)
{
	(void)json_object_put(*object);
}

#define _cleanup_json_ tz_cleanup(cli_json_freep)

/* caller, tty (or null), service, driver, started (UTC, ISO 8601), vault (uuid). The caller owns it. */
struct json_object *cli_session_json(const struct tz_session *session);

/* The same, as a container's 'tazpod status' told it: whatever that is, the texts become printable ones. */
void cli_session_read(struct json_object *told, struct tz_session *ret);

/* "tazpod on pts/3 by su-l, open since 2026-01-31 09:30:00". Gives back buffer. */
#define CLI_SESSION_TEXT 256
const char *cli_session_text(const struct tz_session *session, char buffer[static CLI_SESSION_TEXT]);

#endif
