#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "path.h"
#include "stage.h"
#include "vaultfile.h"

#define STAGE "stage"
#define STAGE_NEW "stage.new"
#define TREE "tree"
#define RESERVE "reserve"

#define POLL_MS 50

/*
 * What a folder may grow by. Into one that is there already entries of 264 bytes at most are put, each of which may take
 * its share of a block that is split in two; and a few blocks for the index that a large folder gets.
 */
#define GROWTH_OF_ENTRY 1024
#define GROWTH_OF_FOLDER (16 * 1024)

struct tz_store {
	int vault;       /* holds the lock */
	char *shown;
	struct tz_vaultfile_root root; /* of these two */
	int folder;      /* .tazpod; -1: there is none */
	int stage, tree; /* stage.new and its tree; -1: nothing is staged */
	bool writing;
	bool changed;    /* is there anything to commit? */
	int failed;      /* what a put or commit failed with: nothing can be committed */
	struct tz_manifest manifest;
};

/* ---- the lock ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Exclusive or shared. To change a lock one is let go first, so two who want that do not wait for each other, and what
 * was seen before has to be looked at again.
 */
static int take_lock(const struct tz_store *store, bool exclusive, unsigned int timeout_ms, struct tz_error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	uint64_t end = now_ms() + timeout_ms;

	while (flock(store->vault, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return tz_error_set(err, errno, "%s cannot be locked: %m", store->shown);
		if (now_ms() >= end)
			return tz_error_set(err, EBUSY, "another process %s the secrets in %s, and did not finish in %u "
					    "seconds; try again", exclusive ? "reads or changes" : "changes", store->shown,
					    (timeout_ms + 999) / 1000);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return 0;
}

/* ---- what is there ---- */

int tz_store_compare(const struct tz_store *store, const char *path, const void *data, size_t size,
		     enum tz_store_state *ret, struct tz_error *err)
{
	struct tz_error reason = { 0 };
	int r = tz_manifest_check_path(path, err);

	if (r < 0)
		return r;
	r = tz_vaultfile_compare(&store->root, path, data, size, &reason);
	if (r < 0 && r != -ENOENT)
		return tz_error_adopt(err, &reason);
	*ret = r < 0 ? TZ_STORE_NEW : r ? TZ_STORE_SAME : TZ_STORE_CHANGED;
	return 0;
}

int tz_store_read(const struct tz_store *store, const char *path, size_t most, struct tz_textbuf *ret,
		  struct tz_error *err)
{
	int r = tz_manifest_check_path(path, err);

	return r < 0 ? r : tz_vaultfile_read(&store->root, path, most, ret, err);
}

/* ---- putting a commit in its place ---- */

/* Loads the manifest in folder: 1, or 0 where there is none. */
static int load(const struct tz_store *store, int folder, const char *where, struct tz_manifest *ret,
		struct tz_error *err)
{
	char shown[TZ_ERROR_TEXT];
	int r;

	(void)snprintf(shown, sizeof(shown), "%s/%s%s", store->shown, where, TZ_MANIFEST_FILE);
	r = tz_manifest_load(folder, TZ_MANIFEST_FILE, shown, ret, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return 1;
}

/*
 * The two manifests tell what was removed, so that nothing else has to. Folders are looked at last: in one that is empty
 * for a moment only, somebody's shell may stand.
 */
static int move_all(const struct tz_store *store, int stage, struct tz_error *err)
{
	struct tz_error reason = { 0 };
	_cleanup_manifest_ struct tz_manifest old = TZ_MANIFEST_INIT, new = TZ_MANIFEST_INIT;
	_cleanup_close_ int tree = tz_vaultfile_open_folder(&store->root, TZ_MANIFEST_FOLDER "/" STAGE "/" TREE, &reason);
	int r;

	if (tree < 0 && tree != -ENOENT)
		return tz_error_adopt(err, &reason);
	r = load(store, stage, TZ_MANIFEST_FOLDER "/" STAGE "/", &new, err);
	if (r > 0)
		r = load(store, store->folder, TZ_MANIFEST_FOLDER "/", &old, err);
	if (r < 0)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < old.count; i++)
		if (!tz_manifest_find(&new, old.entries[i]->path))
			r = tz_vaultfile_remove(&store->root, old.entries[i]->path, err);
	if (r == 0 && tree >= 0)
		r = tz_stage_merge(tree, store->vault, store->shown, err);
	for (size_t i = 0; r == 0 && i < old.count; i++)
		if (!tz_manifest_find(&new, old.entries[i]->path))
			tz_vaultfile_remove_empty_folders(&store->root, old.entries[i]->path);
	return r;
}

static int drop(const struct tz_store *store, const char *name, struct tz_error *err)
{
	int r = tz_stage_drop(store->folder, name);

	if (r < 0)
		return tz_error_set(err, r, "%s/" TZ_MANIFEST_FOLDER "/%s cannot be removed: %s; remove it", store->shown, name,
				    strerror(-r));
	return 0;
}

static int put_in_place(const struct tz_store *store, struct tz_error *err)
{
	_cleanup_close_ int stage = tz_vaultfile_open_folder(&store->root, TZ_MANIFEST_FOLDER "/" STAGE, err);
	int r = stage;

	if (stage >= 0)
		r = move_all(store, stage, err);
	/* the old manifest tells what is to be removed: it stays until that is safe */
	if (r == 0 && syncfs(store->vault) < 0)
		r = tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER, -errno, err);
	if (r == 0 && renameat(stage, TZ_MANIFEST_FILE, store->folder, TZ_MANIFEST_FILE) < 0 && errno != ENOENT)
		r = tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER "/" TZ_MANIFEST_FILE, -errno, err);
	if (r == 0 && fsync(store->folder) < 0)
		r = tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER, -errno, err);
	if (r < 0) {
		(void)tz_error_wrap(err, "the last pull is not whole yet: its rest follows when that can be done");
		return r;
	}
	return drop(store, STAGE, err);
}

