#include "container_args.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "output.h"

#define VAULT_TARGET "/var/lib/tazpod/vault"
#define WORKSPACE "/workspace"
/* 'tazpod lock' gives the sessions ten seconds */
#define STOP_TIMEOUT "--stop-timeout=20"

/*
 * All capabilities are dropped but these. Nobody in the container has them but root, and nobody becomes root there: su
 * opens the vault by PAM, and there is no sudo.
 */
static const char *const capabilities[] = {
	"SYS_ADMIN",    /* namespaces, mounts, loop devices, device-mapper */
	"CHOWN",        /* a new vault's files are the ghost user's; the public user gets the workspace's ids */
	"DAC_OVERRIDE", /* the vault's folder is the host user's; the ghost's home is closed to all others */
	"FOWNER",       /* modes of what is the ghost user's */
	"SETUID",       /* su becomes the ghost user */
	"SETGID",       /* and takes his groups */
	"SETFCAP",      /* root's own id is in the map of ids with which the ghost sees the workspace */
	"KILL",         /* a session's init ends its processes in order */
	"MKNOD",        /* nodes of loop devices, in a private folder */
	"SYS_CHROOT",   /* the vault's server has an empty root; PAM's module enters a session's mounts */
	"IPC_LOCK",     /* the server's memory is locked whole, so that nothing of the key reaches a swap */
};

/*
 * The value of --mount is a line of CSV: a field with a comma or a quote stands in quotes. Its newlines were refused
 * with the config.
 */
static void add_field(char **to, const char *end, const char *name, const char *value)
{
	bool quoted = strpbrk(value, ",\"");
	char *p = *to;

	p += snprintf(p, (size_t)(end - p), ",%s%s=", quoted ? "\"" : "", name);
	for (; *value && p < end - 3; value++) {
		if (*value == '"')
			*p++ = '"';
		*p++ = *value;
	}
	if (quoted)
		*p++ = '"';
	*p = '\0';
	*to = p;
}

static void add_bind(struct cli_args *args, const char *source, const char *target, bool read_only)
{
	char text[4 * TZ_PROJECT_PATH + 64], *p = text;

	add_field(&p, text + sizeof(text), "source", source);
	add_field(&p, text + sizeof(text), "target", target);
	cli_args_add(args, "--mount=type=bind%s%s", text, read_only ? ",readonly" : "");
}

/*
 * The config is read-only in there: whoever runs in the container shall not decide how the next one is made. The vault's
 * image is behind a folder that only root gets into, and the way to it through the workspace is covered.
 */
static void add_folders(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *args)
{
	/* podman fills a new tmpfs with what it covers, unless it is told not to; docker does not know the word */
	const char *empty = use->engine == &cli_engine_podman ? ",notmpcopyup" : "";
	char path[TZ_PROJECT_PATH + 32];

	add_bind(args, project->folder, WORKSPACE, false);
	(void)snprintf(path, sizeof(path), "%s/.tazpod", project->folder);
	add_bind(args, path, WORKSPACE "/.tazpod", true);
	cli_args_add(args, "--mount=type=tmpfs,target=" WORKSPACE "/.tazpod/vault,tmpfs-size=4096,tmpfs-mode=0500%s", empty);
	(void)snprintf(path, sizeof(path), "%s/.tazpod/vault", project->folder);
	add_bind(args, path, VAULT_TARGET, false);
}

static void add_privileges(const struct tz_project *project, const struct cli_host *host, struct cli_args *args)
{
	cli_args_add(args, "--cap-drop=ALL");
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		cli_args_add(args, "--cap-add=%s", capabilities[i]);
	/* ext4 grows online by it, and the server is spared when memory is short; no engine can give what it has not */
	if (host->sys_resource)
		cli_args_add(args, "--cap-add=SYS_RESOURCE");
	cli_args_add(args, "--security-opt=seccomp=" CLI_SECCOMP_PROFILE);
	if (host->apparmor)
		cli_args_add(args, "--security-opt=apparmor=%s",
			     host->apparmor_profile ? CLI_APPARMOR_PROFILE : "unconfined");
	cli_args_add(args, "--device=/dev/loop-control");
	cli_args_add(args, "--device-cgroup-rule=b 7:* rmw");
	if (project->driver == TZ_DRIVER_DM_CRYPT) {
		/* with it root there sees and changes every mapping of the host: only where it was asked for */
		cli_args_add(args, "--device=/dev/mapper/control");
		cli_args_add(args, "--device-cgroup-rule=b %u:* rmw", host->dm_major);
	} else {
		cli_args_add(args, "--device=/dev/fuse");
	}
}

static int add_socket(struct cli_args *args, const char *key, const char *path, const char *target, struct tz_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0 || !(S_ISSOCK(st.st_mode) || S_ISDIR(st.st_mode)))
		return tz_error_set(err, ENOENT, "'%s: true' in the config: there is no socket at %s", key, path);
	add_bind(args, path, target, false);
	return 0;
}

