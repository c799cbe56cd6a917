#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "env_text.h"
#include "options.h"
#include "program.h"
#include "report.h"
#include "secret.h"
#include "secrets_here.h"

#define EXIT_NOT_FOUND 127
#define EXIT_NOT_EXECUTABLE 126

/* Is name in list, "A,B,C"? */
static bool is_listed(const char *list, const char *name)
{
	size_t size = strlen(name);

	for (;; list++) {
		if (strncmp(list, name, size) == 0 && (list[size] == ',' || list[size] == '\0'))
			return true;
		list = strchrnul(list, ',');
		if (!*list)
			return false;
	}
}

/* A name that is mistyped would leave a program without its secret, and nobody would know why. */
static int check_only(const struct tz_variables *variables, const char *only, struct tz_error *err)
{
	for (const char *name = only;;) {
		const char *end = strchrnul(name, ',');
		size_t size = (size_t)(end - name);
		unsigned int i = 0;

		while (i < variables->count && (strncmp(variables->list[i].name, name, size) != 0 || variables->list[i].name[size]))
			i++;
		if (i == variables->count)
			return tz_error_set(err, ENOENT, "there is no variable '%.*s' among those of " TZ_SECRETS_MAP_FILE
					    " that are in the vault", (int)size, name);
		if (!*end)
			return 0;
		name = end + 1;
	}
}

/* What a program needs to know about its user, its terminal, and that what is typed into it belongs into the vault. */
static int forget_environment(struct tz_error *err)
{
	static const char *const kept[] = { "HOME", "USER", "LOGNAME", "SHELL", "PATH", "TERM", "LANG", "TZ", "TMPDIR", "PWD",
					    "HISTFILE", "TAZPOD_GHOST_MODE" };
	const char *values[sizeof(kept) / sizeof(kept[0])];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		values[i] = getenv(kept[i]);
	/* the strings stay: they are the process's own, not the C library's */
	if (clearenv() != 0)
		return tz_error_set(err, ENOMEM, "the environment cannot be cleared");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (values[i] && setenv(kept[i], values[i], 1) < 0)
			return tz_error_set(err, errno, "the environment cannot be set: %m");
	return 0;
}

/* What the shell got at its last refresh, and may be gone or renamed since. The list itself goes, too. */
static int forget_last(struct tz_error *err)
{
	const char *last = getenv(CLI_ENV_NAMES);
	_cleanup_free_ char *names = strdup(last ? last : "");
	char *rest = names, *name;

	if (!names)
		return tz_error_set(err, ENOMEM, "out of memory");
	while ((name = strsep(&rest, " ")))
		if (cli_env_may_unset(name))
			(void)unsetenv(name);
	(void)unsetenv(CLI_ENV_NAMES);
	return 0;
}

/* What the program has, so that a shell that it is, or starts, knows what to take away some day. */
static int set_names(const struct tz_textbuf *names, struct tz_error *err)
{
	if (setenv(CLI_ENV_NAMES, names->size ? names->data : "", 1) < 0)
		return tz_error_set(err, errno, "the environment cannot be set: %m");
	return 0;
}

static int set_variable(const struct tz_variables *variables, const struct tz_variable *variable, struct tz_textbuf *names,
			struct tz_error *err)
{
	if (setenv(variable->name, tz_variable_value(variables, variable), 1) < 0)
		return tz_error_set(err, errno, "the environment cannot be set: %m");
	if (cli_env_add_name(names, variable->name) < 0)
		return tz_error_set(err, ENOMEM, "out of memory");
	return 0;
}

static int set_environment(const struct tz_variables *variables, const char *only, bool inherit, struct tz_error *err)
{
	_cleanup_textbuf_ struct tz_textbuf names = TZ_TEXTBUF_INIT;
	int r = only ? check_only(variables, only, err) : 0;

	if (r == 0)
		r = inherit ? forget_last(err) : forget_environment(err);
	for (unsigned int i = 0; r == 0 && i < variables->count; i++) {
		const struct tz_variable *variable = &variables->list[i];

		if (only && !is_listed(only, variable->name))
			/* a ghost shell has them all, and hands them on */
			(void)unsetenv(variable->name);
		else
			r = set_variable(variables, variable, &names, err);
	}
	return r < 0 ? r : set_names(&names, err);
}

static int become(char **words, struct tz_error *err)
{
	char path[PATH_MAX];

	if (strchr(words[0], '/'))
		return cli_program_become(words[0], words, err);
	if (cli_program_find(words[0], path) < 0)
		return tz_error_set(err, ENOENT, "there is no program '%s'", words[0]);
	return cli_program_become(path, words, err);
}

static int take_on(const char *only, bool inherit, struct tz_error *err)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	struct cli_place place;
	int r = tz_secret_harden_process();

	if (r < 0)
		return tz_error_set(err, r, "core dumps cannot be forbidden: %s", strerrordesc_np(-r));
	r = cli_place_find(&place, err);
	if (r == 0)
		r = cli_secrets_variables(&place, &variables, err);
	return r < 0 ? r : set_environment(&variables, only, inherit, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *only = NULL;
	bool no_inherit = false;
	const struct cli_option options[] = {
		{ .name = "only", .letter = 'o', .text = &only },
		{ .name = "no-inherit", .flag = &no_inherit },
		{ 0 },
	};
	struct tz_error error = { 0 };
	int first, r = cli_options_before(cli, argc, argv, options, &first);

	if (r != CLI_GO_ON)
		return r;
	if (first == argc)
		return cli_usage_error(cli, "there is no program to run");
	if (take_on(only, !no_inherit, &error) < 0)
		return cli_fail(cli, &error);
	r = become(argv + first, &error);
	(void)cli_fail(cli, &error);
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

const struct cli_command cli_cmd_run = {
	.name = "run",
	.path = "run",
	.summary = "run one program with the secrets",
	.usage = "Usage: tazpod run [--only NAME,...] [--no-inherit] -- PROGRAM [ARGUMENT...]\n"
		 "\n"
		 "Becomes a program that has the variables of secrets.yml, as they are in the vault now. Its exit status is that\n"
		 "of the program; 127 when there is none of this name, 126 when it cannot be run.\n"
		 "\n"
		 "  -o, --only=NAME,...  only these variables, and not the others that this shell has\n"
		 "      --no-inherit     of this shell's environment only HOME, USER, LOGNAME, SHELL, PATH, TERM, LANG, TZ, TMPDIR,\n"
		 "                       PWD, HISTFILE, TAZPOD_GHOST_MODE\n",
	.run = run,
};
