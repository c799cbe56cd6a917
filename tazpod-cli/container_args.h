/*
 * How a project's container is made: the least privilege with which vaults open in it, and what the project's config
 * asks for beyond that. Never --privileged.
 */
#ifndef TAZPOD_CLI_CONTAINER_ARGS_H
#define TAZPOD_CLI_CONTAINER_ARGS_H

#include "args.h"
#include "engine.h"
#include "error.h"
#include "host.h"
#include "project.h"

/* in every image of TazPod's, wherever TazPod is on the host */
#define CLI_FIRST_PROCESS "/usr/libexec/tazpod-container"

/*
 * "ENGINE create ... IMAGE". digest is kept as a label. Fails where the host lacks what the config asks for; what the user
 * should know of what he gets, host.h says.
 */
int cli_container_args(const struct cli_engine_use *use, const struct tz_project *project, const struct cli_host *host,
		       const char *digest, struct cli_args *ret, struct tz_error *err);

#endif
