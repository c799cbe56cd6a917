#include "variables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envname.h"

/* What the kernel and the C library need for each: a pointer, a NUL and a '='. */
#define OVERHEAD (2 * sizeof(char *))

struct loader {
	const struct tz_secrets_map *map;
	struct tz_variables *variables;
	struct tz_store *store;
	const char *vault;
	struct tz_error *err;
};

static int too_much(const struct loader *loader, const char *secret, const char *why)
{
	return tz_error_set(loader->err, E2BIG, "the secret %s %s; give it a 'file' in " TZ_SECRETS_MAP_FILE
			    ", without 'value: true', and programs can read it there", secret, why);
}

/* Takes over what was added to the values at `at`. */
static int add(const struct loader *loader, const char *secret, const char *name, size_t at, size_t size)
{
	struct tz_variable *variable = &loader->variables->list[loader->variables->count];
	const size_t names = loader->variables->names + strlen(name) + 1;

	if (strlen(name) + 1 + size > TZ_VARIABLE_MAX)
		return too_much(loader, secret, "is too long for a variable");
	/* the names are a variable, too; see env_text.h */
	if (names > TZ_VARIABLE_MAX - 64 ||
	    loader->variables->values.size + names + OVERHEAD * loader->variables->count > TZ_VARIABLES_MAX)
		return too_much(loader, secret, "makes it more than programs can be given in variables");
	loader->variables->names = names;
	(void)snprintf(variable->name, sizeof(variable->name), "%s", name);
	variable->at = at;
	variable->size = size;
	loader->variables->count++;
	return tz_textbuf_add(&loader->variables->values, "", 1) < 0 ? tz_error_set(loader->err, ENOMEM, "out of memory") : 0;
}

/* 0 too where there is no such file. */
static int add_content(const struct loader *loader, const char *secret, const char *name, const char *path)
{
	/* one buffer for all: each would cost several calls, and be wiped, by itself */
	struct tz_textbuf *values = &loader->variables->values;
	size_t at = values->size;
	int r = tz_store_read(loader->store, path, TZ_VARIABLE_MAX, values, loader->err);

	if (r == -ENOENT) {
		loader->variables->missing++;
		return 0;
	}
	if (r == -EFBIG)
		return too_much(loader, secret, "is too long for a variable");
	if (r < 0)
		return r;
	if (values->size > at && memchr(values->data + at, '\0', values->size - at))
		return tz_error_set(loader->err, EINVAL, "the secret %s has a NUL byte in it, which no variable can have; give it "
				    "a 'file' in " TZ_SECRETS_MAP_FILE ", without 'value: true'", secret);
	return add(loader, secret, name, at, values->size - at);
}

/*
 * Only what was pulled under this name: secrets.yml is not the vault owner's alone, and must not give away what else he
 * keeps there.
 */
static int add_pulled(const struct loader *loader, const struct tz_secrets_item *item, const char *path)
{
	const struct tz_manifest_entry *entry = tz_store_find(loader->store, path);

	if (entry && strcmp(entry->name, item->name) == 0)
		return add_content(loader, item->name, item->env, path);
	loader->variables->missing++;
	return 0;
}

/* As a file that can be read; how long it is does not matter. */
static int look_for(const struct loader *loader, const char *path)
{
	_cleanup_textbuf_ struct tz_textbuf nothing = TZ_TEXTBUF_INIT;
	int r = tz_store_read(loader->store, path, 0, &nothing, loader->err);

	return r == -EFBIG ? 0 : r;
}

static int add_path(const struct loader *loader, const struct tz_secrets_item *item)
{
	struct tz_textbuf *values = &loader->variables->values;
	size_t at = values->size;
	int r = look_for(loader, item->file);

	if (r == -ENOENT) {
		loader->variables->missing++;
		return 0;
	}
	if (r < 0)
		return r;
	if (tz_textbuf_add_text(values, loader->vault) < 0 || tz_textbuf_add_text(values, "/") < 0 ||
	    tz_textbuf_add_text(values, item->file) < 0)
		return tz_error_set(loader->err, ENOMEM, "out of memory");
	return add(loader, item->name, item->env, at, values->size - at);
}

static int add_item(const struct loader *loader, const struct tz_secrets_item *item)
{
	char path[TZ_SECRETS_TEXT];

	if (!item->env[0])
		return 0;
	/* it was allowed when the map was read, and is not any more: its user has not agreed */
	if (tz_envname_danger(item->env) && !tz_secrets_words_have(&loader->map->allow, item->env)) {
		loader->variables->refused++;
		return 0;
	}
	if (!item->value)
		return add_path(loader, item);
	if (item->file[0])
		return add_pulled(loader, item, item->file);
	if (tz_secrets_value_path(item->name, path) < 0)
		return too_much(loader, item->name, "has too long a name");
	return add_pulled(loader, item, path);
}

static bool is_taken(const struct tz_variables *variables, unsigned int count, const char *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(variables->list[i].name, name) == 0)
			return true;
	return false;
}

/*
 * What the provider calls it becomes a variable. A hostile name is left out, and so is what no variable can hold, or
 * what would be too much: nobody asked for just this one, and whoever wants it maps it.
 */
static int add_rest(const struct loader *loader, const struct tz_secrets_map *map)
{
	const unsigned int mapped = loader->variables->count;
	const struct tz_manifest_entry *entry = NULL;
	size_t before;
	int r = 0;

	while (r == 0 && (entry = tz_store_next(loader->store, entry))) {
		if (strncmp(entry->path, TZ_SECRETS_VALUES "/", strlen(TZ_SECRETS_VALUES "/")) != 0 ||
		    tz_secrets_map_names(map, entry->name) || is_taken(loader->variables, mapped, entry->name))
			continue;
		if (tz_envname_danger(entry->name) && !tz_secrets_words_have(&map->allow, entry->name))
			continue;
		before = loader->variables->values.size;
		r = add_content(loader, entry->name, entry->name, entry->path);
		if (r == -E2BIG || r == -EINVAL) {
			tz_textbuf_truncate(&loader->variables->values, before);
			r = 0;
		}
	}
	return r;
}

static unsigned int most(const struct tz_secrets_map *map, struct tz_store *store)
{
	const struct tz_manifest_entry *entry = NULL;
	unsigned int count = map->count;

	while (map->all && (entry = tz_store_next(store, entry)))
		count++;
	return count;
}

int tz_variables_load(const struct tz_secrets_map *map, struct tz_store *store, const char *vault,
		      struct tz_variables *ret, struct tz_error *err)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	const struct loader loader = { .map = map, .variables = &variables, .store = store, .vault = vault, .err = err };
	unsigned int room = most(map, store);
	int r = 0;

	variables.list = calloc(room ? room : 1, sizeof(*variables.list));
	if (!variables.list)
		return tz_error_set(err, ENOMEM, "out of memory");
	for (unsigned int i = 0; r == 0 && i < map->count; i++)
		r = add_item(&loader, &map->items[i]);
	if (r == 0 && map->all)
		r = add_rest(&loader, map);
	if (r < 0)
		return r;
	/* what is missing, or was left out, has been told there, and is no error */
	if (err)
		*err = (struct tz_error){ .code = 0 };
	*ret = variables;
	variables = (struct tz_variables)TZ_VARIABLES_INIT;
	return 0;
}

void tz_variables_free(struct tz_variables *variables)
{
	tz_textbuf_free(&variables->values);
	free(variables->list);
	*variables = (struct tz_variables)TZ_VARIABLES_INIT;
}
