/*
 * 1. The key goes to the kernel in a buffer of secret memory; DM_SECURE_DATA has the kernel wipe its copy.
 * 2. udev is told with each change to leave the mapping alone: no links, no probing of what is in it.
 */
#include "dm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "devnode.h"

/* MAPPER_CTRL_MINOR of the kernel's miscdevice.h */
#define CONTROL_MINOR 236
#define SECTOR 512
#define TABLE_ROOM 1024
/*
 * What udev's rules for device-mapper read in the upper half of a cookie (libdevmapper.h, DM_UDEV_*): no links in
 * /dev/mapper, no rules of subsystems, disks or others. The lower half names a semaphore to wait for: there is none.
 */
#define UDEV_FLAGS_SHIFT 16
#define UDEV_LEAVE_ALONE ((0x0001U | 0x0002U | 0x0004U | 0x0008U) << UDEV_FLAGS_SHIFT)

struct call {
	struct dm_ioctl header;
	char room[512]; /* for what the kernel writes behind it */
};

static int send_call(int control, unsigned long request, struct dm_ioctl *header, size_t size, const char *name)
{
	header->version[0] = DM_VERSION_MAJOR;
	header->data_size = (uint32_t)size;
	header->data_start = sizeof(*header);
	if ((size_t)snprintf(header->name, sizeof(header->name), "%s", name) >= sizeof(header->name))
		return -ENAMETOOLONG;
	return ioctl(control, request, header) < 0 ? -errno : 0;
}

int tz_dm_open(struct tz_error *err)
{
	_cleanup_close_ int control = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, CONTROL_MINOR), O_RDWR);
	struct call call = { 0 };
	int r;

	if (control == -EPERM || control == -EACCES)
		return tz_error_set(err, EPERM, "device-mapper may not be used here: the container needs CAP_SYS_ADMIN, "
				    "CAP_MKNOD and the devices of device-mapper ('tazpod up' gives them)");
	if (control < 0)
		return tz_error_set(err, ENODEV, "this kernel has no device-mapper, which the driver 'dm-crypt' needs; load "
				    "it on the host with 'modprobe dm-crypt'");
	r = send_call(control, DM_VERSION, &call.header, sizeof(call), "");
	if (r < 0)
		return tz_error_set(err, r, "device-mapper does not answer: %s", strerrordesc_np(-r));
	return tz_steal_fd(&control);
}

int tz_dm_has_target(int control, const char *target)
{
	struct call call = { 0 };
	/* Asking for a target's version loads its module; a kernel older than 5.0 does not know the question. */
	int r = send_call(control, DM_GET_TARGET_VERSION, &call.header, sizeof(call), target);

	return r == -EINVAL || r == -ENXIO || r == -ENOENT ? -ENOENT : 0;
}

int tz_dm_find(int control, const char *name, struct tz_dm_status *ret)
{
	struct call call = { 0 };
	int r = send_call(control, DM_DEV_STATUS, &call.header, sizeof(call), name);

	if (r < 0)
		return r;
	*ret = (struct tz_dm_status){
		.rdev = call.header.dev,
		.active = (call.header.flags & DM_ACTIVE_PRESENT_FLAG) != 0,
		.open_count = (unsigned int)call.header.open_count,
	};
	return 0;
}

/* One target over the whole mapping; header has room for size bytes, the target and its table behind it. */
static int load_table(int control, const char *name, struct dm_ioctl *header, size_t size, const char *type,
		      uint64_t sectors)
{
	struct dm_target_spec *target = (struct dm_target_spec *)(void *)((char *)header + sizeof(*header));

	header->target_count = 1;
	target->length = sectors;
	(void)snprintf(target->target_type, sizeof(target->target_type), "%s", type);
	return send_call(control, DM_TABLE_LOAD, header, size, name);
}

