#include "args.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

int tz_pam_args_parse(pam_handle_t *pamh, int flags, int argc, const char **argv, struct tz_pam_args *ret)
{
	struct tz_pam_args args = { .silent = (flags & PAM_SILENT) != 0 };

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "config=/", 8) == 0) {
			args.config = argv[i] + 7;
		} else if (strcmp(argv[i], "debug") == 0) {
			args.debug = true;
		} else if (strcmp(argv[i], "try_first_pass") == 0) {
			args.try_first_pass = true;
		} else if (strcmp(argv[i], "use_first_pass") == 0) {
			args.use_first_pass = true;
		} else {
			pam_syslog(pamh, LOG_ERR, "unknown argument '%s'; known are config=/PATH, debug, try_first_pass, "
				   "use_first_pass", argv[i]);
			return PAM_SERVICE_ERR;
		}
	}
	*ret = args;
	return PAM_SUCCESS;
}
