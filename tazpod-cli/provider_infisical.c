/*
 * provider: infisical. Its own CLI has the login, in the environment or in its file vault, and does the talking.
 *
 * 1. No token MUST be in the arguments, which every user of the machine sees: it stays in the environment. A bare TOKEN
 *    there is taken away, since the CLI would take anybody's for its own.
 * 2. What the CLI has kept from another time MUST NOT pass for what the server has. It says so on standard error only,
 *    and ends with status 0; so it is not told to be silent, and its log stays on, in plain text, and off standard output.
 * 3. No .infisical.json of a repository MUST decide where the login goes: the CLI looks for one from its folder upwards, so
 *    it runs in the root folder. Nor may secrets.yml send a login to one server that the environment has for another.
 * 4. Nobody logs in here: where the CLI would begin to, in a browser or on a terminal, it is ended.
 */
#include "provider.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "fetch.h"
#include "infisical.h"
#include "said.h"
#include "program.h"
#include "secrets_json.h"

#define NAME CLI_INFISICAL
/* In place of a value that whoever is logged in may not read. */
#define HIDDEN_VALUE "<hidden-by-infisical>"
#define CHANGES_MAX 12

/* Where it would begin to log in; what follows waits for a person. */
static const char login_begins[] = "triggering login flow";
/* It goes no further where it says that, or that what it is about to print has been kept from another time. */
static const char *const stop_at[] = { login_begins, "last successful fetch", "serving secrets from", "cached secrets", NULL };

struct changes {
	const char *list[CHANGES_MAX + 1];
	struct cli_infisical_server server;
	char home[PATH_MAX + 8];
};

/* ---------------------------------------------------------------- the request */

static int choose_changes(const struct cli_provider_request *request, struct changes *ret, struct tz_error *err)
{
	static const char *const always[] = {
		"TOKEN",
		"INFISICAL_DISABLE_UPDATE_CHECK=true",
		"INFISICAL_TELEMETRY_ENABLED=false",
		"LOG_LEVEL=info",
		"LOG_FORMAT=plain",
		"LOG_DESTINATION=stderr",
		"NO_COLOR=1",
		NULL,
	};
	size_t count = 0;
	int r;

	for (const char *const *change = always; *change; change++)
		ret->list[count++] = *change;
	if (request->home) {
		if (snprintf(ret->home, sizeof(ret->home), "HOME=%s", request->home) >= (int)sizeof(ret->home))
			return tz_error_set(err, ENAMETOOLONG, "%s has too long a path", request->home);
		ret->list[count++] = ret->home;
	}
	r = cli_infisical_server(request->map, &ret->server, err);
	if (r == 0 && ret->server.domain[0]) {
		ret->list[count++] = ret->server.domain;
		ret->list[count++] = ret->server.address;
	}
	return r;
}

/* ---------------------------------------------------------------- what it said */

static bool says(const char *said, const char *const *texts)
{
	for (; *texts; texts++)
		if (strcasestr(said, *texts))
			return true;
	return false;
}

