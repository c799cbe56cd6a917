/* The settings, and the two users that they name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "doctor.h"
#include "path.h"

#define SETTINGS_DIR "/etc/tazpod"

void doctor_check_settings(struct doctor *doctor)
{
	_cleanup_close_ int dir = -1;
	struct tz_error error = { 0 };

	if (doctor->settings_error.code < 0) {
		doctor_add(doctor, DOCTOR_FAIL, "settings", "%s", doctor->settings_error.message);
		return;
	}
	dir = tz_path_open(AT_FDCWD, SETTINGS_DIR, O_RDONLY | O_DIRECTORY, 0);
	if (dir >= 0 && tz_path_trusted(dir, 0, SETTINGS_DIR, NULL, &error) < 0)
		doctor_add(doctor, DOCTOR_FAIL, "settings", "%s", error.message);
	else if (access(TZ_SETTINGS_PATH, F_OK) < 0)
		doctor_add(doctor, DOCTOR_OK, "settings", "there is no %s: everything is as by default", TZ_SETTINGS_PATH);
	else
		doctor_add(doctor, DOCTOR_OK, "settings", "%s is valid, and only root can change it", TZ_SETTINGS_PATH);
}

void doctor_check_ghost(struct doctor *doctor)
{
	const struct tz_identity *ghost = &doctor->ghost;
	struct stat st;

	if (!doctor->has_ghost)
		doctor_add(doctor, DOCTOR_FAIL, "ghost user", "%s", doctor->ghost_error.message);
	else if (ghost->uid == 0)
		doctor_add(doctor, DOCTOR_FAIL, "ghost user", "%s has the uid of root; give it one of its own with "
			   "'usermod -u'",
			   ghost->name);
	else if (doctor->has_public_user && doctor->public_user.uid == ghost->uid)
		doctor_add(doctor, DOCTOR_FAIL, "ghost user", "%s and %s have the same uid, so each could read the other's "
			   "memory; give one another with 'usermod -u'", ghost->name, doctor->public_user.name);
	else if (stat(ghost->home, &st) < 0 && errno == ENOENT)
		doctor_add(doctor, DOCTOR_FAIL, "ghost user", "the home %s of %s is missing; make it as root: install -d -m "
			   "0700 -o %s -g %u %s", ghost->home, ghost->name, ghost->name, ghost->gid, ghost->home);
	else
		doctor_add(doctor, DOCTOR_OK, "ghost user", "%s, uid %u", ghost->name, ghost->uid);
}

void doctor_check_public_user(struct doctor *doctor)
{
	if (doctor->has_public_user)
		doctor_add(doctor, DOCTOR_OK, "public user", "%s, uid %u", doctor->public_user.name, doctor->public_user.uid);
	else
		doctor_add(doctor, DOCTOR_WARN, "public user", "there is no user %s, so the workspace is shared with nobody; "
			   "create it with 'useradd', or name another in the settings", doctor->settings.public_user);
}

static bool is_in_shells(const char *shell)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/shells", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		if (strcmp(line, shell) == 0)
			return true;
	}
	return false;
}

void doctor_check_shell(struct doctor *doctor)
{
	if (!doctor_check_file(doctor, "ghost shell", TZ_SHELL_PATH))
		return;
	if (doctor->has_ghost && strcmp(doctor->ghost.shell, TZ_SHELL_PATH) != 0)
		doctor_add(doctor, DOCTOR_FAIL, "ghost shell", "the shell of %s is %s; it must be %s: usermod -s %s %s",
			   doctor->ghost.name, doctor->ghost.shell[0] ? doctor->ghost.shell : "/bin/sh", TZ_SHELL_PATH,
			   TZ_SHELL_PATH, doctor->ghost.name);
	else if (is_in_shells(TZ_SHELL_PATH))
		doctor_add(doctor, DOCTOR_WARN, "ghost shell", "%s is in /etc/shells; take it out, or the ghost user can "
			   "change it away", TZ_SHELL_PATH);
	else
		doctor_add(doctor, DOCTOR_OK, "ghost shell", "%s", TZ_SHELL_PATH);
	if (access(doctor->settings.shell, X_OK) < 0)
		doctor_add(doctor, DOCTOR_FAIL, "shell", "%s, which the settings name, cannot be run: %m",
			   doctor->settings.shell);
	else
		doctor_add(doctor, DOCTOR_OK, "shell", "%s is what the ghost user works in", doctor->settings.shell);
}
