/*
 * Whether the ghost user agreed to a project's provider. secrets.yml may have come with a repository, and the public user
 * can write it: what it names is run in the enclave, or gets the user's login. So it is asked about once, and again when
 * it has changed. What was agreed to is kept in the vault, as a digest.
 */
#ifndef TAZPOD_CLI_PROVIDER_TRUST_H
#define TAZPOD_CLI_PROVIDER_TRUST_H

#include <stdbool.h>

#include "error.h"
#include "place.h"
#include "secrets_map.h"

/* 0: agreed to, or agreed to now, as `yes` says or a person at the terminal. -ECANCELED: he said no; -ENXIO: nobody there. */
int cli_provider_trust(const struct cli_place *place, const struct tz_secrets_map *map, bool yes, struct tz_error *err);

#endif
