#include <errno.h>
#include <string.h>

#include "commands.h"
#include "here.h"
#include "options.h"
#include "program.h"
#include "report.h"

static int show(bool follow, const char *tail, struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	struct cli_here here;
	int r = cli_here_container(&here, &container, err);

	if (r < 0)
		return r;
	if (!container.exists)
		return tz_error_set(err, ENOENT, "the project has no container yet: make it with 'tazpod up'");
	cli_engine_args(&here.use, &args, CLI_KEYS("logs"));
	if (follow)
		cli_args_add(&args, "--follow");
	if (tail)
		cli_args_add(&args, "--tail=%s", tail);
	cli_args_add(&args, "%s", here.project.container_name);
	r = cli_args_check(&args, err);
	return r < 0 ? r : cli_program_become(args.words[0], args.words, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool follow = false;
	const char *tail = NULL;
	const struct cli_option options[] = {
		{ .name = "follow", .letter = 'f', .flag = &follow },
		{ .name = "tail", .letter = 'n', .text = &tail },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	if (tail && (!*tail || tail[strspn(tail, "0123456789")]))
		return cli_usage_error(cli, "'%s' is no number of lines", tail);
	return show(follow, tail, &error) < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_logs = {
	.name = "logs",
	.path = "logs",
	.summary = "show what the project's container said",
	.usage = "Usage: tazpod logs [--follow] [--tail N]\n"
		 "\n"
		 "Shows what the container's first process said, by the engine's own command.\n"
		 "\n"
		 "  -f, --follow     go on as it says more\n"
		 "  -n, --tail=N     the last N lines only\n",
	.run = run,
};
