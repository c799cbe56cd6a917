/* What this login has, and what it is held in. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "doctor.h"
#include "keystash.h"

void doctor_check_keyring(struct doctor *doctor)
{
	struct tz_error error = { 0 };
	int r;

	if (doctor->settings.key_timeout == 0) {
		doctor_add(doctor, DOCTOR_INFO, "keyring", "the settings keep no key (key_timeout: 0)");
		return;
	}
	r = tz_keystash_session(getuid(), &error);
	if (r == 0)
		doctor_add(doctor, DOCTOR_OK, "keyring", "this login has a session keyring of its own, to keep the key in");
	else
		doctor_add(doctor, DOCTOR_WARN, "keyring", "the key is not kept: %s", error.message);
}

static const char *seccomp_mode(void)
{
	static const char *const modes[] = { "no seccomp filter", "seccomp in strict mode", "a seccomp filter" };
	_cleanup_fclose_ FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	unsigned int mode;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Seccomp: %u", &mode) == 1 && mode < sizeof(modes) / sizeof(modes[0]))
			return modes[mode];
	return "seccomp unknown";
}

void doctor_check_confinement(struct doctor *doctor)
{
	_cleanup_fclose_ FILE *current = fopen("/proc/self/attr/current", "re");
	char label[128] = "";

	if (!current || !fgets(label, sizeof(label), current))
		label[0] = '\0';
	label[strcspn(label, "\n")] = '\0';
	doctor_add(doctor, DOCTOR_INFO, "confinement", "%s, %s%s", seccomp_mode(),
		   label[0] ? "security label " : "no AppArmor or SELinux label", label);
}
