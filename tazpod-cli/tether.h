/*
 * What ties a login in the container to the program on the host that asked for it. An engine leaves a process running
 * when its client is gone, and passes no signal on to it; a terminal that was closed would leave its shell behind, and
 * the vault open. So a second process in the container, the tether, holds on to the first: it reads signals from its
 * standard input, and when that ends, for whatever reason, it ends the login as a hang-up does.
 *
 * The two find each other at a socket that is named by a random word, which both were given.
 */
#ifndef TAZPOD_CLI_TETHER_H
#define TAZPOD_CLI_TETHER_H

#include "error.h"

#define CLI_TETHER_WORD 33 /* hex, with its NUL */

/* A new word, that nobody guesses. */
int cli_tether_word(char ret[static CLI_TETHER_WORD], struct tz_error *err);

/* In the login: waits until it is held. -ETIMEDOUT: nobody came. */
int cli_tether_tie(const char *word, struct tz_error *err);

/*
 * In the tether: passes on each byte of standard input as a signal's number, to the login; SIGINT and SIGQUIT, as a terminal
 * does, to all of its process group. At the end of the input all of the login's session gets SIGHUP, then SIGTERM and
 * SIGKILL where that is not heeded. Returns when that is done. What made itself a session of its own, as a server of tmux
 * does, stays, as it does when a terminal hangs up. -ETIMEDOUT: no login came; -EPERM: it is another user's.
 */
int cli_tether_hold(const char *word, struct tz_error *err);

#endif
