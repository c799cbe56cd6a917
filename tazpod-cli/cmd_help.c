#include "commands.h"
#include "options.h"
#include "report.h"

static int run(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *const *table = cli_commands;
	struct cli found = { .command = NULL };
	int first, r = cli_options(cli, argc, argv, NULL, &first);

	if (r != CLI_GO_ON)
		return r;
	for (; first < argc; first++) {
		if (!table)
			return cli_usage_error(cli, "the command '%s' has no command '%s'", found.command->path, argv[first]);
		found.command = cli_find(&found, table, argv[first]);
		if (!found.command)
			return CLI_USAGE;
		table = found.command->subcommands;
	}
	cli_show_help(found.command);
	return CLI_DONE;
}

const struct cli_command cli_cmd_help = {
	.name = "help",
	.path = "help",
	.summary = "list the commands, or explain one",
	.usage = "Usage: tazpod help [COMMAND...]\n"
		 "\n"
		 "Lists the commands, or explains one: 'tazpod help unlock', 'tazpod help vault create'.\n",
	.run = run,
};
