#include "container_start.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "container_args.h"
#include "output.h"
#include "program.h"
#include "report.h"

/* The engine with these words and the id; what it says is kept. */
static int ask(const struct cli_here *here, const char *const words[], const char *id, struct cli_program_output *ret,
	       struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(&here->use, &args, words);
	cli_args_add(&args, "%s", id);
	r = cli_args_check(&args, err);
	return r < 0 ? r : cli_program_capture(args.words, ret, err);
}

static void remove_made(const struct cli_here *here, const char *id)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };

	(void)ask(here, CLI_KEYS("rm", "--force"), id, &output, NULL);
}

static void show_log(const struct cli_here *here, const char *id)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;

	cli_engine_args(&here->use, &args, CLI_KEYS("logs", id));
	if (cli_args_check(&args, NULL) == 0)
		(void)cli_program_run(args.words, NULL);
}

/* As the user who will log in: that the engine lets him in is part of being ready. */
static int wait_until_ready(const struct cli_here *here, const char *user, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	struct tz_error said;
	char *why;
	int r;

	cli_container_exec_args(&here->use, &here->project, user, false, &args);
	cli_args_add_all(&args, CLI_KEYS("tazpod", "ssh", "--ready"));
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_capture(args.words, &output, err);
	if (r != 0)
		return r;
	if (output.status != 0) {
		/* what it could not start, docker tells where the program's output would be */
		why = output.error[0] ? output.error : output.text;
		why[strcspn(why, "\r\n")] = '\0';
		return tz_error_set(err, EIO, "%s cannot come in: %s", user,
				    why[0] ? why : "nothing is said of why");
	}
	if (output.error[0]) {
		(void)tz_error_set(&said, EIO, "%s", output.error);
		cli_say("warning: %s", said.message);
	}
	return 0;
}

static int start(const struct cli_here *here, const char *id, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	int r = ask(here, CLI_KEYS("start"), id, &output, err);

	if (r == 0 && output.status != 0)
		r = tz_error_set(err, EIO, "%s cannot start the container: %s%s", here->use.engine->name, output.error,
				 strstr(output.error, CLI_FIRST_PROCESS) ?
				 "; its image does not stand on one of TazPod's, as localhost/tazpod/base" : "");
	return r;
}

int cli_container_create(const struct cli_here *here, const struct cli_args *words, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	int r = cli_program_capture(words->words, &output, err);
	char *id;

	if (r < 0)
		return r;
	id = output.text;
	id[strcspn(id, "\n")] = '\0';
	if (output.status != 0 || !id[0] || id[strspn(id, "0123456789abcdef")])
		return tz_error_set(err, EIO, "%s cannot make the container: %s", here->use.engine->name,
				    output.error[0] ? output.error : "it does not tell its id");
	r = start(here, id, err);
	if (r == 0) {
		r = wait_until_ready(here, here->project.user, err);
		if (r < 0) {
			show_log(here, id);
			r = tz_error_wrap(err, "the container did not become ready, and is removed again; what it said is above. Was its "
					  "image built from TazPod's? Is its user right?");
		}
	}
	if (r < 0)
		remove_made(here, id);
	return r;
}

/*
 * The engine looks at the paths anew. Whoever was in the container could write to some of them until it stopped: what was
 * a folder of the project's may be a symlink by now.
 */
static int check_mount(struct json_object *mount, struct tz_error *err)
{
	static const char sockets[] = "/run/tazpod-host/";
	const char *source = cli_json_text_at(mount, CLI_KEYS("Source"));
	char real[PATH_MAX];

	if (strcmp(cli_json_text_at(mount, CLI_KEYS("Type")), "bind") != 0)
		return 0;
	/* what the user's own environment named, in folders of his */
	if (strncmp(cli_json_text_at(mount, CLI_KEYS("Destination")), sockets, strlen(sockets)) == 0)
		return 0;
	if (!realpath(source, real))
		return tz_error_set(err, errno, "%s is mounted in the container: %m", source);
	if (strcmp(real, source) != 0)
		return tz_error_set(err, ELOOP, "%s is mounted in the container, and leads to %s now", source, real);
	return 0;
}

int cli_container_start(const struct cli_here *here, const struct cli_container *container, struct tz_error *err)
{
	struct json_object *mounts = cli_json_at(container->inspected, CLI_KEYS("Mounts"));
	size_t count = json_object_is_type(mounts, json_type_array) ? json_object_array_length(mounts) : 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_mount(json_object_array_get_idx(mounts, i), err);
	if (r == 0)
		r = start(here, container->id, err);
	if (r < 0)
		return tz_error_wrap(err, "it cannot be started again; 'tazpod up --recreate' makes a new one");
	r = wait_until_ready(here, cli_container_user(container), err);
	return r < 0 ? tz_error_wrap(err, "the container was started, but is not ready; see 'tazpod logs'") : 0;
}
