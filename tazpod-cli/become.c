#include "become.h"

#include <errno.h>
#include <unistd.h>

#include "program.h"

static int become(const char *path, const char *const argv[], struct tz_error *err)
{
	return cli_program_become(path, (char *const *)argv, err);
}

int cli_become_ghost(const struct cli_place *place, const char *command, struct tz_error *err)
{
	static const char *const paths[] = { "/usr/bin/su", "/bin/su" };
	const char *const with[] = { "su", "-l", "-c", command, "--", place->ghost.name, NULL };
	const char *const without[] = { "su", "-l", "--", place->ghost.name, NULL };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return become(paths[i], command ? with : without, err);
	return tz_error_set(err, ENOENT, "the program su, which opens the vault, is missing; install it with 'apt install "
			    "util-linux'");
}

int cli_become_passwd(const char *name, struct tz_error *err)
{
	const char *const argv[] = { "passwd", name, NULL };

	if (access(CLI_PASSWD_PATH, X_OK) < 0)
		return tz_error_set(err, ENOENT, "the program passwd, which changes the passphrase, is missing; install it "
				    "with 'apt install passwd'");
	return become(CLI_PASSWD_PATH, argv, err);
}

int cli_become_shell(const char *shell, const char *command, struct tz_error *err)
{
	const char *const argv[] = { shell, "-c", command, NULL };

	return become(shell, argv, err);
}
