#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define TARGET_TEXT 32
#define MOUNTINFO "/proc/self/mountinfo"

static void unref_context(struct libmnt_context **cxt)
{
	if (*cxt)
		mnt_free_context(*cxt);
}

static void unref_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void free_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

struct request {
	const char *source;
	const char *target;
	const char *type;    /* NULL: none */
	const char *options; /* NULL: none */
	unsigned long flags;
};

/*
 * The final "." makes the kernel walk through the magic link instead of ending on it: newer versions of libmount
 * use move_mount(), which would not follow a link at the end. It means that a target is a directory.
 */
static const char *directory_path(int fd, char buffer[static TARGET_TEXT])
{
	(void)snprintf(buffer, TARGET_TEXT, "/proc/self/fd/%d/.", fd);
	return buffer;
}

static int prepare(struct libmnt_context *cxt, const struct request *request)
{
	if (mnt_context_disable_helpers(cxt, 1) || mnt_context_disable_mtab(cxt, 1) ||
	    mnt_context_disable_canonicalize(cxt, 1) || mnt_context_disable_swapmatch(cxt, 1) ||
	    mnt_context_enable_rwonly_mount(cxt, 1) || mnt_context_set_optsmode(cxt, MNT_OMODE_NOTAB))
		return -EINVAL;
	if (mnt_context_set_source(cxt, request->source) || mnt_context_set_target(cxt, request->target) ||
	    mnt_context_set_mflags(cxt, request->flags))
		return -ENOMEM;
	if (request->type && mnt_context_set_fstype(cxt, request->type))
		return -ENOMEM;
	return request->options && mnt_context_set_options(cxt, request->options) ? -ENOMEM : 0;
}

/*
 * 0 or a negative errno: that of the kernel, where it came that far. For who is not root libmount would look into
 * fstab.
 */
static int run(const struct request *request)
{
	tz_cleanup(unref_context) struct libmnt_context *cxt = mnt_new_context();
	int r, code;

	if (!cxt)
		return -ENOMEM;
	if (mnt_context_is_restricted(cxt))
		return -EPERM;
	r = prepare(cxt, request);
	if (r < 0)
		return r;
	r = mnt_context_mount(cxt);
	if (r == 0)
		return mnt_context_get_status(cxt) == 1 ? 0 : -EIO;
	if (mnt_context_syscall_called(cxt)) {
		code = mnt_context_get_syscall_errno(cxt);
		return code > 0 ? -code : -EIO;
	}
	/* libmount's own codes start at 5000 */
	return r < 0 && r > -MNT_ERR_NOFSTAB ? r : -EIO;
}

static int not_allowed(struct tz_error *err, const char *what)
{
	return tz_error_set(err, EPERM,
			    "%s: mounting is not allowed here; a container needs CAP_SYS_ADMIN and a seccomp and "
			    "AppArmor profile that permit it ('tazpod up' makes one)", what);
}

int tz_mount_enslave_all(struct tz_error *err)
{
	struct request request = { "none", "/", NULL, NULL, MS_REC | MS_SLAVE };
	int r = run(&request);

	if (r == -EPERM || r == -EACCES)
		return not_allowed(err, "the session's mounts cannot be made private");
	return r == 0 ? 0 : tz_error_set(err, r, "the session's mounts cannot be made private: %s", strerrordesc_np(-r));
}

static const char *ext4_reason(int code)
{
	switch (code) {
	case EBUSY:
		return "the device is in use by another program or mounted in another way";
	case EUCLEAN:
	case EBADMSG:
		return "its file system is damaged; close all sessions and check it with e2fsck";
	case EINVAL:
		return "it holds no ext4 file system that this kernel understands";
	case ENODEV:
		return "this kernel has no ext4; load its module with 'modprobe ext4' on the host";
	case ENXIO:
	case ENOENT:
		return "the device has gone";
	case ENOTBLK:
		return "it is not a block device";
	case EROFS:
	case EACCES:
		return "the device is read-only; the image must be on a writable disk";
	case EIO:
		return "the disk reports errors; see the kernel's log";
	default:
		return strerrordesc_np(code);
	}
}

/* libmount would bind a regular file to a loop device of its own. */
static int check_block_device(const char *source)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return -errno;
	return S_ISBLK(st.st_mode) ? 0 : -ENOTBLK;
}

int tz_mount_ext4(const char *source, int target, struct tz_error *err)
{
	char path[TARGET_TEXT];
	struct request request = { source, directory_path(target, path), "ext4", NULL, MS_NOSUID | MS_NODEV };
	int r = check_block_device(source);

	if (r == 0)
		r = run(&request);
	if (r == 0)
		return 0;
	if (r == -EPERM)
		return not_allowed(err, "the vault's file system cannot be mounted");
	r = tz_error_set(err, r, "the vault's file system cannot be mounted: %s", ext4_reason(-r));
	(void)tz_error_detail(err, "mount of %s as ext4: errno %d", source, -r);
	return r;
}

