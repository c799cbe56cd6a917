/* Reading the service files of PAM, as far as to see what they call. pam.conf(5). */
#ifndef TAZPOD_CLI_PAMFILE_H
#define TAZPOD_CLI_PAMFILE_H

enum {
	CLI_PAM_AUTH = 1,
	CLI_PAM_ACCOUNT = 2,
	CLI_PAM_SESSION = 4,
	CLI_PAM_PASSWORD = 8,
};

/*
 * For which kinds does the service call module ("pam_tazpod.so"), itself or by @include, include and substack? Each
 * file is looked for in directories (ended by NULL) in turn. -ENOENT: there is no file of the service. What an
 * included file that is missing would call is nothing.
 */
int cli_pamfile_kinds(const char *const directories[], const char *service, const char *module,
		      unsigned int *ret_kinds);

#endif
