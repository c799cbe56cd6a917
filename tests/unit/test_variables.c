#include "unit.h"

#include "libtazpod/variables.h"

static struct tz_error err;

static void put(const char *name, const char *path, const char *value, size_t size)
{
	_cleanup_store_ struct tz_store *store = NULL;

	if (tz_store_open(unit_dir, "~/secrets", true, 1000, &store, &err) < 0 ||
	    tz_store_put(store, name, path, value, size, NULL, &err) < 0 || tz_store_commit(store, &err) < 0)
		fail_msg("%s: %s", path, err.message);
}

static int load(const char *yaml, struct tz_variables *ret)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_store_ struct tz_store *store = NULL;

	err = (struct tz_error){ 0 };
	if (tz_secrets_map_parse(yaml, strlen(yaml), "f", &map, NULL, NULL, &err) < 0 ||
	    tz_store_open(unit_dir, "~/secrets", false, 1000, &store, &err) < 0)
		fail_msg("%s", err.message);
	return tz_variables_load(&map, store, "/home/tazpod-ghost/secrets", ret, &err);
}

static void has(const struct tz_variables *variables, unsigned int at, const char *name, const char *value)
{
	assert_in_range(at, 0, variables->count - 1);
	assert_string_equal(variables->list[at].name, name);
	assert_int_equal(variables->list[at].size, strlen(value));
	assert_string_equal(tz_variable_value(variables, &variables->list[at]), value);
}

static void test_none(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;

	(void)state;
	assert_int_equal(load("secrets: [{name: A, file: a, env: A}, {name: B, env: B}]", &variables), 0);
	assert_int_equal(variables.count, 0);
	assert_int_equal(variables.missing, 2);
}

static void test_paths_and_values(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;

	(void)state;
	put("A", "db/a", "one\n", 4);
	put("B", ".tazpod/values/B", "two", 3);
	put("C", ".tazpod/values/C", "", 0);
	assert_int_equal(load("secrets:\n"
			      " - {name: A, file: db/a, env: A_FILE}\n"
			      " - {name: A, file: db/a2, env: GONE}\n"
			      " - {name: A, file: db/a3}\n"
			      " - {name: B, env: B}\n"
			      " - {name: C, env: C}\n", &variables), 0);
	assert_int_equal(variables.count, 3);
	assert_int_equal(variables.missing, 1);
	has(&variables, 0, "A_FILE", "/home/tazpod-ghost/secrets/db/a");
	has(&variables, 1, "B", "two");
	has(&variables, 2, "C", "");
	/* what is missing, or read in part only, is no error */
	assert_int_equal(err.code, 0);
	assert_string_equal(err.message, "");
}

static void test_content_of_a_file(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;

	(void)state;
	put("A", "a", "$(x)\n'\xff\n", 8);
	assert_int_equal(load("secrets: [{name: A, file: a, env: A, value: true}]", &variables), 0);
	has(&variables, 0, "A", "$(x)\n'\xff\n");
}

static void test_all(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT, allowed = TZ_VARIABLES_INIT;

	(void)state;
	put("A", ".tazpod/values/A", "a", 1);
	put("B", ".tazpod/values/B", "b", 1);
	put("PATH", ".tazpod/values/PATH", "/evil", 5);
	put("C", "c", "c", 1);
	/* what is mapped is as it is mapped, and no other variable's name is taken */
	assert_int_equal(load("config: {all: true}\nsecrets: [{name: A, env: B}]", &variables), 0);
	assert_int_equal(variables.count, 1);
	has(&variables, 0, "B", "a");
	assert_int_equal(load("allow: [PATH]", &allowed), 0);
	assert_int_equal(allowed.count, 3);
	has(&allowed, 0, "A", "a");
	has(&allowed, 1, "B", "b");
	has(&allowed, 2, "PATH", "/evil");
}

static void refuse(const char *yaml, int code, const char *part)
{
	struct tz_variables variables = TZ_VARIABLES_INIT;

	assert_int_equal(load(yaml, &variables), code);
	assert_contains(err.message, part);
	assert_null(variables.list);
}

static void test_refused(void **state)
{
	static char big[TZ_VARIABLE_MAX + 1];

	(void)state;
	memset(big, 'x', sizeof(big));
	put("N", ".tazpod/values/N", "a\0b", 3);
	refuse("secrets: [{name: N, env: N}]", -EINVAL, "the secret N has a NUL byte");
	put("N", ".tazpod/values/N", big, TZ_VARIABLE_MAX - 1);
	refuse("secrets: [{name: N, env: N}]", -E2BIG, "the secret N is too long for a variable");
	put("N", ".tazpod/values/N", big, sizeof(big));
	refuse("secrets: [{name: N, env: N}]", -E2BIG, "the secret N is too long for a variable");
	put("N", ".tazpod/values/N", big, TZ_VARIABLE_MAX - 2);
	refuse("secrets: [{name: N, env: V1}, {name: N, env: V}, {name: N, env: V2}, {name: N, env: V3}, {name: N, env: V4}, "
	       "{name: N, env: V5}, {name: N, env: V6}, {name: N, env: V7}, {name: N, env: V8}, {name: N, env: V9}]", -E2BIG,
	       "the secret N");
}

