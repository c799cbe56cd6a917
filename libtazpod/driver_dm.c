/*
 * The dm-crypt driver: loop device, mapping by libcryptsetup, deferred removal.
 *
 * 1. No node of a mapping is ever public: libdevmapper works in a private tmpfs over /dev/mapper, in the session's
 *    own mount namespace, and no udev is waited for (dmenv.h, called by the program that uses this driver).
 * 2. The mapping is put into deferred removal as soon as it exists, while our descriptor pins it: killed at any later
 *    point, the kernel removes it.
 * 3. A mapping's name holds the vault's UUID and the image's device and inode; it is shared only when the loop device
 *    below it serves this very file.
 */
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "devnode.h"
#include "loop.h"
#include "path.h"

#define MAPPER_DIR "/dev/mapper"
/* MAPPER_CTRL_MINOR of the kernel's miscdevice.h */
#define CONTROL_MINOR 236
/* How long another session's last removal, or a file system still going away, is waited for. */
#define RETRY_NS 50000000L
#define RETRIES 200

static int control_ioctl(int control, unsigned long request, const char *target)
{
	struct {
		struct dm_ioctl header;
		char room[512];
	} call = { .header = { .version = { 4, 0, 0 }, .data_size = sizeof(call),
			       .data_start = sizeof(struct dm_ioctl) } };

	(void)snprintf(call.header.name, sizeof(call.header.name), "%s", target);
	return ioctl(control, request, &call) < 0 ? -errno : 0;
}

static int usable(struct tz_error *err)
{
	_cleanup_close_ int control = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, CONTROL_MINOR), O_RDWR);
	int r;

	if (control == -EPERM || control == -EACCES)
		return tz_error_set(err, EPERM, "device-mapper may not be used here: the container needs CAP_SYS_ADMIN, "
				    "CAP_MKNOD and the devices of device-mapper ('tazpod up' gives them)");
	if (control < 0)
		return tz_error_set(err, ENODEV, "this kernel has no device-mapper, which the driver 'dm-crypt' needs; load "
				    "it on the host with 'modprobe dm-crypt'");
	r = control_ioctl(control, DM_VERSION, "");
	if (r < 0)
		return tz_error_set(err, r, "device-mapper does not answer: %s", strerror(-r));
	/* Asking for a target's version loads its module; a kernel older than 5.0 does not know the question. */
	r = control_ioctl(control, DM_GET_TARGET_VERSION, "crypt");
	if (r == -EINVAL || r == -ENXIO || r == -ENOENT)
		return tz_error_set(err, ENODEV, "device-mapper has no 'crypt' target; load it on the host with "
				    "'modprobe dm-crypt'");
	return 0;
}

static void mapping_name(const struct tz_image *image, const struct tz_luks_info *luks, char *name, size_t size)
{
	(void)snprintf(name, size, "tazpod-%s-%llx-%llx", luks->uuid, (unsigned long long)image->dev,
		       (unsigned long long)image->ino);
}

/* Our own /dev/mapper, with the control node that libdevmapper looks for. */
static int enter_private_mapper_dir(struct tz_error *err)
{
	if (mkdir(MAPPER_DIR, 0755) < 0 && errno != EEXIST)
		return tz_error_set(err, errno, MAPPER_DIR " cannot be made: %m");
	if (mount("tazpod", MAPPER_DIR, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0700,size=64k") < 0)
		return tz_error_set(err, errno, "a private " MAPPER_DIR " cannot be mounted: %m");
	if (mknod(MAPPER_DIR "/control", S_IFCHR | 0600, makedev(TZ_MISC_MAJOR, CONTROL_MINOR)) < 0) {
		int r = tz_error_set(err, errno, MAPPER_DIR "/control cannot be made: %m");

		(void)umount2(MAPPER_DIR, MNT_DETACH);
		return r;
	}
	return 0;
}

/* The device number of a mapping, by its name in sysfs. */
static int find_mapping(const char *name, dev_t *ret)
{
	_cleanup_closedir_ DIR *directory = opendir("/sys/block");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		char path[300], text[160] = "";
		unsigned int major, minor;
		_cleanup_fclose_ FILE *file = NULL, *number = NULL;

		if (strncmp(entry->d_name, "dm-", 3) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/block/%s/dm/name", entry->d_name);
		file = fopen(path, "re");
		if (!file || !fgets(text, sizeof(text), file))
			continue; /* it went away meanwhile */
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, name) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/block/%s/dev", entry->d_name);
		number = fopen(path, "re");
		if (!number || fscanf(number, "%u:%u", &major, &minor) != 2)
			return -ENOENT;
		*ret = makedev(major, minor);
		return 0;
	}
	return -ENOENT;
}

/* Does the mapping stand on a loop device of this image? */
static bool stands_on(dev_t mapping, const struct tz_image *image)
{
	_cleanup_closedir_ DIR *directory = NULL;
	struct dirent *entry;
	char path[96];

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(mapping), minor(mapping));
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		unsigned int number;

		if (sscanf(entry->d_name, "loop%u", &number) == 1)
			return tz_loop_serves(makedev(TZ_LOOP_MAJOR, number), image->dev, image->ino) == 1;
	}
	return false;
}

