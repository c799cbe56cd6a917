/*
 * Starts the project's container: looks whether all is there that it needs, asks once before it follows a config that
 * this user never trusted, builds or pulls the image, and waits until the container is ready.
 *
 * Whoever is in the container can write to the project, and swap a folder in it for a symlink. So:
 *
 * 1. What was asked about is read once, and that is built: trust.h.
 * 2. The paths that the config names are looked at when nothing of the old container runs any more, and from then on they
 *    are used: the build too, which therefore comes after the stop.
 * 3. The old container is removed last, and started again where the new one cannot be made.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "container_args.h"
#include "container_changes.h"
#include "container_start.h"
#include "container_stop.h"
#include "here.h"
#include "host.h"
#include "image_get.h"
#include "options.h"
#include "output.h"
#include "ports.h"
#include "project_check.h"
#include "prompt.h"
#include "report.h"
#include "state.h"
#include "trust.h"
#include "words.h"

struct up {
	bool dry_run, recreate, force, yes;
	struct cli_here here;
	struct cli_host host;
	struct cli_trust_text text;
	struct cli_args args;      /* that make the container */
	struct tz_error args_error; /* its code is not 0 where this machine lacks what the config asks for */
	struct cli_container container;
};

/* ------------------------------------------------------------------------------------------ before */

static int ask_for_trust(const struct up *up, struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;

	if (cli_prompt_open(false, &prompt, NULL) < 0 || !prompt.terminal)
		return tz_error_set(err, EPERM, "this project's config was never trusted on this machine, and it decides what is "
				    "built and mounted: look at it with 'tazpod trust', or give --yes");
	cli_trust_show(&up->here.project, stderr);
	if (!cli_prompt_confirm(&prompt, "Trust this config, and remember that? [y/N] "))
		return tz_error_set(err, EPERM, "nothing was done");
	return cli_trust_add(&up->here.project, &up->text, err);
}

static int require_trust(const struct up *up, struct tz_error *err)
{
	bool trusted = false;
	int r = cli_trust_check(&up->here.project, &up->text, &trusted, err);

	if (r < 0 || trusted)
		return r;
	return up->yes ? cli_trust_add(&up->here.project, &up->text, err) : ask_for_trust(up, err);
}

/* Nothing is changed, but for the vault's folder, which is made where it is missing. */
static int check(const struct up *up, struct tz_error *err)
{
	int r = tz_project_check(&up->here.project, err);

	return r < 0 || up->dry_run ? r : cli_host_check(&up->host, &up->here.project, err);
}

static int prepare(struct up *up, struct tz_error *err)
{
	int r = cli_here_find(&up->here, err);

	if (r == 0)
		r = cli_trust_read(&up->here.project, &up->text, err);
	if (r == 0 && !up->dry_run)
		r = require_trust(up, err);
	if (r == 0)
		r = cli_engine_check(&up->here.use, err);
	if (r < 0)
		return r;
	up->host = cli_host_look();
	return check(up, err);
}

static int look_at_container(struct up *up, struct tz_error *err)
{
	int r;

	cli_container_free(&up->container);
	r = cli_container_find(&up->here.use, &up->here.project, &up->container, err);
	return r < 0 ? r : cli_container_settled(&up->here.use, &up->here.project, &up->container, err);
}

/* ------------------------------------------------------------------------------------------ --dry-run */

/* file: its text is the command's input; NULL: it has none. */
static int print_command(char *const words[], const char *file, struct tz_error *err)
{
	_cleanup_free_ char *text = cli_quote_line(words), *input = cli_quote_line((char *[]){ (char *)file, NULL });

	if (!text || !input)
		return tz_error_set(err, ENOMEM, "out of memory");
	(void)printf("%s%s%s\n", text, file ? " <" : "", input);
	return 0;
}

static int print_engine(const struct up *up, const char *verb, const char *name, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(&up->here.use, &args, CLI_KEYS(verb, name));
	r = cli_args_check(&args, err);
	return r < 0 ? r : print_command(args.words, NULL, err);
}

