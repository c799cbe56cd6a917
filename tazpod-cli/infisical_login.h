/* Logging in to Infisical, in the enclave, so that the login is in the vault and nowhere else. */
#ifndef TAZPOD_CLI_INFISICAL_LOGIN_H
#define TAZPOD_CLI_INFISICAL_LOGIN_H

#include "error.h"
#include "place.h"
#include "secrets_map.h"

/* -EPERM: what the CLI keeps, its login and a copy of what it fetched, would not be in the vault. */
int cli_infisical_check_bridges(const struct cli_place *place, struct tz_error *err);

/*
 * Runs `infisical login` on this terminal, more (ended by NULL; may be NULL) being options of it. -EPERM: what it keeps
 * would not be in the vault; -ENOENT: the program is not installed; -EACCES: it did not work;
 * -EINTR: it was interrupted.
 */
int cli_infisical_login(const struct cli_place *place, const struct tz_secrets_map *map, char *const more[],
			struct tz_error *err);

#endif
