#include "unit.h"

#include "libtazpod/project.h"

#define FOLDER "/people/u/My App"
#define HOME "/people/u"

static char warned[4][256];
static unsigned int warnings;

static void warn(void *data, const char *sentence)
{
	assert_ptr_equal(data, &warnings);
	assert_true(warnings < 4);
	(void)snprintf(warned[warnings++], sizeof(warned[0]), "%s", sentence);
}

static struct tz_project project;

static void parse(const char *text)
{
	struct tz_error err = { 0 };

	warnings = 0;
	memset(&project, 0x5a, sizeof(project));
	if (tz_project_parse(text, strlen(text), "f", FOLDER, HOME, &project, warn, &warnings, &err) < 0)
		fail_msg("%s: %s", text, err.message);
}

static void refuse(const char *text, const char *message)
{
	static struct tz_project before;
	struct tz_error err = { 0 };

	memset(&project, 0x5a, sizeof(project));
	before = project;
	if (tz_project_parse(text, strlen(text), "f", FOLDER, HOME, &project, NULL, NULL, &err) == 0)
		fail_msg("'%s' was accepted instead of: %s", text, message);
	assert_int_equal(err.code, -EINVAL);
	assert_memory_equal(&project, &before, sizeof(before));
	assert_contains(err.message, message);
	assert_int_equal(tz_project_parse(text, strlen(text), "f", FOLDER, HOME, &project, NULL, NULL, NULL), -EINVAL);
}

static void test_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "{}", "image:\nbuild:\nfeatures: ~\nports: null\nmounts:\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		parse(texts[i]);
		assert_int_equal(warnings, 0);
		assert_string_equal(project.folder, FOLDER);
		assert_string_equal(project.image, "localhost/tazpod/base:latest");
		assert_string_equal(project.user, "tazpod");
		assert_int_equal(project.engine, TZ_ENGINE_AUTO);
		assert_int_equal(project.driver, TZ_DRIVER_AUTO);
		assert_true(project.ghost_mode);
		assert_false(project.debug || project.has_build || project.x11 || project.wayland || project.ssh_agent ||
			     project.gpu);
		assert_string_equal(project.network, "bridge");
		assert_int_equal(project.port_count, 0);
		assert_int_equal(project.mount_count, 0);
		/* of the path, so that it stays the same and is no other folder's */
		assert_int_equal(strncmp(project.container_name, "tazpod-my-app-", 14), 0);
		assert_int_equal(strlen(project.container_name), 14 + 6);
	}
}

static void test_earlier_file(void **state)
{
	(void)state;
	parse("# TazPod Configuration\n"
	      "version: 1.0\n"
	      "image: \"tazzo/tazlab.net:tazpod-gemini\"\n"
	      "container_name: \"tazpod-lab\"\n"
	      "user: \"tazpod\"\n"
	      "build:\n"
	      "  dockerfile: \".tazpod/Dockerfile.gemini\"\n"
	      "  context: \".\"\n"
	      "features:\n"
	      "  ghost_mode: false\n"
	      "  debug: true");
	assert_int_equal(warnings, 0);
	assert_string_equal(project.image, "tazzo/tazlab.net:tazpod-gemini");
	assert_string_equal(project.container_name, "tazpod-lab");
	assert_true(project.has_build);
	assert_string_equal(project.dockerfile, ".tazpod/Dockerfile.gemini");
	assert_string_equal(project.context, ".");
	assert_false(project.ghost_mode);
	assert_true(project.debug);
}

