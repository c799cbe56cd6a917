#include "tests/unit/unit.h"

#include "libtazpod/secrets_map.h"
#include "tazpod-cli/allowed.h"

static struct tz_error err;

static void parse(const char *yaml, struct tz_secrets_map *ret)
{
	if (tz_secrets_map_parse(yaml, strlen(yaml), "f", ret, NULL, NULL, &err) < 0)
		fail_msg("%s", err.message);
}

static void keep(const char *yaml)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	int folder = open(unit_path(TZ_SECRETS_OWN_FOLDER), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	parse(yaml, &map);
	assert_int_equal(cli_allowed_keep(folder, &map.allow, &err), 0);
	assert_int_equal(close(folder), 0);
}

/* What is left of allow in yaml, with a blank behind each. */
static const char *left(const char *yaml)
{
	static char text[256];
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	size_t used = 0;

	parse(yaml, &map);
	text[0] = '\0';
	if (cli_allowed_restrict(unit_dir, &map.allow, &err) < 0)
		fail_msg("%s", err.message);
	for (unsigned int i = 0; i < map.allow.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", map.allow.list[i]);
	assert_null(map.allow.list[map.allow.count]);
	return text;
}

static void test_only_what_was_agreed_to(void **state)
{
	(void)state;
	assert_string_equal(left("allow: [PATH]"), "");
	assert_int_equal(mkdir(unit_path(TZ_SECRETS_OWN_FOLDER), 0700), 0);
	assert_string_equal(left("allow: [PATH]"), "");
	keep("allow: [PATH, KUBE_EDITOR]");
	assert_string_equal(left("allow: [KUBE_EDITOR, LD_PRELOAD, PATH]"), "KUBE_EDITOR PATH ");
	assert_string_equal(left("allow: [PAT, PATHS]"), "");
	assert_string_equal(left(""), "");
	/* the next agreement is the only one */
	keep("allow: [LD_PRELOAD]");
	assert_string_equal(left("allow: [KUBE_EDITOR, LD_PRELOAD, PATH]"), "LD_PRELOAD ");
	keep("");
	assert_string_equal(left("allow: [LD_PRELOAD]"), "");
}

/* Where it cannot be told, nothing is allowed. */
static void test_odd_files(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;

	(void)state;
	parse("allow: [PATH]", &map);
	assert_int_equal(mkdir(unit_path(TZ_SECRETS_OWN_FOLDER), 0700), 0);
	assert_int_equal(symlink("/etc/passwd", unit_path(TZ_SECRETS_OWN_FOLDER "/allowed")), 0);
	assert_int_equal(cli_allowed_restrict(unit_dir, &map.allow, &err), -ELOOP);
	assert_contains(err.message, "~/secrets/.tazpod/allowed is a symlink");
	assert_int_equal(cli_allowed_restrict("/nonexistent", &map.allow, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_only_what_was_agreed_to, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_odd_files, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
