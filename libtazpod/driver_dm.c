/*
 * The dm-crypt driver: a loop device, and a mapping on it that is doomed before it has a table.
 *
 * 1. The mapping is made empty, pinned by a descriptor and put into deferred removal (dm_guard.h), and only then gets
 *    its table and key: killed at any point, the kernel removes it. Only when the guard is killed as well, within its
 *    few steps, an empty name is left, without device or key; the next opening takes it away.
 * 2. Its node is in a private tmpfs, in the session's own mount namespace, and goes before the session starts.
 * 3. A mapping's name holds the vault's UUID and the image's device and inode; it is shared only when the loop device
 *    below it serves this very file.
 */
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "devnode.h"
#include "dm.h"
#include "dm_guard.h"
#include "loop.h"

#define NODE_DIR "/dev/mapper"
#define NAME_PREFIX "tazpod-"
/* DM_UUID_LEN of linux/dm-ioctl.h */
#define DM_UUID_TEXT 129
/* How long another session's last removal, or a file system still going away, is waited for. */
#define RETRY_NS 50000000L
#define RETRIES 200

struct attempt {
	int control;
	const struct tz_image *image;
	const struct tz_luks_info *luks;
	const struct tz_secret *volume_key;
};

static int usable(struct tz_error *err)
{
	_cleanup_close_ int control = tz_dm_open(err);

	if (control < 0)
		return control;
	if (tz_dm_has_target(control, "crypt") < 0)
		return tz_error_set(err, ENODEV, "device-mapper has no 'crypt' target; load it on the host with "
				    "'modprobe dm-crypt'");
	return 0;
}

static void mapping_name(const struct tz_image *image, const struct tz_luks_info *luks, char *name, size_t size)
{
	(void)snprintf(name, size, NAME_PREFIX "%s-%llx-%llx", luks->uuid, (unsigned long long)image->dev,
		       (unsigned long long)image->ino);
}

/* As cryptsetup names them, so that it knows what it sees: CRYPT-LUKS2-UUID without its dashes-NAME. */
static void mapping_uuid(const struct tz_luks_info *luks, const char *name, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "CRYPT-LUKS2-");

	for (const char *p = luks->uuid; *p && used < size - 1; p++)
		if (*p != '-')
			text[used++] = *p;
	(void)snprintf(text + used, size - used, "-%s", name);
}

