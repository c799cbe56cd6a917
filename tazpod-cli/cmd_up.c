/*
 * Starts the project's container: looks whether all is there that it needs, asks once before it follows a config that
 * this user never trusted, builds or pulls the image, and waits until the container is ready.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "container_args.h"
#include "container_changes.h"
#include "container_stop.h"
#include "here.h"
#include "host.h"
#include "image_get.h"
#include "options.h"
#include "output.h"
#include "ports.h"
#include "program.h"
#include "project_check.h"
#include "prompt.h"
#include "report.h"
#include "trust.h"
#include "words.h"

struct up {
	bool dry_run, recreate, force, yes;
	struct cli_here here;
	struct cli_host host;
	struct cli_args args; /* that make the container */
	char digest[TZ_DIGEST_TEXT];
};

/* ------------------------------------------------------------------------------------------ before */

static int ask_for_trust(const struct tz_project *project, struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;

	if (cli_prompt_open(false, &prompt, NULL) < 0 || !prompt.terminal)
		return tz_error_set(err, EPERM, "this project's config was never trusted on this machine, and it decides what is "
				    "built and mounted: look at it with 'tazpod trust', or give --yes");
	cli_trust_show(project, stderr);
	if (!cli_prompt_confirm(&prompt, "Trust this config, and remember that? [y/N] "))
		return tz_error_set(err, EPERM, "nothing was done");
	return cli_trust_add(project, err);
}

static int require_trust(const struct up *up, struct tz_error *err)
{
	bool trusted = false;
	int r = cli_trust_check(&up->here.project, &trusted, err);

	if (r < 0 || trusted)
		return r;
	return up->yes ? cli_trust_add(&up->here.project, err) : ask_for_trust(&up->here.project, err);
}

static int prepare(struct up *up, struct tz_error *err)
{
	int r = cli_here_find(&up->here, err);

	if (r == 0)
		r = cli_trust_digest(&up->here.project, up->digest, err);
	if (r < 0)
		return r;
	up->host = cli_host_look();
	return cli_container_args(&up->here.use, &up->here.project, &up->host, up->digest, &up->args, err);
}

/* ------------------------------------------------------------------------------------------ --dry-run */

static int print_command(char *const words[], struct tz_error *err)
{
	_cleanup_free_ char *text = cli_quote_line(words);

	if (!text)
		return tz_error_set(err, ENOMEM, "out of memory");
	(void)puts(text);
	return 0;
}

static int show_commands(const struct up *up, struct tz_error *err)
{
	_cleanup_args_ struct cli_args build = CLI_ARGS_INIT;
	char vault[TZ_PROJECT_PATH + 32];
	int r = 0;

	/* a fresh clone has none: it is ignored by git */
	(void)snprintf(vault, sizeof(vault), "%s/.tazpod/vault", up->here.project.folder);
	if (access(vault, F_OK) < 0)
		r = print_command((char *[]){ (char[]){ "mkdir" }, (char[]){ "-m" }, (char[]){ "0700" }, vault, NULL }, err);
	if (r < 0)
		return r;
	if (up->here.project.has_build) {
		r = cli_image_build_args(&up->here.use, &up->here.project, &build, err);
		if (r == 0)
			r = print_command(build.words, err);
	}
	return r < 0 ? r : print_command(up->args.words, err);
}

/* ------------------------------------------------------------------------------------------ doing it */

static void tell_confinement(const struct up *up)
{
	if (up->host.apparmor && !up->host.apparmor_profile)
		cli_say("AppArmor's usual profile forbids mounts, and TazPod's own is not loaded: the container is not confined by "
			"AppArmor; to have it so, 'sudo apparmor_parser -r -W " CLI_APPARMOR_FILE "' and 'tazpod up --recreate'");
}

/* Some engines leave one that was made, but could not be started. */
static void remove_made(const struct up *up)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;

	cli_engine_args(&up->here.use, &args, CLI_KEYS("rm", "--force", up->here.project.container_name));
	if (cli_args_check(&args, NULL) == 0)
		(void)cli_program_run_quietly(args.words, NULL);
}

/* A container that did not come to life is taken away, once it was shown what it said. */
static int give_up(const struct up *up, struct tz_error *err)
{
	_cleanup_args_ struct cli_args logs = CLI_ARGS_INIT;

	cli_engine_args(&up->here.use, &logs, CLI_KEYS("logs", up->here.project.container_name));
	if (cli_args_check(&logs, NULL) == 0)
		(void)cli_program_run(logs.words, NULL);
	remove_made(up);
	return tz_error_set(err, EIO, "the container did not become ready; what it said is above. Was its image built from TazPod's? "
			    "It is removed again");
}

