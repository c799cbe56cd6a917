/*
 * Between the PAM module and its worker: SOCK_SEQPACKET, one message a packet, fixed structures, a passphrase as a
 * second buffer so that it only ever lives in secret memory. The worker is started by the module for one use and
 * runs the same build, so there is no versioning.
 *
 *   module                         worker
 *   HELLO                      ->  DONE, with what it found
 *   CREATE/UNLOCK/... + secret ->  any number of PROGRESS and NOTICE, then DONE or FAILED
 *   OPEN                       ->  NOTICE..., DONE with TZ_SESSION_FDS descriptors
 * The end of the socket ends the worker.
 */
#ifndef TAZPOD_PROTOCOL_H
#define TAZPOD_PROTOCOL_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "secret.h"

/* The descriptor on which the worker finds its socket. */
#define TZ_WORKER_FD 3

enum tz_op {
	TZ_OP_HELLO = 1,   /* caller: what is there? */
	TZ_OP_CREATE,      /* + passphrase: make the vault; unlocked after */
	TZ_OP_UNLOCK,      /* + passphrase */
	TZ_OP_STASH,       /* unlock by the stash; FAILED -ENOKEY when there is none */
	TZ_OP_HANDOFF,     /* unlock by what the authenticating process left; -ENOKEY when there is none */
	TZ_OP_OPEN,        /* tty, service: open the session */
	TZ_OP_CHANGE,      /* + new passphrase: replaces the one of the last UNLOCK */
};

enum tz_reply_kind { TZ_REPLY_DONE = 1, TZ_REPLY_FAILED, TZ_REPLY_PROGRESS, TZ_REPLY_NOTICE };

/* HELLO's answer */
enum tz_vault_state {
	TZ_VAULT_ABSENT = 1,
	TZ_VAULT_READY, /* anything else is FAILED with the reason */
};

struct tz_request {
	uint32_t op;
	uint32_t caller;        /* HELLO: the application's real uid */
	uint32_t entering;      /* HELLO: 1 to open a session, 0 to change the passphrase */
	uint32_t authenticated; /* HELLO: 1 when the application knows already who is there: root, in su's session */
	uint32_t secret_size;   /* bytes of passphrase that follow */
	char tty[64];
	char service[64];
};

struct tz_reply {
	uint32_t kind;
	int32_t code;           /* FAILED: negative errno */
	uint32_t vault;         /* HELLO: enum tz_vault_state */
	uint32_t value;         /* PROGRESS: percent; CREATE offer: size in MiB; OPEN: seconds that the stash has left, or 0 */
	uint32_t passphrase_min;/* HELLO */
	char message[TZ_ERROR_TEXT];
	char detail[TZ_ERROR_TEXT];
};

/* The descriptors of a DONE to OPEN, in this order. */
enum {
	TZ_FD_MNT,      /* mount namespace */
	TZ_FD_IPC,      /* IPC namespace */
	TZ_FD_PID,      /* PID namespace for children */
	TZ_FD_ROOT,     /* O_PATH: / in the new mount namespace */
	TZ_FD_INIT,     /* pidfd of the session's init, a child of the application (exit signal 0) */
	TZ_FD_CONTROL,  /* stream socket to the init: TZ_CONTROL_END asks it to end the session */
	TZ_SESSION_FDS
};
#define TZ_CONTROL_END 'E'

int tz_protocol_send_request(int fd, const struct tz_request *request, const struct tz_secret *secret);
/* -EPIPE: the other end is gone. *ret_secret is empty when none came. */
int tz_protocol_receive_request(int fd, struct tz_request *ret, struct tz_secret *ret_secret);
int tz_protocol_send_reply(int fd, const struct tz_reply *reply, const int *fds, unsigned int count);
/* fds has room for TZ_SESSION_FDS, all set to -1 where none came; the caller owns them. timeout_ms -1: for ever. */
int tz_protocol_receive_reply(int fd, struct tz_reply *ret, int fds[static TZ_SESSION_FDS], int timeout_ms);

#endif
