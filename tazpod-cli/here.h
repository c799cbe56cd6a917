/* The project that the user stands in, on the host, and its engine. */
#ifndef TAZPOD_CLI_HERE_H
#define TAZPOD_CLI_HERE_H

#include <stdbool.h>

#include "cli.h"
#include "container.h"
#include "engine.h"
#include "error.h"
#include "place.h"
#include "project.h"

struct cli_here {
	struct tz_project project;
	struct cli_engine_use use;
};

/*
 * Does a command that exists on both sides mean the container? It does on the host, in a project's folder: unless this
 * shell is in an enclave, which the host may have, too, or the project is another user's, which is told.
 */
bool cli_here_is_meant(const struct cli_place *place);

/* For what only root in the container does: -EXDEV with the command to type, where the project here is meant; else 0. */
int cli_here_send_root(struct tz_error *err);

/*
 * Finds and reads the project of the working directory, telling the user what is odd in its config, and its engine,
 * which is not asked anything yet. -ENOENT: this is no project, or there is no engine; -EXDEV: this is in a container.
 */
int cli_here_find(struct cli_here *ret, struct tz_error *err);

/* The same, and asks the engine for the project's container. */
int cli_here_container(struct cli_here *here, struct cli_container *ret, struct tz_error *err);

/* The same, and -ENOTCONN unless the container runs. */
int cli_here_running(struct cli_here *here, struct cli_container *ret, struct tz_error *err);

#endif
