#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "become.h"
#include "commands.h"
#include "infisical_login.h"
#include "here.h"
#include "options.h"
#include "place.h"
#include "provider.h"
#include "provider_trust.h"
#include "pull.h"
#include "remote.h"
#include "report.h"
#include "secret.h"
#include "secrets_here.h"

#define STORE_TIMEOUT_MS 30000

struct request {
	bool dry_run, prune, yes;
};

static void tell(void *data, enum cli_pull_kind kind, const char *name, const char *path)
{
	static const struct {
		const char *word, *colour, *more;
	} kinds[] = {
		[CLI_PULL_NEW] = { "new", "\033[32m", "" },
		[CLI_PULL_CHANGED] = { "changed", "\033[33m", "" },
		[CLI_PULL_SAME] = { NULL, NULL, NULL },
		[CLI_PULL_GONE] = { "gone", "\033[31m", "" },
		[CLI_PULL_MISSING] = { "missing", "\033[31m", TZ_SECRETS_MAP_FILE " has it, the provider has not" },
		[CLI_PULL_REFUSED] = { "refused", "\033[31m", "this is no variable to give to every program; secrets.yml can give it a 'file', or 'allow' it" },
	};
	bool colour = cli_has_colour(stdout);
	bool own = path && strncmp(path, TZ_SECRETS_VALUES "/", strlen(TZ_SECRETS_VALUES "/")) == 0;

	(void)data;
	if (!kinds[kind].word)
		return;
	(void)printf("%s%-8s%s %s%s%s%s%s\n", colour ? kinds[kind].colour : "", kinds[kind].word, colour ? "\033[0m" : "", name,
		     path && !own ? "  ~/secrets/" : "", path && !own ? path : "", kinds[kind].more[0] ? "  " : "",
		     kinds[kind].more);
}

static void summarize(const struct cli_pull *pull, const struct request *request)
{
	const unsigned int *counts = pull->counts;

	(void)printf("%u new, %u changed, %u as they were", counts[CLI_PULL_NEW], counts[CLI_PULL_CHANGED],
		     counts[CLI_PULL_SAME]);
	if (counts[CLI_PULL_GONE])
		(void)printf(", %u gone%s", counts[CLI_PULL_GONE],
			     request->prune ? " and removed" : ", which '--prune' removes");
	(void)puts(request->dry_run ? "; nothing was written (--dry-run)" : "");
}

/* The lock is not held while a server is asked. */
static int fetch(const struct cli_place *place, const struct tz_secrets_map *map, struct cli_fetched *ret,
		 struct tz_error *err)
{
	const struct cli_provider_request request = {
		.map = map, .folder = place->settings.workspace, .home = place->ghost.home, .warn = cli_warn,
	};

	int r = map->provider == TZ_PROVIDER_INFISICAL ? cli_infisical_check_bridges(place, err) : 0;

	if (r < 0)
		return r;
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "fetching the secrets from %s\n",
			      map->provider == TZ_PROVIDER_COMMAND ? map->command.list[0] : "Infisical");
	return cli_provider_fetch(&request, ret, err);
}

/* Somebody at a terminal is led to the login, and then gets what he came for. */
static int fetch_logged_in(const struct cli_place *place, const struct tz_secrets_map *map, struct cli_fetched *ret,
			   struct tz_error *err)
{
	int r = fetch(place, map, ret, err);

	if (r != -EACCES || map->provider != TZ_PROVIDER_INFISICAL || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return r;
	cli_say("%s", err->message);
	r = cli_infisical_login(place, map, NULL, err);
	return r < 0 ? r : fetch(place, map, ret, err);
}

static int apply(const struct cli_place *place, const struct tz_secrets_map *map, const struct cli_fetched *fetched,
		 const struct request *request, struct tz_error *err)
{
	_cleanup_store_ struct tz_store *store = NULL;
	struct cli_pull pull = {
		.map = map, .fetched = fetched, .settings = &place->settings, .prune = request->prune, .tell = tell,
	};
	int r = tz_store_open(place->secrets, "~/secrets", true, STORE_TIMEOUT_MS, &store, err);

	pull.store = store;
	if (r == 0)
		r = cli_pull_prepare(&pull, err);
	if (r == 0 && !request->dry_run)
		r = tz_store_commit(store, err);
	if (r < 0)
		return r;
	summarize(&pull, request);
	return pull.counts[CLI_PULL_MISSING] ?
	       tz_error_set(err, ENODATA, "%u of the secrets in " TZ_SECRETS_MAP_FILE " %s missing at the provider; see above",
			    pull.counts[CLI_PULL_MISSING], pull.counts[CLI_PULL_MISSING] == 1 ? "is" : "are") : 0;
}

static int check_map(const struct cli_place *place, const struct tz_secrets_map *map, struct tz_error *err)
{
	if (map->count > 0 || map->all)
		return 0;
	return tz_error_set(err, ENOENT, "%s/" TZ_SECRETS_MAP_FILE " names no secrets; secrets.yml(5) says how to",
			    place->settings.workspace);
}

static int pull_here(const struct cli_place *place, const struct request *request, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	int r = tz_secret_harden_process();

	if (r < 0)
		return tz_error_set(err, r, "core dumps cannot be forbidden: %s", strerrordesc_np(-r));
	r = cli_secrets_map(place, true, &map, err);
	if (r == 0)
		r = check_map(place, &map, err);
	if (r == 0)
		r = cli_provider_trust(place, &map, request->yes, err);
	if (r == 0)
		r = fetch_logged_in(place, &map, &fetched, err);
	return r < 0 ? r : apply(place, &map, &fetched, request, err);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request request = { .dry_run = false };
	const struct cli_option options[] = {
		{ .name = "dry-run", .letter = 'n', .flag = &request.dry_run },
		{ .name = "prune", .flag = &request.prune },
		{ .name = "yes", .letter = 'y', .flag = &request.yes },
		{ 0 },
	};
	struct cli_place place;
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = cli_place_find(&place, &error);
	if (r == 0 && !place.inside && cli_here_is_meant(&place))
		return cli_remote_command(cli);
	if (r == 0 && !place.inside)
		r = cli_become_ghost_after(&place, cli->argv, &error);
	else if (r == 0)
		r = pull_here(&place, &request, &error);
	return r < 0 ? cli_fail(cli, &error) : CLI_DONE;
}

#define USAGE(name) \
	"Usage: tazpod " name " [--dry-run] [--prune] [--yes]\n" \
	"\n" \
	"Fetches the secrets that secrets.yml names from their provider, and puts them into the vault: all of them, or,\n" \
	"when anything fails, none. Values are never shown. From outside the enclave it opens the vault first, and ends\n" \
	"in a ghost shell. On the host, in a project's folder, it does so in the project's container.\n" \
	"\n" \
	"  -n, --dry-run  show what would change, and change nothing\n" \
	"      --prune    remove what an earlier pull wrote and the provider, or secrets.yml, has no more\n" \
	"  -y, --yes      trust the provider that secrets.yml names, without asking\n"

const struct cli_command cli_cmd_pull = {
	.name = "pull",
	.path = "pull",
	.summary = "fetch the project's secrets into the vault",
	.usage = USAGE("pull"),
	.run = run,
};

const struct cli_command cli_cmd_sync = {
	.name = "sync",
	.path = "sync",
	.summary = "the same as pull",
	.usage = USAGE("sync"),
	.run = run,
};