int tz_dm_create(int control, const char *name, const char *uuid, dev_t *ret_rdev)
{
	struct call call = { 0 }, table = { 0 };
	int r;

	if ((size_t)snprintf(call.header.uuid, sizeof(call.header.uuid), "%s", uuid) >= sizeof(call.header.uuid))
		return -ENAMETOOLONG;
	r = send_call(control, DM_DEV_CREATE, &call.header, sizeof(call), name);
	if (r < 0)
		return r;
	/* since 5.16 the kernel has no device, which could be opened, until there is some table */
	r = load_table(control, name, &table.header, sizeof(table), "error", 1);
	if (r < 0) {
		(void)tz_dm_remove(control, name, false);
		return r;
	}
	*ret_rdev = call.header.dev;
	return 0;
}

int tz_dm_remove(int control, const char *name, bool deferred)
{
	struct call call = { .header.flags = deferred ? DM_DEFERRED_REMOVE : 0, .header.event_nr = UDEV_LEAVE_ALONE };

	return send_call(control, DM_DEV_REMOVE, &call.header, sizeof(call), name);
}

static void to_hex(const struct tz_secret *key, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < key->size; i++) {
		*text++ = digits[key->data[i] >> 4];
		*text++ = digits[key->data[i] & 15];
	}
	*text = '\0';
}

/* "<cipher> <key> <iv offset> <device> <offset> [<options>]"; every number in units of 512 bytes. */
static int write_table(const struct tz_luks_info *luks, const struct tz_secret *volume_key, dev_t below, char *text,
		       size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s ", luks->cipher);
	unsigned int options = 0;
	char list[160] = "";

	if (luks->sector_size > SECTOR) {
		(void)snprintf(list, sizeof(list), " sector_size:%u", luks->sector_size);
		options++;
	}
	if (luks->allow_discards) {
		(void)strncat(list, " allow_discards", sizeof(list) - strlen(list) - 1);
		options++;
	}
	if (used + volume_key->size * 2 + sizeof(list) + 128 > size)
		return -E2BIG;
	to_hex(volume_key, text + used);
	used += volume_key->size * 2;
	(void)snprintf(text + used, size - used, " %" PRIu64 " %u:%u %" PRIu64 " %u%s", luks->iv_offset, major(below),
		       minor(below), luks->data_offset / SECTOR, options, list);
	return 0;
}

int tz_dm_start_crypt(int control, const char *name, const struct tz_luks_info *luks,
		      const struct tz_secret *volume_key, dev_t below)
{
	_cleanup_secret_ struct tz_secret buffer = TZ_SECRET_INIT;
	struct call resume = { .header.event_nr = UDEV_LEAVE_ALONE };
	const size_t size = sizeof(struct dm_ioctl) + sizeof(struct dm_target_spec) + TABLE_ROOM;
	struct dm_ioctl *header;
	int r = tz_secret_alloc(&buffer, size);

	if (r < 0)
		return r;
	/* a mapping starts on a page: it is aligned for any type */
	header = (struct dm_ioctl *)(void *)buffer.data;
	header->flags = DM_SECURE_DATA_FLAG;
	r = write_table(luks, volume_key, below, (char *)buffer.data + size - TABLE_ROOM, TABLE_ROOM);
	if (r == 0)
		r = load_table(control, name, header, size, "crypt",
			       luks->data_size / luks->sector_size * (luks->sector_size / SECTOR));
	/* DM_DEV_SUSPEND without its flag resumes */
	return r < 0 ? r : send_call(control, DM_DEV_SUSPEND, &resume.header, sizeof(resume), name);
}

bool tz_dm_any_named(const char *beginning)
{
	_cleanup_closedir_ DIR *directory = opendir("/sys/block");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		_cleanup_fclose_ FILE *file = NULL;
		char path[300], name[DM_NAME_LEN] = "";

		(void)snprintf(path, sizeof(path), "/sys/block/%s/dm/name", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file) && strncmp(name, beginning, strlen(beginning)) == 0)
			return true;
	}
	return false;
}
