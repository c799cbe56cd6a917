/* Is the vault open, by any driver, in any session? Root alone can tell. */
#ifndef TAZPOD_CLI_VAULT_OPEN_H
#define TAZPOD_CLI_VAULT_OPEN_H

#include "image.h"
#include "luks.h"

/* 1, 0, or a negative errno. luks may be all zero where the header cannot be read: its loop device tells as well. */
int cli_vault_is_open(const struct tz_image *image, const struct tz_luks_info *luks);

#endif
