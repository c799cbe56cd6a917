/*
 * Mounts, by libmount and by descriptor. mount(2), libmount.
 *
 * 1. A target (and a bind's source) is a descriptor that the caller opened without symlinks (path.h), in the mount
 *    namespace it lives in now: one from before an unshare() is of another namespace, the kernel refuses it (EINVAL).
 * 2. libmount reads no fstab, no mtab and no utab here, resolves no name, runs no mount.* helper, and never falls
 *    back to a read-only mount.
 * 3. What is not unmounted is an error: nothing is detached lazily.
 */
#ifndef TAZPOD_MOUNTS_H
#define TAZPOD_MOUNTS_H

#include <stdbool.h>

#include "error.h"

/* Everything below / becomes a recursive slave: nothing mounted from here on propagates out. */
int tz_mount_enslave_all(struct tz_error *err);

/* The ext4 file system of the block device at source, nosuid and nodev. Each usual failure has its sentence. */
int tz_mount_ext4(const char *source, int target, struct tz_error *err);

/* An empty tmpfs, nosuid and nodev; options such as "size=50%,mode=1777". */
int tz_mount_tmpfs(int target, const char *options, struct tz_error *err);

/*
 * The proc of this process's PID namespace; vfs_options and fs_options are those of another proc, as mountinfo shows
 * them: the new one has all of them, and nosuid, nodev and noexec anyway. source is the text in mountinfo's column.
 */
int tz_mount_proc(const char *source, int target, const char *vfs_options, const char *fs_options,
		  struct tz_error *err);

/* The directory source seen at target, too; flags (nosuid, nodev) are those of source's mount. Not recursive. */
int tz_mount_bind(int source, int target, struct tz_error *err);

/*
 * Unmounts what is mounted at name in the directory parent (a descriptor of the mount itself would keep it busy).
 * -EBUSY while it is in use; -EINVAL: nothing is mounted there.
 */
int tz_unmount(int parent, const char *name, struct tz_error *err);

/* The mount's number, as in the first column of mountinfo. */
int tz_mount_id(int fd, int *ret);

/* One line of /proc/self/mountinfo; the text is the table's. */
struct tz_mount_entry {
	int id;
	int parent;
	const char *target;
	const char *type;
	const char *source;
	const char *vfs_options;
	const char *fs_options;
};

/* Calls each for every mount of this namespace, in the kernel's order, until it returns other than 0: that is returned. */
int tz_mounts_each(int (*each)(void *data, const struct tz_mount_entry *entry), void *data, struct tz_error *err);

/* Does the mount that fd lies in already map ids? 1, 0 or a negative errno. */
int tz_mount_is_idmapped(int fd);

#endif
