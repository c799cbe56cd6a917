#include <stdio.h>

#include "commands.h"
#include "container_stop.h"
#include "options.h"
#include "report.h"

static int down(bool force, bool remove, struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	struct cli_here here;
	int r = cli_here_container(&here, &container, err);

	if (r == 0)
		r = cli_container_stop(&here, &container, force, err);
	if (r == 0 && remove && container.exists)
		r = cli_container_remove(&here, &container, err);
	if (r < 0)
		return r;
	if (container.running || (remove && container.exists))
		(void)printf("%s is %s\n", here.project.container_name, remove ? "removed; the vault stays" : "stopped");
	else
		(void)printf("%s does not run\n", here.project.container_name);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool force = false, remove = false;
	const struct cli_option options[] = {
		{ .name = "force", .letter = 'f', .flag = &force },
		{ .name = "remove", .flag = &remove },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	return down(force, remove, &error) < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_down = {
	.name = "down",
	.path = "down",
	.summary = "stop the project's container",
	.usage = "Usage: tazpod down [--force] [--remove]\n"
		 "\n"
		 "Locks the vault and stops the container. 'tazpod up' starts it again as it was left.\n"
		 "\n"
		 "  -f, --force      also while ghost sessions are open; they end\n"
		 "      --remove     remove it too: what was changed in it, outside of /workspace and the vault, is lost\n",
	.run = run,
};
