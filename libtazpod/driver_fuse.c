/*
 * The user-space driver, for where there is no device-mapper: a loop device on a file that a server process of ours
 * decrypts (server.h).
 *
 * 1. The file is on a FUSE mount that is attached nowhere. Once the loop device has the file open, nobody else refers to
 *    the mount: so the server ends with the loop device, which (autoclear) goes with its last user, the vault's mount.
 *    Killed at any point before, the descriptors of the killed process are all that held it.
 * 2. A second session finds the server by the lock that it holds on the image, opens its loop device, and mounts that
 *    again: one server, one device, one superblock. While the last one is going this is waited out.
 * 3. The server is not in the session's namespaces: it has to be there until the file system is unmounted, which is when
 *    the session's last process has gone.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "devnode.h"
#include "fusemount.h"
#include "lockswitch.h"
#include "loop.h"
#include "nodedir.h"
#include "path.h"
#include "server.h"
#include "xts.h"

#define NODE_DIR TZ_RUN_DIR "/dev"
/* In units of 512 bytes: 8 MiB, so that each of the server's threads has a request of 1 MiB ahead of the reader. */
#define READ_AHEAD 16384

struct attempt {
	const struct tz_image *image;
	const struct tz_luks_info *luks;
	const struct tz_secret *volume_key;
};

static int usable(struct tz_error *err)
{
	_cleanup_close_ int device = tz_fusemount_open_device(err), mount = -1;
	int r;

	if (device < 0)
		return device;
	r = tz_loop_usable(err);
	if (r < 0)
		return r;
	mount = tz_fusemount(device, err);
	return mount < 0 ? mount : 0;
}

static int pin(struct tz_device *device, unsigned int loop)
{
	char node[32];

	(void)snprintf(node, sizeof(node), "loop%u", loop);
	device->rdev = makedev(TZ_LOOP_MAJOR, loop);
	return tz_device_pin(device, NODE_DIR, node);
}

/* -EAGAIN: its last user left this moment. */
static int share(const struct attempt *attempt, const struct tz_server_place *place, struct tz_device *device)
{
	struct tz_server_place now;

	if (pin(device, place->loop) < 0)
		return -EAGAIN;
	/* where the server cannot be seen, nobody here can watch it either */
	device->server = place->pid > 0 ? pidfd_open(place->pid, 0) : -1;
	/* pinned, the device is still this vault's, and still served by whom was found */
	if (tz_loop_is_named(device->fd, device->name) == 1 && tz_server_find(attempt->image->fd, &now) == 1 &&
	    now.loop == place->loop && now.pid == place->pid && (place->pid == 0 || device->server >= 0)) {
		device->shared = tz_nodedir_is_mounted(device->path);
		return 0;
	}
	tz_closep(&device->server);
	tz_closep(&device->fd);
	return -EAGAIN;
}

/*
 * Its own open file, past the page cache where that is possible: what the vault's file system caches need not be cached
 * once more, and a server that needs no memory to write cannot be stopped by a lack of it.
 */
