/* Opening and closing the ghost session in the application. */
#ifndef TAZPOD_PAM_SESSION_H
#define TAZPOD_PAM_SESSION_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "args.h"
#include "settings.h"

/* For applications that do not authenticate in this process: sshd's handed-off key, root's passphrase at a prompt. */
int tz_pam_ensure_unlocked(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
			   bool may_ask);

/* PAM_SUCCESS, or PAM_SESSION_ERR with everything undone. */
int tz_pam_session_open(pam_handle_t *pamh, const struct tz_pam_args *args);

/* PAM_SUCCESS also when there is none. */
int tz_pam_session_close(pam_handle_t *pamh, const struct tz_pam_args *args);

#endif
