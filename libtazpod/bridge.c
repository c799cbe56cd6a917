#include "bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounts.h"
#include "path.h"

#define BRIDGE_MODE 0700

/* Both calls return the ids from before and no error: asking for -1 changes nothing and tells what is in effect. */
static int set_fs_ids(uid_t uid, gid_t gid)
{
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	return setfsuid((uid_t)-1) == (int)uid && setfsgid((gid_t)-1) == (int)gid ? 0 : -EPERM;
}

static int split(const char *path, char parent[static PATH_MAX], const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	if (!slash) {
		(void)strcpy(parent, ".");
		*ret_name = path;
		return 0;
	}
	if (slash - path >= PATH_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(parent, PATH_MAX, "%.*s", (int)(slash - path), path);
	*ret_name = slash + 1;
	return 0;
}

/* Opens the directory path beneath dir, making up to `missing` components of it. */
static int open_or_make(int dir, const char *path, unsigned int missing)
{
	_cleanup_close_ int above = -1;
	char parent[PATH_MAX];
	const char *name;
	int r, fd = tz_path_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd != -ENOENT || missing == 0)
		return fd;
	r = split(path, parent, &name);
	if (r < 0)
		return r;
	above = open_or_make(dir, parent, missing - 1);
	if (above < 0)
		return above;
	if (mkdirat(above, name, BRIDGE_MODE) < 0 && errno != EEXIST)
		return -errno;
	return tz_path_open_beneath(above, name, O_RDONLY | O_DIRECTORY, 0);
}

/* What the earlier tool called the folder of Infisical's login in its vaults, the newest first. */
static const struct {
	const char *now, *before;
} renamed[] = {
	{ ".infisical-vault", ".infisical-storage" },
	{ ".infisical-vault", ".infisical-auth" },
	{ ".infisical-vault", ".auth-infisical" },
};

/* Where both are there, the present one counts, and the other stays what it is. */
static void take_over_old_name(int vault, const char *name)
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(name, renamed[i].now) == 0)
			(void)renameat2(vault, renamed[i].before, vault, name, RENAME_NOREPLACE);
}

/* 1, 0 or a negative errno. */
static int is_empty(int fd)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir)
		return -errno;
	(void)tz_steal_fd(&copy);
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	return errno ? -errno : 1;
}

struct ends {
	int source;
	int target;
	int empty; /* the target: 1, 0 or a negative errno */
};

static void close_ends(struct ends *ends)
{
	tz_closep(&ends->source);
	tz_closep(&ends->target);
}

/* With the ghost user's ids in effect. What could not be opened is a negative errno in its place. */
static void find_ends(const struct tz_enclave *enclave, int vault, const struct tz_bridge_setting *bridge,
		      struct ends *ret)
{
	take_over_old_name(vault, bridge->vault);
	ret->source = open_or_make(vault, bridge->vault, 1);
	/* where the vault's side is missing, nothing is made in the home */
	if (ret->source < 0)
		return;
	ret->target = open_or_make(enclave->home, bridge->home, 2);
	ret->empty = ret->target < 0 ? ret->target : is_empty(ret->target);
}

static int find_ends_as_ghost(const struct tz_enclave *enclave, int vault, const struct tz_bridge_setting *bridge,
			      struct ends *ret, struct tz_error *err)
{
	int r = set_fs_ids(enclave->ghost->uid, enclave->ghost->gid);

	if (r == 0)
		find_ends(enclave, vault, bridge, ret);
	if (set_fs_ids(geteuid(), getegid()) < 0 || r < 0)
		return tz_error_set(err, EPERM, "the file system ids of user %s cannot be taken on and off again",
				    enclave->ghost->name);
	return 0;
}

static bool same_directory(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static int in_the_way(const struct tz_enclave *enclave, const struct tz_bridge_setting *bridge)
{
	tz_enclave_notice(enclave, "~/%s is in the way of its bridge to the vault: move its content to ~/%s/%s",
			  bridge->home, enclave->settings->mount, bridge->vault);
	return 1;
}

/* Are both ends there? 0, or 1 after a notice. */
static int judge(const struct tz_enclave *enclave, const struct tz_bridge_setting *bridge, const struct ends *ends)
{
	const char *mount = enclave->settings->mount;

	if (ends->source == -ELOOP || ends->source == -ENOTDIR) {
		tz_enclave_notice(enclave, "~/%s/%s is no directory: move it away, and ~/%s will be a bridge to the "
				  "vault", mount, bridge->vault, bridge->home);
		return 1;
	}
	if (ends->source < 0) {
		tz_enclave_notice(enclave, "~/%s is not in the vault: ~/%s/%s cannot be made: %s", bridge->home, mount,
				  bridge->vault, strerrordesc_np(-ends->source));
		return 1;
	}
	if (ends->empty == 0 || ends->target == -ELOOP || ends->target == -ENOTDIR)
		return in_the_way(enclave, bridge);
	if (ends->empty < 0) {
		tz_enclave_notice(enclave, "~/%s is not in the vault: it cannot be a bridge: %s", bridge->home,
				  strerrordesc_np(-ends->empty));
		return 1;
	}
	return 0;
}

int tz_bridge_build(const struct tz_enclave *enclave, int vault, const struct tz_bridge_setting *bridge,
		    struct tz_error *err)
{
	tz_cleanup(close_ends) struct ends ends = { -1, -1, 0 };
	int r = find_ends_as_ghost(enclave, vault, bridge, &ends, err);

	if (r < 0)
		return r;
	/* a session opened within another one has the bridges already */
	if (ends.source >= 0 && ends.target >= 0 && same_directory(ends.source, ends.target))
		return 0;
	r = judge(enclave, bridge, &ends);
	if (r != 0)
		return r;
	r = tz_mount_bind(ends.source, ends.target, err);
	return r == 0 ? 0 : tz_error_wrap(err, "~/%s", bridge->home);
}
