/* Is the PAM module installed, and do the services call it? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "pamfile.h"

#define MODULE "pam_tazpod.so"
#define SESSION_KINDS (CLI_PAM_AUTH | CLI_PAM_ACCOUNT | CLI_PAM_SESSION)

static const char *const directories[] = { TZ_SYSCONFDIR "/pam.d", "/etc/pam.d", "/usr/lib/pam.d", NULL };

static const char *const remedy = "enable it with 'pam-auth-update --enable tazpod', or put in the lines that "
				  "come with TazPod";

void doctor_check_module(struct doctor *doctor)
{
	if (doctor_check_file(doctor, "PAM module", TZ_PAM_DIR "/" MODULE))
		doctor_add(doctor, DOCTOR_OK, "PAM module", "%s", TZ_PAM_DIR "/" MODULE);
}

static const char *kinds_text(unsigned int kinds, char *text, size_t size)
{
	static const char *const names[] = { "auth", "account", "session", "password" };
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (kinds & (1U << i))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", names[i]);
	return text;
}

/* su-l is the way in, so it must work; the others are choices, but none may be left half made. */
static void check_service(struct doctor *doctor, const char *service, unsigned int wanted, bool must)
{
	unsigned int kinds = 0;
	char text[64];
	int r = cli_pamfile_kinds(directories, service, MODULE, &kinds);

	if (r < 0)
		doctor_add(doctor, must ? DOCTOR_FAIL : DOCTOR_INFO, "PAM service", "%s: %s", service, r == -ENOENT ?
			   "it has no file here" : strerror(-r));
	else if ((kinds & wanted) == wanted)
		doctor_add(doctor, DOCTOR_OK, "PAM service", "%s calls the module for %s", service,
			   kinds_text(wanted, text, sizeof(text)));
	else if ((kinds & wanted) == 0)
		doctor_add(doctor, must ? DOCTOR_FAIL : DOCTOR_WARN, "PAM service", "%s does not call the module; %s", service,
			   remedy);
	else
		doctor_add(doctor, DOCTOR_FAIL, "PAM service", "%s does not call the module for %s; %s", service,
			   kinds_text(wanted & ~kinds, text, sizeof(text)), remedy);
}

void doctor_check_services(struct doctor *doctor)
{
	for (unsigned int i = 0; i < doctor->settings.service_count; i++) {
		const char *service = doctor->settings.services[i];

		check_service(doctor, service, SESSION_KINDS, strcmp(service, "su-l") == 0);
	}
	check_service(doctor, "passwd", CLI_PAM_PASSWORD, true);
}
