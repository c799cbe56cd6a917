#include "change.h"

#include <errno.h>
#include <string.h>

#include "converse.h"
#include "report.h"
#include "state.h"
#include "unlock.h"

static int present_passphrase(pam_handle_t *pamh, const struct tz_pam_args *args, struct tz_secret *ret)
{
	if (args->try_first_pass || args->use_first_pass) {
		int r = tz_pam_earlier_secret(pamh, PAM_OLDAUTHTOK, ret);

		if (r == PAM_SUCCESS || args->use_first_pass)
			return r;
	}
	return tz_pam_ask_secret(pamh, "Present vault passphrase: ", ret);
}

int tz_pam_change_check(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings)
{
	_cleanup_secret_ struct tz_secret present = TZ_SECRET_INIT;
	struct tz_request request = { .op = TZ_OP_UNLOCK };
	struct tz_pam_state *state = NULL;
	struct tz_error error = { 0 };
	int r = tz_pam_start(pamh, args, settings, TZ_PAM_CHANGE, &state);

	if (r != PAM_SUCCESS)
		return r == PAM_AUTHINFO_UNAVAIL ? PAM_TRY_AGAIN : r;
	if (state->found.vault == TZ_VAULT_ABSENT) {
		(void)tz_error_set(&error, ENOENT, "there is no vault yet, so there is no passphrase to change; log in to "
				   "create one");
		return tz_pam_report(pamh, args, &error, PAM_TRY_AGAIN);
	}
	r = present_passphrase(pamh, args, &present);
	if (r != PAM_SUCCESS)
		return r;
	r = tz_worker_client_ask(&state->worker, &request, &present, NULL, NULL, NULL, NULL, &error);
	if (r < 0)
		return tz_pam_report(pamh, args, &error, r == -EKEYREJECTED ? PAM_AUTH_ERR : PAM_TRY_AGAIN);
	state->unlocked = true;
	return PAM_SUCCESS;
}

int tz_pam_change_update(pam_handle_t *pamh, const struct tz_pam_args *args)
{
	_cleanup_secret_ struct tz_secret new = TZ_SECRET_INIT;
	struct tz_pam_state *state = tz_pam_state_find(pamh);
	struct tz_request request = { .op = TZ_OP_CHANGE };
	struct tz_error error = { 0 };
	int r;

	if (!state || !state->unlocked)
		return PAM_AUTHTOK_ERR;
	if (!args->use_first_pass)
		r = tz_pam_ask_new(pamh, args, &state->settings, &new);
	else if ((r = tz_pam_earlier_secret(pamh, PAM_AUTHTOK, &new)) == PAM_SUCCESS)
		r = tz_pam_check_new(pamh, args, &state->settings, &new);
	if (r != PAM_SUCCESS)
		return r == PAM_CONV_ERR ? r : PAM_AUTHTOK_ERR;
	r = tz_worker_client_ask(&state->worker, &request, &new, NULL, NULL, NULL, NULL, &error);
	if (r < 0)
		return tz_pam_report(pamh, args, &error, r == -ETIMEDOUT ? PAM_AUTHTOK_LOCK_BUSY : PAM_AUTHTOK_ERR);
	tz_pam_say(pamh, args, PAM_TEXT_INFO, "tazpod: the vault's passphrase was changed");
	tz_pam_state_drop(pamh);
	return PAM_SUCCESS;
}
