/* Which projects' configs may decide how containers are made on this machine. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "inside.h"
#include "options.h"
#include "project_check.h"
#include "prompt.h"
#include "report.h"
#include "trust.h"

static void print(void *data, const char *digest, const char *folder)
{
	(void)data;
	(void)printf("%s  %s\n", digest, folder);
}

static int confirm(const struct tz_project *project, struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;

	if (cli_prompt_open(false, &prompt, NULL) < 0 || !prompt.terminal)
		return tz_error_set(err, ENXIO, "there is no terminal to ask on; --yes trusts the config without asking");
	if (!cli_prompt_confirm(&prompt, "Trust this config, and remember that? [y/N] "))
		return tz_error_set(err, ECANCELED, "the config of %s is not trusted", project->folder);
	return 0;
}

static int load_here(struct tz_project *project, struct tz_error *err)
{
	char folder[TZ_PROJECT_PATH];
	int r = tz_project_find(".", folder, err);

	if (r == 0)
		r = tz_project_load(folder, project, cli_warn, NULL, err);
	return r < 0 ? r : tz_project_check(project, err);
}

static int trust(bool yes, struct tz_error *err)
{
	_cleanup_trust_text_ struct cli_trust_text text = CLI_TRUST_TEXT_INIT;
	struct tz_project project;
	bool trusted = false;
	int r = load_here(&project, err);

	if (r == 0)
		r = cli_trust_read(&project, &text, err);
	if (r == 0)
		r = cli_trust_check(&project, &text, &trusted, err);
	if (r < 0)
		return r;
	cli_trust_show(&project, stdout);
	(void)fflush(stdout);
	if (trusted) {
		(void)printf("It is trusted already.\n");
		return 0;
	}
	if (!yes)
		r = confirm(&project, err);
	if (r == 0)
		r = cli_trust_add(&project, &text, err);
	if (r < 0)
		return r;
	(void)printf("It is trusted now, as it is: when it changes, you are asked again.\n");
	return 0;
}

/* That of the project here, or a folder that is named; it may be gone by now. */
static int forget(const char *named, struct tz_error *err)
{
	char folder[PATH_MAX];
	bool was = false;
	int r = 0;

	if (!named)
		r = tz_project_find(".", folder, err);
	else if (!realpath(named, folder))
		(void)snprintf(folder, sizeof(folder), "%s", named);
	if (r == 0)
		r = cli_trust_remove(folder, &was, err);
	if (r < 0)
		return r;
	(void)printf("the config of %s is %s\n", folder, was ? "no longer trusted" : "not trusted, and was not before");
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool yes = false, list = false, remove = false;
	const struct cli_option options[] = {
		{ .name = "yes", .letter = 'y', .flag = &yes },
		{ .name = "list", .letter = 'l', .flag = &list },
		{ .name = "remove", .flag = &remove },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (argc - first > (remove ? 1 : 0))
		return cli_usage_error(cli, "'%s' is too much", argv[first + (remove ? 1 : 0)]);
	if (yes + list + remove > 1)
		return cli_usage_error(cli, "only one of --yes, --list and --remove can be done");
	if (tz_inside_container())
		r = tz_error_set(&error, EXDEV, "this is for the host: here you are in the project's container");
	else if (list)
		r = cli_trust_list(print, NULL, &error);
	else
		r = remove ? forget(argv[first], &error) : trust(yes, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_trust = {
	.name = "trust",
	.path = "trust",
	.summary = "let the project's config decide how its container is made",
	.usage = "Usage: tazpod trust [--yes]\n"
		 "       tazpod trust --list\n"
		 "       tazpod trust --remove [FOLDER]\n"
		 "\n"
		 "Shows what the config of this project, which may have come with a repository, wants of this machine, and asks\n"
		 "whether you trust it. What 'tazpod init' made is trusted; when the config or its Containerfile changes, 'tazpod\n"
		 "up' asks again.\n"
		 "\n"
		 "  -y, --yes        without asking\n"
		 "  -l, --list       the configs that you trust on this machine: a digest and a folder each\n"
		 "      --remove     no longer trust that of this project, or of FOLDER\n",
	.run = run,
};
