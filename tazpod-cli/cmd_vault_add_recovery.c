#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "prompt.h"
#include "report.h"
#include "vault_target.h"

static int add(const struct cli *cli, bool from_stdin, struct tz_error *err)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;
	_cleanup_secret_ struct tz_secret present = TZ_SECRET_INIT, recovery = TZ_SECRET_INIT;
	int r = vault_begin(cli, &target, err);

	if (r == 0)
		r = vault_read(&target, err);
	if (r == 0 && target.luks.recovery_slots > 0)
		r = tz_error_set(err, EEXIST, "there is a recovery passphrase already; remove it first with 'tazpod vault "
				 "remove-recovery'");
	if (r == 0)
		r = cli_prompt_open(from_stdin, &prompt, err);
	if (r == 0)
		r = cli_prompt_present(&prompt, "Present vault passphrase: ", &present, err);
	if (r == 0)
		r = cli_prompt_new(&prompt, &target.settings, "Recovery passphrase: ", &recovery, err);
	if (r == 0)
		r = vault_lock(&target, err);
	return r < 0 ? r : tz_luks_add_recovery(&target.image, &target.settings, &present, &recovery, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool from_stdin = false;
	const struct cli_option options[] = { { .name = "stdin", .flag = &from_stdin }, { 0 } };
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	if (add(cli, from_stdin, &error) < 0)
		return cli_fail(cli, &error);
	(void)puts("the recovery passphrase is added; it opens the vault, and no change of the ordinary one touches it");
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_add_recovery = {
	.name = "add-recovery",
	.path = "vault add-recovery",
	.summary = "add a recovery passphrase",
	.usage = "Usage: tazpod vault add-recovery [--stdin]\n"
		 "\n"
		 "Adds a second passphrase, to be kept in a safe place: it opens the vault when the ordinary one is lost, and\n"
		 "stays when that is changed. A vault has one at most. Needs root.\n"
		 "\n"
		 "      --stdin      read lines from standard input: the present passphrase, and twice the new one\n",
	.run = run,
};