static void test_everything(void **state)
{
	(void)state;
	parse("engine: podman\n"
	      "driver: dm-crypt\n"
	      "network: my_net\n"
	      "build: {dockerfile: ./a/Dockerfile, context: ./a}\n"
	      "ports: [8080, '8080:80/udp', \"0.0.0.0:1:2\"]\n"
	      "mounts:\n"
	      "  - {source: ~/data, target: /home/tazpod/data, read_only: true}\n"
	      "  - {source: /srv/x, target: /srv/x}\n"
	      "  - {source: sub/dir, target: /workspace/other}\n"
	      "  - {source: ./sub2, target: /mnt/a}\n"
	      "x11: true\n"
	      "wayland: yes\n"
	      "ssh_agent: on\n"
	      "gpu: True\n");
	assert_int_equal(warnings, 0);
	assert_int_equal(project.engine, TZ_ENGINE_PODMAN);
	assert_string_equal(tz_engine_choice_name(project.engine), "podman");
	assert_int_equal(project.driver, TZ_DRIVER_DM_CRYPT);
	assert_string_equal(project.network, "my_net");
	assert_string_equal(project.dockerfile, "a/Dockerfile");
	assert_string_equal(project.context, "a");
	assert_int_equal(project.port_count, 3);
	assert_string_equal(project.ports[0].text, "127.0.0.1:8080:8080/tcp");
	assert_string_equal(project.ports[1].text, "127.0.0.1:8080:80/udp");
	assert_string_equal(project.ports[2].text, "0.0.0.0:1:2/tcp");
	assert_int_equal(project.mount_count, 4);
	assert_string_equal(project.mounts[0].source, HOME "/data");
	assert_string_equal(project.mounts[0].target, "/home/tazpod/data");
	assert_true(project.mounts[0].read_only);
	assert_string_equal(project.mounts[1].source, "/srv/x");
	assert_false(project.mounts[1].read_only);
	assert_string_equal(project.mounts[2].source, FOLDER "/sub/dir");
	assert_string_equal(project.mounts[3].source, FOLDER "/sub2");
	assert_true(project.x11 && project.wayland && project.ssh_agent && project.gpu);
}

static void test_warnings(void **state)
{
	(void)state;
	parse("imagee: x\nfeatures: {debgu: true}\nmounts: [{source: /a, target: /mnt/a, readonly: true}]\nlxc: 1\n");
	assert_int_equal(warnings, 4);
	assert_string_equal(warned[0], "f:1:1: unknown key 'imagee'; did you mean 'image'?");
	assert_string_equal(warned[1], "f:4:1: unknown key 'lxc'");
	assert_string_equal(warned[2], "f:2:12: unknown key 'debgu'; did you mean 'debug'?");
	assert_string_equal(warned[3], "f:3:39: unknown key 'readonly'; did you mean 'read_only'?");
	parse("ports: [80]\nnetwork: host\n");
	assert_int_equal(warnings, 1);
	assert_string_equal(warned[0], "f:1:8: 'ports' does nothing with 'network: host'");
	parse("ports: [80]\nnetwork: other\n");
	assert_int_equal(warnings, 0);
}

static void test_types(void **state)
{
	(void)state;
	refuse("- a\n", "f:1:1: the document must be a map");
	refuse("image: [a]\n", "f:1:8: 'image' must be a text, not a list");
	refuse("version: [1]\n", "f:1:10: 'version' must be a single value");
	refuse("features: yes\n", "f:1:11: 'features' must be a map");
	refuse("features:\n  ghost_mode: 'true'\n", "f:2:15: 'ghost_mode' must be true or false");
	refuse("build: Dockerfile\n", "f:1:8: 'build' must be a map");
	refuse("build: {context: [x]}\n", "f:1:18: 'context' must be a text");
	refuse("ports: 80\n", "f:1:8: 'ports' must be a list");
	refuse("ports: [[80]]\n", "f:1:9: item 1 of 'ports' must be a text");
	refuse("mounts: {source: a}\n", "'mounts' must be a list");
	refuse("mounts: [/a]\n", "f:1:10: item 1 of 'mounts' must be a map");
	refuse("mounts: [{source: /a}]\n", "item 1 of 'mounts' must have both 'source' and 'target'");
	refuse("x11: 1\n", "f:1:6: 'x11' must be true or false");
	refuse("gpu: all\n", "'gpu' must be true or false");
	refuse("engine: dokcer\n", "f:1:9: 'engine' must be auto, docker or podman; did you mean 'docker'?");
	refuse("driver: luks\n", "'driver' must be auto, dm-crypt or fuse");
	refuse("a: *b\n", "aliases");
}

/* Nothing may become an option, or an escape on a terminal. */
static void test_words(void **state)
{
	static const char *const bad[] = { "--privileged", "-v", "''", "'a b'", "\"a\\nb\"", "\"a\\e[0m\"", "a$b" };
	static const char *const keys[] = { "image", "container_name", "network", "user" };
	char text[128], message[64];

	(void)state;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			(void)snprintf(text, sizeof(text), "%s: %s\n", keys[k], bad[i]);
			(void)snprintf(message, sizeof(message), "f:1:%zu: '%s' must be ", strlen(keys[k]) + 3, keys[k]);
			refuse(text, message);
		}
	refuse("network: container:other\n", "'network' must be");
	refuse("user: root\n", "'user' must be the name of a user in the container, neither root nor tazpod-ghost");
	refuse("user: tazpod-ghost\n", "neither root nor tazpod-ghost");
	refuse("user: 0\n", "'user' must be");
	refuse("container_name: a/b\n", "'container_name' must be");
}

