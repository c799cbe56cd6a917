/* The image that a project's container is made of. */
#ifndef TAZPOD_CLI_IMAGE_GET_H
#define TAZPOD_CLI_IMAGE_GET_H

#include "args.h"
#include "engine.h"
#include "error.h"
#include "project.h"

/* "ENGINE build ...", for a project with 'build:'. */
int cli_image_build_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			 struct tz_error *err);

/*
 * Sees to it that it is there: builds it, or pulls it where it is missing, and the engine shows its own progress. One
 * whose name begins with localhost/ is never asked of anybody: -ENOENT, with the command that builds it.
 */
int cli_image_get(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err);

#endif
