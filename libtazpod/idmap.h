/*
 * Idmapped mounts: files that one user owns on disk appear as another's, without a chown. mount_setattr(2),
 * user_namespaces(7).
 */
#ifndef TAZPOD_IDMAP_H
#define TAZPOD_IDMAP_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* What uid/gid `a` owns on disk appears as `b`'s and the other way round; every other id stays as it is. */
struct tz_idmap {
	uid_t uid_a, uid_b; /* equal: no uid is mapped */
	gid_t gid_a, gid_b; /* equal: no gid is mapped */
};

struct tz_idmap_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/* Two ids that change places leave at most three ranges between and around them. */
#define TZ_IDMAP_EXTENTS 5

/*
 * The extents of a map in which a and b change places: they do not overlap, and together hold every id but -1,
 * which is none. The number of extents, or -EINVAL when a or b is -1.
 */
int tz_idmap_extents(uint32_t a, uint32_t b, struct tz_idmap_extent ret[static TZ_IDMAP_EXTENTS]);

/* A descriptor of a user namespace with this map, made by a child that is gone on return. The caller owns it. */
int tz_idmap_userns(const struct tz_idmap *map, struct tz_error *err);

/*
 * A detached copy of the mount tree below the directory source (submounts stay in it, unmapped), mapped, nosuid and
 * nodev: to be mounted with tz_idmap_attach(). A descriptor that the caller owns. -EOPNOTSUPP: this kernel, this
 * file system or this container cannot do it, or the mount is mapped already; the detail says which call failed.
 */
int tz_idmap_clone(int source, const struct tz_idmap *map, struct tz_error *err);

/* Mounts the copy at the directory target. */
int tz_idmap_attach(int tree, int target, struct tz_error *err);

#endif
