/* The image that a project's container is made of. */
#ifndef TAZPOD_CLI_IMAGE_GET_H
#define TAZPOD_CLI_IMAGE_GET_H

#include "args.h"
#include "engine.h"
#include "error.h"
#include "project.h"
#include "trust.h"

/* "ENGINE build ...", for a project with 'build:', to be given the Containerfile's text on standard input. */
int cli_image_build_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			 struct tz_error *err);

/* "ENGINE pull IMAGE", for one without it, where the image is missing. */
int cli_image_pull_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			struct tz_error *err);

/*
 * Has the image to be pulled? 0 when it is there, 1 when it is not; -ENOENT, with the command that builds it, for one that
 * is not and whose name begins with localhost/: that is never asked of anybody.
 */
int cli_image_missing(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err);

/*
 * Sees to it that it is there: builds it from what was trusted, or pulls it where it is missing. The engine shows its own
 * progress.
 */
int cli_image_get(const struct cli_engine_use *use, const struct tz_project *project, const struct cli_trust_text *text,
		  struct tz_error *err);

#endif