static int show_image(const struct up *up, struct tz_error *err)
{
	const struct tz_project *project = &up->here.project;
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	char file[2 * TZ_PROJECT_PATH];
	int r = project->has_build ? 0 : cli_image_missing(&up->here.use, project, err);

	if (project->has_build) {
		(void)snprintf(file, sizeof(file), "%s/%s", project->folder, project->dockerfile);
		r = cli_image_build_args(&up->here.use, project, &args, err);
		return r < 0 ? r : print_command(args.words, file, err);
	}
	if (r <= 0)
		return r;
	r = cli_image_pull_args(&up->here.use, project, &args, err);
	return r < 0 ? r : print_command(args.words, NULL, err);
}

static int show_making(const struct up *up, struct tz_error *err)
{
	const char *name = up->here.project.container_name;
	char vault[TZ_PROJECT_PATH + 32];
	int r = 0;

	if (up->container.running)
		r = print_engine(up, "stop", name, err);
	/* a fresh clone has none: it is ignored by git */
	(void)snprintf(vault, sizeof(vault), "%s/.tazpod/vault", up->here.project.folder);
	if (r == 0 && access(vault, F_OK) < 0)
		r = print_command((char *[]){ (char[]){ "mkdir" }, (char[]){ "-m" }, (char[]){ "0700" }, vault, NULL }, NULL, err);
	if (r == 0)
		r = show_image(up, err);
	if (r == 0 && up->container.exists)
		r = print_engine(up, "rm", name, err);
	if (r == 0)
		r = print_command(up->args.words, NULL, err);
	return r < 0 ? r : print_engine(up, "start", name, err);
}

static int show_commands(const struct up *up, struct tz_error *err)
{
	const char *name = up->here.project.container_name;

	if (!up->container.exists || up->recreate)
		return show_making(up, err);
	if (!up->container.running)
		return print_engine(up, "start", name, err);
	(void)printf("# %s runs already\n", name);
	return 0;
}

/* ------------------------------------------------------------------------------------------ doing it */

static void tell_confinement(const struct up *up)
{
	if (up->host.apparmor && !up->host.apparmor_profile)
		cli_say("AppArmor's usual profile forbids mounts, and TazPod's own is not loaded: the container is not confined by "
			"AppArmor; to have it so, 'sudo apparmor_parser -r -W " CLI_APPARMOR_FILE "' and 'tazpod up --recreate'");
}

static void tell_ready(const char *how, const struct up *up)
{
	(void)printf("%s %s\n", up->here.project.container_name, how);
	(void)puts("'tazpod ssh' logs in; there, 'tazpod unlock' opens the vault");
}

static int tell_changes(const struct up *up, struct tz_error *err)
{
	_cleanup_json_ struct json_object *image = NULL;
	struct cli_wanted wanted = { &up->args, up->text.digest, "" };
	int r;

	if (up->args_error.code) {
		cli_say("warning: whether it would be made otherwise now cannot be told: %s", up->args_error.message);
		return 0;
	}
	r = cli_engine_image(&up->here.use, up->here.project.image, &image, err);
	if (r < 0)
		return r;
	wanted.image = cli_json_text_at(image, CLI_KEYS("Id"));
	if (cli_container_has_changed(&up->container, &wanted))
		cli_container_tell_changes(&up->container, &wanted);
	return 0;
}

static int keep(const struct up *up, struct tz_error *err)
{
	int r = 0;

	if (up->container.running)
		(void)printf("%s runs already\n", up->here.project.container_name);
	else
		r = cli_container_start(&up->here, &up->container, err);
	if (r < 0)
		return r;
	if (!up->container.running)
		tell_ready("runs again", up);
	return tell_changes(up, err);
}

