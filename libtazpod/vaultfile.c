#include "vaultfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "path.h"

#define CHUNK 4096

int tz_vaultfile_root(int fd, const char *shown, struct tz_vaultfile_root *ret, struct tz_error *err)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return tz_error_set(err, errno, "%s cannot be looked at: %m", shown);
	/* 0 on a kernel that does not tell, and so is that of all within */
	*ret = (struct tz_vaultfile_root){ .fd = fd, .mount = stx.stx_mnt_id, .shown = shown };
	return 0;
}

/* How opening path failed, or what is there instead of what is needed. */
int tz_vaultfile_refuse(const struct tz_vaultfile_root *root, const char *path, int code, struct tz_error *err)
{
	switch (code) {
	case -ENOENT:
		return tz_error_set(err, code, "%s/%s does not exist", root->shown, path);
	case -ELOOP:
		return tz_error_set(err, code, "%s/%s is a symlink, or a folder on the way to it is one; move it away",
				    root->shown, path);
	case -ENOTDIR:
		return tz_error_set(err, code, "%s/%s cannot be there: a folder on the way to it is a file; move that away",
				    root->shown, path);
	case -ENXIO: /* what opening a socket says */
		return tz_error_set(err, EINVAL, "%s/%s is a socket or a device; move it away", root->shown, path);
	case -EROFS:
		return tz_error_set(err, code, "%s is read-only: nothing can be changed there", root->shown);
	case -ENOSPC:
	case -EDQUOT:
		return tz_error_set(err, ENOSPC, "%s is full: make room there, or have the vault grow", root->shown);
	default:
		return tz_error_set(err, code, "%s/%s cannot be reached: %s", root->shown, path, strerror(-code));
	}
}

/* For what is no regular file. */
static int refuse_type(const struct tz_vaultfile_root *root, const char *path, mode_t mode, struct tz_error *err)
{
	const char *what = "no regular file";

	if (S_ISDIR(mode))
		what = "a folder";
	else if (S_ISFIFO(mode))
		what = "a FIFO";
	else if (S_ISCHR(mode) || S_ISBLK(mode))
		what = "a device";
	return tz_error_set(err, EINVAL, "%s/%s is %s; move it away", root->shown, path, what);
}

/* For TazPod's own. A descriptor, or a negative errno. */
int tz_vaultfile_open_folder(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err)
{
	int fd = tz_path_open_beneath(root->fd, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd == -ENOTDIR || fd == -ELOOP)
		return tz_error_set(err, fd, "%s/%s is no folder; move it away", root->shown, path);
	return fd < 0 ? tz_vaultfile_refuse(root, path, fd, err) : fd;
}

