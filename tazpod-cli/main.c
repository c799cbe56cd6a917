/*
 * tazpod-cli: the whole command line, on the host and in the container; it is typed as tazpod (quick.c). It has no
 * privilege and is never setuid: what opens the vault goes through PAM (su, passwd), what changes its header is root's,
 * and what ends sessions is the lock switch. One file a command, cmd_<verb>.c, and a row each in commands.c.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "report.h"

/* Options in front of the command. The index of the command in argv, or -1 with *ret_code set. */
static int global_options(struct cli *cli, int argc, char **argv, int *ret_code)
{
	int i;

	*ret_code = CLI_DONE;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0) {
			cli->verbose = true;
		} else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			cli_show_help(NULL);
			return -1;
		} else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
			static char name[] = "version";

			*ret_code = cli_dispatch(cli, cli_commands, 1, (char *[]){ name, NULL });
			return -1;
		} else {
			*ret_code = cli_usage_error(cli, "there is no option '%s' in front of a command", argv[i]);
			return -1;
		}
	}
	return i;
}

int main(int argc, char **argv)
{
	struct cli cli = { .argv = argv };
	int code, first;

	/* a reader that has gone is an error of the write, as any other */
	(void)signal(SIGPIPE, SIG_IGN);
	first = global_options(&cli, argc, argv, &code);
	if (first >= 0 && first >= argc)
		code = cli_usage_error(&cli, "which command?");
	else if (first >= 0)
		code = cli_dispatch(&cli, cli_commands, argc - first, argv + first);
	return cli_finish(code);
}
