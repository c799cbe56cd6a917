#include "commands.h"
#include "options.h"
#include "report.h"

static const struct cli_command *const table[] = {
	&cli_cmd_vault_create,
	&cli_cmd_vault_info,
	&cli_cmd_vault_check,
	&cli_cmd_vault_grow,
	&cli_cmd_vault_backup_header,
	&cli_cmd_vault_restore_header,
	&cli_cmd_vault_add_recovery,
	&cli_cmd_vault_remove_recovery,
	NULL,
};

/* Options in front of the subcommand are this command's; those behind it are not looked at here. */
static int run(struct cli *cli, int argc, char **argv)
{
	int own = 1, first, r;

	while (own < argc && argv[own][0] == '-')
		own++;
	r = cli_options(cli, own, argv, NULL, &first);
	if (r != CLI_GO_ON)
		return r;
	if (own == argc)
		return cli_usage_error(cli, "which vault command?");
	return cli_dispatch(cli, table, argc - own, argv + own);
}

const struct cli_command cli_cmd_vault = {
	.name = "vault",
	.path = "vault",
	.summary = "make, check, grow and rescue the vault's image (as root)",
	.usage = "Usage: tazpod vault COMMAND [ARGUMENT...]\n"
		 "\n"
		 "Works on the vault's image itself, so it needs root. 'tazpod vault COMMAND --help' explains one.\n",
	.run = run,
	.subcommands = table,
};