static int open_image(const struct tz_image *image, const struct tz_luks_info *luks, struct tz_error *err)
{
	_Alignas(4096) char block[4096];
	char path[TZ_FD_PATH_MAX];
	int fd;

	(void)tz_fd_path(image->fd, path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
	/* a disk with blocks larger than the encryption's sectors */
	if (fd >= 0 && pread(fd, block, luks->sector_size, (off_t)luks->data_offset) < 0)
		tz_closep(&fd);
	if (fd < 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? tz_error_set(err, errno, "%s cannot be opened for its server: %m", image->path) : fd;
}

static int start_server(const struct attempt *attempt, int device, struct tz_device *ret, int *ret_socket,
			struct tz_error *err)
{
	const struct tz_luks_info *luks = attempt->luks;
	struct tz_server_setup setup = {
		.geometry = {
			.offset = luks->data_offset,
			.size = luks->data_size / luks->sector_size * luks->sector_size,
			.iv_offset = luks->iv_offset,
			.sector_size = luks->sector_size,
		},
	};
	_cleanup_close_ int image = open_image(attempt->image, luks, err);

	if (image < 0)
		return image;
	(void)snprintf(setup.file, sizeof(setup.file), "%s", ret->name);
	return tz_server_start(image, device, &setup, attempt->volume_key, ret_socket, &ret->server, err);
}

/* Once the loop device has it, the file is held by that alone. */
static int bind_loop(const struct attempt *attempt, int mount, struct tz_device *device, struct tz_error *err)
{
	_cleanup_close_ int file = openat(mount, device->name, O_RDWR | O_CLOEXEC), loop = -1;
	int r;

	if (file < 0)
		return tz_error_set(err, errno, "the vault's server does not serve: %m");
	r = tz_loop_attach(file, device->name, attempt->luks->sector_size, &loop, &device->rdev, err);
	if (r < 0)
		return r;
	/* only quicker with it */
	(void)ioctl(loop, BLKRASET, READ_AHEAD);
	r = pin(device, minor(device->rdev));
	return r < 0 ? tz_error_set(err, r, "%s cannot be opened: %s", device->path, strerrordesc_np(-r)) : 0;
}

static int create(const struct attempt *attempt, struct tz_device *device, struct tz_error *err)
{
	_cleanup_close_ int fuse = -1, mount = -1, socket = -1;
	int r = tz_device_refuse_bound(attempt->image, err);

	if (r < 0)
		return r;
	fuse = tz_fusemount_open_device(err);
	if (fuse < 0)
		return fuse;
	mount = tz_fusemount(fuse, err);
	if (mount < 0)
		return mount;
	r = start_server(attempt, fuse, device, &socket, err);
	/* with the server's own the last one goes, and whoever waits for an answer gets an error instead */
	tz_closep(&fuse);
	if (r == 0)
		r = bind_loop(attempt, mount, device, err);
	if (r == 0)
		r = tz_server_bind(&socket, minor(device->rdev), err);
	return r;
}

/* One try: share what is served, or have it served. -EAGAIN: look again. */
static int attach_once(const void *data, struct tz_device *device, struct tz_error *err)
{
	const struct attempt *attempt = data;
	struct tz_server_place place;
	int r = tz_server_find(attempt->image->fd, &place);

	if (r < 0)
		return tz_error_set(err, r, "%s is locked by another program: %s", attempt->image->path, strerrordesc_np(-r));
	if (r > 0) {
		r = share(attempt, &place, device);
		return r == 0 ? 0 : tz_error_set(err, r, "%s is still being closed", attempt->image->path);
	}
	r = create(attempt, device, err);
	if (r < 0) {
		tz_closep(&device->fd);
		tz_server_await_end(&device->server);
	}
	return r;
}

static int attach(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
		  struct tz_device *ret, struct tz_error *err)
{
	const struct attempt attempt = { image, luks, volume_key };
	int r = tz_xts_supports(luks->cipher, luks->key_size, luks->sector_size, err);

	return r < 0 ? r : tz_device_attach(NODE_DIR, image, luks, attach_once, &attempt, ret, err);
}

/* Its mount holds the loop device now, so letting go of our descriptor and node is all there is to do. */
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
	if (device->shared)
		tz_closep(&device->server);
	else
		tz_server_await_end(&device->server);
}

/* A server whose loop device is gone has nothing left to write, and is ending. */
static int is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	_cleanup_close_ int loop = -1;
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_server_place place;
	int r = tz_server_find(image->fd, &place);

	if (r <= 0)
		return r;
	tz_device_name(&device, image, luks);
	loop = tz_devnode_open(S_IFBLK, makedev(TZ_LOOP_MAJOR, place.loop), O_RDONLY);
	return loop >= 0 && tz_loop_is_named(loop, device.name) == 0 ? 0 : 1;
}

static bool is_open_uuid(const char *uuid)
{
	char beginning[TZ_UUID_TEXT + 16];

	(void)snprintf(beginning, sizeof(beginning), "/" TZ_DEVICE_PREFIX "%s-", uuid);
	return tz_loop_any_backed_by(beginning);
}

const struct tz_driver tz_driver_fuse = {
	.name = "fuse",
	.usable = usable,
	.attach = attach,
	.release_when_unused = release_when_unused,
	.detach = detach,
	.is_open = is_open,
	.is_open_uuid = is_open_uuid,
};
