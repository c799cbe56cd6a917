/*
 * tazpod as it is typed. A shell's start waits for "env", "run" and the line that "status --brief" shows, and most of
 * their time would be the loading of libraries that only other commands need. So in a ghost shell these are here, without
 * them; for the rest, and wherever else, this becomes the whole command line, tazpod-cli.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "place.h"
#include "report.h"
#include "secrets_here.h"
#include "status_brief.h"

const struct cli_command *const cli_commands[] = {
	&cli_cmd_env,
	&cli_cmd_run,
	NULL,
};

/* tazpod-shell sets it. Where it is there and should not be, what follows says so. */
static bool is_ghost_shell(void)
{
	const char *mode = getenv("TAZPOD_GHOST_MODE");

	return mode && strcmp(mode, "true") == 0;
}

int cli_secrets_require_enclave(const struct cli_place *place, struct tz_error *err)
{
	return place->inside ? 0 : tz_error_set(err, ENOKEY, "this shell is not in the enclave; open it with 'tazpod unlock'");
}

static bool is_known(const char *name)
{
	for (const struct cli_command *const *command = cli_commands; *command; command++)
		if (strcmp((*command)->name, name) == 0)
			return true;
	return false;
}

/* Outside of the enclave it needs more than is here, and so does the tale of what is wrong. */
static bool show_brief(int argc, char **argv)
{
	struct tz_error error = { 0 };
	struct cli_place place;

	if (argc != 3 || strcmp(argv[1], "status") != 0 || (strcmp(argv[2], "--brief") != 0 && strcmp(argv[2], "-b") != 0))
		return false;
	if (cli_place_find(&place, &error) < 0 || !place.inside)
		return false;
	cli_status_brief(&place);
	return true;
}

int main(int argc, char **argv)
{
	struct cli cli = { .argv = argv };

	/* a reader that has gone is an error of the write, as any other */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && is_ghost_shell() && is_known(argv[1]))
		return cli_finish(cli_dispatch(&cli, cli_commands, argc - 1, argv + 1));
	if (is_ghost_shell() && show_brief(argc, argv))
		return cli_finish(CLI_DONE);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execv(TZ_CLI_PATH, argv);
	cli_say(TZ_CLI_PATH " cannot be run: %s; install TazPod again", strerror(errno));
	return CLI_FAILED;
}
