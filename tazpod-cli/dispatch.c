#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "report.h"
#include "suggest.h"

#define NAMES_MAX 32

const struct cli_command *cli_find(const struct cli *cli, const struct cli_command *const *table, const char *name)
{
	const char *names[NAMES_MAX + 1] = { NULL }, *near;
	const char *above = cli->command ? cli->command->path : "", *space = cli->command ? " " : "";

	for (unsigned int i = 0; i < NAMES_MAX && table[i]; i++) {
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
		names[i] = table[i]->name;
	}
	near = tz_suggest(name, names);
	if (near)
		(void)cli_usage_error(cli, "there is no command '%s%s%s'; did you mean '%s%s%s'?", above, space, name,
				      above, space, near);
	else
		(void)cli_usage_error(cli, "there is no command '%s%s%s'", above, space, name);
	return NULL;
}

int cli_dispatch(struct cli *cli, const struct cli_command *const *table, int argc, char **argv)
{
	const struct cli_command *command = cli_find(cli, table, argv[0]);

	if (!command)
		return CLI_USAGE;
	cli->command = command;
	return command->run(cli, argc, argv);
}

static void list(const struct cli_command *const *table)
{
	for (; *table; table++)
		(void)printf("  %-16s %s\n", (*table)->name, (*table)->summary);
}

void cli_show_help(const struct cli_command *command)
{
	if (!command) {
		(void)printf("Usage: tazpod [-v] COMMAND [ARGUMENT...]\n\n"
			     "A container for a project, and in it a vault: secrets that are there only while you are in the enclave.\n\n");
		list(cli_commands);
		(void)printf("\n"
			     "  -v, --verbose    tell the technical detail of errors too\n"
			     "  -V, --version    show the version\n"
			     "  -h, --help       show this help; 'tazpod COMMAND --help' explains one command\n\n"
			     "Exit status: 0 done, 1 failed, 2 wrong usage, 3 locked or not in an enclave, "
			     "4 wrong passphrase.\n");
		return;
	}
	(void)fputs(command->usage, stdout);
	if (command->subcommands) {
		(void)putchar('\n');
		list(command->subcommands);
	}
	(void)printf("\n"
		     "  -v, --verbose    tell the technical detail of errors too\n"
		     "  -h, --help       show this help\n");
}