static void test_lengths(void **state)
{
	char text[2 * TZ_PROJECT_PATH], name[TZ_PROJECT_PATH];

	(void)state;
	memset(name, 'n', sizeof(name));
	(void)snprintf(text, sizeof(text), "image: %.255s\n", name);
	parse(text);
	(void)snprintf(text, sizeof(text), "image: %.256s\n", name);
	refuse(text, "'image' is too long: at most 255 bytes");
	(void)snprintf(text, sizeof(text), "container_name: %.128s\n", name);
	refuse(text, "'container_name' is too long: at most 127 bytes");
	(void)snprintf(text, sizeof(text), "network: %.64s\n", name);
	refuse(text, "'network' is too long");
	for (size_t i = 100; i < sizeof(name); i += 100)
		name[i] = '/';
	(void)snprintf(text, sizeof(text), "mounts: [{source: '%.1020s', target: /mnt/a}]\n", name);
	refuse(text, "'source' is too long");
	(void)snprintf(text, sizeof(text), "mounts: [{source: /a, target: '/%.1023s'}]\n", name);
	refuse(text, "'target' is too long");
	(void)snprintf(text, sizeof(text), "build: {context: '%.1024s'}\n", name);
	refuse(text, "'context' is too long");
}

static void test_build(void **state)
{
	static const char *const bad[] = { "/etc/passwd", "../x", "a/../../b", "-f", "./-f", "..", "a/", "a//b", "\"a\\nb\"",
					   ".", "''", ".//a" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "build: {dockerfile: %s}\n", bad[i]);
		refuse(text, "f:1:21: 'dockerfile' must be a path within the project");
		if (strcmp(bad[i], ".") == 0)
			continue;
		(void)snprintf(text, sizeof(text), "build: {context: %s}\n", bad[i]);
		refuse(text, "f:1:18: 'context' must be a path within the project");
	}
	refuse("build: {context: .tazpod/vault}\n", "'build' must not build from .tazpod/vault");
	refuse("build: {dockerfile: .tazpod/vault/x}\n", "'build' must not build from .tazpod/vault");
	parse("build: {}\n");
	assert_true(project.has_build);
	assert_string_equal(project.dockerfile, ".tazpod/Containerfile");
	assert_string_equal(project.context, ".tazpod");
	parse("build: {context: ./}\n");
	assert_string_equal(project.context, ".");
}

static void test_name_of_build(void **state)
{
	(void)state;
	parse("build: {}\n");
	/* never the name of an image that other projects stand on */
	assert_int_equal(strncmp(project.image, "localhost/tazpod-my-app-", 24), 0);
	parse("build: {}\nimage:\ncontainer_name: My__App.-x_\n");
	assert_string_equal(project.image, "localhost/my_app.x:latest");
	parse("image: ubuntu:24.04\nbuild: {}\n");
	assert_string_equal(project.image, "ubuntu:24.04");
	parse("image: localhost/tazpod-my-app\nbuild: {}\n");
	refuse("image: localhost/tazpod/base:latest\nbuild: {}\n", "f:1:8: 'image' must not be one of TazPod's own");
	refuse("build: {}\nimage: localhost/tazpod/k8s\n", "f:2:8: 'image' must not be one of TazPod's own");
	refuse("build: {}\nimage: tazpod/base\n", "f:2:8: 'image' must not be one of TazPod's own");
}

static void test_ports(void **state)
{
	(void)state;
	refuse("ports: [80, 80/udp, 80:90, '127.0.0.1:80:80']\n", "f:1:28: item 4 of 'ports' is there twice");
	refuse("ports: [80-90]\n", "f:1:9: item 1 of 'ports' must be PORT");
	refuse("ports: ['--privileged']\n", "item 1 of 'ports' must be PORT");
	refuse("ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", "'ports' may have at most 16 items");
	parse("ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]\n");
	assert_int_equal(project.port_count, 16);
}

