/*
 * What this module keeps in a PAM handle between its entry points (pam_set_data). A process that inherited the handle
 * by fork only closes descriptors: the worker and the session belong to the process that made them.
 */
#ifndef TAZPOD_PAM_STATE_H
#define TAZPOD_PAM_STATE_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "args.h"
#include "enter.h"
#include "secret.h"
#include "settings.h"
#include "worker_client.h"

struct tz_pam_state {
	/*
	 * One byte that a fork wipes: only in the process that made this state is it 1. A pid would not tell: in the
	 * session's PID namespace a child may have that of its parent.
	 */
	struct tz_secret mine;
	struct tz_settings settings;
	struct tz_worker_client worker;
	struct tz_reply found;       /* the worker's answer to HELLO */
	bool unlocked;               /* the worker holds the volume key */
	struct tz_pam_place before;
	int init;                    /* pidfd of the open session's init, -1 without a session */
	int control;
};

/*
 * Is this transaction ours? PAM_SUCCESS and the settings: yes. PAM_IGNORE: another user. Anything else was reported:
 * the settings cannot be trusted, and the user is one who must not get in without them.
 */
int tz_pam_is_ours(pam_handle_t *pamh, const struct tz_pam_args *args, struct tz_settings *ret);

/* The state in this handle; NULL when there is none, or when it is another process's. */
struct tz_pam_state *tz_pam_state_find(pam_handle_t *pamh);

/* A new one, in place of what was there. NULL: no memory. */
struct tz_pam_state *tz_pam_state_new(pam_handle_t *pamh, const struct tz_settings *settings);

/* Drops it: the worker ends, an open session too. */
void tz_pam_state_drop(pam_handle_t *pamh);

/* Asks the session's init for an orderly end, waits bounded, returns to the old namespaces. 0 or a negative errno. */
int tz_pam_state_end_session(struct tz_pam_state *state);

#endif
