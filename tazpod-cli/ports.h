/* The ports that a project publishes. */
#ifndef TAZPOD_CLI_PORTS_H
#define TAZPOD_CLI_PORTS_H

#include "error.h"
#include "project.h"

/*
 * Are they free on this machine? -EADDRINUSE: one is in use, and is named. What else an engine may find wrong with them is
 * its own to say.
 */
int cli_ports_check(const struct tz_project *project, struct tz_error *err);

#endif
