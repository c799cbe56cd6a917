/*
 * A login in the container: what sshd would do, had the container one. Whoever comes in by the engine shares one session
 * keyring with all others who did, so that nothing could be kept for him alone: he gets one of his own here.
 */
#ifndef TAZPOD_CLI_LOGIN_H
#define TAZPOD_CLI_LOGIN_H

#include "error.h"

/*
 * Becomes the login shell of the calling user in the workspace, or, with words, runs these instead. Waits until the
 * container is ready. Returns only a failure: -ENOENT where there is no such program.
 */
int cli_login_become(char *const words[], struct tz_error *err);

/* Waits until the container is ready, and says on standard error what is odd about the caller as its public user. */
int cli_login_ready(struct tz_error *err);

#endif
