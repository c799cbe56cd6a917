#include "secrets_json.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "jsontext.h"
#include "said.h"
#include "wellformed.h"

#define SHOWN 96

struct reader {
	const struct cli_secrets_source *source;
	struct cli_fetched *fetched;
	struct tz_error *err;
};

static void put_tokener(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

/* ---------------------------------------------------------------- the tree */

/* json-c hands out what it holds itself, and only calls it constant. */
static void wipe_text(const char *text, size_t size)
{
	if (text)
		explicit_bzero((void *)(uintptr_t)text, size);
}

/* As deep as the parser let it become. */
static void wipe(struct json_object *value)
{
	const char *written;

	switch (json_object_get_type(value)) {
	case json_type_string:
		wipe_text(json_object_get_string(value), (size_t)json_object_get_string_len(value));
		break;
	case json_type_int:
		(void)json_object_set_int64(value, 0);
		break;
	case json_type_double:
		written = json_object_get_userdata(value);
		if (written)
			wipe_text(written, strlen(written));
		(void)json_object_set_double(value, 0);
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			wipe(json_object_array_get_idx(value, i));
		break;
	case json_type_object: {
		json_object_object_foreach(value, name, member) {
			(void)name;
			wipe(member);
		}
		break;
	}
	default:
		break;
	}
}

static void put_tree(struct json_object **tree)
{
	wipe(*tree);
	json_object_put(*tree);
}

static size_t count_names(struct json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_names(json_object_array_get_idx(value, i));
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			(void)name;
			count += 1 + count_names(member);
		}
	}
	return count;
}

static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!text[i] || !strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

/* The whole text, or an error; never NULL without one but for JSON's own null. */
static int parse(const struct reader *reader, const char *text, size_t size, struct json_object **ret)
{
	const char *name = reader->source->name;
	struct json_tokener *tokener tz_cleanup(put_tokener) = json_tokener_new_ex(CLI_JSONTEXT_DEPTH + 1);
	struct json_object *tree tz_cleanup(put_tree) = NULL;
	enum json_tokener_error fault;
	size_t names;
	int r;

	if (!tokener)
		return tz_error_set(reader->err, ENOMEM, "out of memory");
	if (size >= INT_MAX)
		return tz_error_set(reader->err, E2BIG, "%s is too long", name);
	if (is_blank(text, size))
		return tz_error_set(reader->err, EINVAL, "%s is empty, where JSON is expected", name);
	r = cli_jsontext_check(text, size, name, &names, reader->err);
	if (r < 0)
		return r;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* with the NUL behind it, which ends a number */
	tree = json_tokener_parse_ex(tokener, text, (int)size + 1);
	fault = json_tokener_get_error(tokener);
	if (fault == json_tokener_continue || fault == json_tokener_error_parse_eof)
		return tz_error_set(reader->err, EINVAL, "%s is JSON that ends too early", name);
	if (fault == json_tokener_success && json_tokener_get_parse_end(tokener) < size)
		return cli_jsontext_refuse(text, json_tokener_get_parse_end(tokener), name, "something stands behind the JSON",
					   reader->err);
	if (fault != json_tokener_success)
		return cli_jsontext_refuse(text, json_tokener_get_parse_end(tokener), name, json_tokener_error_desc(fault),
					   reader->err);
	if (count_names(tree) != names)
		return tz_error_set(reader->err, EINVAL, "%s has an object with the same name twice, once escaped", name);
	*ret = tz_steal(tree);
	return 0;
}

/* ---------------------------------------------------------------- the secrets */

static const char *type_words(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ? "an object" :
	       json_object_is_type(value, json_type_array)  ? "a list" :
	       json_object_is_type(value, json_type_null)   ? "null" :
							      "a single value";
}

/* What source->select names. */
static int walk(const struct reader *reader, struct json_object *from, struct json_object **ret)
{
	const struct cli_secrets_source *source = reader->source;
	const char *way = source->select;

	while (*way) {
		size_t size = strcspn(way, ".");
		_cleanup_free_ char *name = strndup(way, size);

		if (!name)
			return tz_error_set(reader->err, ENOMEM, "out of memory");
		if (!json_object_is_type(from, json_type_object))
			return tz_error_set(reader->err, ENOENT, "%s has no \"%s\", which 'select: %s' in secrets.yml asks for: "
					    "what should have it is %s", source->name, name, source->select, type_words(from));
		if (!json_object_object_get_ex(from, name, &from))
			return tz_error_set(reader->err, ENOENT, "%s has no \"%s\", which 'select: %s' in secrets.yml asks for",
					    source->name, name, source->select);
		way += way[size] ? size + 1 : size;
	}
	*ret = from;
	return 0;
}

