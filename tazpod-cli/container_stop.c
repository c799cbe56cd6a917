#include "container_stop.h"

#include <errno.h>

#include "output.h"
#include "program.h"
#include "report.h"

/*
 * The engine with these words and the container's id: of its name there may be another by now. What it says is shown only
 * when it fails.
 */
static int do_it(const struct cli_here *here, const struct cli_container *container, const char *const words[],
		 struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(&here->use, &args, words);
	cli_args_add(&args, "%s", container->id);
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_capture(args.words, &output, err);
	if (r == 0 && output.status != 0)
		r = tz_error_set(err, EIO, "%s %s failed: %s", here->use.engine->name, words[0], output.error);
	return r;
}

static void name_sessions(struct json_object *sessions)
{
	for (size_t i = 0; i < json_object_array_length(sessions); i++) {
		struct json_object *session = json_object_array_get_idx(sessions, i);

		cli_say("open: %s on %s by %s, since %s", cli_json_text_at(session, CLI_KEYS("caller")),
			cli_json_text_at(session, CLI_KEYS("tty")), cli_json_text_at(session, CLI_KEYS("service")),
			cli_json_text_at(session, CLI_KEYS("started")));
	}
}

static int require_closed(const struct cli_here *here, struct tz_error *err)
{
	_cleanup_json_ struct json_object *sessions = NULL;
	int r = cli_container_sessions(&here->use, &here->project, &sessions, err);

	if (r < 0)
		return tz_error_wrap(err, "--force stops it all the same");
	if (json_object_array_length(sessions) == 0)
		return 0;
	name_sessions(sessions);
	return tz_error_set(err, EBUSY, "ghost sessions are open: leave them, or end them with 'tazpod lock' or with --force");
}

int cli_container_stop(const struct cli_here *here, const struct cli_container *container, bool force,
		       struct tz_error *err)
{
	int r = cli_container_settled(&here->use, &here->project, container, err);

	if (r < 0 || !container->running)
		return r;
	r = force ? 0 : require_closed(here, err);
	/* its first process locks the vault before it ends */
	return r < 0 ? r : do_it(here, container, CLI_KEYS("stop"), err);
}

int cli_container_remove(const struct cli_here *here, const struct cli_container *container, struct tz_error *err)
{
	return do_it(here, container, CLI_KEYS("rm"), err);
}
