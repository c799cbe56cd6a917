#include "report.h"

#include <security/pam_ext.h>
#include <stdarg.h>
#include <stddef.h>
#include <syslog.h>

int tz_pam_report(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_error *err, int pam_code)
{
	pam_syslog(pamh, LOG_ERR, "%s%s%s", err->message, err->detail[0] ? " | " : "", err->detail);
	tz_pam_say(pamh, args, PAM_ERROR_MSG, "tazpod: %s", err->message);
	return pam_code;
}

void tz_pam_say(pam_handle_t *pamh, const struct tz_pam_args *args, int style, const char *format, ...)
{
	va_list list;

	if (args->silent)
		return;
	va_start(list, format);
	(void)pam_vprompt(pamh, style, NULL, format, list);
	va_end(list);
}

void tz_pam_debug(pam_handle_t *pamh, const struct tz_pam_args *args, const char *format, ...)
{
	va_list list;

	if (!args->debug)
		return;
	va_start(list, format);
	pam_vsyslog(pamh, LOG_DEBUG, format, list);
	va_end(list);
}
