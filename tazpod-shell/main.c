/*
 * tazpod-shell: the ghost user's login shell. It opens nothing and has no privilege: it looks whether it is in an
 * enclave with the vault mounted, and then becomes the shell that the settings name. It is not in /etc/shells, so that
 * the ghost user cannot change it away, and services that ask for a "valid" shell let no one in past the enclave.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enclave_inside.h"
#include "environment.h"
#include "error.h"
#include "identity.h"
#include "login.h"
#include "settings.h"

static const char help[] =
	"Usage: tazpod-shell [-l] [-c COMMAND | ARGUMENT...]\n"
	"\n"
	"The ghost user's login shell: starts the shell that /etc/tazpod/tazpod.yaml names, in an enclave only.\n"
	"Arguments are passed on to it.\n"
	"\n"
	"  -l, --login    (first) start it as a login shell\n"
	"      --help     show this help\n"
	"      --version  show the version\n"
	"\n"
	"Exit status: that of the shell; 1 outside an enclave, 126 or 127 when the shell cannot be started.\n";

static int fail(const struct tz_error *err)
{
	(void)fprintf(stderr, "tazpod-shell: %s\n", err->message);
	return EXIT_FAILURE;
}

static int refuse_outside(const struct tz_settings *settings, const char *secrets)
{
	(void)fprintf(stderr, "tazpod-shell: this is not an enclave: no vault is mounted at %s\n", secrets);
	if (getenv("SSH_CONNECTION"))
		(void)fprintf(stderr, "Log in by ssh with keyboard-interactive authentication: a public key alone does "
			      "not open the vault.\n");
	else
		(void)fprintf(stderr, "Open one with 'tazpod unlock' or 'su -l %s'.\n", settings->ghost_user);
	return EXIT_FAILURE;
}

static int load(struct tz_settings *settings, struct tz_identity *user, struct tz_error *err)
{
	int r = tz_settings_load(NULL, settings, err);

	if (r < 0)
		return r;
	r = tz_identity_by_name(settings->ghost_user, user, err);
	if (r < 0)
		return r;
	if (user->uid != getuid())
		return tz_error_set(err, EPERM, "this is the shell of user %s only; open the vault with 'tazpod unlock' or "
				    "'su -l %s'", user->name, user->name);
	return 0;
}

static int start(const struct tz_settings *settings, const struct tz_identity *user, const char *secrets, int argc,
		 char **argv)
{
	struct tz_error err = { 0 };
	int status;

	if (shell_environment_harden(&err) < 0 || shell_environment_set(settings->shell, secrets, &err) < 0)
		return fail(&err);
	/* su and sshd have been there; where that failed, and for others, / is at least not a leftover */
	if (shell_is_login(argc, argv) && chdir(user->home) < 0 && chdir("/") < 0) {
		(void)tz_error_set(&err, errno, "no directory to start in: %m");
		return fail(&err);
	}
	status = shell_exec(settings->shell, argc, argv, &err);
	(void)fail(&err);
	return status;
}

static int answer(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct tz_settings settings;
	struct tz_identity user;
	struct tz_error err = { 0 };
	char secrets[sizeof(user.home) + sizeof(settings.mount)];

	if (argc < 1)
		return EXIT_FAILURE;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return answer("tazpod-shell " PACKAGE_VERSION "\n");
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return answer(help);
	if (load(&settings, &user, &err) < 0)
		return fail(&err);
	(void)snprintf(secrets, sizeof(secrets), "%s/%s", user.home, settings.mount);
	if (!tz_enclave_inside(secrets))
		return refuse_outside(&settings, secrets);
	return start(&settings, &user, secrets, argc, argv);
}
