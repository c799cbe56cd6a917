/* The module's arguments, as pam_tazpod(8) documents them. */
#ifndef TAZPOD_PAM_ARGS_H
#define TAZPOD_PAM_ARGS_H

#include <security/pam_modules.h>
#include <stdbool.h>

struct tz_pam_args {
	const char *config;   /* config=PATH; NULL: the default */
	bool debug;
	bool try_first_pass;  /* the passphrase of an earlier module first, then ask */
	bool use_first_pass;  /* the passphrase of an earlier module or none */
	bool silent;          /* the application asked for no messages */
};

/* PAM_SUCCESS, or PAM_SERVICE_ERR (logged) for an argument that is not known: never a guess. */
int tz_pam_args_parse(pam_handle_t *pamh, int flags, int argc, const char **argv, struct tz_pam_args *ret);

#endif
