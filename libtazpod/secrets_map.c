#include "secrets_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envname.h"
#include "path.h"
#include "smallfile.h"
#include "wellformed.h"
#include "yaml.h"
#include "yamlvalue.h"

struct reader {
	struct tz_secrets_map *map;
	tz_yaml_warn_fn warn;
	void *data;
	struct tz_error *err;
};

static const char *const provider_names[] = {
	[TZ_PROVIDER_INFISICAL] = "infisical",
	[TZ_PROVIDER_COMMAND] = "command",
	NULL,
};

static const char *const format_names[] = {
	[TZ_SECRETS_JSON] = "json",
	[TZ_SECRETS_DOTENV] = "dotenv",
	NULL,
};

static int warn_of_unknown(const struct reader *reader, const struct tz_yaml_node *map, const char *const *known)
{
	return tz_yaml_warn_unknown(map, known, reader->warn, reader->data, reader->err);
}

/* NULL for a key that is missing, or has no value. */
static const struct tz_yaml_node *find(const struct tz_yaml_node *map, const char *key)
{
	const struct tz_yaml_node *node = tz_yaml_find(map, key);

	return node && !tz_yaml_is_null(node) ? node : NULL;
}

static int read_text(const struct reader *reader, const struct tz_yaml_node *map, const char *key, char *field,
		     size_t size, bool (*is_valid)(const char *), const char *rule)
{
	const struct tz_yaml_node *node = find(map, key);

	return node ? tz_yaml_text_into(node, field, size, is_valid, rule, reader->err) : 0;
}

static bool is_id(const char *text)
{
	return tz_is_engine_name(text);
}

static bool is_url(const char *text)
{
	/* '@': what stands in front of it looks like the server, and is not */
	return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) && tz_is_visible(text) &&
	       !strpbrk(text, " \"'\\<>^`{|}@") && strstr(text, "//")[2] != '\0';
}

