#include "become.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "program.h"
#include "words.h"

static int become(const char *path, const char *const argv[], struct tz_error *err)
{
	return cli_program_become(path, (char *const *)argv, err);
}

/* kept: the command gets the terminal, which su -c would take away, so that a shell in it has job control. */
static int become_ghost(const struct cli_place *place, const char *command, bool kept, struct tz_error *err)
{
	static const char *const paths[] = { "/usr/bin/su", "/bin/su" };
	const char *const with[] = { "su", "-l", kept ? "--session-command" : "-c", command, "--", place->ghost.name, NULL };
	const char *const without[] = { "su", "-l", "--", place->ghost.name, NULL };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return become(paths[i], command ? with : without, err);
	return tz_error_set(err, ENOENT, "the program su, which opens the vault, is missing; install it with 'apt install "
			    "util-linux'");
}

int cli_become_ghost(const struct cli_place *place, const char *command, struct tz_error *err)
{
	return become_ghost(place, command, false, err);
}

int cli_become_ghost_after(const struct cli_place *place, char *const words[], struct tz_error *err)
{
	_cleanup_free_ char *quoted = cli_quote_words(words), *command = NULL;
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (!quoted || asprintf(&command, "%s%s", quoted, terminal ? "; exec \"$SHELL\" -l" : "") < 0) {
		command = NULL;
		return tz_error_set(err, ENOMEM, "out of memory");
	}
	return become_ghost(place, command, terminal, err);
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