static void test_mount_targets(void **state)
{
	static const char *const bad[] = { "/proc", "/proc/x", "/sys/fs", "/dev/shm", "/run/x", "/etc", "/etc/pam.d", "/usr/bin",
					   "/bin", "/lib64/x", "/boot", "/root/.ssh", "/workspace", "/workspace/.tazpod",
					   "/workspace/.tazpod/vault", "/var", "/var/lib", "/var/lib/tazpod", "/var/lib/tazpod/vault",
					   "/var/run/docker.sock", "/home", "/home/tazpod-ghost", "/home/tazpod-ghost/secrets" };
	static const char *const shapes[] = { "/", "a", "''", "/a/..", "/a/", "//a", "\"/a\\nb\"", "/./a" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "mounts: [{source: /a, target: %s}]\n", bad[i]);
		refuse(text, "f:1:31: 'target' must not be /");
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		(void)snprintf(text, sizeof(text), "mounts: [{source: /a, target: %s}]\n", shapes[i]);
		refuse(text, "'target' must be an absolute path in the container");
	}
	refuse("mounts: [{source: /a, target: /mnt/a}, {source: /b, target: /mnt/a}]\n", "'target' is the target of another mount");
	parse("mounts: [{source: /a, target: /workspacex}, {source: /a, target: /var/lib/postgresql}, {source: /a, target: "
	      "/home/tazpod}]\n");
	assert_int_equal(project.mount_count, 3);
}

static void test_mount_sources(void **state)
{
	static const char *const bad[] = { "..", "../x", "/", "/a/../b", "a//b", "/a/", "\"a\\nb\"", "~x/..", "~/../a",
					   "~//a" };
	/* what would show the vault, or let the config be changed */
	static const char *const own[] = { "", ".tazpod", "./.tazpod/vault", ".tazpod/config.yaml", "/people", "~", FOLDER "/.tazpod",
					   FOLDER };
	struct tz_error err = { 0 };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "mounts: [{source: %s, target: /mnt/a}]\n", bad[i]);
		refuse(text, "f:1:19: 'source' must be an absolute path");
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		(void)snprintf(text, sizeof(text), "mounts: [{source: '%s', target: /mnt/a}]\n", own[i]);
		refuse(text, "f:1:19: 'source' must not give the container the project's folder .tazpod");
	}
	(void)snprintf(text, sizeof(text), "mounts: [{source: ~/a, target: /mnt/a}]\n");
	assert_int_equal(tz_project_parse(text, strlen(text), "f", FOLDER, NULL, &project, NULL, NULL, &err), -EINVAL);
	assert_contains(err.message, "HOME is not set");
	parse("mounts: [{source: ~x, target: /mnt/a}, {source: .tazpodx, target: /mnt/b}]\n");
	assert_string_equal(project.mounts[0].source, FOLDER "/~x");
}

static void test_digest(void **state)
{
	char first[TZ_DIGEST_TEXT];

	(void)state;
	parse("x11: true\n");
	(void)strcpy(first, project.config_digest);
	parse("x11: true\n");
	assert_string_equal(project.config_digest, first);
	parse("x11: true \n");
	assert_string_not_equal(project.config_digest, first);
}

static void test_names(void **state)
{
	static const struct {
		const char *folder, *name;
	} table[] = {
		{ "/a/app", "tazpod-app-x" },
		{ "/a/My App_2.0", "tazpod-my-app-2-0-x" },
		{ "/a/..hidden", "tazpod-hidden-x" },
		{ "/a/-rf", "tazpod-rf-x" },
		{ "/a/ä", "tazpod-project-x" },
		{ "/a/日本 x", "tazpod-x-x" },
		{ "/a/Grüße!", "tazpod-gr-e-x" },
		{ "/", "tazpod-project-x" },
		{ "/a/0123456789012345678901234567890123456789tail", "tazpod-0123456789012345678901234567890123456789-x" },
		{ "/a/012345678901234567890123456789012345678 tail", "tazpod-012345678901234567890123456789012345678-x" },
	};
	char name[TZ_PROJECT_NAME];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		tz_project_container_name(table[i].folder, "x", name);
		assert_string_equal(name, table[i].name);
	}
}

