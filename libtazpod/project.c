#include "project.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "identity.h"
#include "path.h"
#include "smallfile.h"
#include "wellformed.h"
#include "yaml.h"
#include "yamlvalue.h"

/* what stays of a folder's name in that of its container, which is the host's name in there, too */
#define NAME_KEPT 40

static const char *const engine_names[] = {
	[TZ_ENGINE_AUTO] = "auto",
	[TZ_ENGINE_DOCKER] = "docker",
	[TZ_ENGINE_PODMAN] = "podman",
	NULL,
};

static const char *const driver_names[] = {
	[TZ_DRIVER_AUTO] = "auto",
	[TZ_DRIVER_DM_CRYPT] = "dm-crypt",
	[TZ_DRIVER_FUSE] = "fuse",
	NULL,
};

/*
 * Where nothing may be mounted, nor above or below it: root's programs in the container read it, the vault is there, or
 * the engine mounts it itself.
 */
static const char *const forbidden_targets[] = {
	"/workspace/.tazpod", "/var/lib/tazpod", "/home/tazpod-ghost", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32",
	"/lib64", "/libx32", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var/lib/pam", "/var/run", "/var/spool",
};

/* A config while it is read. */
struct reader {
	struct tz_project *project;
	const char *home;
	tz_project_warn_fn warn;
	void *data;
	struct tz_error *err;
};

/* ------------------------------------------------------------------------------------------ kinds of values */

static int warn_of_unknown(const struct reader *reader, const struct tz_yaml_node *map, const char *const *known)
{
	return tz_yaml_warn_unknown(map, known, reader->warn, reader->data, reader->err);
}

static int read_flag(const struct reader *reader, const struct tz_yaml_node *map, const char *key, bool *field)
{
	const struct tz_yaml_node *node = tz_yaml_find(map, key);

	return node ? tz_yaml_bool(node, field, reader->err) : 0;
}

static int expect_list(const struct reader *reader, const struct tz_yaml_node *node)
{
	int r = tz_yaml_expect(node, TZ_YAML_LIST, reader->err);

	if (r == 0 && tz_yaml_count(node) > TZ_PROJECT_LIST_MAX)
		r = tz_yaml_error(node, reader->err, "may have at most %d items", TZ_PROJECT_LIST_MAX);
	return r;
}

/* ------------------------------------------------------------------------------------------ one key each */

/* Of the earlier tool's files: every version of theirs means the same. */
static int read_version(struct reader *reader, const struct tz_yaml_node *node)
{
	return tz_yaml_expect(node, TZ_YAML_SCALAR, reader->err);
}

static int read_image(struct reader *reader, const struct tz_yaml_node *node)
{
	return tz_yaml_text_into(node, reader->project->image, sizeof(reader->project->image), tz_is_image_name,
				 "an image's name, such as localhost/tazpod/base:latest: a letter or digit, then letters, digits and "
				 "any of _.-/:@", reader->err);
}

static int read_container_name(struct reader *reader, const struct tz_yaml_node *node)
{
	return tz_yaml_text_into(node, reader->project->container_name, sizeof(reader->project->container_name),
				 tz_is_engine_name,
				 "a container's name: two or more letters, digits and any of _.-, a letter or digit first", reader->err);
}

/* Not the ghost either: who came in as him by the engine would be outside of any enclave, beside the open vault. */
static bool is_user(const char *name)
{
	return tz_is_user_name(name) && strcmp(name, "root") != 0 && strcmp(name, "tazpod-ghost") != 0;
}

static int read_user(struct reader *reader, const struct tz_yaml_node *node)
{
	return tz_yaml_text_into(node, reader->project->user, sizeof(reader->project->user), is_user,
				 "the name of a user in the container, neither root nor tazpod-ghost: at most 32 letters, digits, '_', '-' and '.', a letter "
				 "or '_' first", reader->err);
}

static int read_engine(struct reader *reader, const struct tz_yaml_node *node)
{
	int r = tz_yaml_choice(node, engine_names, "auto, docker or podman", reader->err);

	if (r < 0)
		return r;
	reader->project->engine = (enum tz_engine_choice)r;
	return 0;
}

static int read_driver(struct reader *reader, const struct tz_yaml_node *node)
{
	int r = tz_yaml_choice(node, driver_names, "auto, dm-crypt or fuse", reader->err);

	if (r < 0)
		return r;
	reader->project->driver = (enum tz_driver_choice)r;
	return 0;
}

