#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "prompt.h"
#include "report.h"
#include "vault.h"
#include "vault_target.h"

static int check(const struct cli *cli, bool from_stdin, bool repair, struct tz_error *err)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	int r = vault_begin(cli, &target, err);

	if (r == 0)
		r = vault_read(&target, err);
	if (r == 0)
		r = vault_require_closed(&target, err);
	if (r == 0)
		r = vault_require_driver(&target, err);
	if (r == 0)
		r = cli_prompt_open(from_stdin, &prompt, err);
	if (r == 0)
		r = cli_prompt_present(&prompt, "Vault passphrase: ", &passphrase, err);
	return r < 0 ? r : tz_vault_check(&target.settings, &passphrase, repair, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool from_stdin = false, repair = false;
	const struct cli_option options[] = {
		{ .name = "repair", .flag = &repair },
		{ .name = "stdin", .flag = &from_stdin },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = check(cli, from_stdin, repair, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	(void)puts(r > 0 ? "the vault's file system had errors; they are repaired" : "the vault's file system is clean");
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_check = {
	.name = "check",
	.path = "vault check",
	.summary = "check the vault's file system, and repair it",
	.usage = "Usage: tazpod vault check [--repair] [--stdin]\n"
		 "\n"
		 "Checks the file system of the closed vault with e2fsck. Without --repair it only reads. Needs root.\n"
		 "\n"
		 "      --repair     repair what is found; back up the image first\n"
		 "      --stdin      read the passphrase from standard input, as one line\n",
	.run = run,
};
