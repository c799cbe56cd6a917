#include "unit.h"

#include "libtazpod/secrets_map.h"

static char warned[4][256];
static unsigned int warnings;

static void warn(void *data, const char *sentence)
{
	assert_ptr_equal(data, &warnings);
	assert_true(warnings < 4);
	(void)snprintf(warned[warnings++], sizeof(warned[0]), "%s", sentence);
}

static struct tz_secrets_map parse(const char *text)
{
	struct tz_secrets_map map;
	struct tz_error err = { 0 };

	warnings = 0;
	if (tz_secrets_map_parse(text, strlen(text), "f", &map, warn, &warnings, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return map;
}

static void refuse(const char *text, const char *message)
{
	struct tz_secrets_map map, before;
	struct tz_error err = { 0 };

	memset(&map, 0x5a, sizeof(map));
	before = map;
	if (tz_secrets_map_parse(text, strlen(text), "f", &map, NULL, NULL, &err) == 0)
		fail_msg("'%s' was accepted instead of: %s", text, message);
	assert_int_equal(err.code, -EINVAL);
	assert_memory_equal(&map, &before, sizeof(before));
	assert_contains(err.message, message);
}

static void test_earlier_files(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = parse("# map\n"
								"config:\n"
								"  infisical_project_id: \"6ab689bc-79f9-4331\"\n"
								"  infisical_url: https://eu.infisical.com/api\n"
								"secrets:\n"
								"  - name: KUBE_CONFIG\n"
								"    file: kubeconfig\n"
								"    env: KUBECONFIG\n"
								"  - {name: A, file: dir/a}\n"
								"  - {name: A, env: B, file: }\n");

	(void)state;
	assert_int_equal(warnings, 0);
	assert_string_equal(map.infisical_project_id, "6ab689bc-79f9-4331");
	assert_string_equal(map.infisical_url, "https://eu.infisical.com/api");
	assert_int_equal(map.count, 3);
	assert_string_equal(map.items[0].name, "KUBE_CONFIG");
	assert_string_equal(map.items[0].file, "kubeconfig");
	assert_string_equal(map.items[0].env, "KUBECONFIG");
	assert_string_equal(map.items[1].file, "dir/a");
	assert_string_equal(map.items[1].env, "");
	assert_string_equal(map.items[2].file, "");
	assert_string_equal(map.items[2].env, "B");
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "# x\n", "{}", "config:\nsecrets:\n", "secrets: []\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_secrets_map_ struct tz_secrets_map map = parse(texts[i]);

		assert_int_equal(map.count, 0);
		assert_null(map.items);
		assert_string_equal(map.infisical_url, "");
		assert_string_equal(map.infisical_environment, "dev");
		assert_string_equal(map.infisical_path, "/");
		assert_int_equal(map.provider, TZ_PROVIDER_INFISICAL);
		assert_int_equal(map.timeout, 60);
		assert_true(map.all);
		assert_int_equal(map.command.count + map.allow.count, 0);
		assert_int_equal(warnings, 0);
	}
}

static void test_provider(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = parse("config:\n"
								"  provider: command\n"
								"  command: [sops, -d, secrets.enc.json]\n"
								"  format: dotenv\n"
								"  timeout: 5\n"
								"  all: false\n"
								"allow: [PATH, LD_PRELOAD]\n");
	_cleanup_secrets_map_ struct tz_secrets_map vault = parse("config: {command: [vault], select: data.data}\n");
	_cleanup_secrets_map_ struct tz_secrets_map infisical = parse("config: {provider: infisical, infisical_path: /a/b, "
								      "infisical_environment: prod}\n");

	(void)state;
	assert_int_equal(map.provider, TZ_PROVIDER_COMMAND);
	assert_int_equal(map.command.count, 3);
	assert_string_equal(map.command.list[2], "secrets.enc.json");
	assert_null(map.command.list[3]);
	assert_int_equal(map.format, TZ_SECRETS_DOTENV);
	assert_int_equal(map.timeout, 5);
	assert_false(map.all);
	assert_true(vault.all);
	assert_true(tz_secrets_words_have(&map.allow, "LD_PRELOAD"));
	assert_false(tz_secrets_words_have(&map.allow, "LD_PRELOA"));
	/* who names a command means it */
	assert_int_equal(vault.provider, TZ_PROVIDER_COMMAND);
	assert_int_equal(vault.format, TZ_SECRETS_JSON);
	assert_string_equal(vault.select, "data.data");
	assert_int_equal(infisical.provider, TZ_PROVIDER_INFISICAL);
	assert_string_equal(infisical.infisical_path, "/a/b");
	assert_string_equal(infisical.infisical_environment, "prod");
}

static void test_value(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = parse("secrets:\n"
								" - {name: A, file: a, env: A}\n"
								" - {name: B, file: b, env: B, value: true}\n"
								" - {name: C, env: C}\n"
								" - {name: D, env: D, value: true}\n");

	(void)state;
	assert_int_equal(warnings, 0);
	assert_false(map.items[0].value);
	for (int i = 1; i < 4; i++)
		assert_true(map.items[i].value);
}

/* As many as the file has; freed twice is freed once. */
static void test_many(void **state)
{
	static char text[64 * 1000] = "secrets:\n";
	struct tz_secrets_map map;
	size_t used = strlen(text);

	(void)state;
	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " - {name: N%d, file: f%d}\n", i, i);
	map = parse(text);
	assert_int_equal(map.count, 1000);
	assert_string_equal(map.items[999].name, "N999");
	tz_secrets_map_free(&map);
	tz_secrets_map_free(&map);
	assert_int_equal(map.count, 0);
}

