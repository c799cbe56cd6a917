/* A project's config against the file system, for who is about to use it. */
#ifndef TAZPOD_PROJECT_CHECK_H
#define TAZPOD_PROJECT_CHECK_H

#include "error.h"
#include "project.h"

/*
 * Is all that the build and the mounts name there, and without a symlink on its way, which a container might have put
 * into the project? A mount's target below /workspace need not be there. 0, or the sentence for the first that is wrong.
 */
int tz_project_check(const struct tz_project *project, struct tz_error *err);

#endif
