/* How the user is told: errors as one sentence on standard error, and colour where a terminal shows it. */
#ifndef TAZPOD_CLI_REPORT_H
#define TAZPOD_CLI_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli.h"
#include "error.h"

/* "tazpod: sentence" on standard error: one line, whatever is in it. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "tazpod: warning: sentence", for functions that tell what is odd by a callback; data is not used. */
void cli_warn(void *data, const char *sentence);

/* The error, its detail too where that was asked for; the exit code that stands for it. */
int cli_fail(const struct cli *cli, const struct tz_error *err);

/* The sentence, and where the help is; CLI_USAGE. */
int cli_usage_error(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is stream a terminal on which colours and repainted lines are wanted? NO_COLOR forbids the former only. */
bool cli_is_terminal(FILE *stream);
bool cli_has_colour(FILE *stream);

/* Flushes standard output: output that was lost (a full disk) is a failure. */
int cli_finish(int code);

#endif
