#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "env_text.h"
#include "here.h"
#include "options.h"
#include "remote.h"
#include "report.h"
#include "secret.h"
#include "secrets_here.h"

enum format { AS_SHELL, AS_DOTENV, AS_JSON, AS_NULL };

struct request {
	enum format format;
	enum tz_shell shell;
};

/* The process that is to evaluate it: what is right for one shell is not for another. */
static bool parent_shell(enum tz_shell *ret)
{
	char path[64], name[32] = "";
	_cleanup_fclose_ FILE *file = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)getppid());
	file = fopen(path, "re");
	if (!file || !fgets(name, sizeof(name), file))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return tz_shell_by_name(name, ret);
}

/* Where it is none of these, that of the login; and what is no shell at all is told apart nowhere. */
static enum tz_shell own_shell(void)
{
	const char *path = getenv("SHELL"), *slash = path ? strrchr(path, '/') : NULL;
	enum tz_shell shell;

	if (parent_shell(&shell))
		return shell;
	return slash && tz_shell_by_name(slash + 1, &shell) ? shell : TZ_SHELL_SH;
}

static int understand(const struct cli *cli, const char *shell, const char *format, struct request *ret)
{
	static const char *const names[] = { [AS_DOTENV] = "dotenv", [AS_JSON] = "json", [AS_NULL] = "null" };

	*ret = (struct request){ .format = AS_SHELL, .shell = own_shell() };
	if (shell && format)
		return cli_usage_error(cli, "--shell and --format exclude each other");
	if (shell && !tz_shell_by_name(shell, &ret->shell))
		return cli_usage_error(cli, "'%s' is none of the shells: sh, bash, zsh, fish, powershell", shell);
	if (!format)
		return CLI_GO_ON;
	for (enum format i = AS_DOTENV; i <= AS_NULL; i++)
		if (strcmp(format, names[i]) == 0) {
			ret->format = i;
			return CLI_GO_ON;
		}
	return cli_usage_error(cli, "'%s' is none of the formats: dotenv, json, null", format);
}

static const char *how_to_use(const struct request *request)
{
	if (request->format != AS_SHELL)
		return "pipe it into the program that reads it, or into a file of the vault";
	switch (request->shell) {
	case TZ_SHELL_FISH:
		return "tazpod env --shell fish | source";
	case TZ_SHELL_POWERSHELL:
		return "tazpod env --shell powershell | Out-String | Invoke-Expression";
	default:
		return "eval \"$(tazpod env)\"";
	}
}

static int make_text(const struct request *request, const struct tz_variables *variables, struct tz_textbuf *ret,
		     struct tz_error *err)
{
	switch (request->format) {
	case AS_DOTENV:
		return cli_env_dotenv(ret, variables, err);
	case AS_JSON:
		return cli_env_json(ret, variables, err);
	case AS_NULL:
		return cli_env_null(ret, variables, err);
	default:
		return cli_env_shell(ret, request->shell, variables, getenv(CLI_ENV_NAMES), err);
	}
}

/* Past stdio, whose buffer nobody wipes. */
static int print(const struct tz_textbuf *text, struct tz_error *err)
{
	for (size_t done = 0; done < text->size;) {
		ssize_t n = write(STDOUT_FILENO, text->data + done, text->size - done);

		if (n < 0 && errno != EINTR)
			return tz_error_set(err, errno, "the variables cannot be printed: %m");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int answer(const struct cli_place *place, const struct request *request, struct tz_error *err)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	int r = tz_secret_harden_process();

	if (r < 0)
		return tz_error_set(err, r, "core dumps cannot be forbidden: %s", strerrordesc_np(-r));
	r = cli_secrets_variables(place, &variables, err);
	if (r == 0 && variables.refused)
		cli_say("%u of the variables in " TZ_SECRETS_MAP_FILE " change%s how programs run, and nobody has agreed to that yet; "
			"'tazpod pull' asks", variables.refused, variables.refused == 1 ? "s" : "");
	if (r == 0)
		r = make_text(request, &variables, &text, err);
	return r < 0 ? r : print(&text, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *shell = NULL, *format = NULL;
	const struct cli_option options[] = {
		{ .name = "shell", .letter = 's', .text = &shell },
		{ .name = "format", .letter = 'f', .text = &format },
		{ 0 },
	};
	struct request request;
	struct cli_place place;
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = understand(cli, shell, format, &request);
	if (r != CLI_GO_ON)
		return r;
	r = cli_place_find(&place, &error);
	if (r == 0)
		r = cli_secrets_require_enclave(&place, &error);
	if (r == 0 && isatty(STDOUT_FILENO)) {
		cli_say("secrets are not shown on a terminal; %s%s", request.format == AS_SHELL ? "type: " : "",
			how_to_use(&request));
		return CLI_FAILED;
	}
	if (r == 0)
		r = answer(&place, &request, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

const struct cli_command cli_cmd_env = {
	.name = "env",
	.path = "env",
	.summary = "bring the secrets into the running shell",
	.usage = "Usage: eval \"$(tazpod env [--shell SHELL])\"\n"
		 "       tazpod env --format FORMAT | PROGRAM\n"
		 "\n"
		 "Prints statements that set the variables of secrets.yml in a shell, and unset those that are gone since the\n"
		 "last time. A ghost shell has done so at its start, and a typed 'tazpod env' does it again there. Nothing is\n"
		 "ever printed to a terminal.\n"
		 "\n"
		 "  -s, --shell=SHELL    sh, bash, zsh, fish or powershell [the one that runs this]\n"
		 "  -f, --format=FORMAT  for programs: dotenv, json, or null (NAME=VALUE, each ended by a NUL)\n",
	.run = run,
};
