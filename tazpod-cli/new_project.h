/*
 * Making a folder a project. Nothing that is there is ever overwritten, not even in a race, and no symlink is followed:
 * the folder may have come with a repository.
 */
#ifndef TAZPOD_CLI_NEW_PROJECT_H
#define TAZPOD_CLI_NEW_PROJECT_H

#include <stdbool.h>

#include "error.h"
#include "project.h"

struct cli_new_project {
	int folder, own;                     /* the project, and .tazpod in it */
	char path[TZ_PROJECT_PATH];          /* of the project */
	bool wrote_config, wrote_containerfile; /* by us, just now: nobody else had a say in them */
};

#define CLI_NEW_PROJECT_INIT { .folder = -1, .own = -1 }

/* Opens the working directory and makes its .tazpod, where that is missing. */
int cli_new_project_open(struct cli_new_project *ret, struct tz_error *err);
void cli_new_project_close(struct cli_new_project *project);

/* Writes what is missing, telling for each on standard output what is there and what is new. */
int cli_new_project_fill(struct cli_new_project *project, const char *type, struct tz_error *err);

#define _cleanup_new_project_ tz_cleanup(cli_new_project_close)

#endif
