/*
 * What TazPod remembers for this user on this machine: $XDG_STATE_HOME/tazpod (~/.local/state/tazpod). The folder is his
 * alone, else it is refused: whoever can write there decides what is trusted.
 */
#ifndef TAZPOD_CLI_STATE_H
#define TAZPOD_CLI_STATE_H

#include <stdbool.h>

#include "error.h"

/* The folder, a descriptor; -ENOENT without a sentence where it is missing and not to be made. */
int cli_state_open(bool create, struct tz_error *err);

/*
 * Keeps this user's other calls for the project in folder out for as long as the descriptor that it gives back is open.
 * Where one is at work it calls tell, once, and waits.
 */
int cli_state_lock(const char *folder, void (*tell)(void), struct tz_error *err);

#endif
