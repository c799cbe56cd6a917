/* What a shell in an enclave is born with: limits, descriptors, variables. */
#ifndef TAZPOD_SHELL_ENVIRONMENT_H
#define TAZPOD_SHELL_ENVIRONMENT_H

#include "error.h"

/* No core dumps (a core would carry secrets out of the vault), umask 077, no descriptor but the first three. */
int shell_environment_harden(struct tz_error *err);

/* SHELL, TAZPOD_GHOST_MODE; HISTFILE, in the vault; PATH where there is none. */
int shell_environment_set(const char *shell, const char *vault, struct tz_error *err);

#endif
