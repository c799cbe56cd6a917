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
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "devnode.h"
#include "dm.h"
#include "dm_guard.h"
#include "loop.h"
#include "nodedir.h"

#define NODE_DIR "/dev/mapper"
/* DM_UUID_LEN of linux/dm-ioctl.h */
#define DM_UUID_TEXT 129

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

/* As cryptsetup names them, so that it knows what it sees: CRYPT-LUKS2-UUID without its dashes-NAME. */
static void mapping_uuid(const struct tz_luks_info *luks, const char *name, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "CRYPT-LUKS2-");

	for (const char *p = luks->uuid; *p && used < size - 1; p++)
		if (*p != '-')
			text[used++] = *p;
	(void)snprintf(text + used, size - used, "-%s", name);
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

static int share(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	struct tz_dm_status status;

	if (tz_device_pin(device, NODE_DIR, device->name) < 0)
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
	device->shared = tz_nodedir_is_mounted(device->path);
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
		r = tz_device_pin(device, NODE_DIR, device->name);
	tz_dm_guard_release(&guard);
	return r;
}

static int create(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	const struct tz_image *image = attempt->image;
	_cleanup_close_ int loop = -1;
	dev_t below;
	int r = tz_device_refuse_bound(image, err);

	if (r < 0)
		return r;
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
static int attach_once(const void *data, struct tz_device *device, struct tz_error *err)
{
	const struct attempt *attempt = data;
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
	_cleanup_close_ int control = tz_dm_open(err);
	const struct attempt attempt = { control, image, luks, volume_key };

	return control < 0 ? control : tz_device_attach(NODE_DIR, image, luks, attach_once, &attempt, ret, err);
}

/* Deferred removal was set at attach, so letting go of our descriptor and node is all there is to do. */
static int release_when_unused(struct tz_device *device, struct tz_error *err)
{
	(void)err;
	tz_device_unpin(device, NODE_DIR);
	return 0;
}

static void detach(struct tz_device *device)
{
	if (device->fd >= 0)
		tz_device_unpin(device, NODE_DIR);
}

static int is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	_cleanup_close_ int control = tz_dm_open(NULL);
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_dm_status status;

	tz_device_name(&device, image, luks);
	return control >= 0 && tz_dm_find(control, device.name, &status) == 0 && status.active;
}

static bool is_open_uuid(const char *uuid)
{
	char beginning[TZ_UUID_TEXT + 16];

	(void)snprintf(beginning, sizeof(beginning), TZ_DEVICE_PREFIX "%s-", uuid);
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
