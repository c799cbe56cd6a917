/* The secrets of the enclave that this shell is in: the project's map, and what is in the vault. */
#ifndef TAZPOD_CLI_SECRETS_HERE_H
#define TAZPOD_CLI_SECRETS_HERE_H

#include "error.h"
#include "place.h"
#include "secrets_map.h"
#include "variables.h"

/* -ENOKEY: this shell is not in an enclave, on the host perhaps, with what to do about it (secrets_enclave.c; quick.c). */
int cli_secrets_require_enclave(const struct cli_place *place, struct tz_error *err);

/*
 * The map of the workspace's secrets.yml; an empty one where there is none. What is odd in it is told with warn only, so
 * that a shell does not start with the same lines each time. The caller gives *ret to tz_secrets_map_free().
 */
int cli_secrets_map(const struct cli_place *place, bool warn, struct tz_secrets_map *ret, struct tz_error *err);

/* All of it: the variables that programs get now. The caller gives *ret to tz_variables_free(). */
int cli_secrets_variables(const struct cli_place *place, struct tz_variables *ret, struct tz_error *err);

#endif
