/*
 * The secrets that a provider gave: names with their values, looked up by name. A value is any bytes, with its size.
 * All of it is in memory that is wiped on release and kept out of core dumps and forked children.
 */
#ifndef TAZPOD_CLI_FETCHED_H
#define TAZPOD_CLI_FETCHED_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "error.h"
#include "textbuf.h"

#define CLI_FETCHED_MAX 20000
#define CLI_FETCHED_SIZE_MAX ((size_t)16 * 1024 * 1024) /* names and values, in all */

/* What messages and warnings tell of a secret: its name, and never a part of its value. */
typedef void (*cli_fetched_warn_fn)(void *data, const char *sentence);

struct cli_fetched_place;

struct cli_fetched {
	size_t count;
	struct tz_textbuf texts;          /* this and the rest are private */
	struct cli_fetched_place *places; /* sorted by name once they are finished */
	size_t room;
};

#define CLI_FETCHED_INIT { .count = 0 }

/* Points into the set, which must not be added to or freed meanwhile. */
struct cli_secret {
	const char *name;
	const char *value; /* value[size] is 0 */
	size_t size;
};

/* Adds a copy; the caller wipes its own. -E2BIG: one too many, or too much in all; -ENOMEM. */
int cli_fetched_add(struct cli_fetched *fetched, const char *name, const char *value, size_t size, struct tz_error *err);

/*
 * Sorts what was added, after the last one and before the first is looked for. -EEXIST: two have the same name, which the
 * sentence says.
 */
int cli_fetched_finish(struct cli_fetched *fetched, struct tz_error *err);

/* The index'th by name, of a set that is finished. */
struct cli_secret cli_fetched_at(const struct cli_fetched *fetched, size_t index);
/* False where there is none of this name, with *ret untouched. */
bool cli_fetched_find(const struct cli_fetched *fetched, const char *name, struct cli_secret *ret);

/* Wipes all of it; the set is empty after. */
void cli_fetched_free(struct cli_fetched *fetched);

#define _cleanup_fetched_ tz_cleanup(cli_fetched_free)

#endif
