#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "become.h"
#include "cleanup.h"
#include "commands.h"
#include "options.h"
#include "place.h"
#include "remote.h"
#include "report.h"
#include "words.h"

/* The text for the ghost user's shell; *ret NULL: none, a shell to work in is wanted. */
static int command_text(const struct cli *cli, const char *given, int count, char **words, bool after_dashes,
			char **ret)
{
	if (count > 0 && !after_dashes)
		return cli_usage_error(cli, "'%s' is too much; a command to run in the enclave stands after '--'", words[0]);
	if (given && count > 0)
		return cli_usage_error(cli, "there are two commands to run, one with -c and one after '--'");
	*ret = given ? strdup(given) : count > 0 ? cli_quote_words(words) : NULL;
	if (!*ret && (given || count > 0)) {
		cli_say("out of memory");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

static int enter(const struct cli_place *place, const char *command, struct tz_error *err)
{
	int r = cli_place_require_ghost(place, err);

	if (r < 0)
		return r;
	if (!place->inside)
		return cli_become_ghost(place, command, err);
	if (command)
		return cli_become_shell(place->settings.shell, command, err);
	(void)printf("this shell is in the enclave already: the vault is open at %s\n", place->secrets);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	_cleanup_free_ char *command = NULL;
	const char *given = NULL;
	const struct cli_option options[] = { { .name = "command", .letter = 'c', .text = &given }, { 0 } };
	struct cli_place place;
	struct tz_error error = { 0 };
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	r = command_text(cli, given, argc - first, argv + first, strcmp(argv[first - 1], "--") == 0, &command);
	if (r != CLI_DONE)
		return r;
	r = cli_place_find(&place, &error);
	if (r == 0 && cli_here_is_meant(&place))
		return cli_remote_command(cli);
	if (r == 0)
		r = enter(&place, command, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_unlock = {
	.name = "unlock",
	.path = "unlock",
	.summary = "open the vault and start a shell in the enclave",
	.usage = "Usage: tazpod unlock\n"
		 "       tazpod unlock -c COMMAND\n"
		 "       tazpod unlock -- WORD...\n"
		 "\n"
		 "Opens the vault and becomes the ghost user, as 'su -l' does: su asks for the passphrase. The first time it\n"
		 "offers to make a vault. When the last of these shells ends, the vault is closed. On the host, in a project's\n"
		 "folder, it does so in the project's container.\n"
		 "\n"
		 "  -c, --command=COMMAND  run this in the enclave instead: a text for the ghost user's shell\n"
		 "  -- WORD...             run a program with its arguments, each passed on as it is\n",
	.run = run,
};