/* 0 when it is ready, above 0 when it is not; negative when it cannot be asked. */
static int wait_until_ready(const struct up *up, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_container_exec_args(&up->here.use, &up->here.project, up->here.project.user, false, &args);
	cli_args_add_all(&args, CLI_KEYS("tazpod", "ssh", "--", "true"));
	r = cli_args_check(&args, err);
	return r < 0 ? r : cli_program_run_quietly(args.words, err);
}

static int create(struct up *up, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	int r = cli_ports_check(&up->here.project, err);

	if (r == 0)
		r = cli_image_get(&up->here.use, &up->here.project, err);
	if (r < 0)
		return r;
	tell_confinement(up);
	r = cli_program_capture(up->args.words, &output, err);
	if (r == 0 && output.status != 0) {
		remove_made(up);
		return tz_error_set(err, EIO, "%s cannot start the container: %s%s", up->here.use.engine->name, output.error,
				    strstr(output.error, CLI_FIRST_PROCESS) ?
				    "; its image does not stand on one of TazPod's, as localhost/tazpod/base" : "");
	}
	if (r == 0)
		r = wait_until_ready(up, err);
	return r > 0 ? give_up(up, err) : r;
}

static int start_again(const struct up *up, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(&up->here.use, &args, CLI_KEYS("start", up->here.project.container_name));
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_capture(args.words, &output, err);
	if (r == 0 && output.status != 0)
		return tz_error_set(err, EIO, "%s cannot start the container again: %s; 'tazpod up --recreate' makes a new one",
				    up->here.use.engine->name, output.error);
	if (r == 0)
		r = wait_until_ready(up, err);
	return r <= 0 ? r : tz_error_set(err, EIO, "the container was started, but is not ready: see 'tazpod logs'");
}

static void tell_ready(const char *how, const struct tz_project *project)
{
	(void)printf("%s %s\n", project->container_name, how);
	(void)puts("'tazpod ssh' logs in; there, 'tazpod unlock' opens the vault");
}

static int bring_up(struct up *up, const struct cli_container *container, struct tz_error *err)
{
	_cleanup_json_ struct json_object *image = NULL;
	struct cli_wanted wanted = { &up->args, up->digest, "" };
	bool changed;
	int r = cli_engine_inspect(&up->here.use, "image", up->here.project.image, &image, err);

	if (r < 0)
		return r;
	wanted.image = cli_json_text_at(image, CLI_KEYS("Id"));
	changed = container->exists && cli_container_has_changed(container, &wanted);
	if (container->exists && up->recreate) {
		r = cli_container_stop(&up->here, container, up->force, err);
		if (r == 0)
			r = cli_container_remove(&up->here, err);
		if (r < 0)
			return r;
	} else if (container->running) {
		(void)printf("%s runs already\n", up->here.project.container_name);
		if (changed)
			cli_container_tell_changes(container, &wanted);
		return 0;
	} else if (container->exists) {
		r = start_again(up, err);
		if (r == 0)
			tell_ready("runs again", &up->here.project);
		if (r == 0 && changed)
			cli_container_tell_changes(container, &wanted);
		return r;
	}
	r = create(up, err);
	if (r == 0)
		tell_ready("runs", &up->here.project);
	return r;
}

static int up_now(struct up *up, struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	int r = prepare(up, err);

	if (r == 0 && up->dry_run)
		return show_commands(up, err);
	if (r == 0)
		r = require_trust(up, err);
	if (r == 0)
		r = tz_project_check(&up->here.project, err);
	if (r == 0)
		r = cli_engine_check(&up->here.use, err);
	if (r == 0)
		r = cli_host_check(&up->host, &up->here.project, err);
	if (r == 0)
		r = cli_container_find(&up->here.use, &up->here.project, &container, err);
	return r < 0 ? r : bring_up(up, &container, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct up up = { .args = CLI_ARGS_INIT };
	const struct cli_option options[] = {
		{ .name = "dry-run", .letter = 'n', .flag = &up.dry_run },
		{ .name = "recreate", .flag = &up.recreate },
		{ .name = "force", .letter = 'f', .flag = &up.force },
		{ .name = "yes", .letter = 'y', .flag = &up.yes },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = up_now(&up, &error);
	cli_args_free(&up.args);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_up = {
	.name = "up",
	.path = "up",
	.summary = "start the project's container",
	.usage = "Usage: tazpod up [--recreate [--force]] [--yes]\n"
		 "       tazpod up --dry-run\n"
		 "\n"
		 "Builds or pulls the image where that is needed, and starts the project's container with the least privilege\n"
		 "with which vaults open in it. Where it runs already, says so, and what has changed in the config since.\n"
		 "\n"
		 "  -n, --dry-run    print the engine's commands instead, as a shell takes them\n"
		 "      --recreate   make it anew: what was changed in it, outside of /workspace and the vault, is lost\n"
		 "  -f, --force      with --recreate: also while ghost sessions are open; they end\n"
		 "  -y, --yes        trust the project's config without asking\n",
	.run = run,
};