static bool is_slug(const char *text)
{
	return *text && *text != '-' && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

static bool is_server_path(const char *text)
{
	return strcmp(text, "/") == 0 || tz_is_absolute_path(text);
}

static bool is_selection(const char *text)
{
	return *text && tz_is_visible(text) && text[0] != '.' && !strstr(text, "..") && text[strlen(text) - 1] != '.';
}

static int read_infisical(const struct reader *reader, const struct tz_yaml_node *node)
{
	struct tz_secrets_map *map = reader->map;
	int r = read_text(reader, node, "infisical_project_id", map->infisical_project_id,
			  sizeof(map->infisical_project_id), is_id, "a project's id: letters, digits and any of _.-");

	if (r == 0)
		r = read_text(reader, node, "infisical_url", map->infisical_url, sizeof(map->infisical_url), is_url,
			      "the address of a server: https://...");
	if (r == 0)
		r = read_text(reader, node, "infisical_environment", map->infisical_environment,
			      sizeof(map->infisical_environment), is_slug,
			      "an environment's slug, such as dev: letters, digits, '_' and '-'");
	if (r == 0)
		r = read_text(reader, node, "infisical_path", map->infisical_path, sizeof(map->infisical_path), is_server_path,
			      "a folder at the server: / or /folder/folder");
	return r;
}

static int read_word(const struct reader *reader, const struct tz_yaml_node *node, struct tz_secrets_words *ret,
		     bool (*is_valid)(const char *), const char *rule)
{
	const char *text;
	int r = tz_yaml_string(node, &text, reader->err);

	if (r < 0)
		return r;
	if (!is_valid(text))
		return tz_yaml_error(node, reader->err, "must be %s", rule);
	ret->list[ret->count] = strdup(text);
	if (!ret->list[ret->count])
		return tz_error_set(reader->err, ENOMEM, "out of memory");
	ret->count++;
	return 0;
}

static int read_words(const struct reader *reader, const struct tz_yaml_node *list, struct tz_secrets_words *ret,
		      bool (*is_valid)(const char *), const char *rule)
{
	int r = tz_yaml_expect(list, TZ_YAML_LIST, reader->err);

	if (r == 0 && tz_yaml_count(list) > TZ_SECRETS_WORDS_MAX)
		r = tz_yaml_error(list, reader->err, "may have at most %d items", TZ_SECRETS_WORDS_MAX);
	for (const struct tz_yaml_node *node = tz_yaml_first(list); r == 0 && node; node = tz_yaml_next(node))
		r = read_word(reader, node, ret, is_valid, rule);
	return r;
}

static int read_command(const struct reader *reader, const struct tz_yaml_node *node)
{
	const struct tz_yaml_node *words = find(node, "command"), *format = find(node, "format");
	struct tz_secrets_map *map = reader->map;
	int r = 0;

	if (words)
		r = read_words(reader, words, &map->command, tz_is_visible, "a word without control characters");
	if (r == 0 && words && (map->command.count == 0 || !map->command.list[0][0] || map->command.list[0][0] == '-'))
		r = tz_yaml_error(words, reader->err, "must begin with a program");
	if (r == 0 && format) {
		r = tz_yaml_choice(format, format_names, "json or dotenv", reader->err);
		if (r < 0)
			return r;
		map->format = (enum tz_secrets_format)r;
		r = 0;
	}
	if (r == 0)
		r = read_text(reader, node, "select", map->select, sizeof(map->select), is_selection,
			      "the way to an object in the JSON: names with '.' between them, such as data.data");
	if (r == 0 && map->select[0] && map->format != TZ_SECRETS_JSON)
		r = tz_yaml_error(find(node, "select"), reader->err, "is for JSON only");
	return r;
}

/* What is said for the other provider would be forgotten, which nobody who wrote it expects. */
static int read_provider(const struct reader *reader, const struct tz_yaml_node *node)
{
	const struct tz_yaml_node *provider = find(node, "provider"), *command = find(node, "command");
	int r;

	if (command && !provider)
		reader->map->provider = TZ_PROVIDER_COMMAND;
	if (!provider)
		return 0;
	r = tz_yaml_choice(provider, provider_names, "infisical or command", reader->err);
	if (r < 0)
		return r;
	reader->map->provider = (enum tz_secrets_provider)r;
	if (r == TZ_PROVIDER_COMMAND && !command)
		return tz_yaml_error(provider, reader->err, "needs a 'command': a list of a program and its arguments");
	if (r == TZ_PROVIDER_INFISICAL && command)
		return tz_yaml_error(command, reader->err, "is for 'provider: command'");
	return 0;
}

static int read_config(const struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "provider", "timeout", "all", "infisical_project_id", "infisical_url",
					     "infisical_environment", "infisical_path", "command", "format", "select", NULL };
	const struct tz_yaml_node *timeout = find(node, "timeout"), *all = find(node, "all");
	int r = warn_of_unknown(reader, node, known);
	int64_t seconds;

	if (r == 0)
		r = read_provider(reader, node);
	if (r == 0)
		r = read_infisical(reader, node);
	if (r == 0)
		r = read_command(reader, node);
	if (r == 0 && all)
		r = tz_yaml_bool(all, &reader->map->all, reader->err);
	if (r == 0 && timeout) {
		r = tz_yaml_integer(timeout, 1, 3600, &seconds, reader->err);
		if (r == 0)
			reader->map->timeout = (unsigned int)seconds;
	}
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

/*
 * The path becomes the value of a variable, so nothing is in it that would have a meaning for a program: ':' in a list of
 * folders, ';' and '$' in a shell's prompt.
 */
static bool is_vault_file(const char *path)
{
	return tz_is_relative_path(path) && tz_is_visible(path) && !strpbrk(path, ":;,$`'\"\\|&<>(){}[]*?!#^%= ") &&
	       !tz_path_is_within(path, TZ_SECRETS_OWN_FOLDER) && !tz_path_is_within(path, "lost+found") &&
	       !tz_path_is_within(path, ".shell_history");
}

static int read_names(const struct reader *reader, const struct tz_yaml_node *node, struct tz_secrets_item *item)
{
	int r = read_text(reader, node, "name", item->name, sizeof(item->name), tz_is_variable_name,
			  "the name of a secret: letters, digits and '_', no digit first");

	if (r == 0)
		r = read_text(reader, node, "file", item->file, sizeof(item->file), is_vault_file,
			      "a file's path in the vault: relative, without '.', '..', '//' and a '/' at its end, without blanks and "
			      "signs that mean something to a shell, and not one of TazPod's own");
	if (r == 0)
		r = read_text(reader, node, "env", item->env, sizeof(item->env), tz_is_variable_name,
			      "a variable's name: letters, digits and '_', no digit first");
	return r;
}

static int read_item(const struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "name", "file", "env", "value", NULL };
	struct tz_secrets_item *item = &reader->map->items[reader->map->count];
	const struct tz_yaml_node *value;
	const char *danger;
	int r = warn_of_unknown(reader, node, known);

	if (r == 0)
		r = read_names(reader, node, item);
	if (r < 0)
		return r;
	if (!item->name[0])
		return tz_yaml_error(node, reader->err, "must have a 'name'");
	if (!item->file[0] && !item->env[0])
		return tz_yaml_error(node, reader->err, "must have a 'file', an 'env', or both");
	danger = tz_envname_danger(item->env);
	if (danger && !tz_secrets_words_have(&reader->map->allow, item->env))
		return tz_yaml_error(tz_yaml_find(node, "env"), reader->err, "changes %s; if that is meant, name %s under 'allow'",
				     danger, item->env);
	value = find(node, "value");
	item->value = !item->file[0];
	if (value) {
		r = tz_yaml_bool(value, &item->value, reader->err);
		if (r < 0)
			return r;
		if (!item->value && !item->file[0])
			return tz_yaml_error(value, reader->err, "can be false only for what has a 'file'");
		if (item->value && !item->env[0])
			return tz_yaml_error(value, reader->err, "means nothing without an 'env'");
	}
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
	static const char *const known[] = { "config", "secrets", "allow", NULL };
	const struct tz_yaml_node *config = find(map, "config"), *secrets = find(map, "secrets"), *allow = find(map, "allow");
	int r = warn_of_unknown(reader, map, known);

	if (r == 0 && config)
		r = read_config(reader, config);
	if (r == 0 && allow)
		r = read_words(reader, allow, &reader->map->allow, tz_is_variable_name,
			       "a variable's name: letters, digits and '_', no digit first");
	if (r == 0 && secrets)
		r = read_secrets(reader, secrets);
	return r;
}

