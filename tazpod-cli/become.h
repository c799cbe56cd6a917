/* Becoming another program: what needs privilege is left to those that have it, su and passwd. */
#ifndef TAZPOD_CLI_BECOME_H
#define TAZPOD_CLI_BECOME_H

#include "error.h"
#include "place.h"

/* su -l GHOST, with a command for its shell unless that is NULL. Returns only when it fails. */
int cli_become_ghost(const struct cli_place *place, const char *command, struct tz_error *err);

/*
 * The same, but words are run first, and then a shell to work in; without a terminal the words alone. Returns only when
 * it fails.
 */
int cli_become_ghost_after(const struct cli_place *place, char *const words[], struct tz_error *err);

/* passwd, for the user called name or (NULL) for the caller. Returns only when it fails. */
int cli_become_passwd(const char *name, struct tz_error *err);

/* shell -c command. Returns only when it fails. */
int cli_become_shell(const char *shell, const char *command, struct tz_error *err);

#define CLI_PASSWD_PATH "/usr/bin/passwd"

#endif
