/* A login in the project's container, from the host. */
#ifndef TAZPOD_CLI_REMOTE_H
#define TAZPOD_CLI_REMOTE_H

#include "error.h"
#include "here.h"

/*
 * Logs the public user in and waits: a shell, or words (ended by NULL) where there are any. It has a terminal where this
 * program has one, gets the signals that this program gets, and ends when this program does. Its exit status, or
 * negative.
 */
int cli_remote_login(const struct cli_here *here, const struct cli_container *container, char *const words[],
		     struct tz_error *err);

/* For a command that belongs into the container: runs it there, with its arguments. The exit code. */
int cli_remote_command(struct cli *cli);

#endif
