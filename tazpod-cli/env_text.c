#include "env_text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dotenv.h"
#include "envname.h"
#include "utf8.h"

static int no_memory(struct tz_error *err)
{
	return tz_error_set(err, ENOMEM, "out of memory");
}

static bool has(const struct tz_variables *variables, const char *name, size_t size)
{
	for (unsigned int i = 0; i < variables->count; i++)
		if (strncmp(variables->list[i].name, name, size) == 0 && variables->list[i].name[size] == '\0')
			return true;
	return false;
}

bool cli_env_may_unset(const char *name)
{
	return tz_envname_is_legal(name, strlen(name)) && !tz_envname_danger(name);
}

/* One word of before. */
static int unset(struct tz_textbuf *out, enum tz_shell shell, const char *word, size_t size)
{
	char name[TZ_SECRETS_NAME];

	if (size >= sizeof(name))
		return 0;
	memcpy(name, word, size);
	name[size] = '\0';
	return cli_env_may_unset(name) ? tz_quote_unset(out, shell, name) : 0;
}

static int unset_gone(struct tz_textbuf *out, enum tz_shell shell, const struct tz_variables *variables,
		      const char *before)
{
	int r = 0;

	while (r == 0 && before && *before) {
		size_t size = strcspn(before, " ");

		if (!has(variables, before, size))
			r = unset(out, shell, before, size);
		before += size + strspn(before + size, " ");
	}
	return r;
}

int cli_env_add_name(struct tz_textbuf *names, const char *name)
{
	int r = names->size > 0 ? tz_textbuf_add_text(names, " ") : 0;

	return r < 0 ? r : tz_textbuf_add_text(names, name);
}

static int add_names(struct tz_textbuf *out, enum tz_shell shell, const struct tz_variables *variables)
{
	_cleanup_textbuf_ struct tz_textbuf names = TZ_TEXTBUF_INIT;
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < variables->count; i++)
		r = cli_env_add_name(&names, variables->list[i].name);
	return r < 0 ? r : tz_quote_export(out, shell, CLI_ENV_NAMES, names.size ? names.data : "", names.size);
}

int cli_env_shell(struct tz_textbuf *out, enum tz_shell shell, const struct tz_variables *variables, const char *before,
		  struct tz_error *err)
{
	int r = unset_gone(out, shell, variables, before);

	for (unsigned int i = 0; r == 0 && i < variables->count; i++) {
		const struct tz_variable *variable = &variables->list[i];

		r = tz_quote_export(out, shell, variable->name, tz_variable_value(variables, variable), variable->size);
		if (r == -EILSEQ)
			return tz_error_set(err, EILSEQ, "the value of %s is no UTF-8, and %s knows no other texts", variable->name,
					    tz_shell_name(shell));
	}
	if (r == 0)
		r = add_names(out, shell, variables);
	return r < 0 ? tz_error_set(err, r, "the variables cannot be printed: %s", strerrordesc_np(-r)) : 0;
}

int cli_env_dotenv(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err)
{
	for (unsigned int i = 0; i < variables->count; i++) {
		const struct tz_variable *variable = &variables->list[i];

		if (tz_dotenv_add(out, variable->name, tz_variable_value(variables, variable), variable->size) < 0)
			return no_memory(err);
	}
	return 0;
}

static int add_to_json(struct json_object *object, const struct tz_variables *variables, struct tz_error *err)
{
	for (unsigned int i = 0; i < variables->count; i++) {
		const struct tz_variable *variable = &variables->list[i];
		const char *value = tz_variable_value(variables, variable);
		struct json_object *text;

		if (!tz_is_utf8(value, variable->size))
			return tz_error_set(err, EILSEQ, "the value of %s is no UTF-8, which JSON cannot have: use '--format null'",
					    variable->name);
		text = json_object_new_string_len(value, (int)variable->size);
		if (!text || json_object_object_add(object, variable->name, text) < 0) {
			(void)json_object_put(text);
			return no_memory(err);
		}
	}
	return 0;
}

int cli_env_json(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;
	int r = object ? add_to_json(object, variables, err) : no_memory(err);

	if (r == 0) {
		text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
		if (!text || tz_textbuf_add_text(out, text) < 0 || tz_textbuf_add_text(out, "\n") < 0)
			r = no_memory(err);
	}
	(void)json_object_put(object);
	return r;
}

int cli_env_null(struct tz_textbuf *out, const struct tz_variables *variables, struct tz_error *err)
{
	for (unsigned int i = 0; i < variables->count; i++) {
		const struct tz_variable *variable = &variables->list[i];

		/* the value's own NUL is the end */
		if (tz_textbuf_add_text(out, variable->name) < 0 || tz_textbuf_add_text(out, "=") < 0 ||
		    tz_textbuf_add(out, tz_variable_value(variables, variable), variable->size + 1) < 0)
			return no_memory(err);
	}
	return 0;
}
