/*
 * secrets.yml: which secrets a project has, and where each goes. There is no secret in it.
 *
 * It may have come with a repository: a name in it is only ever a variable's, and a file one within the vault. Keys
 * that are not known are told as warnings; all else that is wrong is an error with file, line and column.
 */
#ifndef TAZPOD_SECRETS_MAP_H
#define TAZPOD_SECRETS_MAP_H

#include "cleanup.h"
#include "error.h"

#define TZ_SECRETS_MAP_FILE "secrets.yml"
#define TZ_SECRETS_MAP_SIZE_MAX (256 * 1024)
#define TZ_SECRETS_NAME 128
#define TZ_SECRETS_TEXT 256

struct tz_secrets_item {
	char name[TZ_SECRETS_NAME]; /* name: at the server */
	char file[TZ_SECRETS_TEXT]; /* file: where it is written, relative to the vault; "" for none */
	char env[TZ_SECRETS_NAME];  /* env: the variable that tells it; "" for none */
};

struct tz_secrets_map {
	char infisical_project_id[TZ_SECRETS_NAME]; /* config.infisical_project_id; "" where it is missing */
	char infisical_url[TZ_SECRETS_TEXT];        /* config.infisical_url; as above */
	struct tz_secrets_item *items;
	unsigned int count;
};

#define TZ_SECRETS_MAP_INIT { .items = NULL }

/* Told for each thing that is odd but no error: "file:line:column: ...". */
typedef void (*tz_secrets_map_warn_fn)(void *data, const char *sentence);

/*
 * Reads that of the project in folder; the caller gives *ret to tz_secrets_map_free(). -ENOENT: there is none. warn may
 * be NULL. *ret is untouched on failure.
 */
int tz_secrets_map_load(const char *folder, struct tz_secrets_map *ret, tz_secrets_map_warn_fn warn, void *data,
			struct tz_error *err);

/* The same for text in memory, named name in messages. */
int tz_secrets_map_parse(const char *text, size_t size, const char *name, struct tz_secrets_map *ret,
			 tz_secrets_map_warn_fn warn, void *data, struct tz_error *err);

void tz_secrets_map_free(struct tz_secrets_map *map);

#define _cleanup_secrets_map_ tz_cleanup(tz_secrets_map_free)

#endif