/* Of a line in a box that it draws. */
static size_t without_border(const char *line, size_t size)
{
	static const char border[] = "\xe2\x94\x82";

	for (;;) {
		if (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
			size--;
		else if (size >= strlen(border) && memcmp(line + size - strlen(border), border, strlen(border)) == 0)
			size -= strlen(border);
		else
			return size;
	}
}

/* What the server said, which stands in a box behind "Message:"; else the last that the CLI said. */
static void reason(const char *said, char *ret, size_t size)
{
	static const char label[] = "Message: ";
	const char *message = strstr(said, label);

	if (!message) {
		cli_last_lines(said, 3, ret, size);
		return;
	}
	message += strlen(label);
	cli_printable_copy(message, without_border(message, strcspn(message, "\n")), ret, size);
}

static int refuse_login(struct tz_error *err)
{
	return tz_error_set(err, EACCES, "nobody is logged in to Infisical, or the login has expired; 'tazpod login' logs in");
}

static int explain(const struct tz_secrets_map *map, const struct cli_fetch_result *result, struct tz_error *err)
{
	static const char *const logged_out[] = { "must be logged in", "login session", "[infisical login]", "token has expired",
						  "Response Code: 401", "status-code=401", NULL };
	static const char *const elsewhere[] = { "belongs to a different instance", NULL };
	static const char *const forbidden[] = { "Response Code: 403", "status-code=403", NULL };
	static const char *const missing[] = { "Response Code: 404", "status-code=404", NULL };
	static const char *const unreachable[] = { "dial tcp", "no such host", "connection refused", "connection reset",
						   "network is unreachable", "i/o timeout", "TLS handshake", "deadline exceeded",
						   "Response Code: 502", "Response Code: 503", "Response Code: 504", NULL };
	char why[200];

	reason(result->said, why, sizeof(why));
	if (says(result->said, logged_out))
		return refuse_login(err);
	if (says(result->said, elsewhere))
		return tz_error_set(err, EACCES, "the login for Infisical is one for another server than %s asks; 'tazpod login' logs in "
				    "there", map->infisical_url[0] ? TZ_SECRETS_MAP_FILE : "the environment");
	if (says(result->said, forbidden))
		return tz_error_set(err, EACCES, "this login may not read project %.40s, environment %.40s, folder %.64s of "
				    "Infisical; 'tazpod login' logs in anew (%s)", map->infisical_project_id,
				    map->infisical_environment, map->infisical_path, why);
	if (says(result->said, missing))
		return tz_error_set(err, EIO, "Infisical has no project %.40s with environment %.40s and folder %.64s, as secrets.yml "
				    "asks for (%s)", map->infisical_project_id, map->infisical_environment,
				    map->infisical_path, why);
	if (says(result->said, unreachable))
		return tz_error_set(err, EHOSTUNREACH, "the server of Infisical could not be reached; the vault keeps what it has "
				    "(%s)", why);
	if (!why[0])
		return tz_error_set(err, EIO, NAME " ended with status %d, and said nothing", result->status);
	return tz_error_set(err, EIO, NAME " ended with status %d: %s", result->status, why);
}

static int judge(const struct tz_secrets_map *map, const struct cli_fetch_result *result, struct tz_error *err)
{
	if (result->stopped_at == login_begins)
		return refuse_login(err);
	if (result->stopped_at)
		return tz_error_set(err, EHOSTUNREACH, "the server of Infisical could not be reached, and what its CLI has kept from "
				    "another time is not taken; the vault keeps what it has");
	if (result->status != 0)
		return explain(map, result, err);
	if (result->output.size == 0)
		return tz_error_set(err, EIO, NAME " ended well, but printed nothing");
	return 0;
}

/* It passes these on without a word. */
static int refuse_hidden(const struct cli_fetched *fetched, struct tz_error *err)
{
	for (size_t i = 0; i < fetched->count; i++) {
		struct cli_secret secret = cli_fetched_at(fetched, i);

		if (strcmp(secret.value, HIDDEN_VALUE) == 0 && secret.size == strlen(HIDDEN_VALUE))
			return tz_error_set(err, EPERM, "Infisical hides the value of %.128s from this login, which may not read it",
					    secret.name);
	}
	return 0;
}

static int read_output(const struct cli_provider_request *request, const struct tz_textbuf *output, struct cli_fetched *ret,
		       struct tz_error *err)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	const struct cli_secrets_source source = { "the output of " NAME, "", request->warn, request->data };
	int r = cli_secrets_json(output->data, output->size, &source, &fetched, err);

	if (r == 0)
		r = refuse_hidden(&fetched, err);
	if (r < 0)
		return r;
	*ret = fetched;
	fetched = (struct cli_fetched)CLI_FETCHED_INIT;
	return 0;
}

static int export_secrets(const struct cli_provider_request *request, struct cli_fetch_result *ret, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	const struct tz_secrets_map *map = request->map;
	struct changes changes = { .list = { NULL } };
	char path[PATH_MAX];
	struct cli_fetch fetch = { .path = path, .name = NAME, .folder = "/", .changes = changes.list,
				   .seconds = map->timeout, .stop_at = stop_at };
	int r = cli_infisical_find(path, err);

	if (r == 0)
		r = choose_changes(request, &changes, err);
	if (r < 0)
		return r;
	cli_args_add_all(&args, (const char *const[]){ NAME, "export", "--format=json", NULL });
	cli_args_add(&args, "--env=%s", map->infisical_environment);
	cli_args_add(&args, "--path=%s", map->infisical_path);
	cli_args_add(&args, "--projectId=%s", map->infisical_project_id);
	r = cli_args_check(&args, err);
	if (r < 0)
		return r;
	fetch.words = args.words;
	return cli_fetch(&fetch, ret, err);
}

static int fetch(const struct cli_provider_request *request, struct cli_fetched *ret, struct tz_error *err)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	int r;

	if (!request->map->infisical_project_id[0])
		return tz_error_set(err, EINVAL, "secrets.yml has no 'infisical_project_id' in its config: the project's id, which "
				    "its settings at Infisical show");
	r = export_secrets(request, &result, err);
	if (r == 0)
		r = judge(request->map, &result, err);
	return r < 0 ? r : read_output(request, &result.output, ret, err);
}

const struct cli_provider cli_provider_infisical = { NAME, fetch };
