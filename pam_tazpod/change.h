/* passwd(1) for the ghost user: the vault's passphrase. pam_sm_chauthtok(3) in its two phases. */
#ifndef TAZPOD_PAM_CHANGE_H
#define TAZPOD_PAM_CHANGE_H

#include <security/pam_modules.h>

#include "args.h"
#include "settings.h"

/* PAM_PRELIM_CHECK: the present passphrase is asked for and proved; the worker keeps it. */
int tz_pam_change_check(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings);

/* PAM_UPDATE_AUTHTOK: the new one is asked for and set. */
int tz_pam_change_update(pam_handle_t *pamh, const struct tz_pam_args *args);

#endif
