/*
 * The open ghost sessions, as /proc shows them: one root-owned tazpod-init each. No registry file that could
 * go stale: what the kernel shows is what there is. The arguments of each init (see TZ_INIT_*) carry what status says.
 */
#ifndef TAZPOD_SESSIONS_H
#define TAZPOD_SESSIONS_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "error.h"
#include "luks.h"

#define TZ_INIT_NAME "tazpod-init"
#define TZ_SESSIONS_MAX 256

struct tz_session {
	pid_t init;               /* pid of its init in this process's PID namespace */
	uint64_t start_time;      /* clock ticks since boot, field 22 of /proc/PID/stat */
	time_t started;           /* wall clock */
	char caller[64];          /* who opened it: user name */
	char vault[TZ_UUID_TEXT];
	char image[48];           /* "DEV:INO" of the image, decimal */
	char tty[32];             /* "pts/3", "" without one */
	char service[64];         /* PAM service */
	char driver[16];
};

/* Up to max sessions; the number found, or a negative errno. */
int tz_sessions_list(struct tz_session *ret, unsigned int max, struct tz_error *err);

/* The arguments with which an init is started, from the same struct; tz_sessions_list reads them back. */
#define TZ_INIT_ARGS 16
struct tz_init_args {
	char text[TZ_INIT_ARGS][96];
	char *argv[TZ_INIT_ARGS + 1];
};
void tz_sessions_init_args(const struct tz_session *session, struct tz_init_args *ret);

/*
 * Is a process of this uid alive outside an enclave, i.e. in this very PID namespace (not in one below)?
 * Its pid, 0 when there is none, or a negative errno. self is not counted. Asked from within an enclave: 0.
 * One of root's that takes on the uid for a moment is none: PAM modules do so in a login that has begun beside this one
 * (pam_keyinit(8), and all that call pam_modutil_drop_priv(3)). So one whose saved uid is still root's must be there for
 * TZ_STRAY_MS.
 */
#define TZ_STRAY_MS 2000
int tz_sessions_stray(uid_t uid, struct tz_error *err);

/* The start time of a process (field 22 of /proc/PID/stat). */
int tz_process_start_time(pid_t pid, uint64_t *ret);

#endif
