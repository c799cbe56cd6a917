/*
 * Which projects' configs this user trusts on this machine. A config may come with a repository, and decides what is
 * built, mounted and opened up: before one is run that he never agreed to, he is asked.
 *
 * They are in $XDG_STATE_HOME/tazpod/trusted (~/.local/state), a line "DIGEST  FOLDER" each. The file and its folder are
 * his alone, else they are refused: whoever can write there decides what is trusted.
 */
#ifndef TAZPOD_CLI_TRUST_H
#define TAZPOD_CLI_TRUST_H

#include <stdbool.h>
#include <stdio.h>

#include "digest.h"
#include "error.h"
#include "project.h"

#define CLI_TRUST_DIGEST TZ_DIGEST_TEXT

/* Over the config and, where there is a build, its Containerfile. */
int cli_trust_digest(const struct tz_project *project, char ret[static CLI_TRUST_DIGEST], struct tz_error *err);

/* Was exactly this config trusted in exactly this folder? */
int cli_trust_check(const struct tz_project *project, bool *ret_trusted, struct tz_error *err);

/* From now on it is; what was trusted in its folder before is forgotten. */
int cli_trust_add(const struct tz_project *project, struct tz_error *err);

/* Forgets folder. *ret_was (may be NULL): there was something to forget. */
int cli_trust_remove(const char *folder, bool *ret_was, struct tz_error *err);

/* Calls tell for each line. A missing file is an empty one. */
int cli_trust_list(void (*tell)(void *data, const char *digest, const char *folder), void *data, struct tz_error *err);

/* What the config does beyond the default, a line each, for the question whether it is trusted. */
void cli_trust_show(const struct tz_project *project, FILE *stream);

#endif
