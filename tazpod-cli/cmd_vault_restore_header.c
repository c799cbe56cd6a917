#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "prompt.h"
#include "report.h"
#include "vault_target.h"

#define QUESTION                                                      \
	"Put this header in the place of the vault's own? Passphrases " \
	"that were changed since are undone. [y/N] "

/* -ECANCELED: no; -EINVAL: there is nobody to ask. */
static int confirm(struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;
	int r = cli_prompt_open(false, &prompt, err);

	if (r < 0 || !prompt.terminal)
		return tz_error_set(err, EINVAL, "the vault's header would be replaced, and there is no terminal to ask on; "
				    "say --yes");
	return cli_prompt_confirm(&prompt, QUESTION) ? 0 : tz_error_set(err, ECANCELED, "nothing was changed");
}

/* Whatever the header is like now, even unreadable; but never below an open file system. */
static int restore(const struct cli *cli, const char *path, bool yes, struct vault_target *target, struct tz_error *err)
{
	struct tz_luks_info luks;
	int r = vault_begin(cli, target, err);

	if (r == 0)
		r = vault_find(target, err);
	if (r < 0)
		return r;
	if (tz_luks_info(&target->image, &luks, NULL) == 0)
		target->luks = luks;
	r = vault_require_closed(target, err);
	if (r == 0 && !yes)
		r = confirm(err);
	if (r == 0)
		r = vault_lock(target, err);
	/* a session may have been opened while the question stood */
	if (r == 0)
		r = vault_require_closed(target, err);
	if (r == 0)
		r = tz_luks_restore_header(&target->image, path, err);
	return r < 0 ? r : tz_luks_info(&target->image, &target->luks, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	bool yes = false;
	const struct cli_option options[] = { { .name = "yes", .letter = 'y', .flag = &yes }, { 0 } };
	struct tz_error error = { 0 };
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (argc - first != 1)
		return cli_usage_error(cli, "the name of one backup is wanted");
	r = restore(cli, argv[first], yes, &target, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	(void)printf("the header is restored: %u passphrase%s and %s recovery passphrase open the vault\n",
		     target.luks.slots, target.luks.slots == 1 ? "" : "s", target.luks.recovery_slots ? "a" : "no");
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_restore_header = {
	.name = "restore-header",
	.path = "vault restore-header",
	.summary = "put a saved header back",
	.usage = "Usage: tazpod vault restore-header [--yes] FILE\n"
		 "\n"
		 "Puts a header that backup-header saved back into the closed vault, with the passphrases of that day. The\n"
		 "header of another vault is refused. Needs root.\n"
		 "\n"
		 "  -y, --yes        do not ask\n",
	.run = run,
};
