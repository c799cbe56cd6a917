/* A project's container, as the engine shows it. */
#ifndef TAZPOD_CLI_CONTAINER_H
#define TAZPOD_CLI_CONTAINER_H

#include <stdbool.h>

#include "args.h"
#include "engine.h"
#include "error.h"
#include "project.h"

/* What 'tazpod up' writes down with a container: whose it is, and how it was made. */
#define CLI_LABEL_PROJECT "io.tazpod.project" /* the project's folder */
#define CLI_LABEL_COMMAND "io.tazpod.command" /* the engine's arguments, a JSON list */
#define CLI_LABEL_USER "io.tazpod.user"       /* who logs in there */
#define CLI_LABEL_DIGEST "io.tazpod.digest"   /* of the config and the Containerfile */

struct cli_container {
	bool exists, running;
	struct json_object *inspected; /* NULL where it does not exist */
	const char *id;                /* borrowed, as all texts here */
	const char *state;             /* "running", "exited", ... */
	const char *started;           /* ISO 8601 */
	const char *image;             /* id */
	const char *digest, *user;     /* "" without the label */
};

#define CLI_CONTAINER_INIT { .inspected = NULL }

/*
 * That of the project. -EEXIST: there is one of its name, but of another project, or not made by TazPod; or one of the
 * project's, by its label, that is at work under another name.
 */
int cli_container_find(const struct cli_engine_use *use, const struct tz_project *project, struct cli_container *ret,
		       struct tz_error *err);
/* 0 when it runs, is stopped or does not exist; -EBUSY for all between, as a paused one, with what to do. */
int cli_container_settled(const struct cli_engine_use *use, const struct tz_project *project,
			  const struct cli_container *container, struct tz_error *err);
/*
 * Who logs in there: the user it was made for, whatever the config says by now, which nobody may have trusted; TazPod's
 * own where that was not written down.
 */
const char *cli_container_user(const struct cli_container *container);
void cli_container_free(struct cli_container *container);

/*
 * The ghost sessions in the running container, as 'tazpod status --json' there says: a JSON list that the caller puts
 * back. -EIO where it cannot be asked.
 */
int cli_container_sessions(const struct cli_engine_use *use, const struct tz_project *project, struct json_object **ret,
			   struct tz_error *err);

/*
 * Begins "ENGINE exec ... NAME": a terminal where this program has one, and what the user set for it. user NULL: root.
 * The caller adds the words to run.
 */
void cli_container_exec_args(const struct cli_engine_use *use, const struct tz_project *project, const char *user,
			     bool terminal, struct cli_args *args);

#define _cleanup_container_ tz_cleanup(cli_container_free)

#endif