static int read_features(struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "ghost_mode", "debug", NULL };
	int r = warn_of_unknown(reader, node, known);

	if (r == 0)
		r = read_flag(reader, node, "ghost_mode", &reader->project->ghost_mode);
	return r < 0 ? r : read_flag(reader, node, "debug", &reader->project->debug);
}

static bool is_in_project(const char *path)
{
	return path[0] != '-' && tz_is_relative_path(path);
}

/* "./a" is what people write for "a", and "." is the project. */
static int read_in_project(const struct reader *reader, const struct tz_yaml_node *map, const char *key, char *field,
			   bool may_be_folder)
{
	const struct tz_yaml_node *node = tz_yaml_find(map, key);
	const char *text;
	int r = node ? tz_yaml_string(node, &text, reader->err) : 0;

	if (!node || r < 0)
		return r;
	if (may_be_folder && (strcmp(text, ".") == 0 || strcmp(text, "./") == 0)) {
		(void)strcpy(field, ".");
		return 0;
	}
	if (strncmp(text, "./", 2) == 0)
		text += 2;
	if (!is_in_project(text))
		return tz_yaml_error(node, reader->err, "must be a path within the project, relative to its folder: without '..', a "
				     "'/' at its start or end, and a '-' in front");
	if (strlen(text) >= TZ_PROJECT_PATH)
		return tz_yaml_error(node, reader->err, "is too long: at most %d bytes", TZ_PROJECT_PATH - 1);
	(void)strcpy(field, text);
	return 0;
}

static int read_build(struct reader *reader, const struct tz_yaml_node *node)
{
	static const char *const known[] = { "dockerfile", "context", NULL };
	int r = warn_of_unknown(reader, node, known);

	if (r == 0)
		r = read_in_project(reader, node, "dockerfile", reader->project->dockerfile, false);
	if (r == 0)
		r = read_in_project(reader, node, "context", reader->project->context, true);
	if (r < 0)
		return r;
	if (tz_path_is_within(reader->project->dockerfile, ".tazpod/vault") ||
	    tz_path_is_within(reader->project->context, ".tazpod/vault"))
		return tz_yaml_error(node, reader->err, "must not build from .tazpod/vault");
	reader->project->has_build = true;
	return 0;
}

static int read_network(struct reader *reader, const struct tz_yaml_node *node)
{
	return tz_yaml_text_into(node, reader->project->network, sizeof(reader->project->network), tz_is_engine_name,
				 "bridge, none, host, or the name of a network: letters, digits and any of _.-", reader->err);
}

