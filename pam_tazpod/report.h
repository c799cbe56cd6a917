/* The edge at which errors are told: one line to the user, the detail to syslog. Never a secret in either. */
#ifndef TAZPOD_PAM_REPORT_H
#define TAZPOD_PAM_REPORT_H

#include <security/pam_modules.h>

#include "args.h"
#include "error.h"

/* Tells err and gives back pam_code, so that it can stand in a return statement. */
int tz_pam_report(pam_handle_t *pamh, const struct tz_pam_args *args, const struct tz_error *err, int pam_code);

/* A line to the user, unless the application asked for silence. */
void tz_pam_say(pam_handle_t *pamh, const struct tz_pam_args *args, int style, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void tz_pam_debug(pam_handle_t *pamh, const struct tz_pam_args *args, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
