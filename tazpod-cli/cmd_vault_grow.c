#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "progress.h"
#include "prompt.h"
#include "report.h"
#include "size.h"
#include "vault.h"
#include "vault_target.h"

struct growth {
	uint64_t size;
	bool added; /* size is what comes on top */
	bool from_stdin;
	bool quiet;
};

static int wanted_size(const struct growth *growth, const struct vault_target *target, uint64_t *ret,
		       struct tz_error *err)
{
	char present[CLI_SIZE_TEXT];
	uint64_t size = growth->size;

	if (growth->added && __builtin_add_overflow(size, target->image.size, &size))
		return tz_error_set(err, EFBIG, "no vault can have that size");
	if (size < target->image.size)
		return tz_error_set(err, EINVAL, "the vault has %s (%llu bytes) already; a vault can grow, not shrink",
				    cli_size_text(target->image.size, present), (unsigned long long)target->image.size);
	*ret = size;
	return 0;
}

/* *ret_size: the size that it has then. */
static int grow(const struct cli *cli, const struct growth *growth, uint64_t *ret_size, struct tz_error *err)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	struct cli_progress progress = cli_progress_begin(growth->quiet);
	int r = vault_begin(cli, &target, err);

	if (r == 0)
		r = vault_read(&target, err);
	if (r == 0)
		r = wanted_size(growth, &target, ret_size, err);
	if (r == 0)
		r = vault_require_closed(&target, err);
	if (r == 0)
		r = vault_require_driver(&target, err);
	if (r == 0)
		r = cli_prompt_open(growth->from_stdin, &prompt, err);
	if (r == 0)
		r = cli_prompt_present(&prompt, "Vault passphrase: ", &passphrase, err);
	if (r < 0)
		return r;
	r = tz_vault_grow(&target.settings, &passphrase, *ret_size, cli_progress_show, &progress, err);
	cli_progress_end(&progress);
	return r;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct growth growth = { .size = 0 };
	const struct cli_option options[] = {
		{ .name = "stdin", .flag = &growth.from_stdin },
		{ .name = "quiet", .letter = 'q', .flag = &growth.quiet },
		{ 0 },
	};
	struct tz_error error = { 0 };
	char text[CLI_SIZE_TEXT];
	uint64_t size;
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (argc - first != 1)
		return cli_usage_error(cli, "one size is wanted: '2G', or '+512M' to add");
	if (!cli_size_parse(argv[first], &growth.size, &growth.added))
		return cli_usage_error(cli, "'%s' is no size: a number of bytes, or with a suffix K, M or G; '+' in front "
				       "adds", argv[first]);
	r = grow(cli, &growth, &size, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	if (!growth.quiet)
		(void)printf("the vault has %s now\n", cli_size_text(size, text));
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_grow = {
	.name = "grow",
	.path = "vault grow",
	.summary = "make the vault larger",
	.usage = "Usage: tazpod vault grow [--stdin] [--quiet] [+]SIZE\n"
		 "\n"
		 "Makes the image of the closed vault, and the file system in it, SIZE large; with '+', larger by SIZE. When\n"
		 "it was interrupted, the same size again finishes it. Needs root.\n"
		 "\n"
		 "  SIZE             bytes, or with a suffix K, M or G\n"
		 "      --stdin      read the passphrase from standard input, as one line\n"
		 "  -q, --quiet      show no progress\n",
	.run = run,
};
