/* What `tazpod env` prints: statements for a shell to evaluate, or the variables in a format for programs. */
#ifndef TAZPOD_CLI_ENV_TEXT_H
#define TAZPOD_CLI_ENV_TEXT_H

#include <stdbool.h>

#include "error.h"
#include "quote.h"
#include "textbuf.h"
#include "variables.h"

/* In a shell's environment: the names of the variables that it has from tazpod, with a space between them. */
#define CLI_ENV_NAMES "TAZPOD_VARIABLES"

/* Adds a name to what CLI_ENV_NAMES is to be. -ENOMEM, ... */
int cli_env_add_name(struct tz_textbuf *names, const char *name);
/* May a name of an earlier CLI_ENV_NAMES be taken away: could it have been a variable of tazpod's, and is harmless? */
bool cli_env_may_unset(const char *name);

/*
 * Statements that set variables, and unset what the shell has from an earlier time: before, its CLI_ENV_NAMES, or NULL.
 * It came from the environment, which others may have set: what is in it that tazpod would not have set is left alone.
 */
int cli_env_shell(struct tz_textbuf *out, enum tz_shell shell, const struct tz_variables *variables, const char *before,
		  struct tz_error *err);

/* NAME=VALUE in quotes, one a line, as dotenv.h says. */
int cli_env_dotenv(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err);

/* One object. -EILSEQ: a value is no UTF-8, which JSON cannot have. */
int cli_env_json(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err);

/* NAME=VALUE, each ended by a NUL, as in /proc/PID/environ. */
int cli_env_null(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err);

#endif