/* A name that may be anything, on one line. */
static void show_name(const char *name, size_t size, char ret[static SHOWN])
{
	cli_printable_copy(name, size, ret, SHOWN);
	for (char *c = ret; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = '?';
}

static void warn(const struct reader *reader, const char *name, size_t size, const char *why)
{
	char sentence[256], shown[SHOWN];

	if (!reader->source->warn)
		return;
	show_name(name, size, shown);
	(void)snprintf(sentence, sizeof(sentence), "the secret \"%s\" is left out: %s", shown, why);
	reader->source->warn(reader->source->data, sentence);
}

static int refuse_nested(const struct reader *reader, const char *name, struct json_object *value)
{
	const char *select = reader->source->select;

	return tz_error_set(reader->err, EINVAL, "%s: \"%.128s\" is %s, and no secret; where the secrets are in there, secrets.yml "
			    "must have 'select: %s%s%.128s'", reader->source->name, name, type_words(value), select,
			    select[0] ? "." : "", name);
}

/* json-c makes of what is too large the largest it has. */
static int add_integer(const struct reader *reader, const char *name, struct json_object *value)
{
	int64_t number = json_object_get_int64(value);
	uint64_t positive = json_object_get_uint64(value);
	char text[32];
	int r;

	if (number == INT64_MIN || positive == UINT64_MAX)
		return tz_error_set(reader->err, EINVAL, "%s: the number \"%.128s\" is too large to be kept as it is; it should be "
				    "a text, in quotes", reader->source->name, name);
	if (number < 0)
		(void)snprintf(text, sizeof(text), "%" PRId64, number);
	else
		(void)snprintf(text, sizeof(text), "%" PRIu64, positive);
	r = cli_fetched_add(reader->fetched, name, text, strlen(text), reader->err);
	explicit_bzero(text, sizeof(text));
	return r;
}

static int add_value(const struct reader *reader, const char *name, struct json_object *value)
{
	const char *text;

	switch (json_object_get_type(value)) {
	case json_type_string:
		return cli_fetched_add(reader->fetched, name, json_object_get_string(value),
				       (size_t)json_object_get_string_len(value), reader->err);
	case json_type_int:
		return add_integer(reader, name, value);
	case json_type_double:
		/* the parser keeps with it how it was written */
		text = json_object_get_userdata(value);
		if (!text)
			return tz_error_set(reader->err, EINVAL, "%s: the number \"%.128s\" should be a text, in quotes",
					    reader->source->name, name);
		return cli_fetched_add(reader->fetched, name, text, strlen(text), reader->err);
	case json_type_boolean:
		text = json_object_get_boolean(value) ? "true" : "false";
		return cli_fetched_add(reader->fetched, name, text, strlen(text), reader->err);
	case json_type_null:
		warn(reader, name, strlen(name), "its value is null");
		return 0;
	default:
		return refuse_nested(reader, name, value);
	}
}

static int add_secret(const struct reader *reader, const char *name, size_t size, struct json_object *value)
{
	if (strlen(name) == size && tz_is_variable_name(name))
		return add_value(reader, name, value);
	warn(reader, name, size, "no variable can have this name");
	return 0;
}

static int add_object(const struct reader *reader, struct json_object *object)
{
	int r = 0;

	json_object_object_foreach(object, name, value) {
		if (r == 0)
			r = add_secret(reader, name, strlen(name), value);
	}
	return r;
}

/* The member of either name; false where there is neither. */
static bool either(struct json_object *object, const char *name, const char *other, struct json_object **ret)
{
	return json_object_object_get_ex(object, name, ret) || json_object_object_get_ex(object, other, ret);
}

static int add_item(const struct reader *reader, size_t number, struct json_object *item)
{
	const char *source = reader->source->name, *text;
	struct json_object *name, *value, *hidden;
	char shown[SHOWN];
	size_t size;

	if (!json_object_is_type(item, json_type_object))
		return tz_error_set(reader->err, EINVAL, "%s: item %zu of the list is %s, and no object with \"key\" and \"value\"",
				    source, number, type_words(item));
	if (!either(item, "key", "secretKey", &name) || !json_object_is_type(name, json_type_string))
		return tz_error_set(reader->err, EINVAL, "%s: item %zu of the list has no name, which \"key\" would be", source,
				    number);
	if (!either(item, "value", "secretValue", &value))
		return tz_error_set(reader->err, EINVAL, "%s: item %zu of the list has no \"value\"", source, number);
	text = json_object_get_string(name);
	size = (size_t)json_object_get_string_len(name);
	if (json_object_object_get_ex(item, "secretValueHidden", &hidden) && json_object_get_boolean(hidden)) {
		show_name(text, size, shown);
		return tz_error_set(reader->err, EPERM, "the server hides the value of \"%s\": you may not read it", shown);
	}
	return add_secret(reader, text, size, value);
}

static int add_list(const struct reader *reader, struct json_object *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
		r = add_item(reader, i + 1, json_object_array_get_idx(list, i));
	return r;
}

int cli_secrets_json(const char *text, size_t size, const struct cli_secrets_source *source, struct cli_fetched *ret,
		     struct tz_error *err)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	const struct reader reader = { .source = source, .fetched = &fetched, .err = err };
	struct json_object *tree tz_cleanup(put_tree) = NULL;
	struct json_object *chosen = NULL;
	int r = parse(&reader, text, size, &tree);

	if (r == 0)
		r = walk(&reader, tree, &chosen);
	if (r < 0)
		return r;
	if (json_object_is_type(chosen, json_type_object))
		r = add_object(&reader, chosen);
	else if (json_object_is_type(chosen, json_type_array))
		r = add_list(&reader, chosen);
	else
		r = tz_error_set(err, EINVAL, "%s has %s, where an object or a list of secrets is expected", source->name,
				 type_words(chosen));
	if (r == 0)
		r = cli_fetched_finish(&fetched, err);
	if (r < 0)
		return r;
	*ret = fetched;
	fetched = (struct cli_fetched)CLI_FETCHED_INIT;
	return 0;
}
