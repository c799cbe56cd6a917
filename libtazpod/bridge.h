/*
 * Bridges: directories of the vault that are seen in the ghost user's home, where a program wants its own
 * (~/.infisical is ~/secrets/.infisical-vault).
 *
 * 1. Both directories are found, and made where missing, with the ghost user's file system ids, beneath a
 *    descriptor, without symlinks: whatever a vault or a home holds cannot lead root anywhere.
 * 2. Nothing that is in the way is moved or hidden; the user is told. Nor does a bridge that cannot be built (a full
 *    vault, say) keep anyone out of the vault.
 */
#ifndef TAZPOD_BRIDGE_H
#define TAZPOD_BRIDGE_H

#include "enclave.h"
#include "error.h"
#include "settings.h"

/*
 * Builds one bridge; vault is a descriptor of the mounted vault's root. 0: it is there; 1: it is not, and
 * enclave->notice was told why; a negative errno where this process can no longer be trusted with its own ids, or
 * mounting fails.
 */
int tz_bridge_build(const struct tz_enclave *enclave, int vault, const struct tz_bridge_setting *bridge,
		    struct tz_error *err);

#endif
