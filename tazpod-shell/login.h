/* From how tazpod-shell was called to how the real shell is. */
#ifndef TAZPOD_SHELL_LOGIN_H
#define TAZPOD_SHELL_LOGIN_H

#include <stdbool.h>

#include "error.h"

/* Called as a login shell: by a name that starts with '-', with -l or --login first, or without any argument. */
bool shell_is_login(int argc, char **argv);

/* The exit statuses of a shell for what it cannot execute. */
#define SHELL_EXIT_NOT_EXECUTABLE 126
#define SHELL_EXIT_NOT_FOUND 127

/* Executes shell with our arguments. Returns only a failure: an exit status, and the sentence in err. */
int shell_exec(const char *shell, int argc, char **argv, struct tz_error *err);

#endif
