#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cleanup.h"
#include "loop.h"
#include "nodedir.h"

/* How long another session that is just closing the vault, or its file system still going away, is waited for. */
#define RETRY_NS 50000000L
#define RETRIES 200

void tz_device_name(struct tz_device *device, const struct tz_image *image, const struct tz_luks_info *luks)
{
	(void)snprintf(device->name, sizeof(device->name), TZ_DEVICE_PREFIX "%s-%llx-%llx", luks->uuid,
		       (unsigned long long)image->dev, (unsigned long long)image->ino);
}

int tz_device_pin(struct tz_device *device, const char *folder, const char *node)
{
	int fd = tz_nodedir_open(folder, node, device->rdev, device->path, sizeof(device->path));

	if (fd < 0)
		return fd;
	device->fd = fd;
	return 0;
}

void tz_device_unpin(struct tz_device *device, const char *folder)
{
	tz_closep(&device->fd);
	tz_nodedir_leave(folder);
	device->path[0] = '\0';
}

int tz_device_refuse_bound(const struct tz_image *image, struct tz_error *err)
{
	int number = tz_loop_find(image->dev, image->ino);

	if (number < 0)
		return 0;
	return tz_error_set(err, EAGAIN, "%s is already open elsewhere, through /dev/loop%d; close it there first "
			    "('losetup -d /dev/loop%d', after unmounting)", image->path, number, number);
}

int tz_device_attach(const char *folder, const struct tz_image *image, const struct tz_luks_info *luks,
		     int (*once)(const void *attempt, struct tz_device *device, struct tz_error *err),
		     const void *attempt, struct tz_device *ret, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	int r = tz_nodedir_enter(folder, err);

	if (r < 0)
		return r;
	tz_device_name(&device, image, luks);
	tz_error_set(err, EAGAIN, "%s is still being closed by another session", image->path);
	for (int tries = 0; tries < RETRIES; tries++) {
		r = once(attempt, &device, err);
		if (r != -EAGAIN)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
	}
	if (r < 0) {
		tz_device_unpin(&device, folder);
		return r;
	}
	*ret = device;
	return 0;
}
