#include "unlock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "converse.h"
#include "report.h"

#define ATTEMPTS 3
/* A line for each further tenth: a conversation has no way to repaint one. */
#define PERCENT_STEP 10

void tz_pam_show(void *data, const struct tz_reply *reply)
{
	struct tz_pam_audience *audience = data;

	if (reply->kind == TZ_REPLY_NOTICE) {
		/* su -c, and so 'tazpod pull', shows its user nothing that is called information */
		tz_pam_say(audience->pamh, audience->args, PAM_ERROR_MSG, "tazpod: %s", reply->message);
		return;
	}
	if (reply->value > 0 && reply->value < audience->shown_percent + PERCENT_STEP)
		return;
	audience->shown_percent = reply->value;
	tz_pam_say(audience->pamh, audience->args, PAM_TEXT_INFO, "tazpod: %3u %% %s", reply->value, reply->message);
}

static int ask_worker(struct tz_pam_audience *audience, struct tz_pam_state *state, uint32_t op,
		      const struct tz_secret *secret, struct tz_error *err)
{
	struct tz_request request = { .op = op };

	return tz_worker_client_ask(&state->worker, &request, secret, tz_pam_show, audience, NULL, NULL, err);
}

int tz_pam_start(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		 enum tz_pam_purpose purpose, struct tz_pam_state **ret)
{
	struct tz_pam_state *state = tz_pam_state_new(pamh, settings);
	struct tz_request hello = { .op = TZ_OP_HELLO, .caller = getuid(), .entering = purpose != TZ_PAM_CHANGE,
				    .authenticated = purpose == TZ_PAM_ENTER_AUTHENTICATED };
	struct tz_error error = { 0 };
	int r;

	if (!state)
		return PAM_BUF_ERR;
	r = tz_worker_client_start(args->config, &state->worker, &error);
	if (r == 0)
		r = tz_worker_client_ask(&state->worker, &hello, NULL, NULL, NULL, &state->found, NULL, &error);
	if (r < 0) {
		tz_pam_state_drop(pamh);
		return tz_pam_report(pamh, args, &error, PAM_AUTHINFO_UNAVAIL);
	}
	*ret = state;
	return PAM_SUCCESS;
}

/* -EKEYREJECTED becomes PAM_AUTH_ERR, which may be tried again; the rest may not. */
static int try_passphrase(struct tz_pam_audience *audience, struct tz_pam_state *state,
			  const struct tz_secret *passphrase)
{
	struct tz_error error = { 0 };
	int r = ask_worker(audience, state, TZ_OP_UNLOCK, passphrase, &error);

	if (r == 0) {
		state->unlocked = true;
		return PAM_SUCCESS;
	}
	return tz_pam_report(audience->pamh, audience->args, &error,
			     r == -EKEYREJECTED ? PAM_AUTH_ERR : PAM_AUTHINFO_UNAVAIL);
}

static int refuse_to_ask(struct tz_pam_audience *audience)
{
	struct tz_error error = { 0 };

	(void)tz_error_set(&error, ENOTTY, "there is no terminal to ask for the vault's passphrase on, and no key is kept "
			   "for this login session; run it from a terminal");
	return tz_pam_report(audience->pamh, audience->args, &error, PAM_AUTHINFO_UNAVAIL);
}

static int ask_passphrase(struct tz_pam_audience *audience, struct tz_pam_state *state)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
		int r = tz_pam_ask_secret(audience->pamh, "Vault passphrase: ", &passphrase);

		if (r == PAM_SUCCESS)
			r = try_passphrase(audience, state, &passphrase);
		if (r != PAM_AUTH_ERR)
			return r;
	}
	return PAM_MAXTRIES;
}

static int make_vault(struct tz_pam_audience *audience, struct tz_pam_state *state)
{
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	struct tz_error error = { 0 };
	char question[128];
	int r;

	(void)snprintf(question, sizeof(question), "There is no vault yet. Create one of %u MiB now? [Y/n] ",
		       state->found.value);
	if (!tz_pam_confirm(audience->pamh, question)) {
		(void)tz_error_set(&error, ENOENT, "no vault was created, so there is nothing to open");
		return tz_pam_report(audience->pamh, audience->args, &error, PAM_AUTHINFO_UNAVAIL);
	}
	tz_pam_say(audience->pamh, audience->args, PAM_TEXT_INFO, "Choose a passphrase that you can remember: without it "
		   "nobody can open the vault.");
	r = tz_pam_ask_new(audience->pamh, audience->args, &state->settings, &passphrase);
	if (r != PAM_SUCCESS)
		return r;
	if (ask_worker(audience, state, TZ_OP_CREATE, &passphrase, &error) < 0)
		return tz_pam_report(audience->pamh, audience->args, &error, PAM_AUTHINFO_UNAVAIL);
	state->unlocked = true;
	return PAM_SUCCESS;
}

static bool unlock_by_stash(struct tz_pam_audience *audience, struct tz_pam_state *state)
{
	struct tz_error error = { 0 };

	/* Root has the sessions of everybody; a stash belongs to one. */
	if (getuid() == 0 || ask_worker(audience, state, TZ_OP_STASH, NULL, &error) < 0)
		return false;
	state->unlocked = true;
	return true;
}

/* What an earlier module asked for; PAM_IGNORE: there was nothing, or it did not fit and may be asked for again. */
static int use_earlier(struct tz_pam_audience *audience, struct tz_pam_state *state)
{
	_cleanup_secret_ struct tz_secret earlier = TZ_SECRET_INIT;
	const struct tz_pam_args *args = audience->args;
	int r;

	if (!args->try_first_pass && !args->use_first_pass)
		return PAM_IGNORE;
	r = tz_pam_earlier_secret(audience->pamh, PAM_AUTHTOK, &earlier);
	if (r == PAM_SUCCESS)
		r = try_passphrase(audience, state, &earlier);
	if (args->use_first_pass)
		return r == PAM_AUTHTOK_RECOVERY_ERR ? PAM_AUTH_ERR : r;
	return r == PAM_AUTHTOK_RECOVERY_ERR || r == PAM_AUTH_ERR ? PAM_IGNORE : r;
}

int tz_pam_unlock(pam_handle_t *pamh, const struct tz_pam_args *args, struct tz_pam_state *state)
{
	struct tz_pam_audience audience = { .pamh = pamh, .args = args };
	bool absent = state->found.vault == TZ_VAULT_ABSENT;
	int r;

	if (!absent) {
		if (unlock_by_stash(&audience, state))
			return PAM_SUCCESS;
		r = use_earlier(&audience, state);
		if (r != PAM_IGNORE)
			return r;
	}
	if (!tz_pam_can_ask(pamh))
		return refuse_to_ask(&audience);
	return absent ? make_vault(&audience, state) : ask_passphrase(&audience, state);
}

int tz_pam_take_handoff(struct tz_pam_state *state)
{
	struct tz_request request = { .op = TZ_OP_HANDOFF };

	if (tz_worker_client_ask(&state->worker, &request, NULL, NULL, NULL, NULL, NULL, NULL) < 0)
		return PAM_AUTHINFO_UNAVAIL;
	state->unlocked = true;
	return PAM_SUCCESS;
}
