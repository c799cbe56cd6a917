#include "provider_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allowed.h"
#include "cleanup.h"
#include "digest.h"
#include "path.h"
#include "prompt.h"
#include "smallfile.h"
#include "wholefile.h"
#include "words.h"

#define FILE_NAME "provider"
#define FILE_SHOWN "~/secrets/" TZ_SECRETS_OWN_FOLDER "/" FILE_NAME

/* Not the environment and the path: which of a trusted server's secrets are wanted is no matter of trust. */
static int digest_of(const struct tz_secrets_map *map, char ret[static TZ_DIGEST_TEXT], struct tz_error *err)
{
	struct tz_digest_part parts[2 + 2 * TZ_SECRETS_WORDS_MAX];
	unsigned int count = 0;

	if (map->provider == TZ_PROVIDER_INFISICAL) {
		parts[count++] = (struct tz_digest_part){ "infisical_url", map->infisical_url, strlen(map->infisical_url) };
		parts[count++] = (struct tz_digest_part){ "infisical_project_id", map->infisical_project_id,
							  strlen(map->infisical_project_id) };
	}
	for (unsigned int i = 0; map->provider == TZ_PROVIDER_COMMAND && i < map->command.count; i++)
		parts[count++] = (struct tz_digest_part){ "command", map->command.list[i], strlen(map->command.list[i]) };
	for (unsigned int i = 0; i < map->allow.count; i++)
		parts[count++] = (struct tz_digest_part){ "allow", map->allow.list[i], strlen(map->allow.list[i]) };
	return tz_digest(parts, count, ret, err);
}

static int open_own_folder(const char *secrets, struct tz_error *err)
{
	_cleanup_close_ int vault = open(secrets, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (vault < 0)
		return tz_error_set(err, errno, "%s cannot be opened: %m", secrets);
	if (mkdirat(vault, TZ_SECRETS_OWN_FOLDER, 0700) < 0 && errno != EEXIST)
		return tz_error_set(err, errno, "~/secrets/" TZ_SECRETS_OWN_FOLDER " cannot be made: %m");
	fd = tz_path_open_beneath(vault, TZ_SECRETS_OWN_FOLDER, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? tz_error_set(err, fd, "~/secrets/" TZ_SECRETS_OWN_FOLDER " cannot be opened: %s", strerrordesc_np(-fd)) :
			fd;
}

/* 1: it is the one that was agreed to; 0; or negative. */
static int is_known(int folder, const char *digest, struct tz_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = tz_smallfile_read(folder, FILE_NAME, FILE_SHOWN, TZ_DIGEST_TEXT, &text, &size, err);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : size == strlen(digest) && memcmp(text, digest, size) == 0;
}

static void show(const struct tz_secrets_map *map, const char *workspace)
{
	_cleanup_free_ char *line = NULL;

	if (map->provider == TZ_PROVIDER_COMMAND) {
		line = cli_quote_words((char *const *)map->command.list);
		(void)fprintf(stderr, "%s/" TZ_SECRETS_MAP_FILE " wants this program to be run in the enclave, where it sees all "
				      "secrets:\n  %s\nIt runs in %s: whoever can change what it reads or runs there decides what it "
				      "does.\n", workspace, line ? line : map->command.list[0], workspace);
	} else {
		(void)fprintf(stderr, "%s/" TZ_SECRETS_MAP_FILE " wants your Infisical login to be used at this server:\n"
				      "  %s, project %s\n", workspace,
			      map->infisical_url[0] ? map->infisical_url : "that of your login (app.infisical.com by default)",
			      map->infisical_project_id[0] ? map->infisical_project_id : "(none yet)");
	}
	for (unsigned int i = 0; i < map->allow.count; i++)
		(void)fprintf(stderr, "%s%s%s", i == 0 ? "It also sets variables that change how programs run:\n  " : " ",
			      map->allow.list[i], i + 1 == map->allow.count ? "\n" : "");
}

static int ask(struct tz_error *err)
{
	_cleanup_prompt_ struct cli_prompt prompt = CLI_PROMPT_INIT;

	if (cli_prompt_open(false, &prompt, NULL) < 0 || !prompt.terminal)
		return tz_error_set(err, ENXIO, "there is no terminal to ask on whether this is trusted; --yes trusts it");
	/* what the question is about was said there */
	if (!isatty(STDERR_FILENO))
		return tz_error_set(err, ENXIO, "standard error is no terminal, so that it could not be shown what is to be trusted; --yes "
				    "trusts it");
	if (!cli_prompt_confirm(&prompt, "Trust this, and remember that in the vault? [y/N] "))
		return tz_error_set(err, ECANCELED, "the provider in " TZ_SECRETS_MAP_FILE " is not trusted; nothing was done");
	return 0;
}

int cli_provider_trust(const struct cli_place *place, const struct tz_secrets_map *map, bool yes, struct tz_error *err)
{
	_cleanup_close_ int folder = open_own_folder(place->secrets, err);
	char digest[TZ_DIGEST_TEXT];
	int r;

	if (folder < 0)
		return folder;
	r = digest_of(map, digest, err);
	if (r == 0)
		r = is_known(folder, digest, err);
	if (r < 0)
		return r;
	/* what was agreed to covers these, should their file be lost */
	if (r > 0)
		return cli_allowed_keep(folder, &map->allow, err);
	if (!yes) {
		show(map, place->settings.workspace);
		r = ask(err);
		if (r < 0)
			return r;
	}
	r = cli_allowed_keep(folder, &map->allow, err);
	return r < 0 ? r : cli_wholefile_replace(folder, FILE_NAME, digest, 0600, err);
}
