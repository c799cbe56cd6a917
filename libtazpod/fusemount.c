#include "fusemount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "devnode.h"

/* FUSE_MINOR of linux/miscdevice.h, which is not in its user-space headers */
#define FUSE_MINOR 229
#define ROOT_MODE "40000" /* octal: a directory */

int tz_fusemount_open_device(struct tz_error *err)
{
	int fd = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, FUSE_MINOR), O_RDWR);

	if (fd >= 0)
		return fd;
	if (fd == -EPERM || fd == -EACCES)
		return tz_error_set(err, fd, "FUSE may not be used here; start the container with 'tazpod up', or with "
				    "--device /dev/fuse and --cap-add SYS_ADMIN");
	if (fd == -ENXIO || fd == -ENODEV)
		return tz_error_set(err, ENODEV, "this kernel has no FUSE; load it on the host with 'modprobe fuse'");
	return tz_error_set(err, fd, "/dev/fuse cannot be opened: %s", strerrordesc_np(-fd));
}

int tz_fusemount(int device, struct tz_error *err)
{
	_cleanup_close_ int context = fsopen("fuse", FSOPEN_CLOEXEC);
	char number[16];
	int mount = -1;

	(void)snprintf(number, sizeof(number), "%d", device);
	if (context >= 0 && fsconfig(context, FSCONFIG_SET_STRING, "source", "tazpod", 0) == 0 &&
	    fsconfig(context, FSCONFIG_SET_STRING, "fd", number, 0) == 0 &&
	    fsconfig(context, FSCONFIG_SET_STRING, "rootmode", ROOT_MODE, 0) == 0 &&
	    fsconfig(context, FSCONFIG_SET_STRING, "user_id", "0", 0) == 0 &&
	    fsconfig(context, FSCONFIG_SET_STRING, "group_id", "0", 0) == 0 &&
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount >= 0)
		return mount;
	if (errno == EPERM)
		return tz_error_set(err, EPERM, "mounting is not allowed here; start the container with 'tazpod up', or with "
				    "--cap-add SYS_ADMIN");
	return tz_error_set(err, errno, "FUSE cannot be mounted: %m");
}
