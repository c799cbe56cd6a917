/*
 * A /proc of its own for a new PID namespace that shows no more than the one it covers: the same options (hidepid=,
 * subset=, read-only, ...) and the same masks, which are the mounts on top of it (a container's /dev/null over
 * /proc/kcore, /proc/sys read-only, ...). An enclave is never less confined than what surrounds it.
 */
#ifndef TAZPOD_PROCMASK_H
#define TAZPOD_PROCMASK_H

#include "error.h"

#define TZ_PROCMASK_MAX 64

struct tz_procmask_entry {
	int tree;       /* a detached copy of the mask, with what is mounted on it */
	char path[192]; /* relative to /proc */
};

struct tz_procmask {
	unsigned int count;
	struct tz_procmask_entry entries[TZ_PROCMASK_MAX];
	char vfs_options[256]; /* of the /proc in view */
	char fs_options[256];
};

/*
 * Copies the masks of the /proc in view. -ENOENT: there is none; -E2BIG: more masks than fit, which must not be lost.
 * What is mounted in the directory of a process is no mask: that process is of another PID namespace.
 */
int tz_procmask_collect(struct tz_procmask *ret, struct tz_error *err);

/*
 * Mounts a new proc over /proc, by the name source in mountinfo, and moves the masks onto it: the copies are used
 * up. A mask of something that the new one does not have (subset=pid) is dropped. After a failure the new /proc may
 * be there without all of its masks: the caller must end, and the mount namespace with it.
 */
int tz_procmask_mount(struct tz_procmask *mask, const char *source, struct tz_error *err);

void tz_procmask_free(struct tz_procmask *mask);

#define _cleanup_procmask_ tz_cleanup(tz_procmask_free)

#endif
