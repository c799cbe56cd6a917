#include <errno.h>
#include <string.h>

#include "become.h"
#include "commands.h"
#include "here.h"
#include "infisical_login.h"
#include "options.h"
#include "provider_trust.h"
#include "remote.h"
#include "report.h"
#include "secrets_here.h"

static int login(const struct cli_place *place, bool yes, char **more, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	int r = cli_secrets_map(place, true, &map, err);

	if (r == 0 && map.provider != TZ_PROVIDER_INFISICAL)
		r = tz_error_set(err, EOPNOTSUPP, "the secrets of this project do not come from Infisical: log in with the program "
				 "that they come from, '%s'", map.command.list[0]);
	if (r == 0)
		r = cli_provider_trust(place, &map, yes, err);
	return r < 0 ? r : cli_infisical_login(place, &map, more, err);
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
		 "  -- OPTION... options of 'infisical login'; no secrets, since others see them there: an identity's are taken from\n"
		 "               INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET\n",
	.run = run,
};
