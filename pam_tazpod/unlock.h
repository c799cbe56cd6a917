/* From a user at a prompt to a worker that holds the volume key. */
#ifndef TAZPOD_PAM_UNLOCK_H
#define TAZPOD_PAM_UNLOCK_H

#include <security/pam_modules.h>

#include "state.h"

enum tz_pam_purpose {
	TZ_PAM_CHANGE,              /* of the passphrase */
	TZ_PAM_ENTER,
	TZ_PAM_ENTER_AUTHENTICATED, /* another module has let the caller through: root, by pam_rootok */
};

/*
 * Starts a worker in a new state of this handle.
 * PAM_SUCCESS, or PAM_AUTHINFO_UNAVAIL (reported: no worker, no vault that can be opened here).
 */
int tz_pam_start(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		 enum tz_pam_purpose purpose, struct tz_pam_state **ret);

/*
 * Unlocks by the stash, by the passphrase (three times at most), or by making the vault when there is none.
 * PAM_SUCCESS, PAM_AUTH_ERR, PAM_MAXTRIES, PAM_CONV_ERR, PAM_AUTHINFO_UNAVAIL, PAM_AUTHTOK_ERR, PAM_BUF_ERR;
 * each reported.
 */
int tz_pam_unlock(pam_handle_t *pamh, const struct tz_pam_args *args, struct tz_pam_state *state);

/* Takes over what the authenticating process of sshd left. PAM_SUCCESS, or PAM_AUTHINFO_UNAVAIL (not reported). */
int tz_pam_take_handoff(struct tz_pam_state *state);

/* Shows the worker's progress and notices; data is a struct tz_pam_audience. */
struct tz_pam_audience {
	pam_handle_t *pamh;
	const struct tz_pam_args *args;
	unsigned int shown_percent;
};
void tz_pam_show(void *data, const struct tz_reply *reply);

#endif
