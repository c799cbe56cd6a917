#include "converse.h"

#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "passphrase.h"
#include "report.h"

#define ATTEMPTS 3

bool tz_pam_can_ask(pam_handle_t *pamh)
{
	const void *tty = NULL, *service = NULL;

	if (pam_get_item(pamh, PAM_SERVICE, &service) == PAM_SUCCESS && service && strcmp(service, "sshd") == 0)
		return true;
	return pam_get_item(pamh, PAM_TTY, &tty) == PAM_SUCCESS && tty && *(const char *)tty;
}

static void answer_free(char **answer)
{
	if (!*answer)
		return;
	explicit_bzero(*answer, strlen(*answer));
	free(*answer);
}

static int keep(const char *text, struct tz_secret *ret)
{
	size_t size = strnlen(text, TZ_PASSPHRASE_MAX + 1);

	if (size > TZ_PASSPHRASE_MAX)
		size = 0; /* nothing that long opens anything */
	return tz_secret_copy(ret, text, size) < 0 ? PAM_BUF_ERR : PAM_SUCCESS;
}

int tz_pam_ask_secret(pam_handle_t *pamh, const char *prompt, struct tz_secret *ret)
{
	tz_cleanup(answer_free) char *answer = NULL;

	if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &answer, "%s", prompt) != PAM_SUCCESS || !answer)
		return PAM_CONV_ERR;
	return keep(answer, ret);
}

int tz_pam_earlier_secret(pam_handle_t *pamh, int item, struct tz_secret *ret)
{
	const void *text = NULL;

	if (pam_get_item(pamh, item, &text) != PAM_SUCCESS || !text)
		return PAM_AUTHTOK_RECOVERY_ERR;
	return keep(text, ret);
}

int tz_pam_check_new(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		     const struct tz_secret *new)
{
	struct tz_error error;

	if (tz_passphrase_check(new, settings->passphrase_min, settings->ghost_user, &error) == 0)
		return PAM_SUCCESS;
	tz_pam_say(pamh, args, PAM_ERROR_MSG, "tazpod: %s", error.message);
	return PAM_AUTHTOK_ERR;
}

static int ask_twice(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		     struct tz_secret *ret)
{
	_cleanup_secret_ struct tz_secret first = TZ_SECRET_INIT, second = TZ_SECRET_INIT;
	int r = tz_pam_ask_secret(pamh, "New vault passphrase: ", &first);

	if (r == PAM_SUCCESS)
		r = tz_pam_check_new(pamh, args, settings, &first);
	if (r != PAM_SUCCESS)
		return r;
	r = tz_pam_ask_secret(pamh, "The same once more: ", &second);
	if (r != PAM_SUCCESS)
		return r;
	if (!tz_secret_equal(&first, &second)) {
		tz_pam_say(pamh, args, PAM_ERROR_MSG, "tazpod: the two differ");
		return PAM_AUTHTOK_ERR;
	}
	tz_secret_move(ret, &first);
	return PAM_SUCCESS;
}

int tz_pam_ask_new(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_settings *settings,
		   struct tz_secret *ret)
{
	int r = PAM_AUTHTOK_ERR;

	for (int attempt = 0; attempt < ATTEMPTS && r == PAM_AUTHTOK_ERR; attempt++)
		r = ask_twice(pamh, args, settings, ret);
	return r;
}

bool tz_pam_confirm(pam_handle_t *pamh, const char *question)
{
	tz_cleanup(answer_free) char *answer = NULL;

	if (pam_prompt(pamh, PAM_PROMPT_ECHO_ON, &answer, "%s", question) != PAM_SUCCESS || !answer)
		return false;
	return !*answer || strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
