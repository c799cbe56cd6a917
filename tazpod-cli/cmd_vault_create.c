#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "identity.h"
#include "options.h"
#include "progress.h"
#include "prompt.h"
#include "report.h"
#include "size.h"
#include "vault.h"
#include "vault_target.h"

struct creation {
	struct vault_target target;
	struct tz_identity ghost;
	uint64_t size; /* 0: as the settings say */
	bool from_stdin;
	bool quiet;
};

/* Everything that can be refused before a passphrase is asked for. */
static int prepare(const struct cli *cli, struct creation *creation, struct tz_error *err)
{
	struct vault_target *target = &creation->target;
	int r = vault_begin(cli, target, err);

	if (r == 0)
		r = tz_identity_by_name(target->settings.ghost_user, &creation->ghost, err);
	if (r == 0)
		r = tz_image_open(target->settings.vault, &target->image, err);
	if (r == 0 && target->image.fd >= 0) {
		r = tz_image_require_luks2(&target->image, err);
		if (r == 0)
			r = tz_error_set(err, EEXIST, "there is a vault at %s already; it was not touched",
					 target->settings.vault);
	}
	return r < 0 ? r : vault_require_driver(target, err);
}

static int create(struct creation *creation, struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	const struct tz_settings *settings = &creation->target.settings;
	struct cli_progress progress = cli_progress_begin(creation->quiet);
	int r = cli_prompt_open(creation->from_stdin, &prompt, err);

	if (r == 0)
		r = cli_prompt_new(&prompt, settings, "New vault passphrase: ", &passphrase, err);
	if (r < 0)
		return r;
	r = tz_vault_create(settings, creation->size, creation->ghost.uid, creation->ghost.gid, &passphrase,
			    cli_progress_show, &progress, NULL, err);
	cli_progress_end(&progress);
	return r;
}

static void release(struct creation *creation)
{
	vault_release(&creation->target);
}

static int run(struct cli *cli, int argc, char **argv)
{
	tz_cleanup(release) struct creation creation = { .target = VAULT_TARGET_INIT };
	const char *size = NULL;
	const struct cli_option options[] = {
		{ .name = "size", .letter = 's', .text = &size },
		{ .name = "stdin", .flag = &creation.from_stdin },
		{ .name = "quiet", .letter = 'q', .flag = &creation.quiet },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	if (size && !cli_size_parse(size, &creation.size, NULL))
		return cli_usage_error(cli, "'%s' is no size: a number of bytes, or with a suffix K, M or G", size);
	r = prepare(cli, &creation, &error);
	if (r == 0)
		r = create(&creation, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	if (!creation.quiet)
		(void)printf("the vault is at %s; 'tazpod unlock' opens it\n", creation.target.settings.vault);
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_create = {
	.name = "create",
	.path = "vault create",
	.summary = "make the vault",
	.usage = "Usage: tazpod vault create [--size SIZE] [--stdin] [--quiet]\n"
		 "\n"
		 "Makes the vault, whole or not at all: an encrypted image (LUKS2) with a file system (ext4) that belongs to\n"
		 "the ghost user. One that is there is never overwritten. Needs root.\n"
		 "\n"
		 "  -s, --size=SIZE  bytes, or with a suffix K, M or G; else vault_size of the settings\n"
		 "      --stdin      read the passphrase from standard input: a line, and the same line again\n"
		 "  -q, --quiet      show no progress\n",
	.run = run,
};
