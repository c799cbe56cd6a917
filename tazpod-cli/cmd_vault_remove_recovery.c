#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "vault_target.h"

static int remove_recovery(const struct cli *cli, struct tz_error *err)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	int r = vault_begin(cli, &target, err);

	if (r == 0)
		r = vault_read(&target, err);
	if (r == 0)
		r = vault_lock(&target, err);
	return r < 0 ? r : tz_luks_remove_recovery(&target.image, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, NULL);

	if (r != CLI_GO_ON)
		return r;
	if (remove_recovery(cli, &error) < 0)
		return cli_fail(cli, &error);
	(void)puts("the recovery passphrase is removed; backups of the header made before still have it");
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_remove_recovery = {
	.name = "remove-recovery",
	.path = "vault remove-recovery",
	.summary = "remove the recovery passphrase",
	.usage = "Usage: tazpod vault remove-recovery\n"
		 "\n"
		 "Removes the recovery passphrase. The last passphrase that opens the vault is never removed. Needs root.\n",
	.run = run,
};
