/* Where this shell stands: the settings, the ghost user, and whether all this is in an enclave. */
#ifndef TAZPOD_CLI_PLACE_H
#define TAZPOD_CLI_PLACE_H

#include <stdbool.h>

#include "error.h"
#include "identity.h"
#include "settings.h"

struct cli_place {
	struct tz_settings settings;
	struct tz_identity ghost;
	bool has_ghost;
	bool inside;        /* in an enclave, with the vault mounted at secrets */
	char secrets[sizeof(((struct tz_identity *)0)->home) + TZ_PATH_TEXT];
	struct tz_error no_ghost; /* why there is none */
};

/* Fails only where the settings do: a missing ghost user is a place, too. */
int cli_place_find(struct cli_place *ret, struct tz_error *err);

/* 0, or the error that says that there is no ghost user and what to do. */
int cli_place_require_ghost(const struct cli_place *place, struct tz_error *err);

#endif
