#include "enclave.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"
#include "cleanup.h"
#include "enclave_inside.h"
#include "idmap.h"
#include "mountpoint.h"
#include "mounts.h"
#include "path.h"
#include "procmask.h"
#include "sessions.h"

#define MOUNT_POINT_MODE 0500
#define VAULT_ROOT_MODE 0700
#define LOST_AND_FOUND "lost+found"

void tz_enclave_notice(const struct tz_enclave *enclave, const char *format, ...)
{
	char text[TZ_ERROR_TEXT];
	va_list args;

	if (!enclave->notice)
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	enclave->notice(enclave->data, text);
}

int tz_enclave_enter(struct tz_error *err)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return tz_error_set(err, errno, "the session's namespaces cannot be made: %m%s",
				    errno == EPERM ? "; the container needs CAP_SYS_ADMIN ('tazpod up' makes one "
						     "that has it)" : "");
	return tz_mount_enslave_all(err);
}

/* Has the directory any entry but "." and ".." for which other() is true? 1, 0 or a negative errno. */
static int any_entry(int fd, bool (*other)(int fd, const char *name, uid_t uid), uid_t uid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		(void)close(copy);
		return -ENOMEM;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    other(fd, entry->d_name, uid))
			return 1;
	return -errno;
}

static bool anything(int fd, const char *name, uid_t uid)
{
	(void)fd;
	(void)name;
	(void)uid;
	return true;
}

static bool of_another(int fd, const char *name, uid_t uid)
{
	struct stat st;

	return strcmp(name, LOST_AND_FOUND) != 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_uid != uid;
}

static int check_owner(const struct tz_enclave *enclave, int fd, const char *what, struct tz_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, "%s cannot be examined: %m", what);
	if (st.st_uid != 0 && st.st_uid != enclave->ghost->uid)
		return tz_error_set(err, EPERM, "%s belongs to uid %u: it must be user %s's (or root's); chown it", what,
				    st.st_uid, enclave->ghost->name);
	return 0;
}

/* Where the vault goes: a directory in the home, made when missing. A descriptor. */
static int open_mount_point(const struct tz_enclave *enclave, struct tz_error *err)
{
	_cleanup_close_ int fd = -1;
	const char *mount = enclave->settings->mount;
	int r;

	r = check_owner(enclave, enclave->home, enclave->ghost->home, err);
	if (r < 0)
		return r;
	/* root's, and not writable: nothing gets lost in it while the vault is closed */
	fd = tz_path_open_dir(enclave->home, mount, true, MOUNT_POINT_MODE, 0, 0);
	if (fd == -ELOOP || fd == -ENOTDIR)
		return tz_error_set(err, fd, "~/%s is no directory, so the vault cannot be mounted there: move it away",
				    mount);
	if (fd < 0)
		return tz_error_set(err, fd, "~/%s, where the vault is to be mounted, cannot be opened: %s", mount,
				    strerrordesc_np(-fd));
	r = check_owner(enclave, fd, mount, err);
	if (r < 0)
		return r;
	if (tz_mount_is_root(fd, "") == 0 && any_entry(fd, anything, 0) > 0)
		tz_enclave_notice(enclave, "~/%s is not empty: what lies in it is not in the vault, and is hidden while "
				  "the vault is open", mount);
	return tz_steal_fd(&fd);
}

static int open_vault(const struct tz_enclave *enclave, struct tz_error *err)
{
	int fd = tz_path_open_beneath(enclave->home, enclave->settings->mount, O_RDONLY | O_DIRECTORY, 0);

	return fd >= 0 ? fd : tz_error_set(err, fd, "the mounted vault cannot be opened: %s", strerrordesc_np(-fd));
}

/* As mkfs.ext4 leaves it: the one directory is given to the ghost user, what is in it stays as it is. */
static int give_root_directory(const struct tz_enclave *enclave, int vault, struct tz_error *err)
{
	if (fchown(vault, enclave->ghost->uid, enclave->ghost->gid) < 0 || fchmod(vault, VAULT_ROOT_MODE) < 0)
		return tz_error_set(err, errno, "the vault cannot be given to user %s: %m", enclave->ghost->name);
	if (any_entry(vault, of_another, enclave->ghost->uid) > 0)
		tz_enclave_notice(enclave, "the vault holds files of other users: what cannot be read there needs a "
				  "chown by root");
	return 0;
}

