/*
 * What the checks of `tazpod doctor` share. A check looks at one thing, changes nothing, and reports each finding; what
 * it has to try out, it tries in a child.
 */
#ifndef TAZPOD_CLI_DOCTOR_H
#define TAZPOD_CLI_DOCTOR_H

#include <stdbool.h>

#include "error.h"
#include "identity.h"
#include "settings.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,    /* something is missing that TazPod does without */
	DOCTOR_FAIL,    /* something of TazPod does not work */
	DOCTOR_UNKNOWN, /* only root can look */
	DOCTOR_INFO,
	DOCTOR_LEVELS
};

struct doctor_finding {
	enum doctor_level level;
	const char *name;
	char text[TZ_ERROR_TEXT];
};

#define DOCTOR_FINDINGS_MAX 96

struct doctor {
	bool root;
	struct tz_settings settings; /* the defaults, where they cannot be read */
	struct tz_error settings_error;
	struct tz_identity ghost, public_user;
	bool has_ghost, has_public_user;
	struct tz_error ghost_error;
	unsigned int count;
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
};

/* name is constant text. The text says what there is and, where something is missing, how to get it. */
void doctor_add(struct doctor *doctor, enum doctor_level level, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Only root can look at this; true when that is not so. */
bool doctor_needs_root(struct doctor *doctor, const char *name);

/* Does the work in a child that ends after it. Its result, err filled by it. */
int doctor_try(int (*work)(const struct doctor *doctor, struct tz_error *err), const struct doctor *doctor,
	       struct tz_error *err);

/* Installed, root's own, not writable by others and not setuid? Reported, and told. */
bool doctor_check_file(struct doctor *doctor, const char *name, const char *path);

/* doctor_kernel.c */
void doctor_check_kernel(struct doctor *doctor);
void doctor_check_drivers(struct doctor *doctor);
void doctor_check_loop(struct doctor *doctor);
void doctor_check_ext4(struct doctor *doctor);
void doctor_check_namespaces(struct doctor *doctor);
void doctor_check_idmap(struct doctor *doctor);
/* doctor_login.c */
void doctor_check_keyring(struct doctor *doctor);
void doctor_check_confinement(struct doctor *doctor);
/* doctor_users.c */
void doctor_check_settings(struct doctor *doctor);
void doctor_check_ghost(struct doctor *doctor);
void doctor_check_public_user(struct doctor *doctor);
void doctor_check_shell(struct doctor *doctor);
/* doctor_install.c */
void doctor_check_worker(struct doctor *doctor);
void doctor_check_vault(struct doctor *doctor);
void doctor_check_tools(struct doctor *doctor);
/* doctor_pam.c */
void doctor_check_module(struct doctor *doctor);
void doctor_check_services(struct doctor *doctor);

#endif
