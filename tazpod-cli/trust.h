/*
 * Which projects' configs this user trusts on this machine. A config may come with a repository, and decides what is
 * built, mounted and opened up: before one is run that he never agreed to, he is asked.
 *
 * They are in the file "trusted" of state.h's folder, a line "DIGEST  FOLDER" each. The file is his alone, else it is
 * refused: whoever can write there decides what is trusted.
 */
#ifndef TAZPOD_CLI_TRUST_H
#define TAZPOD_CLI_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "project.h"

#define CLI_TRUST_DIGEST TZ_DIGEST_TEXT

/*
 * What a container is made from, read once: what was asked about is what is remembered and what is built, whatever happens
 * to the files meanwhile.
 */
struct cli_trust_text {
	char *containerfile; /* NULL without 'build:' */
	size_t size;
	char digest[CLI_TRUST_DIGEST]; /* of the config and the Containerfile */
};

#define CLI_TRUST_TEXT_INIT { .containerfile = NULL }

int cli_trust_read(const struct tz_project *project, struct cli_trust_text *ret, struct tz_error *err);
void cli_trust_text_free(struct cli_trust_text *text);

#define _cleanup_trust_text_ tz_cleanup(cli_trust_text_free)

/* Was exactly this trusted in exactly this folder? */
int cli_trust_check(const struct tz_project *project, const struct cli_trust_text *text, bool *ret_trusted,
		    struct tz_error *err);

/* From now on it is; what was trusted in its folder before is forgotten. */
int cli_trust_add(const struct tz_project *project, const struct cli_trust_text *text, struct tz_error *err);

/* Forgets folder. *ret_was (may be NULL): there was something to forget. */
int cli_trust_remove(const char *folder, bool *ret_was, struct tz_error *err);

/* Calls tell for each line. A missing file is an empty one. */
int cli_trust_list(void (*tell)(void *data, const char *digest, const char *folder), void *data, struct tz_error *err);

/* What the config does beyond the default, a line each, for the question whether it is trusted. */
void cli_trust_show(const struct tz_project *project, FILE *stream);

#endif