/* ---- opening ---- */

/* Is something committed that is not in its place? Opens .tazpod, where there is one. */
static int has_stage(struct tz_store *store, struct tz_error *err)
{
	struct tz_error reason = { 0 };

	if (store->folder < 0)
		store->folder = tz_vaultfile_open_folder(&store->root, TZ_MANIFEST_FOLDER, &reason);
	if (store->folder < 0)
		return store->folder == -ENOENT ? 0 : tz_error_adopt(err, &reason);
	return faccessat(store->folder, STAGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int lock_and_finish(struct tz_store *store, unsigned int timeout_ms, struct tz_error *err)
{
	int r = take_lock(store, store->writing, timeout_ms, err);

	while (r == 0 && (r = has_stage(store, err)) > 0) {
		r = store->writing ? 0 : take_lock(store, true, timeout_ms, err);
		/* another one may have done it before we had the lock */
		if (r == 0)
			r = has_stage(store, err);
		if (r > 0)
			r = put_in_place(store, err);
		if (r == 0 && !store->writing)
			r = take_lock(store, false, timeout_ms, err);
	}
	return r;
}

static int open_store(struct tz_store *store, unsigned int timeout_ms, struct tz_error *err)
{
	int r = tz_vaultfile_root(store->vault, store->shown, &store->root, err);

	if (r == 0 && store->writing && faccessat(store->vault, ".", W_OK | X_OK, 0) < 0)
		r = tz_error_set(err, errno, "nothing can be put into %s: %m", store->shown);
	if (r == 0)
		r = lock_and_finish(store, timeout_ms, err);
	if (r < 0 || store->folder < 0)
		return r;
	r = store->writing ? drop(store, STAGE_NEW, err) : 0;
	if (r == 0)
		r = load(store, store->folder, TZ_MANIFEST_FOLDER "/", &store->manifest, err);
	return r < 0 ? r : 0;
}

int tz_store_open(const char *vault, const char *shown, bool writing, unsigned int timeout_ms, struct tz_store **ret,
		  struct tz_error *err)
{
	_cleanup_store_ struct tz_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return tz_error_set(err, ENOMEM, "out of memory");
	store->folder = store->stage = store->tree = -1;
	store->writing = writing;
	store->vault = open(vault, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store->vault < 0)
		return tz_error_set(err, errno, "%s cannot be opened: %m", shown);
	store->shown = strdup(shown);
	if (!store->shown)
		return tz_error_set(err, ENOMEM, "out of memory");
	r = open_store(store, timeout_ms, err);
	if (r == 0)
		*ret = tz_steal(store);
	return r;
}

static void drop_stage(struct tz_store *store)
{
	tz_closep(&store->tree);
	if (store->stage >= 0)
		(void)tz_stage_drop(store->folder, STAGE_NEW);
	tz_closep(&store->stage);
}

void tz_store_close(struct tz_store *store)
{
	if (!store)
		return;
	drop_stage(store);
	tz_closep(&store->folder);
	/* the lock goes with it */
	tz_closep(&store->vault);
	tz_manifest_free(&store->manifest);
	free(store->shown);
	free(store);
}

/* ---- the set ---- */

const struct tz_manifest_entry *tz_store_find(const struct tz_store *store, const char *path)
{
	const struct tz_manifest_entry *entry = tz_manifest_find(&store->manifest, path);

	return entry && !entry->removed ? entry : NULL;
}

const struct tz_manifest_entry *tz_store_next(const struct tz_store *store, const struct tz_manifest_entry *previous)
{
	for (size_t i = previous ? tz_manifest_place(&store->manifest, previous->path) + 1 : 0; i < store->manifest.count; i++)
		if (!store->manifest.entries[i]->removed)
			return store->manifest.entries[i];
	return NULL;
}

static int refuse_reader(const struct tz_store *store, struct tz_error *err)
{
	return tz_error_set(err, EBADF, "%s is open for reading only", store->shown);
}

/* Makes stage.new, where it is not there yet. */
static int make_stage(struct tz_store *store, struct tz_error *err)
{
	int r = 0;

	if (store->tree >= 0)
		return 0;
	if (store->folder < 0)
		store->folder = tz_path_open_dir(store->vault, TZ_MANIFEST_FOLDER, true, 0700, geteuid(), getegid());
	if (store->folder < 0)
		return tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER, store->folder, err);
	store->stage = tz_path_open_dir(store->folder, STAGE_NEW, true, 0700, geteuid(), getegid());
	if (store->stage >= 0)
		store->tree = tz_path_open_dir(store->stage, TREE, true, 0700, geteuid(), getegid());
	r = store->stage < 0 ? store->stage : store->tree;
	return r < 0 ? tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER "/" STAGE_NEW, r, err) : 0;
}

