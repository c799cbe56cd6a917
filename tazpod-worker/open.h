/* Opening the session: device, enclave, init. Undone by the kernel if anything fails, for it is all in this process. */
#ifndef TAZPOD_WORKER_OPEN_H
#define TAZPOD_WORKER_OPEN_H

#include "session.h"

/*
 * -EBUSY: sessions of another vault are open, or a process of the ghost user lives outside an enclave. Asked early, so that
 * nobody types a passphrase into a refusal, and once more under the lock.
 */
int tz_worker_require_alone(const struct tz_worker *worker, struct tz_error *err);

/* Fills fds (TZ_SESSION_FDS, all -1 before); the caller owns them. The worker has done its work then and exits. */
int tz_worker_open(struct tz_worker *worker, const struct tz_request *request, int fds[static TZ_SESSION_FDS],
		   struct tz_error *err);

#endif
