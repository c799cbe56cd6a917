#include "infisical_login.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "args.h"
#include "infisical.h"
#include "program.h"

/* What the CLI writes must go through a bridge into the vault: the home itself is not encrypted. */
int cli_infisical_check_bridges(const struct cli_place *place, struct tz_error *err)
{
	static const char *const folders[] = { ".infisical", "infisical-keyring" };
	struct stat vault, folder;
	char path[PATH_MAX];

	if (stat(place->secrets, &vault) < 0)
		return tz_error_set(err, errno, "%s cannot be looked at: %m", place->secrets);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", place->ghost.home, folders[i]);
		if (stat(path, &folder) < 0 || folder.st_dev != vault.st_dev)
			return tz_error_set(err, EPERM, "~/%s is not in the vault, so a login, and what is fetched by it, would be left in the "
					    "open; the bridge for it is in the settings ('bridges' in tazpod.yaml(5)), and what was in its way was "
					    "told when this session began", folders[i]);
	}
	return 0;
}

/* As provider_infisical.c has it: a bare TOKEN is anybody's, and a repository's .infisical.json does not count. */
static int take_environment(const struct cli_place *place, const struct tz_secrets_map *map, struct tz_error *err)
{
	static struct cli_infisical_server server; /* putenv() keeps it */
	int r = cli_infisical_server(map, &server, err);

	if (r < 0)
		return r;
	/* the bridges are in this home, whatever HOME was */
	if (unsetenv("TOKEN") < 0 || setenv("HOME", place->ghost.home, 1) < 0 ||
	    (server.domain[0] && (putenv(server.domain) != 0 || putenv(server.address) != 0)) || chdir("/") < 0)
		return tz_error_set(err, errno, "infisical cannot be started: %m");
	return 0;
}

/* Where the keyring of a desktop is, it would take that, which is not in the vault. Its status says nothing. */
static int choose_files(const char *path, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_args_add_all(&args, (const char *const[]){ path, "vault", "set", "file", NULL });
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_run_quietly(args.words, err);
	return r < 0 ? r : 0;
}

static void stay(int number)
{
	(void)number;
}

/*
 * Ctrl-C ends the CLI, which then leaves the terminal as it is: without an echo, where it waited for a token. Not every
 * shell around this one sets that right, so this program stays, and does.
 */
static int run_on_terminal(char *const words[], struct tz_error *err)
{
	static const int keys[] = { SIGINT, SIGQUIT };
	const struct sigaction stays = { .sa_handler = stay };
	struct sigaction before[sizeof(keys) / sizeof(keys[0])];
	struct termios terminal;
	bool is_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
	int r;

	/* not for the CLI: what is caught has its default there again */
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (sigaction(keys[i], &stays, &before[i]) == 0 && before[i].sa_handler == SIG_IGN)
			(void)sigaction(keys[i], &before[i], NULL);
	r = cli_program_run(words, err);
	if (is_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)sigaction(keys[i], &before[i], NULL);
	return r;
}

int cli_infisical_login(const struct cli_place *place, const struct tz_secrets_map *map, char *const more[],
			struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	char path[PATH_MAX];
	int r = cli_infisical_check_bridges(place, err);

	if (r == 0)
		r = cli_infisical_find(path, err);
	if (r == 0)
		r = take_environment(place, map, err);
	if (r == 0)
		r = choose_files(path, err);
	if (r < 0)
		return r;
	cli_args_add(&args, "%s", path);
	cli_args_add(&args, "login");
	if (more)
		cli_args_add_all(&args, (const char *const *)more);
	r = cli_args_check(&args, err);
	if (r == 0)
		r = run_on_terminal(args.words, err);
	if (r == 128 + SIGINT)
		return tz_error_set(err, EINTR, "interrupted; nobody is logged in");
	return r <= 0 ? r : tz_error_set(err, EACCES, "'infisical login' ended with status %d; nobody is logged in", r);
}