static int stage_file(struct tz_store *store, const char *path, const void *data, size_t size, struct tz_error *err)
{
	int r = make_stage(store, err);

	if (r < 0)
		return r;
	r = tz_stage_write(store->tree, path, data, size);
	if (r == -EEXIST || r == -ENOTDIR)
		return tz_error_set(err, EEXIST, "%s cannot be a secret's file: another secret of this pull is in its way, at a "
				    "part of that path or below it", path);
	return r < 0 ? tz_vaultfile_refuse(&store->root, path, r, err) : 0;
}

/* Is a file there with other content than this, whatever its mode is? One that cannot be read is. */
static bool has_other(const struct tz_store *store, const char *path, const void *data, size_t size)
{
	_cleanup_textbuf_ struct tz_textbuf text = TZ_TEXTBUF_INIT;
	_cleanup_close_ int fd = tz_path_open_beneath(store->root.fd, path, O_PATH, 0);
	struct stat st;

	/* a folder, or what is no file, is looked at when all is known */
	if (fd < 0 || (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
		return false;
	return tz_vaultfile_read(&store->root, path, size, &text, NULL) < 0 || text.size != size ||
	       (size > 0 && memcmp(text.data, data, size) != 0);
}

static int put(struct tz_store *store, const char *name, const char *path, const void *data, size_t size,
	       enum tz_store_state *ret, struct tz_error *err)
{
	struct tz_manifest_entry *entry = tz_manifest_find(&store->manifest, path);
	enum tz_store_state state = TZ_STORE_NEW;
	bool staged;
	int r = 0;

	if (entry && entry->put)
		return tz_error_set(err, EEXIST, "%s is to be the file of %s and of %s: only one can be there", path,
				    entry->name, name);
	store->changed = store->changed || !entry || entry->removed || strcmp(entry->name, name) != 0;
	/* What is in the way may be a file that is to be removed: that is looked at when all is known. */
	staged = tz_store_compare(store, path, data, size, &state, NULL) < 0 || state != TZ_STORE_SAME;
	if (!entry && staged && has_other(store, path, data, size))
		return tz_error_set(err, EEXIST, "%s/%s is there already, and no pull has put it there: move it away, or give %s "
				    "another 'file'", store->shown, path, name);
	if (staged)
		r = stage_file(store, path, data, size, err);
	if (r < 0)
		return r;
	if (tz_manifest_set(&store->manifest, name, path, &entry) < 0)
		return tz_error_set(err, ENOMEM, "out of memory");
	store->changed = store->changed || staged;
	entry->put = true;
	entry->removed = false;
	entry->staged = staged;
	entry->added = state == TZ_STORE_NEW;
	if (ret)
		*ret = state;
	return 0;
}

int tz_store_put(struct tz_store *store, const char *name, const char *path, const void *data, size_t size,
		 enum tz_store_state *ret, struct tz_error *err)
{
	int r = tz_manifest_check_name(name, err);

	if (r == 0)
		r = tz_manifest_check_path(path, err);
	if (r == 0 && !store->writing)
		r = refuse_reader(store, err);
	if (r == 0)
		r = put(store, name, path, data, size, ret, err);
	if (r < 0)
		store->failed = r;
	return r;
}

int tz_store_remove(struct tz_store *store, const char *path, struct tz_error *err)
{
	struct tz_manifest_entry *entry = tz_manifest_find(&store->manifest, path);

	if (!store->writing)
		return refuse_reader(store, err);
	if (!entry || entry->removed)
		return tz_error_set(err, ENOENT, "%s/%s was not put there by TazPod", store->shown, path);
	if (entry->put)
		return tz_error_set(err, EINVAL, "%s/%s is part of this pull", store->shown, path);
	entry->removed = store->changed = true;
	return 0;
}

/* ---- the commit ---- */

static int check_all(const struct tz_store *store, struct tz_error *err)
{
	int r = tz_manifest_check_collisions(&store->manifest, err);

	for (size_t i = 0; r == 0 && i < store->manifest.count; i++) {
		const struct tz_manifest_entry *entry = store->manifest.entries[i];

		if (entry->removed)
			r = tz_vaultfile_check_remove(&store->root, entry->path, err);
		else if (entry->staged)
			r = tz_vaultfile_check_put(&store->root, entry->path, &store->manifest, err);
	}
	return r;
}

static bool is_same_folder(const char *a, const char *b)
{
	const char *a_end = strrchr(a, '/'), *b_end = strrchr(b, '/');

	if (!a_end || !b_end)
		return !a_end && !b_end;
	return a_end - a == b_end - b && strncmp(a, b, (size_t)(a_end - a)) == 0;
}

/* What the vault's folders may grow by when all is put in its place; too much rather than too little. */
static off_t growth(const struct tz_manifest *manifest)
{
	const char *last = NULL;
	off_t size = 0;

	for (size_t i = 0; i < manifest->count; i++) {
		const struct tz_manifest_entry *entry = manifest->entries[i];

		if (!entry->added)
			continue;
		size += GROWTH_OF_ENTRY + (last && is_same_folder(last, entry->path) ? 0 : GROWTH_OF_FOLDER);
		last = entry->path;
	}
	return size;
}

/*
 * Files and folders have their blocks by now, but the folders that they are moved to may yet have to grow. So there is a
 * file as large as that, synced with all else, and free again from the commit on.
 */
static int reserve(const struct tz_store *store, int *ret_fd)
{
	off_t size = growth(&store->manifest);
	_cleanup_close_ int fd = openat(store->stage, RESERVE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (size > 0 && fallocate(fd, 0, 0, size) < 0 && errno != EOPNOTSUPP)
		return -errno;
	*ret_fd = tz_steal_fd(&fd);
	return 0;
}

static int write_manifest(const struct tz_store *store)
{
	_cleanup_close_ int fd = openat(store->stage, TZ_MANIFEST_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : tz_manifest_write(fd, &store->manifest);
}

/* The whole stage is on the disk, and there is room for what comes. */
static int sync_stage(const struct tz_store *store)
{
	_cleanup_close_ int fd = -1;
	int r = write_manifest(store);

	if (r == 0)
		r = reserve(store, &fd);
	if (r == 0 && syncfs(store->vault) < 0)
		r = -errno;
	if (r == 0 && unlinkat(store->stage, RESERVE, 0) < 0)
		r = -errno;
	return r;
}

static int commit(struct tz_store *store, struct tz_error *err)
{
	int r = make_stage(store, err);

	if (r == 0)
		r = check_all(store, err);
	if (r < 0)
		return r;
	r = sync_stage(store);
	if (r == 0 && renameat(store->folder, STAGE_NEW, store->folder, STAGE) < 0)
		r = -errno;
	if (r < 0)
		return tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER "/" STAGE_NEW, r, err);
	tz_closep(&store->tree);
	tz_closep(&store->stage);
	if (fsync(store->folder) < 0)
		return tz_vaultfile_refuse(&store->root, TZ_MANIFEST_FOLDER, -errno, err);
	return put_in_place(store, err);
}

int tz_store_commit(struct tz_store *store, struct tz_error *err)
{
	int r = 0;

	if (!store->writing)
		return refuse_reader(store, err);
	if (store->failed)
		return tz_error_set(err, store->failed, "nothing was changed in %s, since part of it failed", store->shown);
	if (store->changed)
		r = commit(store, err);
	if (r < 0) {
		store->failed = r;
		return r;
	}
	tz_manifest_settle(&store->manifest);
	store->changed = false;
	return 0;
}
