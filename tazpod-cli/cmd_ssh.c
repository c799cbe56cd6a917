#include <stddef.h>
#include <string.h>

#include "commands.h"
#include "inside.h"
#include "login.h"
#include "options.h"
#include "remote.h"
#include "report.h"
#include "tether.h"

/* From the host: the engine brings the user in, and the same command there makes it a login. */
static int from_outside(struct cli *cli, char *const words[])
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	struct tz_error err = { 0 };
	struct cli_here here;
	int r = cli_here_running(&here, &container, &err);

	if (r == 0)
		r = cli_remote_login(&here, &container, words, &err);
	return r < 0 ? cli_fail(cli, &err) : r;
}

/* What the host asks the container. */
struct hidden {
	const char *tie, *tether;
	bool ready;
};

static int from_inside(struct cli *cli, const struct hidden *hidden, char *const words[])
{
	struct tz_error err = { 0 };
	int r = 0;

	if (hidden->ready)
		r = cli_login_ready(&err);
	else if (hidden->tether)
		r = cli_tether_hold(hidden->tether, &err);
	else if (hidden->tie)
		r = cli_tether_tie(hidden->tie, &err);
	if (r == 0 && !hidden->tether && !hidden->ready)
		r = cli_login_become(words, &err);
	return r < 0 ? cli_fail(cli, &err) : CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct hidden hidden = { .tie = NULL };
	/* they are the host's to the container, and in no help */
	const struct cli_option options[] = {
		{ .name = "tie", .text = &hidden.tie },
		{ .name = "tether", .text = &hidden.tether },
		{ .name = "ready", .flag = &hidden.ready },
		{ 0 },
	};
	int first, r = cli_options_before(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (first < argc && strcmp(argv[first - 1], "--") != 0)
		return cli_usage_error(cli, "'%s' is too much; a command to run in the container stands after '--'", argv[first]);
	if (tz_inside_container())
		return from_inside(cli, &hidden, argv + first);
	if (hidden.tie || hidden.tether || hidden.ready)
		return cli_usage_error(cli, "'--tie', '--tether' and '--ready' are for the container");
	return from_outside(cli, argv + first);
}

#define USAGE(name)                                                                                                        \
	"Usage: tazpod " name "\n"                                                                                         \
	"       tazpod " name " -- WORD...\n"                                                                              \
	"\n"                                                                                                               \
	"A login shell in the project's container, as its public user, in /workspace; the vault is closed for it, and\n"   \
	"'tazpod unlock' there opens it. In the container, a new login, which 'tazpod unlock' does not know yet.\n"        \
	"\n"                                                                                                               \
	"It ends with the terminal that it was started from, and the exit status is its own.\n"                            \
	"\n"                                                                                                               \
	"  -- WORD...             run a program with its arguments, each passed on as it is\n"

const struct cli_command cli_cmd_ssh = {
	.name = "ssh",
	.path = "ssh",
	.summary = "log in to the project's container",
	.usage = USAGE("ssh"),
	.run = run,
};

const struct cli_command cli_cmd_enter = {
	.name = "enter",
	.path = "enter",
	.summary = "the same as ssh",
	.usage = USAGE("enter"),
	.run = run,
};
