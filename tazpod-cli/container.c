#include "container.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "program.h"

static const char *label(struct json_object *inspected, const char *name)
{
	return cli_json_text_at(inspected, CLI_KEYS("Config", "Labels", name));
}

static int require_ours(struct json_object *inspected, const struct tz_project *project, struct tz_error *err)
{
	const char *folder = label(inspected, CLI_LABEL_PROJECT);

	if (strcmp(folder, project->folder) == 0)
		return 0;
	if (folder[0])
		return tz_error_set(err, EEXIST, "the container %s belongs to the project %s: give this one another "
				    "'container_name' in .tazpod/config.yaml", project->container_name, folder);
	return tz_error_set(err, EEXIST, "there is a container %s that TazPod did not make: give this project another "
			    "'container_name' in .tazpod/config.yaml, or remove that container", project->container_name);
}

int cli_container_find(const struct cli_engine_use *use, const struct tz_project *project, struct cli_container *ret,
		       struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	int r = cli_engine_inspect(use, "container", project->container_name, &container.inspected, err);

	if (r == 0 && container.inspected)
		r = require_ours(container.inspected, project, err);
	if (r < 0)
		return r;
	container.exists = container.inspected;
	container.state = cli_json_text_at(container.inspected, CLI_KEYS("State", "Status"));
	container.running = strcmp(container.state, "running") == 0;
	container.started = cli_json_text_at(container.inspected, CLI_KEYS("State", "StartedAt"));
	container.image = cli_json_text_at(container.inspected, CLI_KEYS("Image"));
	container.digest = label(container.inspected, CLI_LABEL_DIGEST);
	*ret = container;
	container.inspected = NULL;
	return 0;
}

void cli_container_free(struct cli_container *container)
{
	(void)json_object_put(container->inspected);
	*container = (struct cli_container)CLI_CONTAINER_INIT;
}

int cli_container_sessions(const struct cli_engine_use *use, const struct tz_project *project, struct json_object **ret,
			   struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_json_ struct json_object *status = NULL;
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	struct json_object *sessions;
	int r;

	cli_container_exec_args(use, project, NULL, false, &args);
	cli_args_add_all(&args, CLI_KEYS("tazpod", "status", "--json"));
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_capture(args.words, &output, err);
	if (r < 0)
		return r;
	status = output.status == 0 ? json_tokener_parse(output.text) : NULL;
	sessions = cli_json_at(status, CLI_KEYS("sessions"));
	if (!json_object_is_type(sessions, json_type_array))
		return tz_error_set(err, EIO, "the container %s does not tell which ghost sessions are open: %s",
				    project->container_name, output.error);
	*ret = json_object_get(sessions);
	return 0;
}

/* What a program at a terminal goes by; each by name, so that no value is in the arguments. */
static const char *const passed_on[] = { "TERM", "COLORTERM", "LANG", "LC_ALL", "NO_COLOR", NULL };

void cli_container_exec_args(const struct cli_engine_use *use, const struct tz_project *project, const char *user,
			     bool terminal, struct cli_args *args)
{
	cli_engine_args(use, args, CLI_KEYS("exec", "--interactive"));
	if (terminal && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		cli_args_add(args, "--tty");
	for (const char *const *name = passed_on; terminal && *name; name++)
		if (getenv(*name))
			cli_args_add(args, "--env=%s", *name);
	cli_args_add(args, "--user=%s", user ? user : "root");
	cli_args_add(args, "%s", project->container_name);
}