/* Makes the private node of a mapping and opens it: from here on the mapping cannot go. */
static int pin(struct tz_device *device)
{
	int fd;

	(void)snprintf(device->path, sizeof(device->path), MAPPER_DIR "/%s", device->name);
	if (unlink(device->path) < 0 && errno != ENOENT)
		return -errno;
	if (mknod(device->path, S_IFBLK | 0600, device->rdev) < 0)
		return -errno;
	fd = open(device->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	device->fd = fd;
	return 0;
}

static void unpin(struct tz_device *device)
{
	tz_closep(&device->fd);
	(void)umount2(MAPPER_DIR, MNT_DETACH);
	device->path[0] = '\0';
}

static int share(const struct tz_image *image, struct tz_device *device, struct tz_error *err)
{
	int r = find_mapping(device->name, &device->rdev);

	if (r < 0)
		return -EAGAIN; /* gone between two looks */
	if (!stands_on(device->rdev, image))
		return tz_error_set(err, EBUSY, "a mapping of this vault's name exists on another image; close it with "
				    "'cryptsetup close %s'", device->name);
	if (pin(device) < 0)
		return -EAGAIN; /* its last user left this moment */
	device->shared = true;
	return 0;
}

static void keep_log(int level, const char *text, void *data)
{
	if (level == CRYPT_LOG_ERROR)
		(void)tz_error_detail(data, "%.*s", (int)strcspn(text, "\n"), text);
}

static void device_freep(struct crypt_device **device)
{
	crypt_free(*device);
}

/* The mapping, pinned and already in deferred removal. */
static int activate(int loop, const struct tz_secret *volume_key, struct tz_device *device, struct tz_error *log)
{
	__attribute__((cleanup(device_freep))) struct crypt_device *crypt = NULL;
	char path[TZ_FD_PATH_MAX];
	int r = crypt_init(&crypt, tz_fd_path(loop, path));

	if (r < 0)
		return r;
	crypt_set_log_callback(crypt, keep_log, log);
	r = crypt_load(crypt, CRYPT_LUKS2, NULL);
	if (r == 0)
		r = crypt_activate_by_volume_key(crypt, device->name, (const char *)volume_key->data, volume_key->size, 0);
	if (r < 0)
		return r;
	r = find_mapping(device->name, &device->rdev);
	if (r == 0)
		r = pin(device);
	if (r == 0)
		r = crypt_deactivate_by_name(crypt, device->name, CRYPT_DEACTIVATE_DEFERRED);
	if (r < 0) {
		tz_closep(&device->fd);
		(void)crypt_deactivate_by_name(crypt, device->name, 0);
		return r;
	}
	/* libdevmapper removes the node of a mapping in deferred removal; the mount needs one. */
	if (access(device->path, F_OK) < 0 && mknod(device->path, S_IFBLK | 0600, device->rdev) < 0)
		return -errno;
	return 0;
}

static int create(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
		  struct tz_device *device, struct tz_error *err)
{
	_cleanup_close_ int loop = -1;
	struct tz_error log = { 0 };
	dev_t rdev;
	int number = tz_loop_find(image->dev, image->ino), r;

	if (number >= 0)
		return tz_error_set(err, EAGAIN, "%s is already open elsewhere, through /dev/loop%d; close it there first "
				    "('losetup -d /dev/loop%d', after unmounting)", image->path, number, number);
	r = tz_loop_attach(image->fd, image->path, luks->sector_size, &loop, &rdev, err);
	if (r < 0)
		return r;
	r = activate(loop, volume_key, device, &log);
	if (r == 0)
		return 0;
	if (r == -EEXIST || r == -EBUSY)
		return tz_error_set(err, EAGAIN, "%s is being opened or closed elsewhere", image->path);
	tz_error_set(err, r, "%s cannot be mapped by dm-crypt: %s", image->path, strerror(-r));
	if (log.detail[0])
		(void)tz_error_detail(err, "%s", log.detail);
	return r;
}

/* One try: share what is in use, take over what a killed opening left, or make it. -EAGAIN: look again. */
static int attach_once(const struct tz_image *image, const struct tz_luks_info *luks,
		       const struct tz_secret *volume_key, struct tz_device *device, struct tz_error *err)
{
	switch (crypt_status(NULL, device->name)) {
	case CRYPT_BUSY:
		return share(image, device, err);
	case CRYPT_ACTIVE:
		(void)crypt_deactivate_by_name(NULL, device->name, 0);
		tz_error_set(err, EAGAIN, "%s is still being closed", image->path);
		return -EAGAIN;
	case CRYPT_INACTIVE:
		return create(image, luks, volume_key, device, err);
	default:
		return tz_error_set(err, EIO, "device-mapper cannot say whether this vault is open");
	}
}

static int attach(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
		  struct tz_device *ret, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	int r = enter_private_mapper_dir(err);

	if (r < 0)
		return r;
	mapping_name(image, luks, device.name, sizeof(device.name));
	tz_error_set(err, EAGAIN, "%s is still being closed by another session", image->path);
	for (int attempt = 0; attempt < RETRIES; attempt++) {
		r = attach_once(image, luks, volume_key, &device, err);
		if (r != -EAGAIN)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
	}
	if (r < 0) {
		unpin(&device);
		return r;
	}
	*ret = device;
	return 0;
}

/* Deferred removal was set at attach, so letting go of our descriptor and node is all there is to do. */
static int release_when_unused(struct tz_device *device, struct tz_error *err)
{
	(void)err;
	unpin(device);
	return 0;
}

static void detach(struct tz_device *device)
{
	if (device->fd >= 0)
		unpin(device);
}

static int is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	char name[128];
	dev_t rdev;
	int r;

	mapping_name(image, luks, name, sizeof(name));
	r = find_mapping(name, &rdev);
	if (r == 0)
		return 1;
	r = tz_loop_find(image->dev, image->ino);
	return r >= 0 ? 1 : r == -ENOENT ? 0 : r;
}

const struct tz_driver tz_driver_dm_crypt = {
	.name = "dm-crypt",
	.usable = usable,
	.attach = attach,
	.release_when_unused = release_when_unused,
	.detach = detach,
	.is_open = is_open,
};
