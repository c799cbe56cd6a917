#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"

#define SOCKET "/var/run/docker.sock"

/* Why nobody answers at the daemon's socket: an errno; 0 when somebody does, or the daemon is not at a socket here. */
static int try_socket(const char **ret_path)
{
	static const char prefix[] = "unix://";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *host = getenv("DOCKER_HOST"), *path = SOCKET;
	_cleanup_close_ int fd = -1;

	if (host && *host) {
		if (strncmp(host, prefix, strlen(prefix)) != 0)
			return 0;
		path = host + strlen(prefix);
	}
	*ret_path = path;
	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int explain(const char *said, struct tz_error *err)
{
	const char *path = SOCKET;
	int problem = try_socket(&path);

	if (problem == EACCES || problem == EPERM)
		return tz_error_set(err, EACCES, "you may not use docker (%s): join its group with 'sudo usermod -aG docker "
				    "$USER' and log in again; whoever is in it can become root on this machine", path);
	if (problem == ENOENT || problem == ECONNREFUSED)
		return tz_error_set(err, ECONNREFUSED, "docker's daemon does not run (%s): start it with 'sudo systemctl start "
				    "docker' or 'sudo service docker start'", path);
	return tz_error_set(err, EIO, "docker cannot be used: %s", said[0] ? said : "it says nothing");
}

static bool has_option(struct json_object *info, const char *wanted)
{
	struct json_object *options = cli_json_at(info, CLI_KEYS("SecurityOptions"));

	if (!json_object_is_type(options, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(options); i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(options, i));

		if (option && strcmp(option, wanted) == 0)
			return true;
	}
	return false;
}

static int judge(struct json_object *info, const char *said, struct tz_error *err)
{
	struct json_object *errors = cli_json_at(info, CLI_KEYS("ServerErrors"));
	const char *type = cli_json_text_at(info, CLI_KEYS("OSType"));

	if (!info || (json_object_is_type(errors, json_type_array) && json_object_array_length(errors) > 0) || !type[0])
		return explain(said, err);
	if (strcmp(type, "linux") != 0)
		return tz_error_set(err, EOPNOTSUPP, "this docker runs containers for %s: TazPod needs those for Linux", type);
	if (has_option(info, "name=rootless"))
		return tz_error_set(err, EOPNOTSUPP, "this docker runs without root, where no vault can be mounted: use the "
				    "system's one, with 'docker context use default'");
	if (has_option(info, "name=userns"))
		return tz_error_set(err, EOPNOTSUPP, "this docker remaps users (userns-remap), where no vault can be mounted: "
				    "take that out of /etc/docker/daemon.json");
	return 0;
}

const struct cli_engine cli_engine_docker = {
	.name = "docker",
	.package = "docker.io",
	.no_image = "no such image",
	.judge = judge,
};
