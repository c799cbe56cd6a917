/*
 * Two sets of secrets, such that a pull of the second one after the first does all that a pull can do; and whoever pulls
 * and reads them. Nothing here asserts: it is for children, too.
 */
#ifndef TAZPOD_UNIT_STORE_SETS_H
#define TAZPOD_UNIT_STORE_SETS_H

#include "unit.h"

#include "libtazpod/store.h"

#define SETS_SHOWN "~/secrets"
#define SETS_WAIT 20000

struct sets_secret {
	const char *name, *path, *value; /* ends with a name that is NULL */
};

/* Larger than what is compared and read at a time. */
static char sets_large[3 * 4096 + 1];

static const struct sets_secret sets_old[] = {
	{ "SAME", "same", "the same in both" },
	{ "CHANGED", "changed", "old" },
	{ "LARGE", "db/large", sets_large },
	{ "PASSWORD", "db/password", "hunter1" },
	{ "VALUE", ".tazpod/values/VALUE", "old value" },
	{ "LAST", ".tazpod/values/LAST", "a value that is removed" },
	{ "DEEP", "gone/deep/er/file", "to be removed, with its folders" },
	{ "KEPT", "gone/kept", "not to be removed" },
	{ "PLACE", "place", "a file that makes room for a folder" },
	{ "RENAMED", "renamed", "the same bytes, with another name" },
	{ .name = NULL },
};

static const struct sets_secret sets_new[] = {
	{ "SAME", "same", "the same in both" },
	{ "CHANGED", "changed", "new, and longer" },
	{ "LARGE", "db/large", "not large any more" },
	{ "PASSWORD", "db/password", "hunter2" },
	{ "USER", "db/user", "in a folder that was there" },
	{ "VALUE", ".tazpod/values/VALUE", "new value" },
	{ "KEPT", "gone/kept", "not to be removed" },
	{ "PLACE", "place/of/it", "in a folder where a file was" },
	{ "NAMED", "renamed", "the same bytes, with another name" },
	{ "FIRST", "new/folder/a", "in a new folder" },
	{ "SECOND", "new/folder/b", sets_large },
	{ "EMPTY", "empty", "" },
	{ .name = NULL },
};

/* The user's. */
static const char *const sets_own[] = { "own", "db/own", "gone/own" };

static const char *sets_path(const char *vault, const char *name)
{
	static char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", vault, name);

	return n > 0 && (size_t)n < sizeof(path) ? path : "";
}

static const struct sets_secret *sets_find(const struct sets_secret *set, const char *path)
{
	for (; set->name; set++)
		if (strcmp(set->path, path) == 0)
			return set;
	return NULL;
}

static int sets_put_all(struct tz_store *store, const struct sets_secret *set, struct tz_error *err)
{
	const struct tz_manifest_entry *entry = NULL;
	int r = 0;

	for (; r == 0 && set->name; set++)
		r = tz_store_put(store, set->name, set->path, set->value, strlen(set->value), NULL, err);
	while (r == 0 && (entry = tz_store_next(store, entry)))
		if (!entry->put)
			r = tz_store_remove(store, entry->path, err);
	return r;
}

/* What `tazpod pull` does. */
UNIT_UNUSED static int sets_pull(const char *vault, const struct sets_secret *set, struct tz_error *err)
{
	_cleanup_store_ struct tz_store *store = NULL;
	int r = tz_store_open(vault, SETS_SHOWN, true, SETS_WAIT, &store, err);

	if (r == 0)
		r = sets_put_all(store, set, err);
	return r < 0 ? r : tz_store_commit(store, err);
}

static bool sets_fault(const char *what, const char *path, const struct tz_error *err)
{
	(void)fprintf(stderr, "%s: %s: %s\n", path, what, err->message);
	return false;
}

static bool sets_is_in_place(const struct tz_store *store, const char *vault, const struct sets_secret *secret)
{
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	const struct tz_manifest_entry *entry = tz_store_find(store, secret->path);
	struct tz_error err = { 0 };
	struct stat st;

	if (!entry || strcmp(entry->name, secret->name) != 0)
		return sets_fault("not in the manifest", secret->path, &err);
	if (tz_store_read(store, secret->path, sizeof(sets_large), &text, &err) < 0)
		return sets_fault("cannot be read", secret->path, &err);
	if (text.size != strlen(secret->value) || strcmp(text.data, secret->value) != 0)
		return sets_fault("has another value", secret->path, &err);
	if (lstat(sets_path(vault, secret->path), &st) < 0 || (st.st_mode & 07777) != 0600)
		return sets_fault("has another mode", secret->path, &err);
	return true;
}

/* Is there a file at a path that only another set has? */
static bool sets_none_is_left(const char *vault, const struct sets_secret *set, const struct sets_secret *other)
{
	struct tz_error err = { 0 };
	struct stat st;

	for (; other->name; other++)
		if (!sets_find(set, other->path) && lstat(sets_path(vault, other->path), &st) == 0 && !S_ISDIR(st.st_mode))
			return sets_fault("still there", other->path, &err);
	return true;
}

/* Does a reader see exactly this set, and the user's files beside it? Tells what it does not. */
UNIT_UNUSED static bool sets_is_seen(const char *vault, const struct sets_secret *set)
{
	_cleanup_store_ struct tz_store *store = NULL;
	const struct tz_manifest_entry *entry = NULL;
	struct tz_error err = { 0 };

	if (tz_store_open(vault, SETS_SHOWN, false, SETS_WAIT, &store, &err) < 0)
		return sets_fault("cannot be opened", vault, &err);
	while ((entry = tz_store_next(store, entry)))
		if (!sets_find(set, entry->path))
			return sets_fault("too much in the manifest", entry->path, &err);
	for (const struct sets_secret *secret = set; secret->name; secret++)
		if (!sets_is_in_place(store, vault, secret))
			return false;
	for (size_t i = 0; i < sizeof(sets_own) / sizeof(sets_own[0]); i++)
		if (access(sets_path(vault, sets_own[i]), F_OK) < 0)
			return sets_fault("the user's is gone", sets_own[i], &err);
	if (access(sets_path(vault, ".tazpod/stage"), F_OK) == 0)
		return sets_fault("still there", ".tazpod/stage", &err);
	return sets_none_is_left(vault, set, set == sets_old ? sets_new : sets_old);
}

/* Which set does the manifest say is there? */
UNIT_UNUSED static const struct sets_secret *sets_said(const char *vault)
{
	_cleanup_store_ struct tz_store *store = NULL;

	if (tz_store_open(vault, SETS_SHOWN, false, SETS_WAIT, &store, NULL) < 0)
		return NULL;
	return tz_store_find(store, "new/folder/a") ? sets_new : sets_old;
}

/* The user's files, and the old set. */
UNIT_UNUSED static int sets_begin(const char *vault, struct tz_error *err)
{
	static const char *const folders[] = { "db", "gone" };
	int fd;

	memset(sets_large, 'x', sizeof(sets_large) - 1);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(sets_path(vault, folders[i]), 0700) < 0)
			return -errno;
	for (size_t i = 0; i < sizeof(sets_own) / sizeof(sets_own[0]); i++) {
		fd = open(sets_path(vault, sets_own[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || close(fd) < 0)
			return -errno;
	}
	return sets_pull(vault, sets_old, err);
}

#endif
