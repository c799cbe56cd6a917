#include "tests/unit/unit.h"

#include "libtazpod/cleanup.h"
#include "libtazpod/project.h"
#include "libtazpod/secrets_map.h"
#include "tazpod-cli/templates.h"

static void no_warning(void *data, const char *sentence)
{
	(void)data;
	fail_msg("%s", sentence);
}

/* Takes away the '#' of each line that is one of YAML's behind it: "# key:", "#   - item", "#     key:". */
__attribute__((nonnull)) static void uncomment(char *text)
{
	char *to = text, *line;

	while ((line = strsep(&text, "\n"))) {
		const char *p = line + strspn(line, "# ");
		size_t word = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
		size_t size;

		if (line[0] == '#' && line[1] == ' ' && (p[word] == ':' || p[0] == '-'))
			line += 2;
		size = strlen(line);
		memmove(to, line, size);
		to += size;
		*to++ = '\n';
	}
	to[-1] = '\0';
}

static struct tz_project project;

static void parse_config(const char *text)
{
	struct tz_error err = { 0 };

	if (tz_project_parse(text, strlen(text), "f", "/srv/app", "/people/u", &project, no_warning, NULL, &err) < 0)
		fail_msg("%s\n%s", err.message, text);
}

static void test_config(void **state)
{
	_cleanup_free_ char *text = cli_template_config("k8s", "tazpod-app-012345");

	(void)state;
	assert_non_null(text);
	parse_config(text);
	assert_string_equal(project.container_name, "tazpod-app-012345");
	assert_string_equal(project.image, "localhost/tazpod-app-012345:latest");
	assert_true(project.has_build);
	assert_string_equal(project.dockerfile, ".tazpod/Containerfile");
	assert_string_equal(project.context, ".tazpod");
	/* nothing is opened up unless its user says so */
	assert_string_equal(project.network, "bridge");
	assert_int_equal(project.port_count + project.mount_count, 0);
	assert_false(project.x11 || project.wayland || project.ssh_agent || project.gpu);
}

/* Who takes away a '#' gets what stood behind it. */
static void test_examples(void **state)
{
	_cleanup_free_ char *config = cli_template_config("base", "tazpod-app-012345"), *secrets = cli_template_secrets();
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	struct tz_error err = { 0 };

	(void)state;
	assert_non_null(config);
	assert_non_null(secrets);
	assert_int_equal(tz_secrets_map_parse(secrets, strlen(secrets), "f", &map, no_warning, NULL, &err), 0);
	assert_int_equal(map.count, 0);
	uncomment(config);
	parse_config(config);
	assert_true(project.x11 && project.wayland && project.ssh_agent && project.gpu);
	assert_string_equal(project.ports[0].text, "127.0.0.1:8080:80/tcp");
	assert_string_equal(project.mounts[0].source, "/people/u/data");
	assert_true(project.mounts[0].read_only);
	uncomment(secrets);
	if (tz_secrets_map_parse(secrets, strlen(secrets), "f", &map, no_warning, NULL, &err) < 0)
		fail_msg("%s\n%s", err.message, secrets);
	assert_int_equal(map.count, 2);
	assert_string_equal(map.items[0].env, "KUBECONFIG");
	assert_false(map.items[0].value);
	assert_string_equal(map.items[1].env, "API_TOKEN");
	assert_true(map.items[1].value);
	assert_string_equal(map.infisical_url, "https://app.infisical.com");
}

static void test_types(void **state)
{
	char wanted[64];

	(void)state;
	assert_string_equal(cli_template_types[0], "base");
	for (const char *const *type = cli_template_types; *type; type++) {
		_cleanup_free_ char *text = cli_template_containerfile(*type);

		assert_non_null(text);
		(void)snprintf(wanted, sizeof(wanted), "\nFROM localhost/tazpod/%s:latest\n", *type);
		assert_contains(text, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
