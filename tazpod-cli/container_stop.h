/* Stopping a project's container. */
#ifndef TAZPOD_CLI_CONTAINER_STOP_H
#define TAZPOD_CLI_CONTAINER_STOP_H

#include <stdbool.h>

#include "container.h"
#include "error.h"
#include "here.h"

/*
 * Locks the vault and stops the container, where it runs; it is no error where it is stopped. -EBUSY while ghost sessions are open, each named, unless
 * force: then they end.
 */
int cli_container_stop(const struct cli_here *here, const struct cli_container *container, bool force,
		       struct tz_error *err);

/* Removes it, once stopped. The vault is in the project, and stays. */
int cli_container_remove(const struct cli_here *here, const struct cli_container *container, struct tz_error *err);

#endif
