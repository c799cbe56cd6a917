/* The vault is unit_dir, and whatever should work and does not has the test fail. */
#ifndef TAZPOD_UNIT_STORE_VAULT_H
#define TAZPOD_UNIT_STORE_VAULT_H

#include "store_sets.h"

/* For a test that holds a lock itself. */
#define SHORT_WAIT 200

UNIT_UNUSED static int setup(void **state)
{
	umask(022);
	return unit_setup_dir(state);
}

UNIT_UNUSED static struct tz_store *open_store(bool writing)
{
	struct tz_store *store = NULL;
	struct tz_error err = { 0 };

	if (tz_store_open(unit_dir, SETS_SHOWN, writing, SETS_WAIT, &store, &err) < 0)
		fail_msg("%s", err.message);
	return store;
}

UNIT_UNUSED static enum tz_store_state put(struct tz_store *store, const char *name, const char *path, const char *value)
{
	enum tz_store_state state;
	struct tz_error err = { 0 };

	if (tz_store_put(store, name, path, value, strlen(value), &state, &err) < 0)
		fail_msg("%s", err.message);
	return state;
}

UNIT_UNUSED static void commit(struct tz_store *store)
{
	struct tz_error err = { 0 };

	if (tz_store_commit(store, &err) < 0)
		fail_msg("%s", err.message);
}

UNIT_UNUSED static void pull(const struct sets_secret *set)
{
	struct tz_error err = { 0 };

	if (sets_pull(unit_dir, set, &err) < 0)
		fail_msg("%s", err.message);
}

UNIT_UNUSED static void begin(void)
{
	struct tz_error err = { 0 };

	if (sets_begin(unit_dir, &err) < 0)
		fail_msg("%s", err.message);
}

UNIT_UNUSED static bool is_there(const char *name)
{
	struct stat st;

	return lstat(unit_path(name), &st) == 0;
}

UNIT_UNUSED static void make_file_of(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0600);
}

UNIT_UNUSED static void make_folder(const char *name)
{
	assert_int_equal(mkdir(unit_path(name), 0700), 0);
}

UNIT_UNUSED static void assert_text(const char *name, const char *text)
{
	char found[64] = "";
	int fd = open(unit_path(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	assert_int_equal(close(fd), 0);
	assert_string_equal(found, text);
}

UNIT_UNUSED static void refuse_open(bool writing, int code, const char *message)
{
	struct tz_store *untouched = NULL;
	struct tz_error err = { 0 };

	if (tz_store_open(unit_dir, SETS_SHOWN, writing, SHORT_WAIT, &untouched, &err) != code)
		fail_msg("%d: %s", err.code, err.message);
	assert_null(untouched);
	assert_contains(err.message, message);
}

/* As a pull that was killed behind its commit leaves it. */
UNIT_UNUSED static void make_stage(const char *manifest)
{
	make_folder(".tazpod/stage");
	make_folder(".tazpod/stage/tree");
	make_file_of(".tazpod/stage/pulled", manifest);
}

#endif
