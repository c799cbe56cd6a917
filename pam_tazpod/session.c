#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "state.h"
#include "unlock.h"

static const char *text_item(pam_handle_t *pamh, int item)
{
	const void *text = NULL;

	return pam_get_item(pamh, item, &text) == PAM_SUCCESS && text ? text : "";
}

static bool is_sshd(pam_handle_t *pamh)
{
	return strcmp(text_item(pamh, PAM_SERVICE), "sshd") == 0;
}

static int refuse_public_key(pam_handle_t *pamh, const struct tz_pam_args *args)
{
	struct tz_error error = { 0 };

	(void)tz_error_set(&error, EACCES, "a key alone does not open the vault: log in with keyboard-interactive "
			   "authentication (ssh -o PreferredAuthentications=keyboard-interactive ...)");
	return tz_pam_report(pamh, args, &error, PAM_PERM_DENIED);
}

int tz_pam_ensure_unlocked(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
			   bool may_ask)
{
	struct tz_pam_state *state = tz_pam_state_find(pamh);
	int r;

	if (state && (state->unlocked || state->init >= 0))
		return PAM_SUCCESS;
	/* Others were authenticated by someone else than us (root by pam_rootok) and are asked when the session opens. */
	if (!is_sshd(pamh) && !may_ask)
		return PAM_SUCCESS;
	r = tz_pam_start(pamh, args, settings, is_sshd(pamh) ? TZ_PAM_ENTER : TZ_PAM_ENTER_AUTHENTICATED, &state);
	if (r != PAM_SUCCESS)
		return r;
	if (!is_sshd(pamh))
		r = tz_pam_unlock(pamh, args, state);
	else if (tz_pam_take_handoff(state) != PAM_SUCCESS)
		r = refuse_public_key(pamh, args);
	if (r != PAM_SUCCESS)
		tz_pam_state_drop(pamh);
	return r;
}

static void terminal_name(pam_handle_t *pamh, char *to, size_t size)
{
	const char *tty = text_item(pamh, PAM_TTY);

	(void)snprintf(to, size, "%s", strncmp(tty, "/dev/", 5) == 0 ? tty + 5 : tty);
}

/* Of the worker's descriptors two stay, the rest have served. */
static void keep_session(struct tz_pam_state *state, int fds[static TZ_SESSION_FDS])
{
	state->init = tz_steal_fd(&fds[TZ_FD_INIT]);
	state->control = tz_steal_fd(&fds[TZ_FD_CONTROL]);
}

/* The session has a keyring of its own, in which the stash is not: this is all that it can know. Nobody decides by it. */
static void tell_session(pam_handle_t *pamh, unsigned int seconds)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "TAZPOD_KEY_UNTIL=%lld", (long long)time(NULL) + seconds);
	if (seconds > 0)
		(void)pam_putenv(pamh, text);
}

int tz_pam_session_open(pam_handle_t *pamh, const struct tz_pam_args *args)
{
	struct tz_pam_state *state = tz_pam_state_find(pamh);
	struct tz_pam_audience audience = { .pamh = pamh, .args = args };
	struct tz_request request = { .op = TZ_OP_OPEN };
	int fds[TZ_SESSION_FDS] = { -1, -1, -1, -1, -1, -1 };
	struct tz_reply reply = { 0 };
	struct tz_sigchld held;
	struct tz_error error = { 0 };
	int r;

	/* the module stands in this stack twice */
	if (state && state->init >= 0)
		return PAM_SUCCESS;
	if (!state || !state->unlocked)
		return PAM_SESSION_ERR;
	tz_sigchld_hold(&held);
	terminal_name(pamh, request.tty, sizeof(request.tty));
	(void)snprintf(request.service, sizeof(request.service), "%s", text_item(pamh, PAM_SERVICE));
	r = tz_worker_client_ask(&state->worker, &request, NULL, tz_pam_show, &audience, &reply, fds, &error);
	if (r == 0) {
		keep_session(state, fds);
		r = tz_pam_enter(fds, &state->before, &error);
	}
	for (unsigned int i = 0; i < TZ_SESSION_FDS; i++)
		tz_closep(&fds[i]);
	/* The worker has done its part: no key stays in any process. */
	tz_worker_client_stop(&state->worker, true);
	tz_sigchld_release(&held);
	state->unlocked = false;
	if (r == 0) {
		tell_session(pamh, reply.value);
		return PAM_SUCCESS;
	}
	tz_pam_state_drop(pamh);
	return tz_pam_report(pamh, args, &error, PAM_SESSION_ERR);
}

int tz_pam_session_close(pam_handle_t *pamh, const struct tz_pam_args *args)
{
	struct tz_pam_state *state = tz_pam_state_find(pamh);
	struct tz_error error = { 0 };
	int r;

	if (!state)
		return PAM_SUCCESS;
	r = tz_pam_state_end_session(state);
	tz_pam_state_drop(pamh);
	if (r == 0)
		return PAM_SUCCESS;
	(void)tz_error_set(&error, r, "the ghost session did not end in an orderly way: %s", strerror(-r));
	return tz_pam_report(pamh, args, &error, PAM_SESSION_ERR);
}
