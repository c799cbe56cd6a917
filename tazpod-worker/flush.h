/*
 * A vault that is served by a process has nobody to write to once a container is stopped: the kernel then ends that process
 * together with all the others, and what the last unmount would have written is lost. So a process of the session writes
 * it all out from time to time, as a power failure asks of everybody. It is one of its own since syncfs(2) may take long,
 * and nothing else of the session shall wait for it.
 */
#ifndef TAZPOD_WORKER_FLUSH_H
#define TAZPOD_WORKER_FLUSH_H

#include <sys/types.h>

#include "error.h"

/* As long as what was not synced may be lost, and not longer. ext4's own commits come as often. */
#define TZ_FLUSH_PERIOD_S 5

/*
 * Starts the process, on a descriptor of the vault's root; it ends by SIGKILL. Its number, 0 where vault is no directory
 * (and there is nothing to flush), or a negative errno.
 */
pid_t tz_flush_start(int vault, struct tz_error *err);

#endif
