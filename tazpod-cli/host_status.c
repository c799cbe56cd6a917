#include "host_status.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "here.h"
#include "output.h"
#include "size.h"

struct status {
	struct cli_here here;
	struct cli_container container;
	struct tz_error engine; /* its code is not 0 where the engine cannot be asked */
	char vault[TZ_PROJECT_PATH + 32];
	int vault_error;
	uint64_t vault_size;
	struct json_object *sessions; /* NULL: it does not run, or does not tell */
	struct tz_error sessions_error;
};

static void look(struct status *status)
{
	const struct tz_project *project = &status->here.project;
	struct stat st;

	(void)snprintf(status->vault, sizeof(status->vault), "%s/.tazpod/vault/vault.img", project->folder);
	status->vault_error = lstat(status->vault, &st) < 0 ? errno : 0;
	status->vault_size = status->vault_error ? 0 : (uint64_t)st.st_size;
	if (cli_engine_check(&status->here.use, &status->engine) < 0 ||
	    cli_container_find(&status->here.use, project, &status->container, &status->engine) < 0)
		return;
	if (status->container.running &&
	    cli_container_sessions(&status->here.use, project, &status->sessions, &status->sessions_error) < 0)
		status->sessions = NULL;
}

static const char *state_of(const struct status *status)
{
	return status->engine.code ? NULL : status->container.exists ? status->container.state : "absent";
}

static const char *vault_state(const struct status *status)
{
	return status->vault_error == 0 ? "present" : status->vault_error == ENOENT ? "absent" : "unknown";
}

/* Only what is known of, so that a container adds nothing. */
static struct json_object *sessions_json(struct json_object *told)
{
	struct json_object *list = told ? json_object_new_array() : NULL;

	for (size_t i = 0; told && i < json_object_array_length(told); i++) {
		struct tz_session session;

		cli_session_read(json_object_array_get_idx(told, i), &session);
		(void)json_object_array_add(list, cli_session_json(&session));
	}
	return list;
}

static void show_json(const struct status *status)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *container = json_object_new_object(), *vault = json_object_new_object();

	cli_json_text(object, "project", status->here.project.folder);
	cli_json_text(container, "name", status->here.project.container_name);
	cli_json_text(container, "state", state_of(status));
	cli_json_text(container, "reason", status->engine.code ? status->engine.message : NULL);
	cli_json_text(container, "image", status->here.project.image);
	cli_json_text(container, "started", status->container.running ? status->container.started : NULL);
	cli_json_text(vault, "path", status->vault);
	cli_json_text(vault, "state", vault_state(status));
	if (status->vault_size)
		cli_json_number(vault, "size_bytes", status->vault_size);
	else
		cli_json_text(vault, "size_bytes", NULL);
	(void)json_object_object_add(object, "container", container);
	(void)json_object_object_add(object, "vault", vault);
	(void)json_object_object_add(object, "sessions", sessions_json(status->sessions));
	cli_json_text(object, "sessions_reason", status->sessions_error.code ? status->sessions_error.message : NULL);
	cli_json_print(object);
}

static void show_vault(const struct status *status)
{
	char size[CLI_SIZE_TEXT];

	if (status->vault_error == 0)
		(void)printf("vault     %s, %s\n", status->vault, cli_size_text(status->vault_size, size));
	else if (status->vault_error == ENOENT)
		(void)puts("vault     there is none yet; 'tazpod unlock' makes one");
	else
		(void)printf("vault     %s: %s\n", status->vault, strerrordesc_np(status->vault_error));
}

static void show_sessions(const struct status *status)
{
	size_t count = status->sessions ? json_object_array_length(status->sessions) : 0;

	if (!status->container.running)
		return;
	if (!status->sessions)
		(void)printf("session   cannot be seen: %s\n", status->sessions_error.message);
	else if (count == 0)
		(void)puts("session   none is open");
	for (size_t i = 0; i < count; i++) {
		struct tz_session session;
		char text[CLI_SESSION_TEXT];

		cli_session_read(json_object_array_get_idx(status->sessions, i), &session);
		(void)printf("session   %s\n", cli_session_text(&session, text));
	}
}

static void show(const struct status *status)
{
	const struct tz_project *project = &status->here.project;
	const char *state = state_of(status);

	(void)printf("project   %s\n", project->folder);
	if (!state)
		(void)printf("container %s: cannot be seen: %s\n", project->container_name, status->engine.message);
	else if (status->container.running)
		(void)printf("container %s: running since %.19s UTC\n", project->container_name, status->container.started);
	else
		(void)printf("container %s: %s; 'tazpod up' starts it\n", project->container_name, state);
	(void)printf("image     %s\n", project->image);
	show_vault(status);
	show_sessions(status);
}

int cli_host_status(bool json, struct tz_error *err)
{
	struct status status = { .container = CLI_CONTAINER_INIT };
	int r = cli_here_find(&status.here, err);

	if (r < 0)
		return r;
	look(&status);
	if (json)
		show_json(&status);
	else
		show(&status);
	cli_container_free(&status.container);
	(void)json_object_put(status.sessions);
	return 0;
}
