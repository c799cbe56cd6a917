#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "become.h"
#include "commands.h"
#include "here.h"
#include "options.h"
#include "program.h"
#include "provider_infisical.h"
#include "provider_trust.h"
#include "remote.h"
#include "report.h"
#include "secrets_here.h"

/* What the CLI writes must go through a bridge into the vault: the home itself is not encrypted. */
static int check_bridges(const struct cli_place *place, struct tz_error *err)
{
	static const char *const folders[] = { ".infisical", "infisical-keyring" };
	struct stat vault, folder;
	char path[PATH_MAX];

	if (stat(place->secrets, &vault) < 0)
		return tz_error_set(err, errno, "%s cannot be looked at: %m", place->secrets);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", place->ghost.home, folders[i]);
		if (stat(path, &folder) < 0 || folder.st_dev != vault.st_dev)
			return tz_error_set(err, EPERM, "~/%s is not in the vault, so a login would be left in the open; the bridge "
					    "for it is in the settings ('bridges' in tazpod.yaml(5)), and what was in its way was "
					    "told when this session began", folders[i]);
	}
	return 0;
}

static int login(const struct cli_place *place, bool yes, char **more, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	char path[PATH_MAX];
	int r = cli_secrets_map(place, true, &map, err);

	if (r == 0 && map.provider != TZ_PROVIDER_INFISICAL)
		r = tz_error_set(err, EOPNOTSUPP, "the secrets of this project do not come from Infisical: log in with the program "
				 "that they come from, '%s'", map.command.list[0]);
	if (r == 0)
		r = check_bridges(place, err);
	if (r == 0)
		r = cli_provider_trust(place, &map, yes, err);
	if (r == 0)
		r = cli_infisical_prepare(&map, path, err);
	if (r < 0)
		return r;
	cli_args_add(&args, "infisical");
	cli_args_add(&args, "login");
	cli_args_add_all(&args, (const char *const *)more);
	r = cli_args_check(&args, err);
	return r < 0 ? r : cli_program_become(path, args.words, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool yes = false;
	const struct cli_option options[] = { { .name = "yes", .letter = 'y', .flag = &yes }, { 0 } };
	struct cli_place place;
	struct tz_error error = { 0 };
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (first < argc && strcmp(argv[first - 1], "--") != 0)
		return cli_usage_error(cli, "'%s' is too much; options of 'infisical login' stand after '--'", argv[first]);
	r = cli_place_find(&place, &error);
	if (r == 0 && !place.inside && cli_here_is_meant(&place))
		return cli_remote_command(cli);
	if (r == 0 && !place.inside)
		r = cli_become_ghost_after(&place, cli->argv, &error);
	else if (r == 0)
		r = login(&place, yes, argv + first, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_login = {
	.name = "login",
	.path = "login",
	.summary = "log in to Infisical, in the enclave only",
	.usage = "Usage: tazpod login [--yes] [-- OPTION...]\n"
		 "\n"
		 "Runs 'infisical login' in the enclave, with its login kept in files, which are in the vault: outside, and when\n"
		 "the vault is closed, nobody is logged in. From outside the enclave it opens the vault first, and ends in a\n"
		 "ghost shell.\n"
		 "\n"
		 "  -y, --yes    trust the server that secrets.yml names, without asking\n"
		 "  -- OPTION... options of 'infisical login', such as --method=universal-auth\n",
	.run = run,
};