/* All that can go wrong before the container is made. Nothing of an old one runs. */
static int get_ready(const struct up *up, struct tz_error *err)
{
	int r = check(up, err);

	if (r == 0)
		r = cli_ports_check(&up->here.project, err);
	return r < 0 ? r : cli_image_get(&up->here.use, &up->here.project, &up->text, err);
}

static int create(const struct up *up, struct tz_error *err)
{
	int r;

	tell_confinement(up);
	r = cli_container_create(&up->here, &up->args, err);
	if (r == 0)
		tell_ready("runs", up);
	return r;
}

/* Nothing of it runs now, whoever may have started it since. */
static int look_once_stopped(struct up *up, struct tz_error *err)
{
	int r;

	cli_container_free(&up->container);
	r = cli_container_find(&up->here.use, &up->here.project, &up->container, err);
	if (r == 0 && up->container.running)
		r = tz_error_set(err, EBUSY, "the container was stopped, and runs again: somebody else starts it");
	/* what podman calls, for ever, one that it stopped and whose watcher had been killed */
	if (r == 0 && up->container.exists && strcmp(up->container.state, "stopping") != 0)
		r = cli_container_settled(&up->here.use, &up->here.project, &up->container, err);
	return r;
}

/* It was stopped for nothing. */
static void go_back(const struct up *up)
{
	struct tz_error err = { 0 };

	if (cli_container_start(&up->here, &up->container, &err) == 0)
		cli_say("the container runs again, as it was: no new one can be made");
	else
		cli_say("the container stays stopped, as it was: %s", err.message);
}

static int recreate(struct up *up, struct tz_error *err)
{
	bool ran = up->container.running;
	int r = cli_container_stop(&up->here, &up->container, up->force, err);

	if (r == 0 && ran)
		r = look_once_stopped(up, err);
	if (r < 0)
		return r;
	r = get_ready(up, err);
	if (r == 0 && up->container.exists)
		r = cli_container_remove(&up->here, &up->container, err);
	if (r < 0 && ran)
		go_back(up);
	return r < 0 ? r : create(up, err);
}

static int bring_up(struct up *up, struct tz_error *err)
{
	int r;

	if (up->container.exists && !up->recreate)
		return up->dry_run ? show_commands(up, err) : keep(up, err);
	if (up->args_error.code)
		return tz_error_adopt(err, &up->args_error);
	if (up->dry_run)
		return show_commands(up, err);
	if (up->container.exists)
		return recreate(up, err);
	r = get_ready(up, err);
	return r < 0 ? r : create(up, err);
}

static void tell_waiting(void)
{
	cli_say("waiting for another 'tazpod up' of this project");
}

static int up_now(struct up *up, struct tz_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = prepare(up, err);

	if (r == 0 && !up->dry_run) {
		lock = cli_state_lock(up->here.project.folder, tell_waiting, err);
		r = lock < 0 ? lock : 0;
	}
	if (r == 0)
		r = look_at_container(up, err);
	if (r < 0)
		return r;
	/* what the config asks for may be missing here by now: a container that is there has it, and goes on */
	(void)cli_container_args(&up->here.use, &up->here.project, &up->host, up->text.digest, &up->args, &up->args_error);
	return bring_up(up, err);
}

static void free_up(struct up *up)
{
	cli_args_free(&up->args);
	cli_container_free(&up->container);
	cli_trust_text_free(&up->text);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct up up = { .args = CLI_ARGS_INIT, .text = CLI_TRUST_TEXT_INIT, .container = CLI_CONTAINER_INIT };
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
	free_up(&up);
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
		 "  -n, --dry-run    look at all the same, and print the commands that it would take, as a shell takes them\n"
		 "      --recreate   make it anew: what was changed in it, outside of /workspace and the vault, is lost. Where no new\n"
		 "                   one can be made, the old one is started again\n"
		 "  -f, --force      with --recreate: also while ghost sessions are open; they end\n"
		 "  -y, --yes        trust the project's config without asking\n",
	.run = run,
};
