/* What this machine offers to a container. Nothing is changed, and nothing is run. */
#ifndef TAZPOD_CLI_HOST_H
#define TAZPOD_CLI_HOST_H

#include <stdbool.h>

#include "error.h"
#include "project.h"

#define CLI_SECCOMP_PROFILE TZ_DATADIR "/tazpod/seccomp.json"
#define CLI_APPARMOR_FILE TZ_DATADIR "/tazpod/apparmor-tazpod"
#define CLI_APPARMOR_PROFILE "tazpod"

struct cli_host {
	bool apparmor;         /* is it active? */
	bool apparmor_profile; /* and our profile loaded? */
	bool sys_resource;     /* may anybody here have CAP_SYS_RESOURCE? */
	unsigned int dm_major; /* device-mapper's; 0: there is none */
	bool dri, nvidia;      /* graphics */
};

struct cli_host cli_host_look(void);

/*
 * Is all here that the container's vault needs? 0, or the sentence for the first thing that is missing, with its cure.
 * The vault's folder is made where it is missing.
 */
int cli_host_check(const struct cli_host *host, const struct tz_project *project, struct tz_error *err);

#endif
