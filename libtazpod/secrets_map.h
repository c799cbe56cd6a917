/*
 * secrets.yml: which secrets a project has, and where each goes. There is no secret in it.
 *
 * It may have come with a repository: a name in it is only ever a variable's, and a file one within the vault. Keys
 * that are not known are told as warnings; all else that is wrong is an error with file, line and column.
 */
#ifndef TAZPOD_SECRETS_MAP_H
#define TAZPOD_SECRETS_MAP_H

#include <stdbool.h>

#include "cleanup.h"
#include "error.h"
#include "yamlvalue.h"

#define TZ_SECRETS_MAP_FILE "secrets.yml"
#define TZ_SECRETS_MAP_SIZE_MAX (256 * 1024)
#define TZ_SECRETS_NAME 128
#define TZ_SECRETS_TEXT 256
#define TZ_SECRETS_WORDS_MAX 32 /* of a command, and names that are allowed */

/* Where what has no file of its own is kept: below this folder of the vault, under its name. */
#define TZ_SECRETS_OWN_FOLDER ".tazpod"
#define TZ_SECRETS_VALUES ".tazpod/values"

enum tz_secrets_provider { TZ_PROVIDER_INFISICAL, TZ_PROVIDER_COMMAND };
enum tz_secrets_format { TZ_SECRETS_JSON, TZ_SECRETS_DOTENV };

struct tz_secrets_item {
	char name[TZ_SECRETS_NAME]; /* name: at the provider */
	char file[TZ_SECRETS_TEXT]; /* file: where it is written, relative to the vault; "" for none */
	char env[TZ_SECRETS_NAME];  /* env: the variable that tells it; "" for none */
	bool value;                 /* value: the variable has its content, not the file's path; always without a file */
};

struct tz_secrets_words {
	char *list[TZ_SECRETS_WORDS_MAX + 1]; /* ended by NULL */
	unsigned int count;
};

struct tz_secrets_map {
	enum tz_secrets_provider provider;          /* config.provider: infisical | command */
	unsigned int timeout;                       /* config.timeout: 60, seconds that a provider may take */
	bool all;                                   /* config.all: true; every other secret of the provider is a variable, too */
	char infisical_project_id[TZ_SECRETS_NAME]; /* config.infisical_project_id; "" where it is missing */
	char infisical_url[TZ_SECRETS_TEXT];        /* config.infisical_url; as above */
	char infisical_environment[TZ_SECRETS_NAME]; /* config.infisical_environment: dev */
	char infisical_path[TZ_SECRETS_TEXT];       /* config.infisical_path: / */
	struct tz_secrets_words command;            /* config.command: a program and its arguments, never a shell's line */
	enum tz_secrets_format format;              /* config.format: json | dotenv, of what the command prints */
	char select[TZ_SECRETS_TEXT];               /* config.select: "data.data", the object in its JSON; "" for the whole */
	struct tz_secrets_words allow;              /* allow: variables that change how programs load or run */
	struct tz_secrets_item *items;
	unsigned int count;
};

#define TZ_SECRETS_MAP_INIT { .items = NULL }

/*
 * Reads that of the project in folder; the caller gives *ret to tz_secrets_map_free(). -ENOENT: there is none. warn may
 * be NULL. *ret is untouched on failure.
 */
int tz_secrets_map_load(const char *folder, struct tz_secrets_map *ret, tz_yaml_warn_fn warn, void *data,
			struct tz_error *err);

/* The same for text in memory, named name in messages. */
int tz_secrets_map_parse(const char *text, size_t size, const char *name, struct tz_secrets_map *ret,
			 tz_yaml_warn_fn warn, void *data, struct tz_error *err);

/* Where the secret called name is kept that has no file of its own, below the vault. -ENAMETOOLONG. */
int tz_secrets_value_path(const char *name, char ret[static TZ_SECRETS_TEXT]);

/* Is there an item of this name? */
bool tz_secrets_map_names(const struct tz_secrets_map *map, const char *name);

/* Is name one of words? */
bool tz_secrets_words_have(const struct tz_secrets_words *words, const char *name);

/* Takes away what is not in kept, which may be NULL for nothing. */
void tz_secrets_words_keep(struct tz_secrets_words *words, const struct tz_secrets_words *kept);

void tz_secrets_map_free(struct tz_secrets_map *map);

#define _cleanup_secrets_map_ tz_cleanup(tz_secrets_map_free)

#endif