static int read_ports(struct reader *reader, const struct tz_yaml_node *list)
{
	struct tz_project *project = reader->project;
	int r = expect_list(reader, list);

	if (r < 0)
		return r;
	for (const struct tz_yaml_node *node = tz_yaml_first(list); node; node = tz_yaml_next(node)) {
		char *port = project->ports[project->port_count].text;
		const char *text;

		r = tz_yaml_string(node, &text, reader->err);
		if (r < 0)
			return r;
		if (!tz_port_normalise(text, port))
			return tz_yaml_error(node, reader->err, "must be PORT, HOST:CONTAINER or ADDRESS:HOST:CONTAINER, with or without "
					     "/tcp or /udp; ports are from 1 to 65535, and addresses are no names");
		for (unsigned int i = 0; i < project->port_count; i++)
			if (strcmp(project->ports[i].text, port) == 0)
				return tz_yaml_error(node, reader->err, "is there twice");
		project->port_count++;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------ mounts */

static int read_source(const struct reader *reader, const struct tz_yaml_node *node, char field[static TZ_PROJECT_PATH])
{
	const char *text, *base = "", *rest;
	int r = tz_yaml_string(node, &text, reader->err), size;

	if (r < 0)
		return r;
	rest = text;
	if (text[0] == '~' && (text[1] == '/' || text[1] == '\0')) {
		if (!reader->home)
			return tz_yaml_error(node, reader->err, "begins with '~', but your home is not known: HOME is not set");
		base = reader->home;
		rest = text + 1;
	} else if (text[0] != '/') {
		base = reader->project->folder;
		rest = strncmp(text, "./", 2) == 0 ? text + 2 : text;
	}
	size = snprintf(field, TZ_PROJECT_PATH, "%s%s%s", base, *rest && *rest != '/' ? "/" : "", rest);
	if (size < 0 || size >= TZ_PROJECT_PATH)
		return tz_yaml_error(node, reader->err, "is too long: at most %d bytes", TZ_PROJECT_PATH - 1);
	if (!tz_is_absolute_path(field))
		return tz_yaml_error(node, reader->err, "must be an absolute path, one that begins with '~/', or one relative to the "
				     "project: without '.', '..', '//' and a '/' at its end");
	return 0;
}

/* The vault's image is for root in the container alone, and the config is for no one in there to change. */
static int guard_vault(const struct reader *reader, const struct tz_yaml_node *node, const char *source)
{
	char own[TZ_PROJECT_PATH + sizeof("/.tazpod")];

	(void)snprintf(own, sizeof(own), "%s/.tazpod", reader->project->folder);
	if (!tz_paths_collide(source, own))
		return 0;
	return tz_yaml_error(node, reader->err, "must not give the container the project's folder .tazpod, where its vault and this "
			     "file are; the project itself is at /workspace there");
}

static int read_target(const struct reader *reader, const struct tz_yaml_node *node, char field[static TZ_PROJECT_PATH])
{
	int r = tz_yaml_text_into(node, field, TZ_PROJECT_PATH, tz_is_absolute_path,
				  "an absolute path in the container: without '.', '..', '//' and a '/' at its end", reader->err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(forbidden_targets) / sizeof(forbidden_targets[0]); i++)
		if (tz_paths_collide(field, forbidden_targets[i]))
			return tz_yaml_error(node, reader->err, "must not be %s, which is the system's or TazPod's own, nor above or "
					     "below it; /mnt, /opt, /srv and /home/tazpod are free", forbidden_targets[i]);
	return 0;
}

static int read_mount(struct reader *reader, const struct tz_yaml_node *map, struct tz_project_mount *ret)
{
	static const char *const known[] = { "source", "target", "read_only", NULL };
	const struct tz_yaml_node *source, *target;
	int r = warn_of_unknown(reader, map, known);

	if (r < 0)
		return r;
	source = tz_yaml_find(map, "source");
	target = tz_yaml_find(map, "target");
	if (!source || !target)
		return tz_yaml_error(map, reader->err, "must have both 'source' and 'target'");
	r = read_source(reader, source, ret->source);
	if (r == 0)
		r = guard_vault(reader, source, ret->source);
	if (r == 0)
		r = read_target(reader, target, ret->target);
	if (r == 0)
		r = read_flag(reader, map, "read_only", &ret->read_only);
	for (unsigned int i = 0; r == 0 && i < reader->project->mount_count; i++)
		if (strcmp(ret->target, reader->project->mounts[i].target) == 0)
			r = tz_yaml_error(target, reader->err, "is the target of another mount already");
	return r;
}

static int read_mounts(struct reader *reader, const struct tz_yaml_node *list)
{
	struct tz_project *project = reader->project;
	int r = expect_list(reader, list);

	for (const struct tz_yaml_node *node = tz_yaml_first(list); r == 0 && node; node = tz_yaml_next(node)) {
		r = read_mount(reader, node, &project->mounts[project->mount_count]);
		project->mount_count += r == 0;
	}
	return r;
}

/* ------------------------------------------------------------------------------------------ the document */

#define FLAG(name)                                                                           \
	static int read_##name(struct reader *reader, const struct tz_yaml_node *node)       \
	{                                                                                    \
		return tz_yaml_bool(node, &reader->project->name, reader->err);              \
	}
FLAG(x11)
FLAG(wayland)
FLAG(ssh_agent)
FLAG(gpu)

static const struct {
	const char *key;
	int (*read)(struct reader *reader, const struct tz_yaml_node *node);
} table[] = {
	{ "version", read_version },
	{ "image", read_image },
	{ "container_name", read_container_name },
	{ "user", read_user },
	{ "engine", read_engine },
	{ "driver", read_driver },
	{ "features", read_features },
	{ "build", read_build },
	{ "network", read_network },
	{ "ports", read_ports },
	{ "mounts", read_mounts },
	{ "x11", read_x11 },
	{ "wayland", read_wayland },
	{ "ssh_agent", read_ssh_agent },
	{ "gpu", read_gpu },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

/* What is allowed, and still not what its writer meant. */
static void warn_together(const struct reader *reader, const struct tz_yaml_node *map)
{
	const struct tz_yaml_node *ports = tz_yaml_find(map, "ports");
	const struct tz_project *project = reader->project;
	struct tz_error sentence;

	if (!ports || project->port_count == 0 || !reader->warn)
		return;
	if (strcmp(project->network, "host") != 0 && strcmp(project->network, "none") != 0)
		return;
	(void)tz_yaml_error(ports, &sentence, "does nothing with 'network: %s'", project->network);
	reader->warn(reader->data, sentence.message);
}

/* Of a container's name: in lower case, and with single separators, as the names of images are. */
static void name_image(const char *container_name, char *ret, size_t size)
{
	char name[TZ_PROJECT_NAME] = "";
	size_t n = 0;

	for (const char *p = container_name; *p; p++) {
		bool separates = strchr("_.-", *p);

		if (separates && (n == 0 || strchr("_.-", name[n - 1])))
			continue;
		name[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p;
	}
	while (n > 0 && strchr("_.-", name[n - 1]))
		n--;
	(void)snprintf(ret, size, "localhost/%.*s:latest", (int)n, name);
}

/*
 * What is built takes the name from whatever image has it: from TazPod's own it must not, since all projects stand on
 * those. Some engines put localhost/ in front of a name that has no place.
 */
static int name_build(const struct reader *reader, const struct tz_yaml_node *map)
{
	static const char *const ours[] = { "localhost/tazpod/", "tazpod/" };
	const struct tz_yaml_node *node = tz_yaml_find(map, "image");
	struct tz_project *project = reader->project;

	if (!project->has_build)
		return 0;
	if (!node || tz_yaml_is_null(node)) {
		name_image(project->container_name, project->image, sizeof(project->image));
		return 0;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strncmp(project->image, ours[i], strlen(ours[i])) == 0)
			return tz_yaml_error(node, reader->err, "must not be one of TazPod's own with 'build', which gives the name to "
					     "what it builds: another one, or none, which is localhost/ and the container's name");
	return 0;
}

static int read_map(struct reader *reader, const struct tz_yaml_node *map)
{
	const char *known[TABLE_SIZE + 1] = { NULL };
	int r;

	for (size_t i = 0; i < TABLE_SIZE; i++)
		known[i] = table[i].key;
	r = warn_of_unknown(reader, map, known);
	for (size_t i = 0; i < TABLE_SIZE && r == 0; i++) {
		const struct tz_yaml_node *node = tz_yaml_find(map, table[i].key);

		/* a key without a value is one that is left open */
		if (node && !tz_yaml_is_null(node))
			r = table[i].read(reader, node);
	}
	if (r == 0)
		r = name_build(reader, map);
	if (r == 0)
		warn_together(reader, map);
	return r;
}

static int set_defaults(const char *folder, struct tz_project *project, struct tz_error *err)
{
	struct tz_digest_part part = { "folder", folder, strlen(folder) };
	char digest[TZ_DIGEST_TEXT];
	int r = tz_digest(&part, 1, digest, err);

	if (r < 0)
		return r;
	*project = (struct tz_project){
		.image = "localhost/tazpod/base:latest",
		.user = TZ_PROJECT_USER,
		.ghost_mode = true,
		.dockerfile = ".tazpod/Containerfile",
		.context = ".tazpod",
		.network = "bridge",
	};
	if (!tz_is_absolute_path(folder))
		return tz_error_set(err, EINVAL, "%s cannot be a project: its path must be absolute, without control characters",
				    folder);
	if (strlen(folder) >= sizeof(project->folder))
		return tz_error_set(err, ENAMETOOLONG, "the path of the project is too long: at most %zu bytes",
				    sizeof(project->folder) - 1);
	(void)strcpy(project->folder, folder);
	/* of the path, so that another folder of the same name has another one */
	digest[6] = '\0';
	tz_project_container_name(folder, digest, project->container_name);
	return 0;
}

int tz_project_parse(const char *text, size_t size, const char *name, const char *folder, const char *home,
		     struct tz_project *ret, tz_project_warn_fn warn, void *data, struct tz_error *err)
{
	_cleanup_free_ struct tz_project *project = malloc(sizeof(*project));
	_cleanup_yaml_ struct tz_yaml *document = NULL;
	struct tz_digest_part part;
	struct reader reader = { .project = project, .home = home, .warn = warn, .data = data, .err = err };
	int r = project ? set_defaults(folder, project, err) : tz_error_set(err, ENOMEM, "out of memory");

	if (r == 0)
		r = tz_yaml_parse(text, size, name, &document, err);
	if (r == 0 && tz_yaml_root(document))
		r = read_map(&reader, tz_yaml_root(document));
	if (r < 0)
		return r;
	part = (struct tz_digest_part){ TZ_PROJECT_FILE, text, size };
	r = tz_digest(&part, 1, project->config_digest, err);
	if (r < 0)
		return r;
	*ret = *project;
	return 0;
}

/* ------------------------------------------------------------------------------------------ files */

int tz_project_find(const char *start, char ret[static TZ_PROJECT_PATH], struct tz_error *err)
{
	char folder[PATH_MAX], file[PATH_MAX + sizeof(TZ_PROJECT_FILE) + 1];
	char *slash;

	if (!realpath(start, folder))
		return tz_error_set(err, errno, "%s: %m", start);
	for (;;) {
		(void)snprintf(file, sizeof(file), "%s/%s", folder, TZ_PROJECT_FILE);
		/* a symlink counts: reading it tells what is wrong with it */
		if (faccessat(AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			break;
		slash = strrchr(folder, '/');
		if (!slash || !slash[1])
			return tz_error_set(err, ENOENT, "this is no TazPod project: there is no " TZ_PROJECT_FILE
					    " here or in a folder above; 'tazpod init' makes one");
		/* the root is the last one, and no project */
		if (slash == folder)
			slash++;
		*slash = '\0';
	}
	if (strlen(folder) >= TZ_PROJECT_PATH)
		return tz_error_set(err, ENAMETOOLONG, "the path of the project is too long: at most %d bytes",
				    TZ_PROJECT_PATH - 1);
	(void)strcpy(ret, folder);
	return 0;
}

/* As the shell takes "~", without symlinks; NULL when nobody knows. */
static const char *find_home(char buffer[static PATH_MAX])
{
	const char *home = getenv("HOME");
	struct tz_identity identity;

	if ((!home || home[0] != '/') && tz_identity_by_uid(getuid(), &identity, NULL) == 0)
		home = identity.home;
	return home && home[0] == '/' && realpath(home, buffer) ? buffer : NULL;
}

int tz_project_load(const char *folder, struct tz_project *ret, tz_project_warn_fn warn, void *data,
		    struct tz_error *err)
{
	char real[PATH_MAX], name[PATH_MAX + sizeof(TZ_PROJECT_FILE) + 1], home[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t size;
	int r;

	if (!realpath(folder, real))
		return tz_error_set(err, errno, "%s: %m", folder);
	(void)snprintf(name, sizeof(name), "%s/%s", real, TZ_PROJECT_FILE);
	fd = tz_path_open(AT_FDCWD, real, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return tz_error_set(err, fd, "%s cannot be opened: %s", real, strerror(-fd));
	r = tz_smallfile_read(fd, TZ_PROJECT_FILE, name, TZ_PROJECT_FILE_MAX, &text, &size, err);
	if (r < 0)
		return r;
	return tz_project_parse(text, size, name, real, find_home(home), ret, warn, data, err);
}

void tz_project_container_name(const char *folder, const char *suffix, char ret[static TZ_PROJECT_NAME])
{
	const char *base = strrchr(folder, '/');
	char kept[NAME_KEPT + 1];
	size_t n = 0;

	/* lower case and single '-' only, so that it is an image's and a host's name, too */
	for (base = base ? base + 1 : folder; *base && n < NAME_KEPT; base++) {
		char c = *base >= 'A' && *base <= 'Z' ? (char)(*base + 'a' - 'A') : *base;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			kept[n++] = c;
		else if (n > 0 && kept[n - 1] != '-')
			kept[n++] = '-';
	}
	if (n > 0 && kept[n - 1] == '-')
		n--;
	kept[n] = '\0';
	(void)snprintf(ret, TZ_PROJECT_NAME, "tazpod-%s-%.16s", n > 0 ? kept : "project", suffix);
}

const char *tz_engine_choice_name(enum tz_engine_choice choice)
{
	switch (choice) {
	case TZ_ENGINE_AUTO:
	case TZ_ENGINE_DOCKER:
	case TZ_ENGINE_PODMAN:
		return engine_names[choice];
	}
	return "unknown";
}
