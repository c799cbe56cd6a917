#include "loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "devnode.h"

/* LOOP_CTRL_MINOR of the kernel's miscdevice.h */
#define LOOP_CONTROL_MINOR 237
/* Others take free devices too, between our asking and our binding. */
#define ATTEMPTS 64

static int bind_device(int control, int file, const struct loop_config *template, int *ret_fd, dev_t *ret_rdev)
{
	struct loop_config config = *template;
	_cleanup_close_ int fd = -1;
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	if (number < 0)
		return -errno;
	fd = tz_devnode_open(S_IFBLK, makedev(TZ_LOOP_MAJOR, (unsigned int)number), O_RDWR);
	if (fd < 0)
		return fd;
	config.fd = (uint32_t)file;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	*ret_rdev = makedev(TZ_LOOP_MAJOR, (unsigned int)number);
	*ret_fd = tz_steal_fd(&fd);
	return 0;
}

static int report(int r, bool no_control, struct tz_error *err)
{
	if (r == -EPERM || r == -EACCES)
		return tz_error_set(err, r, "loop devices may not be used here; start the container with 'tazpod up', or "
				    "with --device-cgroup-rule 'b 7:* rmw' and --device /dev/loop-control");
	if (no_control)
		return tz_error_set(err, ENODEV, "this kernel has no loop devices (%s); load them with 'modprobe loop'",
				    strerror(-r));
	return tz_error_set(err, r, "no loop device could be set up: %s", strerror(-r));
}

static int open_control(void)
{
	return tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, LOOP_CONTROL_MINOR), O_RDWR);
}

int tz_loop_usable(struct tz_error *err)
{
	_cleanup_close_ int control = open_control();

	return control < 0 ? report(control, true, err) : 0;
}

int tz_loop_attach(int file, const char *name, unsigned int block_size, int *ret_fd, dev_t *ret_rdev,
		   struct tz_error *err)
{
	struct loop_config config = {
		.block_size = block_size,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
	};
	_cleanup_close_ int control = open_control();
	int r = control;

	(void)snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", name);
	for (int attempt = 0; control >= 0 && attempt < ATTEMPTS; attempt++) {
		r = bind_device(control, file, &config, ret_fd, ret_rdev);
		if (r != -EBUSY && r != -ENXIO)
			break;
	}
	return r == 0 ? 0 : report(r, control < 0, err);
}

int tz_loop_is_named(int fd, const char *name)
{
	struct loop_info64 info;

	if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return errno == ENXIO ? 0 : -errno;
	/* the kernel keeps as much of it as has room, and ends it */
	return strncmp((const char *)info.lo_file_name, name, sizeof(info.lo_file_name) - 1) == 0;
}

int tz_loop_serves(dev_t rdev, dev_t dev, ino_t ino)
{
	_cleanup_close_ int fd = tz_devnode_open(S_IFBLK, rdev, O_RDONLY);
	struct loop_info64 info;

	if (fd < 0)
		return fd;
	if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return errno == ENXIO ? 0 : -errno;
	return info.lo_device == dev && info.lo_inode == ino;
}

/* Bound devices have a "loop" directory in sysfs; looking there first spares opening each of them. */
static int bound_number(const char *name)
{
	char path[64];
	int number, end = 0;

	if (sscanf(name, "loop%d%n", &number, &end) != 1 || name[end])
		return -1;
	(void)snprintf(path, sizeof(path), "/sys/block/loop%d/loop", number);
	return access(path, F_OK) == 0 ? number : -1;
}

int tz_loop_find(dev_t dev, ino_t ino)
{
	_cleanup_closedir_ DIR *directory = opendir("/sys/block");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		int number = bound_number(entry->d_name);

		if (number >= 0 && tz_loop_serves(makedev(TZ_LOOP_MAJOR, (unsigned int)number), dev, ino) == 1)
			return number;
	}
	return -ENOENT;
}

bool tz_loop_any_backed_by(const char *beginning)
{
	_cleanup_closedir_ DIR *directory = opendir("/sys/block");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char path[300], text[512];
		_cleanup_close_ int fd = -1;
		ssize_t n;

		if (bound_number(entry->d_name) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text));
		if (n >= (ssize_t)strlen(beginning) && memcmp(text, beginning, strlen(beginning)) == 0)
			return true;
	}
	return false;
}
