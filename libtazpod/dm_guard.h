/*
 * A mapping that is doomed from its birth on. Making one takes several steps, and a kill in between would leave it. So
 * a child takes them, who outlives a killed parent: it makes the mapping, holds it, puts it into deferred removal, and
 * lets go when its parent has taken hold, or has died.
 */
#ifndef TAZPOD_DM_GUARD_H
#define TAZPOD_DM_GUARD_H

#include <sys/types.h>

struct tz_dm_guard {
	pid_t pid;
	int pipe;
};

#define TZ_DM_GUARD_INIT { .pid = -1, .pipe = -1 }

/* A mapping as tz_dm_create() makes it, held by the guard and in deferred removal. A negative errno of the step failed. */
int tz_dm_guard_create(int control, const char *name, const char *uuid, dev_t *ret_rdev, struct tz_dm_guard *ret);

/* The guard lets go and is reaped. Accepts one that was never started. */
void tz_dm_guard_release(struct tz_dm_guard *guard);

#endif