/* One that nobody mapped keeps no other one out. */
static void test_rest_that_is_too_much(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	static char big[TZ_VARIABLE_MAX];

	(void)state;
	memset(big, 'x', sizeof(big));
	put("A", ".tazpod/values/A", big, sizeof(big));
	put("B", ".tazpod/values/B", "a\0b", 3);
	put("C", ".tazpod/values/C", "c", 1);
	assert_int_equal(load("", &variables), 0);
	assert_int_equal(variables.count, 1);
	has(&variables, 0, "C", "c");
	assert_int_equal(variables.values.size, 2);
}

/* The longest that a program can be given. */
static void test_longest(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	static char big[TZ_VARIABLE_MAX];

	(void)state;
	memset(big, 'x', sizeof(big));
	put("N", "n", big, TZ_VARIABLE_MAX - 2);
	assert_int_equal(load("secrets: [{name: N, file: n, env: V, value: true}]", &variables), 0);
	assert_int_equal(variables.list[0].size, TZ_VARIABLE_MAX - 2);
}

static void test_in_the_way(void **state)
{
	(void)state;
	assert_int_equal(mkdir(unit_path("a"), 0700), 0);
	refuse("secrets: [{name: A, file: a, env: A}]", -EINVAL, "~/secrets/a");
	put("B", "b", "b", 1);
	assert_int_equal(unlink(unit_path("b")), 0);
	assert_int_equal(symlink("/etc/passwd", unit_path("b")), 0);
	refuse("secrets: [{name: B, file: b, env: B, value: true}]", -ELOOP, "~/secrets/b");
}

/* What no pull put there, or under another name, is nobody's to give away; where it is may be told. */
static void test_only_what_was_pulled(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;

	(void)state;
	unit_write(unit_path("own"), "mine", 4, 0600);
	put("B", "b", "b", 1);
	assert_int_equal(load("secrets: [{name: A, file: own, env: A, value: true}, {name: C, file: b, env: C, value: true}]",
			      &variables), 0);
	assert_int_equal(variables.count, 0);
	assert_int_equal(variables.missing, 2);
	tz_variables_free(&variables);
	assert_int_equal(load("secrets: [{name: A, file: own, env: A}, {name: B, file: b, env: B, value: true}]", &variables), 0);
	assert_int_equal(variables.count, 2);
	has(&variables, 0, "A", "/home/tazpod-ghost/secrets/own");
	has(&variables, 1, "B", "b");
}

static void test_not_agreed_to(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	_cleanup_store_ struct tz_store *store = NULL;
	static const char yaml[] = "allow: [PATH]\nsecrets: [{name: A, env: PATH}]\n";

	(void)state;
	put("A", ".tazpod/values/A", "/bin", 4);
	assert_int_equal(tz_secrets_map_parse(yaml, strlen(yaml), "f", &map, NULL, NULL, &err), 0);
	tz_secrets_words_keep(&map.allow, NULL);
	assert_int_equal(tz_store_open(unit_dir, "~/secrets", false, 1000, &store, &err), 0);
	assert_int_equal(tz_variables_load(&map, store, "/s", &variables, &err), 0);
	assert_int_equal(variables.count, 0);
	assert_int_equal(variables.refused, 1);
}

/* So many names that a program could not be started with them: the list of them is a variable, too. */
static void test_many_names(void **state)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	_cleanup_store_ struct tz_store *store = NULL;
	char name[64], path[96];
	size_t names = 0;

	(void)state;
	assert_int_equal(tz_store_open(unit_dir, "~/secrets", true, 1000, &store, &err), 0);
	for (int i = 0; i < 4000; i++) {
		(void)snprintf(name, sizeof(name), "A_NAME_THAT_IS_RATHER_LONG_AS_NAMES_GO_%05d", i);
		(void)snprintf(path, sizeof(path), ".tazpod/values/%s", name);
		assert_int_equal(tz_store_put(store, name, path, "v", 1, NULL, &err), 0);
	}
	assert_int_equal(tz_store_commit(store, &err), 0);
	tz_store_close(store);
	store = NULL;
	assert_int_equal(load("", &variables), 0);
	for (unsigned int i = 0; i < variables.count; i++)
		names += strlen(variables.list[i].name) + 1;
	assert_in_range(names, TZ_VARIABLE_MAX / 2, TZ_VARIABLE_MAX - strlen("TAZPOD_VARIABLES="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_paths_and_values, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_content_of_a_file, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_all, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_refused, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_rest_that_is_too_much, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_longest, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_in_the_way, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_only_what_was_pulled, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_not_agreed_to, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_many_names, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("variables", tests, NULL, NULL);
}
