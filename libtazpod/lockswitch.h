/*
 * The lock switch: a file (/run/tazpod/lock) that the public and the ghost user may touch, and nothing else.
 * Touching it ends every ghost session (their inits watch it) and makes every stash void (they name its change
 * time). So `tazpod lock` needs no privilege and no daemon.
 */
#ifndef TAZPOD_LOCKSWITCH_H
#define TAZPOD_LOCKSWITCH_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define TZ_RUN_DIR "/run/tazpod"

/* As root: makes the directory (root, 0755) and the switch (ghost:public, 0660) where missing; checks both. */
int tz_lockswitch_prepare(uid_t ghost, gid_t public_gid, struct tz_error *err);

/* Touches it. -EACCES: only the public user, the ghost user and root may; -ENOENT: nothing was ever opened here. */
int tz_lockswitch_press(struct tz_error *err);

/* Its change time in nanoseconds: every press changes it. -ENOENT when there is no switch. */
int tz_lockswitch_generation(uint64_t *ret);

/* A non-blocking inotify descriptor that becomes readable when the switch is pressed or removed. Caller closes. */
int tz_lockswitch_watch(struct tz_error *err);

#endif