int tz_secrets_map_parse(const char *text, size_t size, const char *name, struct tz_secrets_map *ret,
			 tz_yaml_warn_fn warn, void *data, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = {
		.timeout = 60, .all = true, .infisical_environment = "dev", .infisical_path = "/",
	};
	_cleanup_yaml_ struct tz_yaml *document = NULL;
	struct reader reader = { .map = &map, .warn = warn, .data = data, .err = err };
	int r = tz_yaml_parse(text, size, name, &document, err);

	if (r == 0 && tz_yaml_root(document))
		r = read_map(&reader, tz_yaml_root(document));
	if (r < 0)
		return r;
	*ret = map;
	map = (struct tz_secrets_map)TZ_SECRETS_MAP_INIT;
	return 0;
}

int tz_secrets_map_load(const char *folder, struct tz_secrets_map *ret, tz_yaml_warn_fn warn, void *data,
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

int tz_secrets_value_path(const char *name, char ret[static TZ_SECRETS_TEXT])
{
	return (size_t)snprintf(ret, TZ_SECRETS_TEXT, TZ_SECRETS_VALUES "/%s", name) < TZ_SECRETS_TEXT ? 0 : -ENAMETOOLONG;
}

bool tz_secrets_map_names(const struct tz_secrets_map *map, const char *name)
{
	for (unsigned int i = 0; i < map->count; i++)
		if (strcmp(map->items[i].name, name) == 0)
			return true;
	return false;
}

void tz_secrets_words_keep(struct tz_secrets_words *words, const struct tz_secrets_words *kept)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < words->count; i++) {
		if (kept && tz_secrets_words_have(kept, words->list[i]))
			words->list[count++] = words->list[i];
		else
			free(words->list[i]);
	}
	words->list[count] = NULL;
	words->count = count;
}

bool tz_secrets_words_have(const struct tz_secrets_words *words, const char *name)
{
	for (unsigned int i = 0; i < words->count; i++)
		if (strcmp(words->list[i], name) == 0)
			return true;
	return false;
}

void tz_secrets_map_free(struct tz_secrets_map *map)
{
	for (unsigned int i = 0; i < map->command.count; i++)
		free(map->command.list[i]);
	for (unsigned int i = 0; i < map->allow.count; i++)
		free(map->allow.list[i]);
	free(map->items);
	*map = (struct tz_secrets_map)TZ_SECRETS_MAP_INIT;
}