static void test_warnings(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = parse("config: {infisical_ulr: x}\n"
								"secret: []\n"
								"secrets:\n"
								"  - {name: A, fil: b, env: C}\n");

	(void)state;
	assert_int_equal(map.count, 1);
	assert_int_equal(warnings, 3);
	assert_string_equal(warned[0], "f:2:1: unknown key 'secret'; did you mean 'secrets'?");
	assert_string_equal(warned[1], "f:1:10: unknown key 'infisical_ulr'; did you mean 'infisical_url'?");
	assert_string_equal(warned[2], "f:4:15: unknown key 'fil'; did you mean 'file'?");
}

static void test_refused(void **state)
{
	(void)state;
	refuse("[]\n", "f:1:1: the document must be a map");
	refuse("secrets: {}\n", "f:1:10: 'secrets' must be a list");
	refuse("config: []\n", "f:1:9: 'config' must be a map");
	refuse("secrets: [a]\n", "f:1:11: item 1 of 'secrets' must be a map");
	refuse("config: {infisical_project_id: a b}\n", "f:1:32: 'infisical_project_id' must be");
	refuse("config: {infisical_project_id: --x}\n", "'infisical_project_id' must be");
	refuse("config: {infisical_url: ftp://x}\n", "'infisical_url' must be the address of a server");
	refuse("config: {infisical_url: 'https://x y'}\n", "'infisical_url' must be");
	refuse("config: {infisical_url: 'https://'}\n", "'infisical_url' must be");
	refuse("config: {infisical_url: [x]}\n", "'infisical_url' must be a text");
	refuse("config: {infisical_environment: 'a b'}\n", "'infisical_environment' must be an environment's slug");
	refuse("config: {infisical_environment: --all}\n", "'infisical_environment' must be");
	refuse("config: {infisical_path: a}\n", "'infisical_path' must be a folder at the server");
	refuse("config: {infisical_path: /../a}\n", "'infisical_path' must be");
	refuse("config: {provider: infisicl}\n", "'provider' must be infisical or command; did you mean 'infisical'?");
	refuse("config: {provider: command}\n", "f:1:20: 'provider' needs a 'command'");
	refuse("config: {provider: infisical, command: [a]}\n", "'command' is for 'provider: command'");
	refuse("config: {command: sops -d x}\n", "'command' must be a list");
	refuse("config: {command: []}\n", "'command' must begin with a program");
	refuse("config: {command: [-d]}\n", "'command' must begin with a program");
	refuse("config: {command: ['']}\n", "'command' must begin with a program");
	refuse("config: {command: [a, 1, [b]]}\n", "item 3 of 'command' must be a text");
	refuse("config: {command: [a, \"b\\n\"]}\n", "item 2 of 'command' must be a word without control characters");
	refuse("config: {command: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}\n",
	       "'command' may have at most 32 items");
	refuse("config: {command: [a], format: yaml}\n", "'format' must be json or dotenv");
	refuse("config: {command: [a], select: a..b}\n", "'select' must be the way to an object");
	refuse("config: {command: [a], format: dotenv, select: a}\n", "'select' is for JSON only");
	refuse("config: {timeout: 0}\n", "'timeout' must be");
	refuse("config: {timeout: 1h}\n", "'timeout' must be");
	refuse("config: {all: 1}\n", "'all' must be");
	refuse("allow: [1A]\n", "item 1 of 'allow' must be a variable's name");
	refuse("allow: PATH\n", "'allow' must be a list");
	refuse("secrets: [{name: A, env: A, value: false}]\n", "'value' can be false only for what has a 'file'");
	refuse("secrets: [{name: A, file: a, value: true}]\n", "'value' means nothing without an 'env'");
	refuse("secrets: [{name: A, file: .tazpod/values/B}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: .tazpod}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: lost+found/a}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: .shell_history}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: 'x:y'}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: 'a;b'}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: 'a b'}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: 'a$b'}]\n", "'file' must be");
	refuse("config: {infisical_url: 'https://good.example@evil.example'}\n", "'infisical_url' must be");
	refuse("secrets: [{file: a}]\n", "f:1:11: item 1 of 'secrets' must have a 'name'");
	refuse("secrets: [{name: A}]\n", "must have a 'file', an 'env', or both");
	refuse("secrets:\n - {name: 1A, file: a}\n", "f:2:11: 'name' must be the name of a secret");
	refuse("secrets: [{name: A-B, file: a}]\n", "'name' must be");
	refuse("secrets: [{name: A, file: ../a}]\n", "'file' must be a file's path");
	refuse("secrets: [{name: A, file: /a}]\n", "'file' must be");
	refuse("secrets: [{name: A, file: \"a\\nb\"}]\n", "'file' must be");
	refuse("secrets: [{name: A, env: B=C}]\n", "'env' must be a variable's name");
	refuse("secrets:\n - {name: A, file: a}\n - {name: B, file: a}\n", "f:3:20: 'file' collides with 'a'");
	refuse("secrets: [{name: A, file: a}, {name: B, file: a/b}]\n", "'file' collides with 'a'");
	refuse("secrets: [{name: A, file: a/b}, {name: B, file: a}]\n", "'file' collides with 'a/b'");
	refuse("secrets: [{name: A, env: E}, {name: B, env: E}]\n", "'env' is the variable of another secret already");
	refuse("secrets: [{name: A, file: a}, {name: A, file: b}, {name: A, file: c, env: }, {file: d}]\n",
	       "item 4 of 'secrets' must have a 'name'");
}

static void test_load(void **state)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	struct tz_error err = { 0 };
	char message[PATH_MAX + 64];

	(void)state;
	assert_int_equal(tz_secrets_map_load(unit_dir, &map, NULL, NULL, &err), -ENOENT);
	assert_contains(err.message, "secrets.yml does not exist");
	unit_write(unit_path("secrets.yml"), "secrets: [{name: A, env: B}]\n", 29, 0600);
	assert_int_equal(tz_secrets_map_load(unit_dir, &map, NULL, NULL, &err), 0);
	assert_int_equal(map.count, 1);
	unit_write(unit_path("secrets.yml"), "a: b\n- x", 8, 0600);
	assert_int_equal(tz_secrets_map_load(unit_dir, &map, NULL, NULL, &err), -EINVAL);
	(void)snprintf(message, sizeof(message), "%s/secrets.yml:2:", unit_dir);
	assert_contains(err.message, message);
	assert_int_equal(tz_secrets_map_load("/nonexistent", &map, NULL, NULL, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_earlier_files),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test_setup_teardown(test_load, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("secrets_map", tests, NULL, NULL);
}
