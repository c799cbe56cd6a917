/*
 * Which variables that change how programs run the vault's owner agreed to, by name. secrets.yml asks for them, but others
 * may write that; so the agreement is kept in the vault, ~/secrets/.tazpod/allowed, a name a line.
 */
#ifndef TAZPOD_CLI_ALLOWED_H
#define TAZPOD_CLI_ALLOWED_H

#include "secrets_map.h"

/* Takes away from allow what was not agreed to. secrets: the vault's folder. */
int cli_allowed_restrict(const char *secrets, struct tz_secrets_words *allow, struct tz_error *err);

/* Keeps allow as what is agreed to. folder: TazPod's own in the vault. */
int cli_allowed_keep(int folder, const struct tz_secrets_words *allow, struct tz_error *err);

#endif