static int add_x11(struct cli_args *args, struct tz_error *err)
{
	const char *display = getenv("DISPLAY"), *cookie = getenv("XAUTHORITY");
	int r;

	if (!display || !*display)
		return tz_error_set(err, ENOENT, "'x11: true' in the config: there is no display here (DISPLAY is not set)");
	r = add_socket(args, "x11", "/tmp/.X11-unix", "/tmp/.X11-unix", err);
	if (r < 0)
		return r;
	cli_args_add(args, "--env=DISPLAY=%s", display);
	if (cookie && access(cookie, R_OK) == 0) {
		add_bind(args, cookie, "/run/tazpod-host/Xauthority", true);
		cli_args_add(args, "--env=XAUTHORITY=/run/tazpod-host/Xauthority");
	}
	return 0;
}

static int add_wayland(struct cli_args *args, struct tz_error *err)
{
	const char *display = getenv("WAYLAND_DISPLAY"), *folder = getenv("XDG_RUNTIME_DIR");
	char path[TZ_PROJECT_PATH];

	if (!display || !*display || !folder || !*folder)
		return tz_error_set(err, ENOENT, "'wayland: true' in the config: there is no compositor here (WAYLAND_DISPLAY and "
				    "XDG_RUNTIME_DIR are not both set)");
	(void)snprintf(path, sizeof(path), "%s%s%s", *display == '/' ? "" : folder, *display == '/' ? "" : "/", display);
	cli_args_add(args, "--env=WAYLAND_DISPLAY=/run/tazpod-host/wayland");
	return add_socket(args, "wayland", path, "/run/tazpod-host/wayland", err);
}

static int add_ssh_agent(struct cli_args *args, struct tz_error *err)
{
	const char *path = getenv("SSH_AUTH_SOCK");

	if (!path || *path != '/')
		return tz_error_set(err, ENOENT, "'ssh_agent: true' in the config: no agent runs here (SSH_AUTH_SOCK is not set)");
	cli_args_add(args, "--env=SSH_AUTH_SOCK=/run/tazpod-host/ssh-agent");
	return add_socket(args, "ssh_agent", path, "/run/tazpod-host/ssh-agent", err);
}

static int add_gpu(const struct cli_host *host, struct cli_args *args, struct tz_error *err)
{
	if (!host->dri && !host->nvidia)
		return tz_error_set(err, ENODEV, "'gpu: true' in the config: there is neither /dev/dri nor an NVIDIA device here");
	if (host->dri)
		cli_args_add(args, "--device=/dev/dri");
	if (host->nvidia)
		cli_args_add(args, "--gpus=all");
	return 0;
}

/* All that is more than the vault needs, and only what the config asks for. */
static int add_wishes(const struct tz_project *project, const struct cli_host *host, struct cli_args *args,
		      struct tz_error *err)
{
	int r = 0;

	/* the engine's own default is a bridge, where it has one */
	if (strcmp(project->network, "bridge") != 0)
		cli_args_add(args, "--network=%s", project->network);
	for (unsigned int i = 0; i < project->port_count; i++)
		cli_args_add(args, "--publish=%s", project->ports[i].text);
	for (unsigned int i = 0; i < project->mount_count; i++)
		add_bind(args, project->mounts[i].source, project->mounts[i].target, project->mounts[i].read_only);
	if (project->x11)
		r = add_x11(args, err);
	if (r == 0 && project->wayland)
		r = add_wayland(args, err);
	if (r == 0 && project->ssh_agent)
		r = add_ssh_agent(args, err);
	if (r == 0 && project->gpu)
		r = add_gpu(host, args, err);
	return r;
}

/* How it was made, so that it can be told later what has changed. */
static void add_labels(const struct tz_project *project, const char *digest, struct cli_args *args)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();

	for (unsigned int i = 1; i < args->count; i++)
		(void)json_object_array_add(list, json_object_new_string(args->words[i]));
	cli_args_add(args, "--label=" CLI_LABEL_PROJECT "=%s", project->folder);
	cli_args_add(args, "--label=" CLI_LABEL_USER "=%s", project->user);
	cli_args_add(args, "--label=" CLI_LABEL_DIGEST "=%s", digest);
	cli_args_add(args, "--label=" CLI_LABEL_COMMAND "=%s",
		     json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

int cli_container_args(const struct cli_engine_use *use, const struct tz_project *project, const struct cli_host *host,
		       const char *digest, struct cli_args *ret, struct tz_error *err)
{
	int r;

	cli_engine_args(use, ret, CLI_KEYS("create", "--pull=never"));
	cli_args_add(ret, "--name=%s", project->container_name);
	cli_args_add(ret, "--hostname=%.63s", project->container_name);
	/* whatever the image says of itself */
	cli_args_add(ret, "--entrypoint=" CLI_FIRST_PROCESS);
	cli_args_add(ret, STOP_TIMEOUT);
	add_privileges(project, host, ret);
	add_folders(use, project, ret);
	r = add_wishes(project, host, ret, err);
	if (r < 0)
		return r;
	add_labels(project, digest, ret);
	cli_args_add(ret, "%s", project->image);
	return cli_args_check(ret, err);
}
