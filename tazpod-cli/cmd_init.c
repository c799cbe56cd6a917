/* Makes the working directory a project. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "identity.h"
#include "inside.h"
#include "new_project.h"
#include "options.h"
#include "prompt.h"
#include "report.h"
#include "suggest.h"
#include "templates.h"
#include "trust.h"

static void warn(void *data, const char *sentence)
{
	(void)data;
	cli_say("warning: %s", sentence);
}

static bool is_here(const char *path)
{
	struct stat here, other;

	return stat(".", &here) == 0 && stat(path, &other) == 0 && here.st_dev == other.st_dev && here.st_ino == other.st_ino;
}

static bool is_home(void)
{
	const char *home = getenv("HOME");
	struct tz_identity identity;

	return (home && home[0] == '/' && is_here(home)) ||
	       (tz_identity_by_uid(getuid(), &identity, NULL) == 0 && is_here(identity.home));
}

/* All of the home is in the container then, the keys in ~/.ssh too: that is seldom meant. */
static int confirm_home(bool yes, struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;

	if (yes || !is_home())
		return 0;
	if (cli_prompt_open(false, &prompt, NULL) < 0 || !prompt.terminal)
		return tz_error_set(err, EPERM, "this is your home: all of it would be the container's /workspace, .ssh too; go into a "
				    "folder of its own first, or say --yes");
	if (!cli_prompt_confirm(&prompt, "This is your home: all of it would be the container's /workspace, .ssh too. Make it a "
				"project? [y/N] "))
		return tz_error_set(err, ECANCELED, "nothing was done; 'mkdir NAME && cd NAME' makes a folder for a project");
	return 0;
}

static int check_folder(bool yes, struct tz_error *err)
{
	char path[PATH_MAX], above[TZ_PROJECT_PATH];

	if (!realpath(".", path))
		return tz_error_set(err, errno, "the working directory cannot be found: %m");
	if (strcmp(path, "/") == 0)
		return tz_error_set(err, EPERM, "this is the root of the system, which cannot be a project; go into a folder of its own");
	if (strstr(path, "/.tazpod/") || strcmp(strrchr(path, '/'), "/.tazpod") == 0)
		return tz_error_set(err, EPERM, "%s is TazPod's own folder in a project; go out of it first", path);
	if (tz_project_find("..", above, NULL) == 0)
		cli_say("warning: this is within the project %s; from here on, 'tazpod' takes the inner one when you are in it",
			above);
	return confirm_home(yes, err);
}

/* Only what came from here: a config or Containerfile that was there may be a repository's. */
static int trust_own(const struct cli_new_project *made, const struct tz_project *project, struct tz_error *err)
{
	_cleanup_trust_text_ struct cli_trust_text text = CLI_TRUST_TEXT_INIT;
	bool trusted = false;
	int r = cli_trust_read(project, &text, err);

	if (r < 0)
		return r;
	if (made->wrote_config && made->wrote_containerfile)
		return cli_trust_add(project, &text, err);
	r = cli_trust_check(project, &text, &trusted, err);
	if (r == 0 && !trusted)
		(void)printf("Not all of it is from here: 'tazpod trust' shows what it may do, before it does.\n");
	return r;
}

static int init(const char *type, bool yes, struct tz_error *err)
{
	_cleanup_new_project_ struct cli_new_project made = CLI_NEW_PROJECT_INIT;
	struct tz_project project = { .has_build = false };
	int r = check_folder(yes, err);

	if (r == 0)
		r = cli_new_project_open(&made, err);
	if (r == 0)
		r = cli_new_project_fill(&made, type, err);
	if (r == 0)
		r = tz_project_load(made.path, &project, warn, NULL, err);
	if (r == 0)
		r = trust_own(&made, &project, err);
	if (r < 0)
		return r;
	(void)printf("The container is called %s. Next: 'tazpod up' %s it.\n", project.container_name,
		     project.has_build ? "builds and starts" : "starts");
	return 0;
}

static int check_type(const struct cli *cli, const char *type)
{
	const char *near;

	for (const char *const *known = cli_template_types; *known; known++)
		if (strcmp(type, *known) == 0)
			return CLI_DONE;
	near = tz_suggest(type, cli_template_types);
	if (near)
		return cli_usage_error(cli, "there is no image type '%s'; did you mean '%s'?", type, near);
	return cli_usage_error(cli, "there is no image type '%s'; there are base, infisical, k8s and gemini", type);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool yes = false;
	const struct cli_option options[] = {
		{ .name = "yes", .letter = 'y', .flag = &yes },
		{ 0 },
	};
	struct tz_error error = { 0 };
	const char *type = cli_template_types[0];
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (argc - first > 1)
		return cli_usage_error(cli, "'%s' is too much", argv[first + 1]);
	if (argc > first)
		type = argv[first];
	r = check_type(cli, type);
	if (r != CLI_DONE)
		return r;
	if (tz_inside_container())
		r = tz_error_set(&error, EXDEV, "this is for the host: here you are in the project's container");
	else
		r = init(type, yes, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_init = {
	.name = "init",
	.path = "init",
	.summary = "make this folder a project",
	.usage = "Usage: tazpod init [--yes] [base|infisical|k8s|gemini]\n"
		 "\n"
		 "Makes the working directory a project, whose container has TazPod's image of that type; base is the default.\n"
		 "It writes .tazpod/ (the config, what the image is built from, the vault's folder) and secrets.yml. What is there\n"
		 "is never overwritten: run again, it adds what is missing.\n"
		 "\n"
		 "  -y, --yes        also where the working directory is your home\n",
	.run = run,
};
