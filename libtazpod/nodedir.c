#include "nodedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int make_parent(const char *path)
{
	char parent[128];
	const char *slash = strrchr(path, '/');

	if (slash == path || (size_t)(slash - path) >= sizeof(parent))
		return 0;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return mkdir(parent, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int tz_nodedir_enter(const char *path, struct tz_error *err)
{
	int r = make_parent(path);

	if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return tz_error_set(err, r, "%s cannot be made: %s", path, strerrordesc_np(-r));
	if (mount("tazpod", path, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0700,size=64k") < 0)
		return tz_error_set(err, errno, "a private %s cannot be mounted: %m", path);
	return 0;
}

void tz_nodedir_leave(const char *path)
{
	(void)umount2(path, MNT_DETACH);
}

int tz_nodedir_open(const char *path, const char *name, dev_t rdev, char *ret_path, size_t size)
{
	int fd;

	if ((size_t)snprintf(ret_path, size, "%s/%s", path, name) >= size)
		return -ENAMETOOLONG;
	if (unlink(ret_path) < 0 && errno != ENOENT)
		return -errno;
	if (mknod(ret_path, S_IFBLK | 0600, rdev) < 0)
		return -errno;
	fd = open(ret_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

bool tz_nodedir_is_mounted(const char *node)
{
	_cleanup_close_ int probe = open(node, O_RDWR | O_EXCL | O_CLOEXEC | O_NOFOLLOW);

	return probe < 0 && errno == EBUSY;
}
