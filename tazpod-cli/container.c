#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "program.h"

static const char *label(struct json_object *inspected, const char *name)
{
	return cli_json_text_at(inspected, CLI_KEYS("Config", "Labels", name));
}

static const char *state_of(struct json_object *inspected)
{
	return cli_json_text_at(inspected, CLI_KEYS("State", "Status"));
}

/* Of all others, paused ones too, processes are there. */
static bool is_stopped(const char *state)
{
	/* the last three are podman's */
	static const char *const stopped[] = { "created", "exited", "dead", "configured", "initialized", "stopped" };

	for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]); i++)
		if (strcmp(state, stopped[i]) == 0)
			return true;
	return false;
}

/* Some engines put a '/' in front. */
static const char *name_of(struct json_object *inspected)
{
	const char *name = cli_json_text_at(inspected, CLI_KEYS("Name"));

	return *name == '/' ? name + 1 : name;
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

static int refuse_other(const struct cli_engine_use *use, struct json_object *other, struct tz_error *err)
{
	return tz_error_set(err, EEXIST, "the project's container is there under another name, %s (%s), from before its "
			    "'container_name' was changed: stop it with '%s stop %s' first, or change the name back", name_of(other),
			    state_of(other), use->engine->name, name_of(other));
}

/* That with the project's label: of its name, or of another one, which must not be at work then. */
static int find_by_label(const struct cli_engine_use *use, const struct tz_project *project, struct json_object **ret,
			 struct tz_error *err)
{
	_cleanup_json_ struct json_object *list = NULL, *found = NULL;
	char filter[sizeof("label=" CLI_LABEL_PROJECT "=") + TZ_PROJECT_PATH];
	int r;

	(void)snprintf(filter, sizeof(filter), "label=" CLI_LABEL_PROJECT "=%s", project->folder);
	r = cli_engine_containers(use, filter, &list, err);
	for (size_t i = 0; r == 0 && list && i < json_object_array_length(list); i++) {
		struct json_object *each = json_object_array_get_idx(list, i);

		if (strcmp(name_of(each), project->container_name) == 0)
			found = json_object_get(each);
		else if (!is_stopped(state_of(each)))
			r = refuse_other(use, each, err);
	}
	if (r == 0)
		*ret = tz_steal(found);
	return r;
}

static int find_by_name(const struct cli_engine_use *use, const struct tz_project *project, struct json_object **ret,
			struct tz_error *err)
{
	_cleanup_json_ struct json_object *list = NULL;
	char filter[sizeof("name=^$") + 3 * TZ_PROJECT_NAME], *p = filter;
	int r;

	/* a regular expression, in which no other character of a name means anything */
	p = stpcpy(p, "name=^");
	for (const char *c = project->container_name; *c; c++) {
		if (*c == '.')
			p = stpcpy(p, "[.]");
		else
			*p++ = *c;
	}
	(void)strcpy(p, "$");
	r = cli_engine_containers(use, filter, &list, err);
	if (r == 0)
		*ret = list ? json_object_get(json_object_array_get_idx(list, 0)) : NULL;
	return r;
}

int cli_container_find(const struct cli_engine_use *use, const struct tz_project *project, struct cli_container *ret,
		       struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	int r = find_by_label(use, project, &container.inspected, err);

	if (r == 0 && !container.inspected)
		r = find_by_name(use, project, &container.inspected, err);
	if (r == 0 && container.inspected)
		r = require_ours(container.inspected, project, err);
	if (r < 0)
		return r;
	container.exists = container.inspected;
	container.id = cli_json_text_at(container.inspected, CLI_KEYS("Id"));
	container.state = state_of(container.inspected);
	container.running = strcmp(container.state, "running") == 0;
	container.started = cli_json_text_at(container.inspected, CLI_KEYS("State", "StartedAt"));
	container.image = cli_json_text_at(container.inspected, CLI_KEYS("Image"));
	container.digest = label(container.inspected, CLI_LABEL_DIGEST);
	container.user = label(container.inspected, CLI_LABEL_USER);
	*ret = container;
	container.inspected = NULL;
	return 0;
}

int cli_container_settled(const struct cli_engine_use *use, const struct tz_project *project,
			  const struct cli_container *container, struct tz_error *err)
{
	if (!container->exists || container->running || is_stopped(container->state))
		return 0;
	if (strcmp(container->state, "paused") == 0)
		return tz_error_set(err, EBUSY, "the container %s is paused, with all that is open in it: '%s unpause %s' lets it go "
				    "on", project->container_name, use->engine->name, project->container_name);
	return tz_error_set(err, EBUSY, "the container %s is neither running nor stopped, but '%s': see '%s ps --all'",
			    project->container_name, container->state, use->engine->name);
}

const char *cli_container_user(const struct cli_container *container)
{
	return container->user[0] ? container->user : TZ_PROJECT_USER;
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
