/* What has changed in a project's config or image since its container was made. */
#ifndef TAZPOD_CLI_CONTAINER_CHANGES_H
#define TAZPOD_CLI_CONTAINER_CHANGES_H

#include <stdbool.h>

#include "args.h"
#include "container.h"

/* What the container would be made with now. */
struct cli_wanted {
	const struct cli_args *args;
	const char *digest;
	const char *image; /* the id that the image has now; "": it is not there */
};

bool cli_container_has_changed(const struct cli_container *container, const struct cli_wanted *wanted);

/* On standard output: the options that it would lose (-) and get (+), and how. */
void cli_container_tell_changes(const struct cli_container *container, const struct cli_wanted *wanted);

#endif
