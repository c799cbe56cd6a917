#include "pull.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "envname.h"
#include "variables.h"
#include "wellformed.h"

static void tell(struct cli_pull *pull, enum cli_pull_kind kind, const char *name, const char *path)
{
	pull->counts[kind]++;
	pull->tell(pull->data, kind, name, path);
}

/* A bridge's folder holds what programs trust as their own, and run by. */
static int check_path(const struct cli_pull *pull, const struct tz_secrets_item *item, struct tz_error *err)
{
	for (unsigned int i = 0; i < pull->settings->bridge_count; i++)
		if (tz_path_is_within(item->file, pull->settings->bridges[i].vault))
			return tz_error_set(err, EPERM, TZ_SECRETS_MAP_FILE ": the file '%s' of the secret %s would be in a bridge, "
					    "which is ~/%s; choose another place", item->file, item->name,
					    pull->settings->bridges[i].home);
	return 0;
}

static int put(struct cli_pull *pull, const struct cli_secret *secret, const char *path, struct tz_error *err)
{
	static const enum cli_pull_kind kinds[] = {
		[TZ_STORE_NEW] = CLI_PULL_NEW,
		[TZ_STORE_CHANGED] = CLI_PULL_CHANGED,
		[TZ_STORE_SAME] = CLI_PULL_SAME,
	};
	enum tz_store_state state;
	int r = tz_store_put(pull->store, secret->name, path, secret->value, secret->size, &state, err);

	if (r < 0)
		return tz_error_wrap(err, "the secret %s", secret->name);
	tell(pull, kinds[state], secret->name, path);
	return 0;
}

/* Two variables may have one secret without a file. */
static bool is_put(const struct cli_pull *pull, const char *path)
{
	const struct tz_manifest_entry *entry = tz_store_find(pull->store, path);

	return entry && entry->put;
}

static int put_item(struct cli_pull *pull, const struct tz_secrets_item *item, struct tz_error *err)
{
	struct cli_secret secret;
	char own[TZ_SECRETS_TEXT];
	int r = check_path(pull, item, err);

	if (r < 0)
		return r;
	if (!cli_fetched_find(pull->fetched, item->name, &secret)) {
		tell(pull, CLI_PULL_MISSING, item->name, NULL);
		return 0;
	}
	if (item->file[0])
		return put(pull, &secret, item->file, err);
	if (tz_secrets_value_path(item->name, own) < 0)
		return tz_error_set(err, ENAMETOOLONG, "the name of the secret %s is too long", item->name);
	return is_put(pull, own) ? 0 : put(pull, &secret, own, err);
}

/* Nobody gave it a file, so it is for a variable. */
static bool can_be_variable(const struct cli_pull *pull, const struct cli_secret *secret)
{
	return strlen(secret->name) < TZ_SECRETS_NAME && strlen(secret->name) + 1 + secret->size <= TZ_VARIABLE_MAX &&
	       !memchr(secret->value, '\0', secret->size) &&
	       (!tz_envname_danger(secret->name) || tz_secrets_words_have(&pull->map->allow, secret->name));
}

static int put_rest(struct cli_pull *pull, struct tz_error *err)
{
	char own[TZ_SECRETS_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < pull->fetched->count; i++) {
		const struct cli_secret secret = cli_fetched_at(pull->fetched, i);

		if (tz_secrets_map_names(pull->map, secret.name))
			continue;
		if (!can_be_variable(pull, &secret) || tz_secrets_value_path(secret.name, own) < 0)
			tell(pull, CLI_PULL_REFUSED, secret.name, NULL);
		else
			r = put(pull, &secret, own, err);
	}
	return r;
}

/* The entry goes with its removal, so the next one is looked for before. */
static int find_gone(struct cli_pull *pull, struct tz_error *err)
{
	const struct tz_manifest_entry *entry = tz_store_next(pull->store, NULL), *next;
	int r = 0;

	for (; r == 0 && entry; entry = next) {
		next = tz_store_next(pull->store, entry);
		if (entry->put)
			continue;
		tell(pull, CLI_PULL_GONE, entry->name, entry->path);
		if (pull->prune)
			r = tz_store_remove(pull->store, entry->path, err);
	}
	return r;
}

int cli_pull_prepare(struct cli_pull *pull, struct tz_error *err)
{
	int r = 0;

	memset(pull->counts, 0, sizeof(pull->counts));
	/* a server answers so for a folder that is not there, too */
	if (pull->prune && pull->fetched->count == 0)
		return tz_error_set(err, ENODATA, "the provider gave no secret at all, so that '--prune' would remove every one; nothing "
				    "was changed");
	for (unsigned int i = 0; r == 0 && i < pull->map->count; i++)
		r = put_item(pull, &pull->map->items[i], err);
	if (r == 0 && pull->map->all)
		r = put_rest(pull, err);
	return r < 0 ? r : find_gone(pull, err);
}