static int split_mount(const struct tz_enclave *enclave, const char **ret_name)
{
	char parent[TZ_PATH_TEXT];
	const char *mount = enclave->settings->mount, *slash = strrchr(mount, '/');

	*ret_name = slash ? slash + 1 : mount;
	if (!slash)
		return tz_path_open_beneath(enclave->home, ".", O_PATH | O_DIRECTORY, 0);
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - mount), mount);
	return tz_path_open_beneath(enclave->home, parent, O_PATH | O_DIRECTORY, 0);
}

/* The mount is exchanged for a mapped copy of it: one that is in view can be mapped no more. */
static int map_vault(const struct tz_enclave *enclave, int *vault, const struct stat *owner, int mount_point,
		     struct tz_error *err)
{
	/* root's group is on many files that a user's umask made; it stays root's */
	struct tz_idmap map = {
		.uid_a = owner->st_uid,
		.uid_b = enclave->ghost->uid,
		.gid_a = owner->st_gid == 0 ? enclave->ghost->gid : owner->st_gid,
		.gid_b = enclave->ghost->gid,
	};
	_cleanup_close_ int parent = -1, tree = tz_idmap_clone(*vault, &map, err);
	const char *name;
	int r;

	if (tree < 0) {
		if (tree == -EOPNOTSUPP && err)
			(void)snprintf(err->message, sizeof(err->message),
				       "the vault belongs to uid %u, and this kernel cannot show it as user %s's (Linux "
				       "5.12 and root's rights over it are needed): open it where uid %u is user %s, or "
				       "chown its content", owner->st_uid, enclave->ghost->name, owner->st_uid,
				       enclave->ghost->name);
		return tree;
	}
	tz_closep(vault);
	parent = split_mount(enclave, &name);
	if (parent < 0)
		return tz_error_set(err, parent, "~/%s cannot be opened again: %s", enclave->settings->mount,
				    strerrordesc_np(-parent));
	r = tz_unmount(parent, name, err);
	return r < 0 ? r : tz_idmap_attach(tree, mount_point, err);
}

/* A session opened within another one has a copy of its mount; the kernel refuses the same one on top of it. */
static bool is_mounted(int mount_point, const struct tz_device *device)
{
	struct stat st;

	return tz_mount_is_root(mount_point, "") > 0 && fstat(mount_point, &st) == 0 && st.st_dev == device->rdev;
}

/* What was mounted is the ghost user's to see. */
static int show_vault(const struct tz_enclave *enclave, const struct tz_device *device, int mount_point,
		      struct tz_error *err)
{
	_cleanup_close_ int vault = open_vault(enclave, err);
	struct stat st;

	if (vault < 0)
		return vault;
	if (fstat(vault, &st) < 0)
		return tz_error_set(err, errno, "the mounted vault cannot be examined: %m");
	/* opened by its name, in a home that the ghost user may write */
	if (st.st_dev != device->rdev || tz_mount_is_root(vault, "") <= 0)
		return tz_error_set(err, ESTALE, "~/%s was moved while the vault was being mounted there",
				    enclave->settings->mount);
	if (st.st_uid == enclave->ghost->uid)
		return 0;
	if (st.st_uid == 0)
		return give_root_directory(enclave, vault, err);
	return map_vault(enclave, &vault, &st, mount_point, err);
}

/* Or this process would hold the vault open until its own end, and whoever detaches the device wait for that in vain. */
static void unmount_again(const struct tz_enclave *enclave)
{
	const char *name;
	_cleanup_close_ int parent = split_mount(enclave, &name);

	if (parent >= 0)
		(void)tz_unmount(parent, name, NULL);
}

int tz_enclave_mount_vault(const struct tz_enclave *enclave, const struct tz_device *device, struct tz_error *err)
{
	_cleanup_close_ int mount_point = open_mount_point(enclave, err);
	int r;

	if (mount_point < 0)
		return mount_point;
	if (is_mounted(mount_point, device))
		return 0;
	r = tz_mount_ext4(device->path, mount_point, err);
	if (r < 0)
		return r;
	r = show_vault(enclave, device, mount_point, err);
	if (r < 0)
		unmount_again(enclave);
	return r;
}

