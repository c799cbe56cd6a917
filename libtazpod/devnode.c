#include "devnode.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"

static int detached_tmpfs(void)
{
	_cleanup_close_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mount;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return mount < 0 ? -errno : mount;
}

int tz_devnode_open(mode_t type, dev_t device, int flags)
{
	_cleanup_close_ int directory = detached_tmpfs();
	int fd;

	if (directory < 0)
		return directory;
	if (mknodat(directory, "node", type | 0600, device) < 0)
		return -errno;
	fd = openat(directory, "node", flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
