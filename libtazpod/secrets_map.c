#include "secrets_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "path.h"
#include "smallfile.h"
#include "wellformed.h"
#include "yaml.h"

struct reader {
	struct tz_secrets_map *map;
	tz_secrets_map_warn_fn warn;
	void *data;
	struct tz_error *err;
};

static int warn_of_unknown(const struct reader *reader, const struct tz_yaml_node *map, const char *const *known)
{
	const struct tz_yaml_node *node = NULL;
	struct tz_error sentence;
	int r = tz_yaml_expect(map, TZ_YAML_MAP, reader->err);

	if (r < 0)
		return r;
	while ((node = tz_yaml_next_unknown(map, node, known))) {
		(void)tz_yaml_unknown_error(node, known, &sentence);
		if (reader->warn)
			reader->warn(reader->data, sentence.message);
	}
	return 0;
}

/* A key that is missing, or has no value, leaves field as it is. */
static int read_text(const struct reader *reader, const struct tz_yaml_node *map, const char *key, char *field,
		     size_t size, bool (*is_valid)(const char *), const char *rule)
{
	const struct tz_yaml_node *node = tz_yaml_find(map, key);
	const char *text;
	int r;

	if (!node || tz_yaml_is_null(node))
		return 0;
	r = tz_yaml_string(node, &text, reader->err);
	if (r < 0)
		return r;
	if (!is_valid(text))
		return tz_yaml_error(node, reader->err, "must be %s", rule);
	if (strlen(text) >= size)
		return tz_yaml_error(node, reader->err, "is too long: at most %zu bytes", size - 1);
	(void)strcpy(field, text);
	return 0;
}

static bool is_id(const char *text)
{
	return tz_is_engine_name(text);
}

static bool is_url(const char *text)
{
	return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) && tz_is_visible(text) &&
	       !strpbrk(text, " \"'\\<>^`{|}") && strstr(text, "//")[2] != '\0';
}

static int read_config(const struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "infisical_project_id", "infisical_url", NULL };
	struct tz_secrets_map *map = reader->map;
	int r = warn_of_unknown(reader, node, known);

	if (r == 0)
		r = read_text(reader, node, "infisical_project_id", map->infisical_project_id,
			      sizeof(map->infisical_project_id), is_id,
			      "a project's id: letters, digits and any of _.-");
	if (r == 0)
		r = read_text(reader, node, "infisical_url", map->infisical_url, sizeof(map->infisical_url), is_url,
			      "the address of a server: https://...");
	return r;
}

/* The last item, against those before it. */
static int check_unique(const struct reader *reader, const struct tz_yaml_node *node)
{
	const struct tz_secrets_item *items = reader->map->items, *last = &items[reader->map->count - 1];
	const struct tz_yaml_node *file = tz_yaml_find(node, "file"), *env = tz_yaml_find(node, "env");

	for (const struct tz_secrets_item *item = items; item < last; item++) {
		if (last->file[0] && item->file[0] && tz_paths_collide(item->file, last->file))
			return tz_yaml_error(file, reader->err, "collides with '%s', which another secret has", item->file);
		if (last->env[0] && strcmp(item->env, last->env) == 0)
			return tz_yaml_error(env, reader->err, "is the variable of another secret already");
	}
	return 0;
}

static int read_item(const struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "name", "file", "env", NULL };
	struct tz_secrets_item *item = &reader->map->items[reader->map->count];
	int r = warn_of_unknown(reader, node, known);

	if (r == 0)
		r = read_text(reader, node, "name", item->name, sizeof(item->name), tz_is_variable_name,
			      "the name of a secret: letters, digits and '_', no digit first");
	if (r == 0)
		r = read_text(reader, node, "file", item->file, sizeof(item->file), tz_is_relative_path,
			      "a file's path in the vault: relative, without '.', '..', '//' and a '/' at its end");
	if (r == 0)
		r = read_text(reader, node, "env", item->env, sizeof(item->env), tz_is_variable_name,
			      "a variable's name: letters, digits and '_', no digit first");
	if (r < 0)
		return r;
	if (!item->name[0])
		return tz_yaml_error(node, reader->err, "must have a 'name'");
	if (!item->file[0] && !item->env[0])
		return tz_yaml_error(node, reader->err, "must have a 'file', an 'env', or both");
	reader->map->count++;
	return check_unique(reader, node);
}

static int read_secrets(const struct reader *reader, const struct tz_yaml_node *list)
{
	int r = tz_yaml_expect(list, TZ_YAML_LIST, reader->err);

	if (r < 0 || tz_yaml_count(list) == 0)
		return r;
	reader->map->items = calloc(tz_yaml_count(list), sizeof(*reader->map->items));
	if (!reader->map->items)
		return tz_error_set(reader->err, ENOMEM, "out of memory");
	for (const struct tz_yaml_node *node = tz_yaml_first(list); r == 0 && node; node = tz_yaml_next(node))
		r = read_item(reader, node);
	return r;
}

static int read_map(const struct reader *reader, const struct tz_yaml_node *map)
{
	static const char *const known[] = { "config", "secrets", NULL };
	const struct tz_yaml_node *config, *secrets;
	int r = warn_of_unknown(reader, map, known);

	config = tz_yaml_find(map, "config");
	secrets = tz_yaml_find(map, "secrets");
	if (r == 0 && config && !tz_yaml_is_null(config))
		r = read_config(reader, config);
	if (r == 0 && secrets && !tz_yaml_is_null(secrets))
		r = read_secrets(reader, secrets);
	return r;
}

int tz_secrets_map_parse(const char *text, size_t size, const char *name, struct tz_secrets_map *ret,
			 tz_secrets_map_warn_fn warn, void *data, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_yaml_ struct tz_yaml *document = NULL;
	struct reader reader = { .map = &map, .warn = warn, .data = data, .err = err };
	int r = tz_yaml_parse(text, size, name, &document, err);

	if (r == 0 && tz_yaml_root(document))
		r = read_map(&reader, tz_yaml_root(document));
	if (r < 0)
		return r;
	*ret = map;
	map.items = NULL;
	return 0;
}

int tz_secrets_map_load(const char *folder, struct tz_secrets_map *ret, tz_secrets_map_warn_fn warn, void *data,
			struct tz_error *err)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL, *name = NULL;
	size_t size;
	int r;

	if (fd < 0)
		return tz_error_set(err, errno, "%s cannot be opened: %m", folder);
	if (asprintf(&name, "%s/%s", folder, TZ_SECRETS_MAP_FILE) < 0) {
		name = NULL;
		return tz_error_set(err, ENOMEM, "out of memory");
	}
	r = tz_smallfile_read(fd, TZ_SECRETS_MAP_FILE, name, TZ_SECRETS_MAP_SIZE_MAX, &text, &size, err);
	return r < 0 ? r : tz_secrets_map_parse(text, size, name, ret, warn, data, err);
}

void tz_secrets_map_free(struct tz_secrets_map *map)
{
	free(map->items);
	*map = (struct tz_secrets_map)TZ_SECRETS_MAP_INIT;
}