/* A descriptor of the regular file, or a negative errno. */
static int open_file(const struct tz_vaultfile_root *root, const char *path, struct stat *ret, struct tz_error *err)
{
	/* O_NONBLOCK: a FIFO must be refused, not waited for */
	_cleanup_close_ int fd = tz_path_open_beneath(root->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return tz_vaultfile_refuse(root, path, fd, err);
	if (fstat(fd, ret) < 0)
		return tz_vaultfile_refuse(root, path, -errno, err);
	if (!S_ISREG(ret->st_mode))
		return refuse_type(root, path, ret->st_mode, err);
	return tz_steal_fd(&fd);
}

/* 1 when all that is left to read is data, 0 when not. */
static int has_bytes(int fd, const char *data, size_t size)
{
	char chunk[CHUNK];
	ssize_t n;

	do {
		n = tz_read_all(fd, chunk, sizeof(chunk));
		if (n < 0 || (size_t)n > size || (n > 0 && memcmp(chunk, data, (size_t)n) != 0))
			break;
		data += n;
		size -= (size_t)n;
	} while (n > 0);
	explicit_bzero(chunk, sizeof(chunk));
	return n < 0 ? (int)n : n == 0 && size == 0;
}

int tz_vaultfile_compare(const struct tz_vaultfile_root *root, const char *path, const void *data, size_t size,
			 struct tz_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = open_file(root, path, &st, err);
	int same;

	if (fd < 0)
		return fd;
	if ((uintmax_t)st.st_size != size || (st.st_mode & 0077) != 0)
		return 0;
	same = has_bytes(fd, data, size);
	return same < 0 ? tz_vaultfile_refuse(root, path, same, err) : same;
}

/* Adds size bytes to ret, or as many as there are. */
static int add_bytes(int fd, size_t size, struct tz_textbuf *ret)
{
	char chunk[CHUNK];
	ssize_t n = 0;
	int r = 0;

	do {
		size -= (size_t)n;
		n = tz_read_all(fd, chunk, size < sizeof(chunk) ? size : sizeof(chunk));
		r = n < 0 ? (int)n : tz_textbuf_add(ret, chunk, (size_t)n);
	} while (r == 0 && n > 0);
	explicit_bzero(chunk, sizeof(chunk));
	return r;
}

int tz_vaultfile_read(const struct tz_vaultfile_root *root, const char *path, size_t most, struct tz_textbuf *ret,
		      struct tz_error *err)
{
	const size_t before = ret->size;
	struct stat st;
	_cleanup_close_ int fd = open_file(root, path, &st, err);
	int r;

	if (fd < 0)
		return fd;
	if ((uintmax_t)st.st_size > most)
		return tz_error_set(err, EFBIG, "%s/%s is larger than %zu bytes", root->shown, path, most);
	r = add_bytes(fd, (size_t)st.st_size, ret);
	if (r < 0) {
		tz_textbuf_truncate(ret, before);
		return tz_vaultfile_refuse(root, path, r, err);
	}
	return 0;
}

/* Opens the folder that path is in, and tells what it is called there. */
static int open_parent(const struct tz_vaultfile_root *root, const char *path, const char **ret_name)
{
	char parent[TZ_MANIFEST_PATH + 1];
	const char *slash = strrchr(path, '/');

	if (!slash) {
		*ret_name = path;
		return tz_path_open_beneath(root->fd, ".", O_PATH | O_DIRECTORY, 0);
	}
	if ((size_t)(slash - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	*ret_name = slash + 1;
	return tz_path_open_beneath(root->fd, parent, O_PATH | O_DIRECTORY, 0);
}

/* What is not there, or has become something else, is as good as removed. */
int tz_vaultfile_remove(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err)
{
	const char *name;
	_cleanup_close_ int parent = open_parent(root, path, &name);
	struct stat st;

	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
		return tz_error_set(err, errno, "%s/%s cannot be removed: %m", root->shown, path);
	return 0;
}

/* The folders on the way to path, from the innermost on, as long as there is nothing in them. */
void tz_vaultfile_remove_empty_folders(const struct tz_vaultfile_root *root, const char *path)
{
	char folder[TZ_MANIFEST_PATH + 1];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	while ((slash = strrchr(folder, '/'))) {
		const char *name;
		_cleanup_close_ int parent = -1;

		*slash = '\0';
		parent = open_parent(root, folder, &name);
		if (parent < 0 || (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT))
			return;
	}
}

/* ---- what is in the way ---- */

static int refuse_at(const struct tz_vaultfile_root *root, const char *path, int code, const char *what,
		     struct tz_error *err)
{
	return tz_error_set(err, code, "%s/%s %s", root->shown, path, what);
}

/* What is there. O_PATH: it is not opened itself. */
static int look(const struct tz_vaultfile_root *root, const char *path, struct statx *ret)
{
	_cleanup_close_ int fd = tz_path_open_beneath(root->fd, path, O_PATH, 0);

	if (fd < 0)
		return fd;
	return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_MNT_ID, ret) < 0 ? -errno : 0;
}

/* May the folder that path is in get and lose entries? */
static int check_folder_of(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err)
{
	const char *name;
	_cleanup_close_ int parent = open_parent(root, path, &name);

	if (parent < 0)
		return tz_vaultfile_refuse(root, path, parent, err);
	if (faccessat(parent, ".", W_OK | X_OK, 0) < 0)
		return tz_error_set(err, errno, "%s/%s cannot be changed in its folder: %m", root->shown, path);
	return 0;
}

static int check_kind(const struct tz_vaultfile_root *root, const char *path, bool is_last, const struct statx *stx,
		      struct tz_error *err)
{
	if (!S_ISREG(stx->stx_mode) && (is_last || !S_ISDIR(stx->stx_mode)))
		return refuse_type(root, path, stx->stx_mode, err);
	if (!is_last && !S_ISDIR(stx->stx_mode))
		return refuse_at(root, path, ENOTDIR, "is a file where a folder is needed; move it away", err);
	if (stx->stx_mnt_id != root->mount)
		return refuse_at(root, path, EXDEV, "is mounted from elsewhere; unmount it", err);
	if (is_last && (stx->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)))
		return refuse_at(root, path, EPERM, "may not be changed; take its attributes off with chattr -ia", err);
	return 0;
}

static bool is_to_be_removed(const struct tz_manifest *manifest, const char *path, const struct statx *stx)
{
	const struct tz_manifest_entry *entry = tz_manifest_find(manifest, path);

	return entry && entry->removed && S_ISREG(stx->stx_mode);
}

int tz_vaultfile_check_put(const struct tz_vaultfile_root *root, const char *path, const struct tz_manifest *manifest,
			   struct tz_error *err)
{
	char part[TZ_MANIFEST_PATH + 1];
	size_t size = 0;
	bool is_last;

	do {
		struct statx stx;
		int r;

		size += strcspn(path + size, "/");
		is_last = !path[size];
		(void)snprintf(part, sizeof(part), "%.*s", (int)size, path);
		r = look(root, part, &stx);
		if (r == -ENOENT || (r == 0 && !is_last && is_to_be_removed(manifest, part, &stx)))
			break;
		r = r < 0 ? tz_vaultfile_refuse(root, part, r, err) : check_kind(root, part, is_last, &stx, err);
		if (r < 0)
			return r;
		size++;
	} while (!is_last);
	/* what is renamed is this part, or something above it that is there already */
	return check_folder_of(root, part, err);
}

int tz_vaultfile_check_remove(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err)
{
	struct statx stx;
	int r = look(root, path, &stx);

	if (r == -EACCES)
		return tz_vaultfile_refuse(root, path, r, err);
	if (r < 0 || !S_ISREG(stx.stx_mode))
		return 0;
	r = check_kind(root, path, true, &stx, err);
	return r < 0 ? r : check_folder_of(root, path, err);
}
