/*
 * The session's init: pid 1 of the session's PID namespace. When it ends the kernel kills every process in there,
 * and with the last of them the mount namespace and the vault's mount go.
 *
 * 1. It ends when the PAM application ends, however that ends: it watches the application's pidfd.
 * 2. It holds no key and no descriptor but those below: it is this same program, executed afresh.
 * 3. Once it runs it is root without any capability but CAP_KILL, and can gain none.
 * 4. It never waits for another process without a bound: its own exit is what kills, and needs nobody's consent.
 */
#ifndef TAZPOD_INIT_H
#define TAZPOD_INIT_H

#include <stdint.h>

#include "error.h"
#include "sessions.h"

/* The descriptors that it is started with; all others are closed. */
enum {
	TZ_INIT_APP_FD = 3,     /* pidfd of the PAM application */
	TZ_INIT_CONTROL_FD,     /* stream socket: TZ_CONTROL_END, or its end, ends the session */
	TZ_INIT_READY_FD,       /* pipe or socket for the report, closed after it */
	TZ_INIT_LOCKSWITCH_FD,  /* as tz_lockswitch_watch() gives it */
	TZ_INIT_SERVER_FD,      /* pidfd of the vault's server: without it there is no vault; the application's where there is none */
	TZ_INIT_VAULT_FD,       /* the vault's root, to be flushed (flush.h); the application's pidfd where it need not be */
	TZ_INIT_FDS_END
};

/* How long the processes of a session may take for an orderly end; then they are killed. */
#define TZ_INIT_GRACE_MS 2000

struct tz_init_params {
	int app_pidfd;
	int control;
	int ready;
	int lockswitch_watch;
	int server_pidfd;        /* -1: the vault has none */
	int vault;               /* -1: it need not be flushed */
	const struct tz_session *describe; /* becomes its arguments, for status */
};

/*
 * In a child that is pid 1 of the new PID namespace: puts the descriptors in their places, closes all others, and
 * executes /proc/self/exe as tazpod-init. Returns only a failure, as a negative errno; the child must then _exit().
 */
int tz_init_exec(const struct tz_init_params *params);

/*
 * In the process that started it: waits for the report on the pipe's other end, a struct tz_error whose code is 0 when it
 * is ready, or the pipe's end where it died. 0: it is ready; else what it reports, -EPIPE when it died, -ETIMEDOUT.
 */
int tz_init_wait_ready(int fd, int timeout_ms, struct tz_error *err);

/* main() of a program that is called tazpod-init. Returns the exit status. */
int tz_init_main(int argc, char **argv);

#endif
