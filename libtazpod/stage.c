#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "manifest.h"
#include "path.h"
#include "wellformed.h"

/* Of what this file makes, none is deeper. Each level costs a descriptor. */
#define DEPTH_MAX (TZ_MANIFEST_PATH / 2 + 4)

/* ---- writing ---- */

/* The folder name of parent, made where it is missing. */
static int enter(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return tz_path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
}

/* The folder that path's last component, *ret_name, goes to. */
static int enter_all(int tree, const char *path, const char **ret_name)
{
	_cleanup_close_ int folder = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	if (folder < 0)
		return -errno;
	while ((slash = strchr(path, '/'))) {
		char name[NAME_MAX + 1];
		int next;

		if ((size_t)(slash - path) >= sizeof(name))
			return -ENAMETOOLONG;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		next = enter(folder, name);
		if (next < 0)
			return next;
		tz_closep(&folder);
		folder = next;
		path = slash + 1;
	}
	*ret_name = path;
	return tz_steal_fd(&folder);
}

int tz_stage_write(int tree, const char *path, const void *data, size_t size)
{
	const char *name;
	_cleanup_close_ int folder = enter_all(tree, path, &name), fd = -1;

	if (folder < 0)
		return folder;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : tz_write_all(fd, data, size);
}

/* ---- going through a folder ---- */

typedef int (*visit_fn)(int folder, const struct dirent *entry, void *data);

/* Calls visit, which takes the entry out of the folder, for each; until there is none. */
static int empty_out(int folder, visit_fn visit, void *data)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), visited, r = 0;
	const struct dirent *entry;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		(void)close(copy);
		return -ENOMEM;
	}
	do {
		/* a folder that changes while it is read may skip entries */
		rewinddir(dir);
		visited = 0;
		while (r == 0 && (errno = 0, entry = readdir(dir))) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			visited++;
			r = visit(folder, entry, data);
		}
		if (r == 0 && errno)
			r = -errno;
	} while (r == 0 && visited);
	return r;
}

/* S_IFDIR and so on of an entry, or a negative errno. */
static int type_of(int folder, const struct dirent *entry)
{
	struct stat st;

	if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return (int)(st.st_mode & S_IFMT);
}

/* ---- merging ---- */

struct merge {
	int target;                     /* the folder that the visited one goes to */
	const char *shown;
	char path[TZ_MANIFEST_PATH + 1]; /* of the entry, below target */
	struct tz_error *err;
};

static int refuse(const struct merge *merge, int code, const char *what)
{
	return tz_error_set(merge->err, code, "%s/%s %s", merge->shown, merge->path, what);
}

/* In TazPod's own folder values are all that a pull puts. */
static bool may_go(const char *path)
{
	return !tz_path_is_within(path, TZ_MANIFEST_FOLDER) || tz_paths_collide(path, TZ_MANIFEST_VALUES);
}

static int move(const struct merge *merge, int folder, const char *name)
{
	if (renameat(folder, name, merge->target, name) == 0)
		return 0;
	if (errno == EISDIR)
		return refuse(merge, EISDIR, "is a folder where a file is to be put: move it away");
	if (errno == ENOTDIR)
		return refuse(merge, ENOTDIR, "is no folder, where one is to be put: move it away");
	return tz_error_set(merge->err, errno, "%s/%s cannot be put in its place: %m", merge->shown, merge->path);
}

static int visit_merge(int folder, const struct dirent *entry, void *data);

static int merge_folder(struct merge *merge, int folder, const char *name)
{
	_cleanup_close_ int from = -1, to = tz_path_open_beneath(merge->target, name, O_PATH | O_DIRECTORY, 0);
	int above = merge->target, r;

	if (to == -ENOENT)
		return move(merge, folder, name);
	if (to == -ELOOP || to == -ENOTDIR)
		return refuse(merge, to, "is no folder, where one is needed: move it away");
	from = to < 0 ? to : tz_path_open_beneath(folder, name, O_RDONLY | O_DIRECTORY, 0);
	if (from < 0)
		return tz_error_set(merge->err, from, "%s/%s cannot be opened: %s", merge->shown, merge->path,
				    strerror(-from));
	merge->target = to;
	r = empty_out(from, visit_merge, merge);
	merge->target = above;
	if (r < 0)
		return r;
	if (unlinkat(folder, name, AT_REMOVEDIR) < 0)
		return tz_error_set(merge->err, errno, "what was staged for %s/%s cannot be removed: %m", merge->shown,
				    merge->path);
	return 0;
}

static int visit_merge(int folder, const struct dirent *entry, void *data)
{
	struct merge *merge = data;
	size_t used = strlen(merge->path), room = sizeof(merge->path) - used;
	int n = snprintf(merge->path + used, room, "%s%s", used ? "/" : "", entry->d_name);
	int type = type_of(folder, entry), r;

	if (n < 0 || (size_t)n >= room || type < 0 || !may_go(merge->path))
		r = refuse(merge, EINVAL, "was not staged by TazPod");
	else if (type == S_IFDIR)
		r = merge_folder(merge, folder, entry->d_name);
	else if (type == S_IFREG)
		r = move(merge, folder, entry->d_name);
	else
		r = refuse(merge, EINVAL, "was not staged by TazPod: it is no regular file");
	merge->path[used] = '\0';
	return r;
}

int tz_stage_merge(int tree, int target, const char *shown, struct tz_error *err)
{
	struct tz_error reason = { 0 };
	struct merge merge = { .target = target, .shown = shown, .err = &reason };
	int r = empty_out(tree, visit_merge, &merge);

	if (r < 0 && reason.code)
		return tz_error_adopt(err, &reason);
	/* reading the folder itself failed */
	return r < 0 ? tz_error_set(err, r, "what was staged for %s cannot be read: %s", shown, strerror(-r)) : 0;
}

/* ---- dropping ---- */

static int visit_drop(int folder, const struct dirent *entry, void *data);

static int drop_folder(int parent, const char *name, unsigned int *depth)
{
	_cleanup_close_ int folder = -1;
	int r;

	if (*depth >= DEPTH_MAX)
		return -ENAMETOOLONG;
	folder = tz_path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
	if (folder < 0)
		return folder;
	(*depth)++;
	r = empty_out(folder, visit_drop, depth);
	(*depth)--;
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

static int visit_drop(int folder, const struct dirent *entry, void *data)
{
	int type = type_of(folder, entry);

	if (type < 0)
		return type;
	if (type == S_IFDIR)
		return drop_folder(folder, entry->d_name, data);
	return unlinkat(folder, entry->d_name, 0) < 0 ? -errno : 0;
}

int tz_stage_drop(int parent, const char *name)
{
	unsigned int depth = 0;
	int r = drop_folder(parent, name, &depth);

	return r == -ENOENT ? 0 : r;
}
