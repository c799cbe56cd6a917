/*
 * The module's end of the worker: started by fork and exec as unix_chkpwd is, asked through a socket, reaped by pidfd.
 *
 * 1. The worker has no exit signal: the application's SIGCHLD handler and its wait() never meet it.
 * 2. Nothing of the application reaches it: no environment, no descriptor, no signal disposition.
 * 3. It lives as long as our end of the socket.
 */
#ifndef TAZPOD_PAM_WORKER_CLIENT_H
#define TAZPOD_PAM_WORKER_CLIENT_H

#include <stdbool.h>

#include "protocol.h"

struct tz_worker_client {
	int socket;
	int pidfd;
};

#define TZ_WORKER_CLIENT_INIT { -1, -1 }

/* What comes before the answer: a progress step or a notice. */
typedef void (*tz_interim_fn)(void *data, const struct tz_reply *reply);

/* config may be NULL. -EPERM without effective uid 0; -ENOENT and the like when the worker cannot be run. */
int tz_worker_client_start(const char *config, struct tz_worker_client *ret, struct tz_error *err);

/*
 * One request, its interim replies told, its answer in *ret (may be NULL): 0, or the worker's negative errno with its
 * message in err; -EPIPE when the worker died. fds (may be NULL) gets the answer's descriptors.
 */
int tz_worker_client_ask(struct tz_worker_client *client, const struct tz_request *request,
			 const struct tz_secret *secret, tz_interim_fn interim, void *data, struct tz_reply *ret,
			 int *fds, struct tz_error *err);

/* Ends and reaps it. In another process than the one that started it, only closes. */
void tz_worker_client_stop(struct tz_worker_client *client, bool owner);

/* Waits for and reaps a child without exit signal. 0, or -ETIMEDOUT. */
int tz_worker_client_reap(int pidfd, int timeout_ms);

#endif
