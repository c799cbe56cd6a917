/* Giving up what root can do, for the processes that live as long as a session. */
#ifndef TAZPOD_WORKER_PRIVILEGES_H
#define TAZPOD_WORKER_PRIVILEGES_H

#include <stdint.h>

#include "error.h"

/*
 * For good: no_new_privs, an empty bounding and ambient set, and of the capabilities only those in keep (bits, 1 <<
 * CAP_KILL) that this process has. who begins the sentence of an error.
 */
int tz_privileges_drop(uint32_t keep, const char *who, struct tz_error *err);

#endif