static int enter_private_node_dir(struct tz_error *err)
{
	if (mkdir(NODE_DIR, 0755) < 0 && errno != EEXIST)
		return tz_error_set(err, errno, NODE_DIR " cannot be made: %m");
	if (mount("tazpod", NODE_DIR, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0700,size=64k") < 0)
		return tz_error_set(err, errno, "a private " NODE_DIR " cannot be mounted: %m");
	return 0;
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

/* Only a mount has it for itself alone; others may just look at it, as udev's probes do. */
static bool is_mounted(const struct tz_device *device)
{
	_cleanup_close_ int probe = open(device->path, O_RDWR | O_EXCL | O_CLOEXEC | O_NOFOLLOW);

	return probe < 0 && errno == EBUSY;
}

/* Makes the private node of a mapping and opens it: from here on the mapping cannot go. */
static int pin(struct tz_device *device)
{
	int fd;

	(void)snprintf(device->path, sizeof(device->path), NODE_DIR "/%s", device->name);
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
	(void)umount2(NODE_DIR, MNT_DETACH);
	device->path[0] = '\0';
}

static int share(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	struct tz_dm_status status;

	if (pin(device) < 0)
		return -EAGAIN; /* its last user left this moment */
	/* pinned, it is still the one that was found, and has its table */
	if (tz_dm_find(attempt->control, device->name, &status) < 0 || status.rdev != device->rdev || !status.active) {
		tz_closep(&device->fd);
		return -EAGAIN;
	}
	if (!stands_on(device->rdev, attempt->image)) {
		tz_closep(&device->fd);
		return tz_error_set(err, EBUSY, "a mapping of this vault's name exists on another image; close it with "
				    "'cryptsetup close %s'", device->name);
	}
	device->shared = is_mounted(device);
	return 0;
}

/* An empty mapping, pinned and in deferred removal. */
static int make_doomed(const struct attempt *attempt, struct tz_device *device)
{
	struct tz_dm_guard guard = TZ_DM_GUARD_INIT;
	char uuid[DM_UUID_TEXT];
	int r;

	mapping_uuid(attempt->luks, device->name, uuid, sizeof(uuid));
	r = tz_dm_guard_create(attempt->control, device->name, uuid, &device->rdev, &guard);
	if (r == 0)
		r = pin(device);
	tz_dm_guard_release(&guard);
	return r;
}

static int create(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	const struct tz_image *image = attempt->image;
	_cleanup_close_ int loop = -1;
	dev_t below;
	int number = tz_loop_find(image->dev, image->ino), r;

	if (number >= 0)
		return tz_error_set(err, EAGAIN, "%s is already open elsewhere, through /dev/loop%d; close it there first "
				    "('losetup -d /dev/loop%d', after unmounting)", image->path, number, number);
	r = tz_loop_attach(image->fd, image->path, attempt->luks->sector_size, &loop, &below, err);
	if (r < 0)
		return r;
	r = make_doomed(attempt, device);
	if (r == -EBUSY)
		return tz_error_set(err, EAGAIN, "%s is being opened or closed elsewhere", image->path);
	if (r < 0)
		return tz_error_set(err, r, "no mapping can be made for %s: %s", image->path, strerrordesc_np(-r));
	r = tz_dm_start_crypt(attempt->control, device->name, attempt->luks, attempt->volume_key, below);
	if (r == 0)
		return 0;
	/* in deferred removal, it goes with our descriptor */
	tz_closep(&device->fd);
	tz_error_set(err, r, "%s cannot be mapped by dm-crypt: %s", image->path, r == -EINVAL || r == -ENOENT ?
		     "this kernel does not have its cipher" : strerrordesc_np(-r));
	return tz_error_detail(err, "cipher %s, sectors of %u bytes; the kernel's log says more", attempt->luks->cipher,
			       attempt->luks->sector_size);
}

/* One try: share what is in use, take away what a killed opening left, or make it. -EAGAIN: look again. */
static int attach_once(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	struct tz_dm_status status;
	int r = tz_dm_find(attempt->control, device->name, &status);

	if (r == -ENXIO)
		return create(attempt, device, err);
	if (r < 0)
		return tz_error_set(err, r, "device-mapper cannot say whether this vault is open: %s", strerrordesc_np(-r));
	device->rdev = status.rdev;
	if (status.active && status.open_count > 0)
		return share(attempt, device, err);
	if (status.open_count == 0)
		(void)tz_dm_remove(attempt->control, device->name, false);
	return tz_error_set(err, EAGAIN, "%s is still being closed", attempt->image->path);
}

static int attach(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
		  struct tz_device *ret, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	_cleanup_close_ int control = tz_dm_open(err);
	const struct attempt attempt = { control, image, luks, volume_key };
	int r = control;

	if (r >= 0)
		r = enter_private_node_dir(err);
	if (r < 0)
		return r;
	mapping_name(image, luks, device.name, sizeof(device.name));
	tz_error_set(err, EAGAIN, "%s is still being closed by another session", image->path);
	for (int tries = 0; tries < RETRIES; tries++) {
		r = attach_once(&attempt, &device, err);
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
	_cleanup_close_ int control = tz_dm_open(NULL);
	struct tz_dm_status status;
	char name[128];
	int r;

	mapping_name(image, luks, name, sizeof(name));
	if (control >= 0 && tz_dm_find(control, name, &status) == 0 && status.active)
		return 1;
	r = tz_loop_find(image->dev, image->ino);
	return r >= 0 ? 1 : r == -ENOENT ? 0 : r;
}

static bool is_open_uuid(const char *uuid)
{
	char beginning[TZ_UUID_TEXT + 16];

	(void)snprintf(beginning, sizeof(beginning), NAME_PREFIX "%s-", uuid);
	return tz_dm_any_named(beginning);
}

const struct tz_driver tz_driver_dm_crypt = {
	.name = "dm-crypt",
	.usable = usable,
	.attach = attach,
	.release_when_unused = release_when_unused,
	.detach = detach,
	.is_open = is_open,
	.is_open_uuid = is_open_uuid,
};