static int private_tmpfs(const char *path, struct tz_error *err)
{
	_cleanup_close_ int fd = tz_path_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return tz_error_set(err, fd, "%s cannot be made private: %s", path,
				    fd == -ELOOP ? "it is a symlink; make it a directory" : strerrordesc_np(-fd));
	r = tz_mount_tmpfs(fd, "size=50%,mode=1777", err);
	return r == 0 ? 0 : tz_error_wrap(err, "%s", path);
}

/*
 * The directory path, which has root's directories above it that nobody else can write; itself it may be anyone's.
 * A descriptor, -ENOENT when it is not there, -EPERM when it is not to be trusted.
 */
static int open_below_root(const char *path)
{
	_cleanup_close_ int fd = tz_path_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	char name[NAME_MAX + 1];
	int r;

	for (path += strspn(path, "/"); fd >= 0 && *path; path += strspn(path, "/")) {
		size_t size = strcspn(path, "/");
		int next;

		if (size >= sizeof(name))
			return -ENAMETOOLONG;
		(void)snprintf(name, sizeof(name), "%.*s", (int)size, path);
		r = tz_path_trusted(fd, 0, name, NULL, NULL);
		if (r < 0)
			return r;
		next = tz_path_open(fd, name, O_PATH | O_DIRECTORY, 0);
		tz_closep(&fd);
		fd = next;
		path += size;
	}
	return tz_steal_fd(&fd);
}

/*
 * Where user ids cannot be mapped the workspace stays in view as it is (a mount namespace begins with a copy of
 * every mount), and the group that both users share has to do.
 */
static int unmapped(const struct tz_enclave *enclave, const char *reason)
{
	tz_enclave_notice(enclave, "%s keeps its owners as they are (%s): see 'tazpod doctor'",
			  enclave->settings->workspace, reason);
	return 0;
}

static int map_workspace(const struct tz_enclave *enclave, struct tz_error *err)
{
	const struct tz_identity *ghost = enclave->ghost, *other = enclave->public_user;
	_cleanup_close_ int fd = -1, tree = -1;
	struct tz_idmap map;

	if (!other || !enclave->settings->workspace[0])
		return 0;
	fd = open_below_root(enclave->settings->workspace);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return unmapped(enclave, fd == -EPERM ? "a directory above it is not root's alone" : strerrordesc_np(-fd));
	/* a session opened within another one */
	if (tz_mount_is_idmapped(fd) > 0)
		return 0;
	map = (struct tz_idmap){ other->uid, ghost->uid, other->gid, ghost->gid };
	tree = tz_idmap_clone(fd, &map, err);
	if (tree == -EOPNOTSUPP)
		return unmapped(enclave, "user ids cannot be mapped here");
	return tree < 0 ? tree : tz_idmap_attach(tree, fd, err);
}

static int build_bridges(const struct tz_enclave *enclave, struct tz_error *err)
{
	_cleanup_close_ int vault = -1;
	int r = 0;

	if (enclave->settings->bridge_count == 0)
		return 0;
	vault = open_vault(enclave, err);
	if (vault < 0)
		return vault;
	for (unsigned int i = 0; i < enclave->settings->bridge_count && r >= 0; i++)
		r = tz_bridge_build(enclave, vault, &enclave->settings->bridges[i], err);
	return r < 0 ? r : 0;
}

int tz_enclave_furnish(const struct tz_enclave *enclave, struct tz_error *err)
{
	/* what processes outside share by these, X11's sockets in /tmp too, is cut off on purpose */
	static const char *const private_places[] = { "/tmp", "/var/tmp", "/dev/shm" };
	int r = 0;

	for (size_t i = 0; i < sizeof(private_places) / sizeof(*private_places) && r == 0; i++)
		r = private_tmpfs(private_places[i], err);
	if (r == 0)
		r = build_bridges(enclave, err);
	return r < 0 ? r : map_workspace(enclave, err);
}

int tz_enclave_mount_proc(struct tz_error *err)
{
	_cleanup_procmask_ struct tz_procmask mask = { .count = 0 };
	int r = tz_procmask_collect(&mask, err);

	return r < 0 ? r : tz_procmask_mount(&mask, TZ_ENCLAVE_PROC_SOURCE, err);
}