static void write_config(const char *folder, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/.tazpod", folder);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	(void)strcat(path, "/config.yaml");
	unit_write(path, text, strlen(text), 0600);
}

static void test_find(void **state)
{
	char found[TZ_PROJECT_PATH] = "untouched", inner[PATH_MAX];
	struct tz_error err = { 0 };

	(void)state;
	(void)strcpy(inner, unit_path("a"));
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(mkdir(unit_path("a/b"), 0700), 0);
	assert_int_equal(symlink("a/b", unit_path("link")), 0);
	assert_int_equal(tz_project_find(unit_path("a/b"), found, &err), -ENOENT);
	assert_contains(err.message, "'tazpod init'");
	assert_string_equal(found, "untouched");
	write_config(unit_dir, "");
	assert_int_equal(tz_project_find(unit_path("link"), found, &err), 0);
	assert_string_equal(found, unit_dir);
	write_config(inner, "");
	assert_int_equal(tz_project_find(unit_path("link"), found, &err), 0);
	assert_string_equal(found, inner);
	assert_int_equal(tz_project_find(unit_path("missing"), found, &err), -ENOENT);
	/* one that is broken is found, and told when it is read */
	assert_int_equal(unlink(unit_path("a/.tazpod/config.yaml")), 0);
	assert_int_equal(symlink("nowhere", unit_path("a/.tazpod/config.yaml")), 0);
	assert_int_equal(tz_project_find(unit_path("a"), found, &err), 0);
	assert_string_equal(found, inner);
	assert_int_equal(tz_project_load(found, &project, NULL, NULL, &err), -ELOOP);
	assert_contains(err.message, "config.yaml is a symlink");
}

static void test_load(void **state)
{
	struct tz_error err = { 0 };
	char message[PATH_MAX + 64], large[TZ_PROJECT_FILE_MAX + 2];

	(void)state;
	assert_int_equal(tz_project_load(unit_dir, &project, NULL, NULL, &err), -ENOENT);
	write_config(unit_dir, "image: x/y\nmounts: [{source: data, target: /mnt/a}]\n");
	assert_int_equal(symlink(".", unit_path("link")), 0);
	assert_int_equal(tz_project_load(unit_path("link"), &project, NULL, NULL, &err), 0);
	assert_string_equal(project.folder, unit_dir);
	assert_string_equal(project.image, "x/y");
	assert_string_equal(project.mounts[0].source, unit_path("data"));
	write_config(unit_dir, "x11: perhaps\n");
	assert_int_equal(tz_project_load(unit_dir, &project, NULL, NULL, &err), -EINVAL);
	(void)snprintf(message, sizeof(message), "%s/.tazpod/config.yaml:1:6: 'x11' must", unit_dir);
	assert_contains(err.message, message);
	memset(large, '#', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	write_config(unit_dir, large);
	assert_int_equal(tz_project_load(unit_dir, &project, NULL, NULL, &err), -EFBIG);
	assert_int_equal(unlink(unit_path(".tazpod/config.yaml")), 0);
	assert_int_equal(mkfifo(unit_path(".tazpod/config.yaml"), 0600), 0);
	assert_int_equal(tz_project_load(unit_dir, &project, NULL, NULL, &err), -EINVAL);
	assert_contains(err.message, "is a FIFO");
}

/* A folder's name goes to the engine and to terminals. */
static void test_folders(void **state)
{
	static const char *const bad[] = { "/", "a", "", "/a\nb", "/a/../b", "/a/" };
	char deep[TZ_PROJECT_PATH + 2];
	struct tz_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tz_project_parse("", 0, "f", bad[i], NULL, &project, NULL, NULL, &err), -EINVAL);
	memset(deep, 'd', sizeof(deep) - 1);
	for (size_t i = 0; i < sizeof(deep); i += 100)
		deep[i] = '/';
	deep[TZ_PROJECT_PATH] = '\0';
	assert_int_equal(tz_project_parse("", 0, "f", deep, NULL, &project, NULL, NULL, &err), -ENAMETOOLONG);
	deep[TZ_PROJECT_PATH - 1] = '\0';
	assert_int_equal(tz_project_parse("", 0, "f", deep, NULL, &project, NULL, NULL, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_earlier_file),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_name_of_build),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_mount_targets),
		cmocka_unit_test(test_mount_sources),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_find, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_load, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests_name("project", tests, NULL, NULL);
}
