#include "tests/unit/unit.h"

#include "tazpod-cli/pull.h"

static struct tz_error err;
static char told[4096];

static void tell(void *data, enum cli_pull_kind kind, const char *name, const char *path)
{
	static const char kinds[] = { 'n', 'c', 's', 'g', 'm', 'r' };
	size_t used = strlen(told);

	assert_null(data);
	(void)snprintf(told + used, sizeof(told) - used, "%c %s %s\n", kinds[kind], name, path ? path : "-");
}

/* One pull of pairs (name and value, ended by NULL) with the map in yaml. */
static int pull(const char *yaml, const char *const pairs[], bool prune, bool commit)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	_cleanup_store_ struct tz_store *store = NULL;
	struct tz_settings settings;
	struct cli_pull pull = { .map = &map, .fetched = &fetched, .settings = &settings, .prune = prune, .tell = tell };
	int r;

	told[0] = '\0';
	tz_settings_defaults(&settings);
	for (; pairs[0]; pairs += 2)
		assert_int_equal(cli_fetched_add(&fetched, pairs[0], pairs[1], strlen(pairs[1]), &err), 0);
	if (cli_fetched_finish(&fetched, &err) < 0 ||
	    tz_secrets_map_parse(yaml, strlen(yaml), "f", &map, NULL, NULL, &err) < 0 ||
	    tz_store_open(unit_dir, "~/secrets", true, 1000, &store, &err) < 0)
		fail_msg("%s", err.message);
	pull.store = store;
	r = cli_pull_prepare(&pull, &err);
	if (r == 0 && commit)
		r = tz_store_commit(store, &err);
	return r;
}

#define PAIRS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void has(const char *path, const char *text)
{
	char buffer[64] = "";
	int fd = open(unit_path(path), O_RDONLY | O_CLOEXEC);

	if (!text) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0);
	assert_int_equal(read(fd, buffer, sizeof(buffer) - 1), strlen(text));
	assert_string_equal(buffer, text);
	assert_int_equal(close(fd), 0);
}

#define MAP "config: {all: false}\nsecrets: [{name: A, file: d/a}, {name: B, env: B}]"

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(pull(MAP, PAIRS("A", "1", "B", "2", "C", "3"), false, true), 0);
	assert_string_equal(told, "n A d/a\nn B .tazpod/values/B\n");
	assert_int_equal(pull(MAP, PAIRS("A", "1", "B", "9"), false, true), 0);
	assert_string_equal(told, "s A d/a\nc B .tazpod/values/B\n");
	has("d/a", "1");
	has(".tazpod/values/B", "9");
	/* one that the provider has no more stays */
	assert_int_equal(pull(MAP, PAIRS("B", "9"), false, true), 0);
	assert_string_equal(told, "m A -\ns B .tazpod/values/B\ng A d/a\n");
	has("d/a", "1");
	assert_int_equal(pull(MAP, PAIRS("B", "9"), true, true), 0);
	has("d/a", NULL);
	has("d", NULL);
	/* and is gone for good */
	assert_int_equal(pull(MAP, PAIRS("B", "9"), true, true), 0);
	assert_string_equal(told, "m A -\ns B .tazpod/values/B\n");
}

/* Not committed, nothing is there. */
static void test_dry(void **state)
{
	(void)state;
	assert_int_equal(pull(MAP, PAIRS("A", "1", "B", "2"), true, false), 0);
	assert_string_equal(told, "n A d/a\nn B .tazpod/values/B\n");
	has("d", NULL);
	has(".tazpod/values", NULL);
}

static void test_moved(void **state)
{
	(void)state;
	assert_int_equal(pull("secrets: [{name: A, file: a}]", PAIRS("A", "1"), false, true), 0);
	assert_int_equal(pull("secrets: [{name: A, file: b}]", PAIRS("A", "1"), true, true), 0);
	assert_string_equal(told, "n A b\ng A a\n");
	has("a", NULL);
	has("b", "1");
}

static void test_shared(void **state)
{
	(void)state;
	/* two variables of one secret without a file; and one of it with one */
	assert_int_equal(pull("secrets: [{name: A, env: X}, {name: A, env: Y}, {name: A, file: f}]", PAIRS("A", "1"), false, true),
			 0);
	assert_string_equal(told, "n A .tazpod/values/A\nn A f\n");
}

static void test_all(void **state)
{
	static const char all[] = "config: {all: true}\nsecrets: [{name: A, file: a}]\n";

	(void)state;
	assert_int_equal(pull(all, PAIRS("A", "1", "B", "2", "LD_PRELOAD", "3"), false, true), 0);
	assert_string_equal(told, "n A a\nn B .tazpod/values/B\nr LD_PRELOAD -\n");
	has(".tazpod/values/LD_PRELOAD", NULL);
	assert_int_equal(pull("config: {all: true}\nallow: [LD_PRELOAD]\n", PAIRS("LD_PRELOAD", "3"), false, true), 0);
	has(".tazpod/values/LD_PRELOAD", "3");
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(pull("secrets: [{name: A, file: .infisical-vault/x}]", PAIRS("A", "1"), false, true), -EPERM);
	assert_contains(err.message, "of the secret A would be in a bridge, which is ~/.infisical");
	/* what is in the way is told, and nothing of the rest is there */
	assert_int_equal(mkdir(unit_path("taken"), 0700), 0);
	assert_true(pull("secrets: [{name: B, file: b}, {name: A, file: taken}]", PAIRS("A", "1", "B", "2"), false, true) < 0);
	assert_contains(err.message, "~/secrets/taken is a folder");
	has("b", NULL);
}

/* What a server answers for a folder that is not there must not empty the vault. */
static void test_nothing_at_all(void **state)
{
	(void)state;
	assert_int_equal(pull(MAP, PAIRS("A", "1", "B", "2"), false, true), 0);
	assert_int_equal(pull(MAP, PAIRS(NULL), true, true), -ENODATA);
	assert_contains(err.message, "gave no secret at all");
	has("d/a", "1");
	has(".tazpod/values/B", "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_at_all, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_kinds, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_dry, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_moved, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_shared, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_all, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_refused, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("pull", tests, NULL, NULL);
}
