/* The line at the start of a ghost shell. */
#ifndef TAZPOD_CLI_STATUS_BRIEF_H
#define TAZPOD_CLI_STATUS_BRIEF_H

#include "place.h"

/* How long this login gets in without a passphrase, as told when the session began (TAZPOD_KEY_UNTIL); 0: not. Seconds. */
unsigned int cli_status_key_seconds(void);

void cli_status_brief(const struct cli_place *place);

#endif
