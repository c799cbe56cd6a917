/* What a pull does to the vault: from what was fetched and what the project maps to a change of files. */
#ifndef TAZPOD_CLI_PULL_H
#define TAZPOD_CLI_PULL_H

#include "error.h"
#include "fetched.h"
#include "secrets_map.h"
#include "settings.h"
#include "store.h"

enum cli_pull_kind {
	CLI_PULL_NEW,
	CLI_PULL_CHANGED,
	CLI_PULL_SAME,
	CLI_PULL_GONE,    /* it is in the vault from an earlier pull, and neither fetched nor mapped now */
	CLI_PULL_MISSING, /* it is mapped, and was not fetched */
	CLI_PULL_REFUSED, /* not mapped, and no variable: its name changes how programs run, or it is too long or has a NUL */
	CLI_PULL_KINDS,
};

struct cli_pull {
	const struct tz_secrets_map *map;
	const struct cli_fetched *fetched;
	const struct tz_settings *settings;
	struct tz_store *store; /* opened for writing */
	bool prune;             /* remove what is gone */
	/* told for each secret, without any value; path is relative to the vault, or NULL */
	void (*tell)(void *data, enum cli_pull_kind kind, const char *name, const char *path);
	void *data;
	unsigned int counts[CLI_PULL_KINDS];
};

/* Puts it all into the store, for the caller to commit, or not. Counts it. */
int cli_pull_prepare(struct cli_pull *pull, struct tz_error *err);

#endif
