#include <unistd.h>

#include "become.h"
#include "commands.h"
#include "options.h"
#include "place.h"
#include "remote.h"
#include "report.h"

static int change(const struct cli_place *place, struct tz_error *err)
{
	int r = cli_place_require_ghost(place, err);

	if (r < 0)
		return r;
	if (getuid() == 0)
		return cli_become_passwd(place->ghost.name, err);
	if (place->inside && getuid() == place->ghost.uid)
		return cli_become_passwd(NULL, err);
	cli_say("the passphrase is changed by %s, so the vault is opened first", place->ghost.name);
	return cli_become_ghost(place, CLI_PASSWD_PATH, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct cli_place place;
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, NULL);

	if (r != CLI_GO_ON)
		return r;
	r = cli_place_find(&place, &error);
	if (r == 0 && cli_here_is_meant(&place))
		return cli_remote_command(cli);
	if (r == 0)
		r = change(&place, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_passwd = {
	.name = "passwd",
	.path = "passwd",
	.summary = "change the vault's passphrase",
	.usage = "Usage: tazpod passwd\n"
		 "\n"
		 "Changes the passphrase of the vault, by passwd. Out of the enclave the vault is opened for it first.\n"
		 "A recovery passphrase stays as it is.\n",
	.run = run,
};
