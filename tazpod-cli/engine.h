/*
 * The container engines. What they differ in is a struct cli_engine, one file each; what they have in common is here:
 * both take the same commands, and answer in the same JSON.
 */
#ifndef TAZPOD_CLI_ENGINE_H
#define TAZPOD_CLI_ENGINE_H

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>

#include "args.h"
#include "error.h"
#include "project.h"

struct cli_engine {
	const char *name;    /* as in the config, and that of its program */
	const char *package; /* Debian's */
	const char *no_image; /* what it says, in any case of letters, where there is no image of a name */
	/*
	 * May it be used, by this user, for what we need? info is the answer of `info`, NULL where it gave none; said is
	 * what it said of that. 0, or its own sentence for each cause, with the cure.
	 */
	int (*judge)(struct json_object *info, const char *said, struct tz_error *err);
};

extern const struct cli_engine cli_engine_docker;
extern const struct cli_engine cli_engine_podman;
/* Ended by NULL; auto takes the first that there is. */
extern const struct cli_engine *const cli_engines[];

/* An engine whose program was found. */
struct cli_engine_use {
	const struct cli_engine *engine;
	char program[PATH_MAX];
};

/* That of the config, or with auto the first one installed. -ENOENT: none, or not that one. Nothing is run. */
int cli_engine_choose(enum tz_engine_choice choice, struct cli_engine_use *ret, struct tz_error *err);

/* Asks it whether it can work for this user. */
int cli_engine_check(const struct cli_engine_use *use, struct tz_error *err);

/* Begins a command line: the program, and the words after it. */
void cli_engine_args(const struct cli_engine_use *use, struct cli_args *args, const char *const words[]);

/*
 * What the engine says of the containers, running or not, that `ps --filter` finds: a list of objects that the caller puts
 * back, NULL where there are none. That there are none is never what a failure looks like.
 */
int cli_engine_containers(const struct cli_engine_use *use, const char *filter, struct json_object **ret,
			  struct tz_error *err);

/* What it says of an image: an object that the caller puts back, NULL where there is none of this name. */
int cli_engine_image(const struct cli_engine_use *use, const char *name, struct json_object **ret, struct tz_error *err);

/* The member of object that keys, ended by NULL, lead to; NULL where one is missing. Borrowed. */
struct json_object *cli_json_at(struct json_object *object, const char *const keys[]);
/* Its text; "" where it is missing. Borrowed. */
const char *cli_json_text_at(struct json_object *object, const char *const keys[]);

#define CLI_KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
