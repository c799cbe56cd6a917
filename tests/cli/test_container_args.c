#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tazpod-cli/container.h"
#include "tazpod-cli/container_args.h"

#define DIGEST "0123456789abcdef"

static struct tz_error err;
static const struct cli_engine_use use = { .engine = &cli_engine_docker, .program = "/usr/bin/docker" };

static struct tz_project make_project(void)
{
	return (struct tz_project){
		.folder = "/srv/project",
		.image = "localhost/tazpod/base:latest",
		.user = "dev",
		.container_name = "tazpod-project-1a2b3c",
		.network = "bridge",
		.driver = TZ_DRIVER_AUTO,
	};
}

static struct cli_args make(const struct tz_project *project, const struct cli_host *host)
{
	struct cli_args args = CLI_ARGS_INIT;

	assert_int_equal(cli_container_args(&use, project, host, DIGEST, &args, &err), 0);
	return args;
}

static int position(const struct cli_args *args, const char *word)
{
	for (unsigned int i = 0; i < args->count; i++)
		if (strcmp(args->words[i], word) == 0)
			return (int)i;
	return -1;
}

static bool has(const struct cli_args *args, const char *word)
{
	return position(args, word) >= 0;
}

static bool has_prefix(const struct cli_args *args, const char *prefix)
{
	for (unsigned int i = 0; i < args->count; i++)
		if (strncmp(args->words[i], prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static void test_least_privilege(void **state)
{
	const struct tz_project project = make_project();
	const struct cli_host host = { .dm_major = 252, .dri = true, .nvidia = true };
	struct cli_args args = make(&project, &host);

	(void)state;
	assert_string_equal(args.words[0], "/usr/bin/docker");
	assert_string_equal(args.words[1], "create");
	assert_string_equal(args.words[args.count - 1], project.image);
	assert_true(has(&args, "--name=tazpod-project-1a2b3c"));
	assert_true(has(&args, "--pull=never"));
	assert_true(has(&args, "--label=" CLI_LABEL_USER "=dev"));
	assert_true(has(&args, "--cap-drop=ALL"));
	assert_true(has(&args, "--security-opt=seccomp=" CLI_SECCOMP_PROFILE));
	assert_true(has(&args, "--device=/dev/fuse"));
	assert_true(has(&args, "--device-cgroup-rule=b 7:* rmw"));
	assert_true(has(&args, "--mount=type=bind,source=/srv/project,target=/workspace"));
	assert_true(has(&args, "--mount=type=bind,source=/srv/project/.tazpod,target=/workspace/.tazpod,readonly"));
	assert_true(has(&args, "--mount=type=tmpfs,target=/workspace/.tazpod/vault,tmpfs-size=4096,tmpfs-mode=0500"));
	assert_true(has(&args, "--mount=type=bind,source=/srv/project/.tazpod/vault,target=/var/lib/tazpod/vault"));
	/* nothing that was not asked for, whatever the host has */
	assert_false(has_prefix(&args, "--privileged"));
	assert_false(has_prefix(&args, "--network"));
	assert_false(has_prefix(&args, "--publish"));
	assert_false(has_prefix(&args, "--env"));
	assert_false(has_prefix(&args, "--gpus"));
	assert_false(has_prefix(&args, "--device=/dev/dri"));
	assert_false(has_prefix(&args, "--device=/dev/mapper"));
	assert_false(has_prefix(&args, "--security-opt=apparmor"));
	assert_false(has_prefix(&args, "--cap-add=ALL"));
	assert_false(has_prefix(&args, "--cap-add=NET_ADMIN"));
	assert_false(has_prefix(&args, "--cap-add=SYS_PTRACE"));
	assert_false(has_prefix(&args, "--cap-add=SYS_RESOURCE"));
	assert_false(has_prefix(&args, "--cap-add=SYS_MODULE"));
	assert_false(has_prefix(&args, "--cap-add=SYS_RAWIO"));
	cli_args_free(&args);
}

static void test_podman(void **state)
{
	const struct cli_engine_use podman = { .engine = &cli_engine_podman, .program = "/usr/bin/podman" };
	const struct tz_project project = make_project();
	const struct cli_host host = { .dri = false };
	struct cli_args args = CLI_ARGS_INIT;

	(void)state;
	assert_int_equal(cli_container_args(&podman, &project, &host, DIGEST, &args, &err), 0);
	assert_string_equal(args.words[0], "/usr/bin/podman");
	assert_true(has(&args, "--mount=type=tmpfs,target=/workspace/.tazpod/vault,tmpfs-size=4096,tmpfs-mode=0500,notmpcopyup"));
	cli_args_free(&args);
}

static void test_drivers(void **state)
{
	struct tz_project project = make_project();
	const struct cli_host host = { .dm_major = 252 };
	struct cli_args args;

	(void)state;
	project.driver = TZ_DRIVER_DM_CRYPT;
	args = make(&project, &host);
	assert_true(has(&args, "--device=/dev/mapper/control"));
	assert_true(has(&args, "--device-cgroup-rule=b 252:* rmw"));
	assert_false(has(&args, "--device=/dev/fuse"));
	cli_args_free(&args);
}

static void test_apparmor(void **state)
{
	const struct tz_project project = make_project();
	struct cli_host host = { .apparmor = true, .sys_resource = true };
	struct cli_args args = make(&project, &host);

	(void)state;
	assert_true(has(&args, "--security-opt=apparmor=unconfined"));
	assert_true(has(&args, "--cap-add=SYS_RESOURCE"));
	cli_args_free(&args);
	host.apparmor_profile = true;
	args = make(&project, &host);
	assert_true(has(&args, "--security-opt=apparmor=tazpod"));
	cli_args_free(&args);
}

static void test_wishes(void **state)
{
	struct tz_project project = make_project();
	const struct cli_host host = { .dri = true };
	struct cli_args args;

	(void)state;
	(void)snprintf(project.network, sizeof(project.network), "none");
	project.port_count = 1;
	(void)snprintf(project.ports[0].text, sizeof(project.ports[0].text), "127.0.0.1:8080:80/tcp");
	project.mount_count = 2;
	project.mounts[0] = (struct tz_project_mount){ "/data", "/data", true };
	project.mounts[1] = (struct tz_project_mount){ "/a,b \"c\"", "/d", false };
	project.gpu = true;
	args = make(&project, &host);
	assert_true(has(&args, "--network=none"));
	assert_true(has(&args, "--publish=127.0.0.1:8080:80/tcp"));
	assert_true(has(&args, "--mount=type=bind,source=/data,target=/data,readonly"));
	/* one field of CSV, however it is written */
	assert_true(has(&args, "--mount=type=bind,\"source=/a,b \"\"c\"\"\",target=/d"));
	assert_true(has(&args, "--device=/dev/dri"));
	cli_args_free(&args);
}

static void refuses(const struct tz_project *project, const char *part)
{
	const struct cli_host host = { .dri = false };
	struct cli_args args = CLI_ARGS_INIT;

	assert_true(cli_container_args(&use, project, &host, DIGEST, &args, &err) < 0);
	assert_contains(err.message, part);
	cli_args_free(&args);
}

static void test_what_is_not_there(void **state)
{
	struct tz_project project = make_project();

	(void)state;
	project.gpu = true;
	refuses(&project, "'gpu: true'");
	project = make_project();
	project.x11 = true;
	assert_int_equal(unsetenv("DISPLAY"), 0);
	refuses(&project, "'x11: true'");
	project = make_project();
	project.wayland = true;
	assert_int_equal(unsetenv("WAYLAND_DISPLAY"), 0);
	refuses(&project, "'wayland: true'");
	project = make_project();
	project.ssh_agent = true;
	assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
	refuses(&project, "'ssh_agent: true'");
	assert_int_equal(setenv("SSH_AUTH_SOCK", "/dev/null", 1), 0);
	refuses(&project, "no socket at /dev/null");
}

static void test_agent(void **state)
{
	const struct cli_host host = { .dri = false };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct tz_project project = make_project();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char wanted[2 * PATH_MAX];
	struct cli_args args;

	(void)state;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", unit_path("agent"));
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	assert_int_equal(setenv("SSH_AUTH_SOCK", address.sun_path, 1), 0);
	project.ssh_agent = true;
	args = make(&project, &host);
	(void)snprintf(wanted, sizeof(wanted), "--mount=type=bind,source=%s,target=/run/tazpod-host/ssh-agent",
		       address.sun_path);
	assert_true(has(&args, wanted));
	assert_true(has(&args, "--env=SSH_AUTH_SOCK=/run/tazpod-host/ssh-agent"));
	cli_args_free(&args);
	assert_int_equal(close(fd), 0);
}

/* What is written down with the container is what it was made with. */
static void test_labels(void **state)
{
	static const char prefix[] = "--label=" CLI_LABEL_COMMAND "=";
	const struct tz_project project = make_project();
	const struct cli_host host = { .dri = false };
	struct cli_args args = make(&project, &host);
	int last = position(&args, "--label=" CLI_LABEL_PROJECT "=/srv/project");
	struct json_object *list = NULL;

	(void)state;
	assert_true(last > 0);
	assert_true(has(&args, "--label=" CLI_LABEL_DIGEST "=" DIGEST));
	for (unsigned int i = 0; i < args.count; i++)
		if (strncmp(args.words[i], prefix, strlen(prefix)) == 0)
			list = json_tokener_parse(args.words[i] + strlen(prefix));
	assert_true(json_object_is_type(list, json_type_array));
	assert_int_equal(json_object_array_length(list), last - 1);
	for (int i = 1; i < last; i++)
		assert_string_equal(json_object_get_string(json_object_array_get_idx(list, (size_t)i - 1)), args.words[i]);
	assert_int_equal(json_object_put(list), 1);
	cli_args_free(&args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_privilege),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_apparmor),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test_setup_teardown(test_agent, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests_name("container_args", tests, NULL, NULL);
}
