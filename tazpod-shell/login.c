#include "login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "settings.h"

static bool asks_for_login(const char *argument)
{
	return strcmp(argument, "-l") == 0 || strcmp(argument, "--login") == 0;
}

bool shell_is_login(int argc, char **argv)
{
	return argc < 2 || argv[0][0] == '-' || asks_for_login(argv[1]);
}

/* A setting that names tazpod-shell itself would go round for ever. */
static bool is_self(const char *shell)
{
	struct stat one, self;

	return stat(shell, &one) == 0 && stat("/proc/self/exe", &self) == 0 && one.st_dev == self.st_dev &&
	       one.st_ino == self.st_ino;
}

static int refuse(struct tz_error *err, const char *shell, int code, const char *why)
{
	(void)tz_error_set(err, code, "the shell %s cannot be started: %s (setting 'shell' in %s)", shell, why,
			   TZ_SETTINGS_PATH);
	return code == ENOENT ? SHELL_EXIT_NOT_FOUND : SHELL_EXIT_NOT_EXECUTABLE;
}

int shell_exec(const char *shell, int argc, char **argv, struct tz_error *err)
{
	_cleanup_free_ char **arguments = calloc((size_t)argc + 2, sizeof(*arguments));
	bool login = shell_is_login(argc, argv);
	char name[TZ_PATH_TEXT + 1];
	const char *slash = strrchr(shell, '/');
	int used = 0;

	if (!arguments)
		return refuse(err, shell, ENOMEM, "out of memory");
	if (shell[0] != '/')
		return refuse(err, shell, EINVAL, "its path is not absolute");
	if (is_self(shell))
		return refuse(err, shell, ELOOP, "it is tazpod-shell itself");
	(void)snprintf(name, sizeof(name), "%s%s", login ? "-" : "", slash + 1);
	arguments[used++] = name;
	/* the leading '-' says it already */
	for (int i = argc > 1 && asks_for_login(argv[1]) ? 2 : 1; i < argc; i++)
		arguments[used++] = argv[i];
	(void)execv(shell, arguments);
	return refuse(err, shell, errno, strerrordesc_np(errno));
}
