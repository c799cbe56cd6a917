#include "login.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "inside.h"
#include "keystash.h"
#include "program.h"
#include "report.h"
#include "settings.h"

#define READY_TIMEOUT_MS 15000

/* What a login sets; what the engine passed on (TERM, LANG) stays. */
static int set_environment(const struct tz_identity *user, struct tz_error *err)
{
	if (setenv("HOME", user->home, 1) < 0 || setenv("USER", user->name, 1) < 0 || setenv("LOGNAME", user->name, 1) < 0 ||
	    setenv("SHELL", user->shell, 1) < 0)
		return tz_error_set(err, errno, "the environment cannot be set: %m");
	return 0;
}

/* The workspace, or home where there is none. Not being able to go anywhere is no reason to stay out. */
static void go_to_work(const struct tz_identity *user)
{
	struct tz_settings settings;

	if (tz_settings_load(NULL, &settings, NULL) == 0 && settings.workspace[0] && chdir(settings.workspace) == 0)
		return;
	if (chdir(user->home) < 0)
		cli_say("neither the workspace nor %s can be entered", user->home);
}

static int become_shell(const struct tz_identity *user, struct tz_error *err)
{
	const char *slash = strrchr(user->shell, '/');
	char name[sizeof(user->shell) + 1];
	char *const words[] = { name, NULL };

	if (!slash)
		return tz_error_set(err, EINVAL, "the login shell of %s is no absolute path", user->name);
	(void)snprintf(name, sizeof(name), "-%s", slash + 1);
	return cli_program_become(user->shell, words, err);
}

static int become_program(char *const words[], struct tz_error *err)
{
	char path[PATH_MAX];

	if (strchr(words[0], '/'))
		return cli_program_become(words[0], words, err);
	if (cli_program_find(words[0], path) < 0)
		return tz_error_set(err, ENOENT, "there is no program '%s' in the container", words[0]);
	return cli_program_become(path, words, err);
}

int cli_login_ready(struct tz_error *err)
{
	struct tz_settings settings;
	struct tz_identity user;
	int r = tz_inside_wait_ready(READY_TIMEOUT_MS, err);

	if (r == 0)
		r = tz_identity_by_uid(getuid(), &user, err);
	/* what is wrong with the settings is for 'unlock' to tell */
	if (r == 0 && tz_settings_load(NULL, &settings, NULL) == 0 && strcmp(settings.public_user, user.name) != 0)
		cli_say("%s is not the public user of this image, %s, and has not the ids of the project's owner: 'user: %s' in "
			".tazpod/config.yaml, or 'public_user: %s' in the image's " TZ_SETTINGS_PATH, user.name,
			settings.public_user, settings.public_user, user.name);
	return r;
}

int cli_login_become(char *const words[], struct tz_error *err)
{
	struct tz_error no_session = { 0 };
	struct tz_identity user;
	int r = tz_inside_wait_ready(READY_TIMEOUT_MS, err);

	if (r == 0)
		r = tz_identity_by_uid(getuid(), &user, err);
	if (r == 0)
		r = set_environment(&user, err);
	if (r < 0)
		return r;
	/* without one everything works, but nothing is kept: su asks for the passphrase each time */
	if (tz_keystash_new_session(&no_session) < 0)
		cli_say("warning: %s", no_session.message);
	(void)umask(022);
	go_to_work(&user);
	return words[0] ? become_program(words, err) : become_shell(&user, err);
}
