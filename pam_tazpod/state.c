#include "state.h"

#include <errno.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "readable.h"
#include "report.h"

#define DATA_NAME "tazpod_state"
#define DEFAULT_GHOST "tazpod-ghost"
/* The init's own grace, and the time the kernel takes to kill what is left. */
#define END_TIMEOUT_MS 10000
#define REAP_TIMEOUT_MS 500

static const char *service_of(pam_handle_t *pamh)
{
	const void *service = NULL;

	if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || !service)
		return "";
	return service;
}

/* Who, by name or by login shell, must not get in while the settings that rule his sessions cannot be read. */
static bool needs_settings(pam_handle_t *pamh, const char *user)
{
	const struct passwd *pw = pam_modutil_getpwnam(pamh, user);

	return strcmp(user, DEFAULT_GHOST) == 0 || (pw && pw->pw_shell && strcmp(pw->pw_shell, TZ_SHELL_PATH) == 0);
}

int tz_pam_is_ours(pam_handle_t *pamh, const struct tz_pam_args *args, struct tz_settings *ret)
{
	struct tz_error error = { 0 };
	const char *user = NULL;
	int r = pam_get_user(pamh, &user, NULL);

	if (r != PAM_SUCCESS)
		return r == PAM_CONV_AGAIN ? PAM_INCOMPLETE : r;
	if (!user || !*user)
		return PAM_USER_UNKNOWN;
	if (tz_settings_load(args->config, ret, &error) < 0)
		return needs_settings(pamh, user) ? tz_pam_report(pamh, args, &error, PAM_SERVICE_ERR) : PAM_IGNORE;
	if (strcmp(user, ret->ghost_user) != 0)
		return PAM_IGNORE;
	tz_pam_debug(pamh, args, "service %s, user %s", service_of(pamh), user);
	return PAM_SUCCESS;
}

/*
 * The init's end of the socket closes when it exits. Its pidfd tells no more than that, and later: the kernel keeps the
 * first process of a PID namespace until each zombie in it is reaped, which only the application can do, once we return.
 */
static int wait_for_end_of(int control, int timeout_ms)
{
	char byte;

	if (tz_wait_readable(control, timeout_ms) < 0)
		return -ETIMEDOUT;
	/* it never says anything; what is to be read is the end */
	return recv(control, &byte, 1, MSG_DONTWAIT) <= 0 ? 0 : -EBADMSG;
}

int tz_pam_state_end_session(struct tz_pam_state *state)
{
	static const char end = TZ_CONTROL_END;
	struct tz_sigchld held;
	int r = 0, left;

	if (state->init < 0)
		return 0;
	tz_sigchld_hold(&held);
	/* Its end of the socket may be gone already, and that is fine: then it ends or has ended. */
	(void)send(state->control, &end, sizeof(end), MSG_NOSIGNAL);
	r = wait_for_end_of(state->control, END_TIMEOUT_MS);
	if (r < 0)
		(void)pidfd_send_signal(state->init, SIGKILL, NULL, 0);
	(void)tz_worker_client_reap(state->init, REAP_TIMEOUT_MS);
	tz_sigchld_release(&held);
	left = tz_pam_leave(&state->before);
	tz_closep(&state->control);
	tz_closep(&state->init);
	return r < 0 ? r : left;
}

static bool is_mine(const struct tz_pam_state *state)
{
	return state->mine.data[0] == 1;
}

static void state_free(pam_handle_t *pamh, void *data, int status)
{
	struct tz_pam_state *state = data;
	bool owner = is_mine(state);

	(void)pamh;
	(void)status;
	if (owner)
		(void)tz_pam_state_end_session(state);
	tz_worker_client_stop(&state->worker, owner);
	tz_pam_place_close(&state->before);
	tz_closep(&state->control);
	tz_closep(&state->init);
	tz_secret_free(&state->mine);
	free(state);
}

struct tz_pam_state *tz_pam_state_find(pam_handle_t *pamh)
{
	const void *data = NULL;
	struct tz_pam_state *state;

	if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS || !data)
		return NULL;
	state = (struct tz_pam_state *)(uintptr_t)data;
	return is_mine(state) ? state : NULL;
}

struct tz_pam_state *tz_pam_state_new(pam_handle_t *pamh, const struct tz_settings *settings)
{
	struct tz_pam_state *state = calloc(1, sizeof(*state));

	if (!state)
		return NULL;
	if (tz_secret_copy(&state->mine, "\1", 1) < 0) {
		free(state);
		return NULL;
	}
	state->settings = *settings;
	state->worker = (struct tz_worker_client)TZ_WORKER_CLIENT_INIT;
	state->before = (struct tz_pam_place)TZ_PAM_PLACE_INIT;
	state->init = state->control = -1;
	if (pam_set_data(pamh, DATA_NAME, state, state_free) != PAM_SUCCESS) {
		tz_secret_free(&state->mine);
		free(state);
		return NULL;
	}
	return state;
}

void tz_pam_state_drop(pam_handle_t *pamh)
{
	(void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
}
