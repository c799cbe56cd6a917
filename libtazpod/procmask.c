#include "procmask.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "mountpoint.h"
#include "mounts.h"
#include "path.h"

#define PROC "/proc"

struct collection {
	struct tz_procmask *mask;
	int proc; /* the mount number of the /proc in view */
	bool found;
	struct tz_error *err;
};

static int copy_text(char *to, size_t size, const char *from)
{
	int n = snprintf(to, size, "%s", from);

	return n >= 0 && (size_t)n < size ? 0 : -E2BIG;
}

static int too_much(struct tz_error *err, const char *what)
{
	return tz_error_set(err, E2BIG, "a session cannot have a /proc of its own: %s of this one cannot be kept", what);
}

static int remember_options(struct collection *collection, const struct tz_mount_entry *entry)
{
	struct tz_procmask *mask = collection->mask;

	collection->found = true;
	if (strcmp(entry->type, "proc") != 0)
		return tz_error_set(collection->err, ENOENT, "what is mounted on /proc is no proc but %s", entry->type);
	if (copy_text(mask->vfs_options, sizeof(mask->vfs_options), entry->vfs_options) < 0 ||
	    copy_text(mask->fs_options, sizeof(mask->fs_options), entry->fs_options) < 0)
		return too_much(collection->err, "the options");
	return 0;
}

/* 1: copied; 0: nothing is in view there (covered by another mount, or gone). */
static int copy_mask(const char *path, const char *target, struct tz_procmask_entry *ret, struct tz_error *err)
{
	_cleanup_close_ int fd = tz_path_open(AT_FDCWD, target, O_PATH, 0);
	int r, tree;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return tz_error_set(err, fd, "%s cannot be opened: %s", target, strerrordesc_np(-fd));
	r = tz_mount_is_root(fd, "");
	if (r <= 0)
		return r == 0 ? 0 : tz_error_set(err, r, "%s cannot be examined: %s", target, strerrordesc_np(-r));
	if (copy_text(ret->path, sizeof(ret->path), path) < 0)
		return too_much(err, target);
	/* an automount point is copied as it is, not set off */
	tree = open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | AT_NO_AUTOMOUNT | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return tz_error_set(err, errno, "the mask on %s cannot be copied: %m", target);
	ret->tree = tree;
	return 1;
}

static int consider(void *data, const struct tz_mount_entry *entry)
{
	struct collection *collection = data;
	struct tz_procmask *mask = collection->mask;
	const char *path = entry->target + strlen(PROC "/");
	int r;

	if (entry->id == collection->proc)
		return remember_options(collection, entry);
	/* a mount on a mask comes with it; one on a /proc below the one in view is out of sight */
	if (entry->parent != collection->proc || strncmp(entry->target, PROC "/", strlen(PROC "/")) != 0)
		return 0;
	if (isdigit((unsigned char)path[0]))
		return 0;
	if (mask->count == TZ_PROCMASK_MAX)
		return too_much(collection->err, "the many masks");
	r = copy_mask(path, entry->target, &mask->entries[mask->count], collection->err);
	if (r > 0)
		mask->count++;
	return r < 0 ? r : 0;
}

int tz_procmask_collect(struct tz_procmask *ret, struct tz_error *err)
{
	_cleanup_procmask_ struct tz_procmask mask = { .count = 0 };
	struct collection collection = { .mask = &mask, .err = err };
	_cleanup_close_ int proc = tz_path_open(AT_FDCWD, PROC, O_PATH | O_DIRECTORY, 0);
	int r = proc < 0 ? proc : tz_mount_id(proc, &collection.proc);

	if (r < 0)
		return tz_error_set(err, r, "%s cannot be examined: %s", PROC, strerrordesc_np(-r));
	r = tz_mounts_each(consider, &collection, err);
	if (r < 0)
		return r;
	if (!collection.found)
		return tz_error_set(err, ENOENT, "nothing is mounted on %s", PROC);
	*ret = mask;
	mask.count = 0;
	return 0;
}

static int apply(int proc, struct tz_procmask_entry *entry, struct tz_error *err)
{
	_cleanup_close_ int target = tz_path_open_beneath(proc, entry->path, O_PATH, 0);

	/* nothing to hide: the new one does not have it */
	if (target == -ENOENT)
		return 0;
	if (target < 0)
		return tz_error_set(err, target, "/proc/%s cannot be masked: %s", entry->path, strerrordesc_np(-target));
	if (move_mount(entry->tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return tz_error_set(err, errno, "/proc/%s cannot be masked: %m", entry->path);
	return 0;
}

int tz_procmask_mount(struct tz_procmask *mask, const char *source, struct tz_error *err)
{
	_cleanup_close_ int old = tz_path_open(AT_FDCWD, PROC, O_PATH | O_DIRECTORY, 0);
	_cleanup_close_ int proc = -1;
	int r;

	if (old < 0)
		return tz_error_set(err, old, "%s cannot be opened: %s", PROC, strerrordesc_np(-old));
	r = tz_mount_proc(source, old, mask->vfs_options, mask->fs_options, err);
	if (r < 0)
		return r;
	proc = tz_path_open(AT_FDCWD, PROC, O_PATH | O_DIRECTORY, 0);
	if (proc < 0)
		return tz_error_set(err, proc, "%s cannot be opened: %s", PROC, strerrordesc_np(-proc));
	for (unsigned int i = 0; i < mask->count; i++) {
		r = apply(proc, &mask->entries[i], err);
		if (r < 0)
			return r;
	}
	tz_procmask_free(mask);
	return 0;
}

void tz_procmask_free(struct tz_procmask *mask)
{
	for (unsigned int i = 0; i < mask->count; i++)
		tz_closep(&mask->entries[i].tree);
	mask->count = 0;
}
