/*
 * The variables of a project: what `tazpod env` and `tazpod run` give to programs, from the map and what is in the vault.
 *
 * A variable has a file's path or its content. What is not in the vault (yet, or any more) is no variable.
 */
#ifndef TAZPOD_VARIABLES_H
#define TAZPOD_VARIABLES_H

#include "cleanup.h"
#include "error.h"
#include "secrets_map.h"
#include "store.h"
#include "textbuf.h"

/* execve(2) takes no "NAME=VALUE" of more bytes (MAX_ARG_STRLEN, less the NUL), and not more than some MiB in all. */
#define TZ_VARIABLE_MAX (128 * 1024 - 1)
#define TZ_VARIABLES_MAX (1024 * 1024)

struct tz_variable {
	char name[TZ_SECRETS_NAME];
	size_t at, size; /* its value, in bytes, within the values */
};

struct tz_variables {
	struct tz_textbuf values; /* one after the other, each ended by a NUL that its size does not count */
	struct tz_variable *list;
	unsigned int count;
	unsigned int missing; /* so many of the map are not in the vault */
	unsigned int refused; /* so many of the map change how programs run, and are not allowed */
	size_t names;         /* bytes of all names, each with what stands behind it */
};

#define TZ_VARIABLES_INIT { .list = NULL }

/*
 * Those of map, in its order: a file's path when there is such a file, and the value of what was pulled under this name;
 * with map->all also each other secret that was pulled, unless its name is one that changes how programs run, or it is too
 * much. vault is the folder that store is of, as a path that goes into variables. -EINVAL: a value with a NUL in it;
 * -E2BIG: more than programs can be given; and as tz_store_read(). The sentence names the secret.
 */
int tz_variables_load(const struct tz_secrets_map *map, struct tz_store *store, const char *vault,
		      struct tz_variables *ret, struct tz_error *err);

static inline const char *tz_variable_value(const struct tz_variables *variables, const struct tz_variable *variable)
{
	return variables->values.data + variable->at;
}

void tz_variables_free(struct tz_variables *variables);

#define _cleanup_variables_ tz_cleanup(tz_variables_free)

#endif
