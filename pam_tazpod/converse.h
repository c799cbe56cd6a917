/* What the user is asked. Every answer is moved into secret memory and wiped where PAM put it. */
#ifndef TAZPOD_PAM_CONVERSE_H
#define TAZPOD_PAM_CONVERSE_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "args.h"
#include "secret.h"
#include "settings.h"

/* Is there somebody to ask? sshd has no terminal at this point but asks over the connection. */
bool tz_pam_can_ask(pam_handle_t *pamh);

/* PAM_SUCCESS with an answer (may be empty), PAM_CONV_ERR when there is none, PAM_BUF_ERR. */
int tz_pam_ask_secret(pam_handle_t *pamh, const char *prompt, struct tz_secret *ret);

/* What an earlier module was given, in the item PAM_AUTHTOK or PAM_OLDAUTHTOK; PAM_AUTHTOK_RECOVERY_ERR: nothing. */
int tz_pam_earlier_secret(pam_handle_t *pamh, int item, struct tz_secret *ret);

/* A new passphrase, twice, above the floor; three attempts. PAM_SUCCESS, PAM_CONV_ERR or PAM_AUTHTOK_ERR. */
int tz_pam_ask_new(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		   struct tz_secret *ret);

/* Is it above the floor? PAM_SUCCESS, or PAM_AUTHTOK_ERR when it was told that it is not. */
int tz_pam_check_new(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		     const struct tz_secret *new);

/* Enter and "y" are yes; no answer is no. */
bool tz_pam_confirm(pam_handle_t *pamh, const char *question);

#endif
