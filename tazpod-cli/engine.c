#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "program.h"

const struct cli_engine *const cli_engines[] = { &cli_engine_docker, &cli_engine_podman, NULL };

static const struct cli_engine *wanted_engine(enum tz_engine_choice choice)
{
	return choice == TZ_ENGINE_PODMAN ? &cli_engine_podman : choice == TZ_ENGINE_DOCKER ? &cli_engine_docker : NULL;
}

int cli_engine_choose(enum tz_engine_choice choice, struct cli_engine_use *ret, struct tz_error *err)
{
	const struct cli_engine *wanted = wanted_engine(choice);

	for (const struct cli_engine *const *engine = cli_engines; *engine; engine++) {
		if ((wanted && *engine != wanted) || cli_program_find((*engine)->name, ret->program) < 0)
			continue;
		ret->engine = *engine;
		return 0;
	}
	if (wanted)
		return tz_error_set(err, ENOENT, "the config asks for %s, which is not installed; install it with 'sudo apt "
				    "install %s', or choose another one with 'engine:'", wanted->name, wanted->package);
	return tz_error_set(err, ENOENT, "no container engine is installed; install one with 'sudo apt install %s'",
			    cli_engine_docker.package);
}

void cli_engine_args(const struct cli_engine_use *use, struct cli_args *args, const char *const words[])
{
	cli_args_add(args, "%s", use->program);
	cli_args_add_all(args, words);
}

static int ask(const struct cli_engine_use *use, const char *const words[], struct cli_program_output *ret,
	       struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(use, &args, words);
	r = cli_args_check(&args, err);
	return r < 0 ? r : cli_program_capture(args.words, ret, err);
}

int cli_engine_check(const struct cli_engine_use *use, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_json_ struct json_object *info = NULL;
	int r = ask(use, CLI_KEYS("info", "--format", "{{json .}}"), &output, err);

	if (r < 0)
		return r;
	info = json_tokener_parse(output.text);
	r = use->engine->judge(output.status == 0 && json_object_is_type(info, json_type_object) ? info : NULL, output.error,
			       err);
	if (r < 0 && output.error[0])
		(void)tz_error_detail(err, "%s: %s", use->engine->name, output.error);
	return r;
}

/* Without a format all engines answer alike to inspect: with a list of JSON. */
static int parse_list(const struct cli_engine_use *use, const char *kind, const char *text, struct json_object **ret,
		      struct tz_error *err)
{
	_cleanup_json_ struct json_object *list = json_tokener_parse(text);

	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return tz_error_set(err, EIO, "%s does not tell in JSON what its %ss are", use->engine->name, kind);
	*ret = json_object_get(list);
	return 0;
}

static int fail(const struct cli_engine_use *use, const char *kind, const struct cli_program_output *output,
		struct tz_error *err)
{
	return tz_error_set(err, EIO, "%s does not tell what its %ss are: %s", use->engine->name, kind,
			    output->error[0] ? output->error : "it says nothing");
}

static void add_lines(struct cli_args *args, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (*line)
			cli_args_add(args, "%s", line);
}

int cli_engine_containers(const struct cli_engine_use *use, const char *filter, struct json_object **ret,
			  struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output ids = { .text = NULL }, output = { .text = NULL };
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r = ask(use, CLI_KEYS("ps", "--all", "--quiet", "--no-trunc", "--filter", filter), &ids, err);

	if (r == 0 && ids.status != 0)
		r = fail(use, "container", &ids, err);
	if (r < 0)
		return r;
	cli_engine_args(use, &args, CLI_KEYS("container", "inspect"));
	add_lines(&args, ids.text);
	r = cli_args_check(&args, err);
	if (r < 0)
		return r;
	if (args.count == 3) { /* no id */
		*ret = NULL;
		return 0;
	}
	r = cli_program_capture(args.words, &output, err);
	if (r == 0 && output.status != 0)
		r = fail(use, "container", &output, err);
	return r < 0 ? r : parse_list(use, "container", output.text, ret, err);
}

int cli_engine_image(const struct cli_engine_use *use, const char *name, struct json_object **ret, struct tz_error *err)
{
	_cleanup_output_ struct cli_program_output output = { .text = NULL };
	_cleanup_json_ struct json_object *list = NULL;
	int r = ask(use, CLI_KEYS("image", "inspect", name), &output, err);

	if (r < 0)
		return r;
	/* "there is none" and "I am broken" have the same status */
	if (output.status != 0 && strcasestr(output.error, use->engine->no_image)) {
		*ret = NULL;
		return 0;
	}
	r = output.status != 0 ? fail(use, "image", &output, err) : parse_list(use, "image", output.text, &list, err);
	if (r == 0)
		*ret = json_object_get(json_object_array_get_idx(list, 0));
	return r;
}

struct json_object *cli_json_at(struct json_object *object, const char *const keys[])
{
	for (; *keys; keys++) {
		if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, *keys, &object))
			return NULL;
	}
	return object;
}

const char *cli_json_text_at(struct json_object *object, const char *const keys[])
{
	struct json_object *found = cli_json_at(object, keys);

	return json_object_is_type(found, json_type_string) ? json_object_get_string(found) : "";
}