int tz_mount_tmpfs(int target, const char *options, struct tz_error *err)
{
	char path[TARGET_TEXT];
	struct request request = { "tmpfs", directory_path(target, path), "tmpfs", options, MS_NOSUID | MS_NODEV };
	int r = run(&request);

	if (r == -EPERM)
		return not_allowed(err, "a private temporary directory cannot be made");
	return r == 0 ? 0 : tz_error_set(err, r, "a private temporary directory cannot be mounted: %s",
					 strerrordesc_np(-r));
}

/* All but "rw", which would take the read-only flag away again. */
static int copy_options(const char *from, char **ret)
{
	_cleanup_free_ char *text = strdup(from), *copy = NULL;
	char *next = text, *name, *value;
	size_t name_size, value_size;

	if (!text)
		return -ENOMEM;
	while (mnt_optstr_next_option(&next, &name, &name_size, &value, &value_size) == 0) {
		if (name_size == 2 && strncmp(name, "rw", 2) == 0)
			continue;
		/* the pieces lie in text, each one ended by "," or "=" */
		if (value)
			value[value_size] = '\0';
		name[name_size] = '\0';
		if (mnt_optstr_append_option(&copy, name, value) < 0)
			return -ENOMEM;
	}
	*ret = tz_steal(copy);
	return 0;
}

int tz_mount_proc(const char *source, int target, const char *vfs_options, const char *fs_options,
		  struct tz_error *err)
{
	_cleanup_free_ char *options = NULL;
	char path[TARGET_TEXT];
	struct request request = { source, directory_path(target, path), "proc", NULL, 0 };
	int r = mnt_optstr_get_flags(vfs_options, &request.flags, mnt_get_builtin_optmap(MNT_LINUX_MAP));

	if (r == 0)
		r = copy_options(fs_options, &options);
	if (r < 0)
		return tz_error_set(err, r, "the session's /proc cannot be prepared: %s", strerrordesc_np(-r));
	request.flags |= MS_NOSUID | MS_NODEV | MS_NOEXEC;
	request.options = options;
	r = run(&request);
	if (r == 0)
		return 0;
	if (r == -EPERM || r == -EACCES)
		return tz_error_set(err, r,
				    "a session cannot have a /proc of its own here: the container may not mount one "
				    "(no CAP_SYS_ADMIN, or a user namespace whose /proc is masked)");
	return tz_error_set(err, r, "the session's /proc cannot be mounted: %s", strerrordesc_np(-r));
}

int tz_mount_bind(int source, int target, struct tz_error *err)
{
	char from[TARGET_TEXT], path[TARGET_TEXT];
	struct request request = { directory_path(source, from), directory_path(target, path), NULL, NULL, MS_BIND };
	int r = run(&request);

	if (r == -EPERM)
		return not_allowed(err, "a directory cannot be bound");
	return r == 0 ? 0 : tz_error_set(err, r, "a directory cannot be bound: %s", strerrordesc_np(-r));
}

int tz_unmount(int parent, const char *name, struct tz_error *err)
{
	char path[TARGET_TEXT + NAME_MAX + 1];
	int n = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", parent, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return tz_error_set(err, ENAMETOOLONG, "%s cannot be unmounted: its name is too long", name);
	if (umount2(path, UMOUNT_NOFOLLOW) < 0)
		return tz_error_set(err, errno, "%s cannot be unmounted: %m", name);
	return 0;
}

int tz_mount_id(int fd, int *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*ret = (int)stx.stx_mnt_id;
	return 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

int tz_mounts_each(int (*each)(void *data, const struct tz_mount_entry *entry), void *data, struct tz_error *err)
{
	tz_cleanup(unref_table) struct libmnt_table *table = mnt_new_table();
	tz_cleanup(free_iter) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int r;

	if (!table || !iter)
		return tz_error_set(err, ENOMEM, "out of memory");
	/* not mnt_table_parse_mtab(): that would merge the utab */
	r = mnt_table_parse_file(table, MOUNTINFO);
	if (r != 0)
		return tz_error_set(err, r < 0 && r > -MNT_ERR_NOFSTAB ? r : EIO, "%s cannot be read", MOUNTINFO);
	while ((r = mnt_table_next_fs(table, iter, &fs)) == 0) {
		struct tz_mount_entry entry = {
			.id = mnt_fs_get_id(fs),
			.parent = mnt_fs_get_parent_id(fs),
			.target = or_empty(mnt_fs_get_target(fs)),
			.type = or_empty(mnt_fs_get_fstype(fs)),
			.source = or_empty(mnt_fs_get_source(fs)),
			.vfs_options = or_empty(mnt_fs_get_vfs_options(fs)),
			.fs_options = or_empty(mnt_fs_get_fs_options(fs)),
		};
		int stop = each(data, &entry);

		if (stop != 0)
			return stop;
	}
	return r < 0 ? tz_error_set(err, r, "%s cannot be read", MOUNTINFO) : 0;
}

/* A positive answer ends the walk over the table, so 0 means "not mapped, or not there". */
static int is_idmapped(void *data, const struct tz_mount_entry *entry)
{
	const int *id = data;

	return entry->id == *id && mnt_optstr_get_option(entry->vfs_options, "idmapped", NULL, NULL) == 0;
}

int tz_mount_is_idmapped(int fd)
{
	int id, r = tz_mount_id(fd, &id);

	return r < 0 ? r : tz_mounts_each(is_idmapped, &id, NULL);
}
