/*
 * pam_tazpod: the entry points, and nothing else. See pam_tazpod(8).
 *
 * This code lives in su, login and sshd. It MUST NOT exit, print, touch signal dispositions or the environment, or keep
 * static state; what is heavy or holds keys is done by tazpod-worker, in a process of its own.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <errno.h>
#include <unistd.h>

#include "args.h"
#include "change.h"
#include "report.h"
#include "session.h"
#include "state.h"
#include "unlock.h"

#define EXPORT __attribute__((visibility("default")))

static int begin(pam_handle_t *pamh, int flags, int argc, const char **argv, struct tz_pam_args *args,
		 struct tz_settings *settings)
{
	int r = tz_pam_args_parse(pamh, flags, argc, argv, args);

	return r == PAM_SUCCESS ? tz_pam_is_ours(pamh, args, settings) : r;
}

static int require_service(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings)
{
	struct tz_error error = { 0 };
	const void *service = NULL;

	if (pam_get_item(pamh, PAM_SERVICE, &service) == PAM_SUCCESS && service &&
	    tz_settings_service_allowed(settings, service))
		return PAM_SUCCESS;
	(void)tz_error_set(&error, EACCES, "the service '%s' may not open the vault; use 'su -l %s', or add it to "
			   "'services' in the settings", service ? (const char *)service : "", settings->ghost_user);
	return tz_pam_report(pamh, args, &error, PAM_PERM_DENIED);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;
	struct tz_pam_state *state = NULL;
	int r = begin(pamh, flags, argc, argv, &args, &settings);

	if (r == PAM_SUCCESS)
		r = require_service(pamh, &args, &settings);
	if (r == PAM_SUCCESS)
		r = tz_pam_start(pamh, &args, &settings, TZ_PAM_ENTER, &state);
	if (r != PAM_SUCCESS)
		return r;
	r = tz_pam_unlock(pamh, &args, state);
	if (r != PAM_SUCCESS)
		tz_pam_state_drop(pamh);
	return r;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;

	return begin(pamh, flags, argc, argv, &args, &settings);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;
	int r = begin(pamh, flags, argc, argv, &args, &settings);

	if (r == PAM_SUCCESS)
		r = require_service(pamh, &args, &settings);
	return r == PAM_SUCCESS ? tz_pam_ensure_unlocked(pamh, &args, &settings, false) : r;
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;
	int r = begin(pamh, flags, argc, argv, &args, &settings);

	if (r == PAM_IGNORE)
		return r;
	if (r == PAM_SUCCESS)
		r = require_service(pamh, &args, &settings);
	if (r == PAM_SUCCESS)
		r = tz_pam_ensure_unlocked(pamh, &args, &settings, true);
	if (r == PAM_SUCCESS)
		r = tz_pam_session_open(pamh, &args);
	/* Not PAM_SESSION_ERR: that one sudo takes for harmless, and goes on. */
	return r == PAM_SUCCESS ? r : PAM_PERM_DENIED;
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;
	int r = begin(pamh, flags, argc, argv, &args, &settings);

	/* Settings that broke meanwhile must not keep a session open. */
	if (r == PAM_IGNORE && !tz_pam_state_find(pamh))
		return r;
	return tz_pam_session_close(pamh, &args);
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct tz_pam_args args = { 0 };
	struct tz_settings settings;
	int r = begin(pamh, flags, argc, argv, &args, &settings);

	if (r != PAM_SUCCESS)
		return r;
	if (flags & PAM_PRELIM_CHECK)
		return tz_pam_change_check(pamh, &args, &settings);
	if (flags & PAM_UPDATE_AUTHTOK)
		return tz_pam_change_update(pamh, &args);
	return PAM_SERVICE_ERR;
}
