/*
 * Where a project's secrets come from: one file each, provider_NAME.c, and a row in provider.c. A provider runs a program
 * of the user's, with the user's environment; nothing here knows a server or a protocol.
 */
#ifndef TAZPOD_CLI_PROVIDER_H
#define TAZPOD_CLI_PROVIDER_H

#include "error.h"
#include "fetched.h"
#include "secrets_map.h"

struct cli_provider_request {
	const struct tz_secrets_map *map;
	const char *folder; /* the project's, where a command runs */
	const char *home;   /* where the CLI of Infisical has its login; NULL: as HOME says */
	cli_fetched_warn_fn warn; /* told of secrets that are left out; may be NULL */
	void *data;
};

struct cli_provider {
	const char *name; /* as in secrets.yml */
	int (*fetch)(const struct cli_provider_request *request, struct cli_fetched *ret, struct tz_error *err);
};

extern const struct cli_provider cli_provider_infisical, cli_provider_command;

/* Which one a map asks for; never NULL. */
const struct cli_provider *cli_provider_of(const struct tz_secrets_map *map);

/*
 * All secrets of the provider that request->map names, finished; none at all is no error. *ret must be empty, and is
 * untouched on failure. Each failure has a sentence, with a code where a caller may want to tell it from others:
 *
 *	-EACCES        nobody is logged in, the login has expired, or it may not read this: logging in (again) may help
 *	-EHOSTUNREACH  the server could not be reached; what the CLI has kept from another time is not taken
 *	-ENOENT        the program is not installed, or 'select:' names nothing
 *	-EPERM         the server hides the value of a secret
 *	-EINVAL        secrets.yml lacks something, or what the program prints is not what secrets.yml says
 *	-EINTR         interrupted: give up
 *	-EIO           the program failed
 *
 * and those of fetch.h, secrets_json.h and dotenv.h.
 */
int cli_provider_fetch(const struct cli_provider_request *request, struct cli_fetched *ret, struct tz_error *err);

#endif
