/* Bringing a project's container to life. */
#ifndef TAZPOD_CLI_CONTAINER_START_H
#define TAZPOD_CLI_CONTAINER_START_H

#include "args.h"
#include "container.h"
#include "error.h"
#include "here.h"

/*
 * Makes the container by words (container_args.h), starts it and waits until it is ready. Where it does not come to life,
 * what it said is shown, and it is removed again: it alone, and never one of the same name that another made.
 */
int cli_container_create(const struct cli_here *here, const struct cli_args *words, struct tz_error *err);

/*
 * Starts one that is stopped, as it was made, and waits until it is ready. -ELOOP: what is mounted in it is not reached
 * without symlinks any more, and might lead elsewhere.
 */
int cli_container_start(const struct cli_here *here, const struct cli_container *container, struct tz_error *err);

#endif
