#include "environment.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY ".shell_history"
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

int shell_environment_harden(struct tz_error *err)
{
	static const struct rlimit no_core = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return tz_error_set(err, errno, "core dumps cannot be forbidden: %m");
	(void)umask(077);
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		return tz_error_set(err, errno, "inherited descriptors cannot be closed: %m");
	return 0;
}

int shell_environment_set(const char *shell, const char *vault, struct tz_error *err)
{
	char history[PATH_MAX];

	/* what is typed in there may hold secrets, and the home is not encrypted */
	if ((size_t)snprintf(history, sizeof(history), "%s/" HISTORY, vault) >= sizeof(history))
		return tz_error_set(err, ENAMETOOLONG, "the path of the vault is too long");
	if (setenv("HISTFILE", history, 1) < 0 || setenv("SHELL", shell, 1) < 0 || setenv("TAZPOD_GHOST_MODE", "true", 1) < 0 ||
	    setenv("PATH", DEFAULT_PATH, 0) < 0)
		return tz_error_set(err, errno, "the environment cannot be set: %m");
	return 0;
}
