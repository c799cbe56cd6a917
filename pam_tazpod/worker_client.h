/*
 * The module's end of the worker: started by fork and exec as unix_chkpwd is, asked through a socket, reaped by pidfd.
 *
 * 1. Its orderly end reaches the application as no SIGCHLD: see tz_sigchld_hold(). A wait() of the application for just
 *    any child may meet it, and that is fine: it is reaped once, by whoever comes first.
 * 2. Nothing of the application reaches it: no environment, no descriptor, no signal disposition.
 * 3. It lives as long as our end of the socket.
 */
#ifndef TAZPOD_PAM_WORKER_CLIENT_H
#define TAZPOD_PAM_WORKER_CLIENT_H

#include <signal.h>
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
 * message in err; -EPIPE when the worker died, -EBADMSG when its answer is none. fds (may be NULL) gets the answer's
 * descriptors.
 */
int tz_worker_client_ask(struct tz_worker_client *client, const struct tz_request *request,
			 const struct tz_secret *secret, tz_interim_fn interim, void *data, struct tz_reply *ret,
			 int *fds, struct tz_error *err);

/* Ends and reaps it. In another process than the one that started it, only closes. */
void tz_worker_client_stop(struct tz_worker_client *client, bool owner);

/* Waits for and reaps a child. 0 (also when another has reaped it), or -ETIMEDOUT. */
int tz_worker_client_reap(int pidfd, int timeout_ms);

struct tz_sigchld {
	sigset_t mask; /* the application's */
	bool pending;  /* before we began */
};

/*
 * execve(2) makes SIGCHLD the exit signal of every child, whatever it was cloned with. Between these two the signal
 * waits; when it comes from children of ours alone it is taken away, and the application's handler never runs for them.
 */
void tz_sigchld_hold(struct tz_sigchld *ret);
void tz_sigchld_release(const struct tz_sigchld *held);

#endif
