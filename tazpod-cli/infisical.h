/* Infisical's own CLI: where it is, and which server it is told to talk to. */
#ifndef TAZPOD_CLI_INFISICAL_H
#define TAZPOD_CLI_INFISICAL_H

#include <limits.h>

#include "error.h"
#include "secrets_map.h"

#define CLI_INFISICAL "infisical"

/* The changes of its environment that name a server, "NAME=VALUE" each; "" for none, where the login's own counts. */
struct cli_infisical_server {
	char domain[TZ_SECRETS_TEXT + 32], address[TZ_SECRETS_TEXT + 32];
};

/* Its path. -ENOENT, with where to get it. */
int cli_infisical_find(char ret[static PATH_MAX], struct tz_error *err);

/* That of map. -EINVAL: the environment has another one, and a login for the one is not sent to the other. */
int cli_infisical_server(const struct tz_secrets_map *map, struct cli_infisical_server *ret, struct tz_error *err);

#endif
