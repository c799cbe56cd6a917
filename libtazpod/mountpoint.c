#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int tz_mount_is_root(int dirfd, const char *path)
{
	struct statx stx;
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (path[0] == '\0' ? AT_EMPTY_PATH : 0);

	if (statx(dirfd, path, flags, STATX_TYPE, &stx) < 0)
		return -errno;
	if (!(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return -EOPNOTSUPP;
	return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
