#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "vault_target.h"

/* The library follows no symlink on the way to a file; the way that root typed may well have one (/var/run). */
static int without_symlinks(const char *path, char ret[static PATH_MAX], struct tz_error *err)
{
	char directory[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int n;

	if (!*name)
		return tz_error_set(err, EISDIR, "'%s' names no file to write", path);
	if (!slash)
		n = snprintf(directory, sizeof(directory), ".");
	else
		n = snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path);
	if (n < 0 || (size_t)n >= sizeof(directory))
		return tz_error_set(err, ENAMETOOLONG, "the name of the backup is too long");
	if (!realpath(directory, real))
		return tz_error_set(err, errno, "the directory of %s cannot be found: %m", path);
	n = snprintf(ret, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	if (n < 0 || n >= PATH_MAX)
		return tz_error_set(err, ENAMETOOLONG, "the name of the backup is too long");
	return 0;
}

static int backup(const struct cli *cli, const char *path, struct tz_error *err)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	char real[PATH_MAX];
	int r = vault_begin(cli, &target, err);

	if (r == 0)
		r = vault_read(&target, err);
	if (r == 0)
		r = without_symlinks(path, real, err);
	/* nobody changes the header while it is copied */
	if (r == 0)
		r = vault_lock(&target, err);
	return r < 0 ? r : tz_luks_backup_header(&target.image, real, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct tz_error error = { 0 };
	int first, r = cli_options(cli, argc, argv, NULL, &first);

	if (r != CLI_GO_ON)
		return r;
	if (argc - first != 1)
		return cli_usage_error(cli, "the name of one file to write is wanted");
	if (backup(cli, argv[first], &error) < 0)
		return cli_fail(cli, &error);
	(void)printf("the header is in %s; keep it where nobody finds it: the passphrases of today open the vault with it, "
		     "changed ones too\n", argv[first]);
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_backup_header = {
	.name = "backup-header",
	.path = "vault backup-header",
	.summary = "save the vault's header to a file",
	.usage = "Usage: tazpod vault backup-header FILE\n"
		 "\n"
		 "Saves the header with its keyslots, without which no passphrase opens the vault, to a new FILE. Whoever has\n"
		 "it and a passphrase of today can open the image, even when that passphrase is changed. Needs root.\n",
	.run = run,
};
