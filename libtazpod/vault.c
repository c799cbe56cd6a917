#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "enclave.h"
#include "ext4.h"
#include "mounts.h"
#include "path.h"
#include "readable.h"

#define MIB (1024ULL * 1024)
/* LUKS2's header takes 16 MiB; less than as much again is no file system worth having. */
#define SMALLEST (32 * MIB)

struct progress {
	tz_progress_fn report;
	void *data;
};

static void step(const struct progress *progress, const char *text, unsigned int percent)
{
	if (progress->report)
		progress->report(progress->data, text, percent);
}

static uint64_t whole_mib(uint64_t size)
{
	return (size + MIB - 1) / MIB * MIB;
}

static int no_space(int dir, uint64_t wanted, struct tz_error *err)
{
	struct statvfs fs;

	if (fstatvfs(dir, &fs) < 0)
		return tz_error_set(err, ENOSPC, "there is no room for the vault on its disk");
	return tz_error_set(err, ENOSPC, "there is no room for the vault: it needs %llu MiB more, and its disk has %llu MiB "
			    "free; free some, or set a smaller vault_size; nothing was changed",
			    (unsigned long long)(wanted / MIB),
			    (unsigned long long)fs.f_bavail * fs.f_frsize / MIB);
}

/* Where the file system cannot reserve, writing zeros does the same, slower. */
static int write_zeros(int fd, uint64_t from, uint64_t to, const struct progress *progress)
{
	static const char zeros[1024 * 1024];

	for (uint64_t at = from; at < to;) {
		size_t piece = to - at < sizeof(zeros) ? (size_t)(to - at) : sizeof(zeros);
		ssize_t n = pwrite(fd, zeros, piece, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (uint64_t)n;
		step(progress, "reserving space", (unsigned int)(40 * (at - from) / (to - from)));
	}
	return 0;
}

/* Every block of the file's range from..to belongs to it after this, or the file is as it was. */
static int reserve(int fd, int dir, uint64_t from, uint64_t to, const struct progress *progress, struct tz_error *err)
{
	int r;

	step(progress, "reserving space", 0);
	r = fallocate(fd, 0, (off_t)from, (off_t)(to - from)) < 0 ? -errno : 0;
	if (r == -EOPNOTSUPP)
		r = write_zeros(fd, from, to, progress);
	if (r == 0)
		return 0;
	if (ftruncate(fd, (off_t)from) < 0)
		return tz_error_set(err, errno, "the space could not be reserved, nor given back: %m");
	if (r == -ENOSPC || r == -EDQUOT)
		return no_space(dir, to - from, err);
	return tz_error_set(err, r, "the space for the vault cannot be reserved: %s", strerror(-r));
}

static void temporary_name(const struct tz_image *image, char *name, size_t size)
{
	(void)snprintf(name, size, ".%.*s.new", NAME_MAX - 8, image->name);
}

/* A file without a name, or (where that is not possible) one whose name is not the vault's. */
static int open_temporary(const struct tz_image *image, bool *ret_named, struct tz_error *err)
{
	char name[NAME_MAX + 1];
	int fd = openat(image->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0) {
		*ret_named = false;
		return fd;
	}
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return tz_error_set(err, errno, "no vault can be made beside %s: %m", image->path);
	temporary_name(image, name, sizeof(name));
	if (unlinkat(image->dir, name, 0) < 0 && errno != ENOENT)
		return tz_error_set(err, errno, "%s, left by an earlier attempt, cannot be removed: %m", name);
	fd = openat(image->dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tz_error_set(err, errno, "no vault can be made beside %s: %m", image->path);
	*ret_named = true;
	return fd;
}

static int give_name(const struct tz_image *image, int fd, bool named, struct tz_error *err)
{
	char path[TZ_FD_PATH_MAX], name[NAME_MAX + 1];
	int r;

	if (fsync(fd) < 0)
		return tz_error_set(err, errno, "the new vault cannot be flushed to disk: %m");
	temporary_name(image, name, sizeof(name));
	if (named)
		r = renameat2(image->dir, name, image->dir, image->name, RENAME_NOREPLACE);
	else
		r = linkat(AT_FDCWD, tz_fd_path(fd, path), image->dir, image->name, AT_SYMLINK_FOLLOW);
	if (r < 0)
		return tz_error_set(err, errno, errno == EEXIST ? "%s was made by someone else meanwhile; it was not touched" :
				    "the new vault cannot be given its name %s", image->path);
	if (fsync(image->dir) < 0)
		return tz_error_set(err, errno, "the directory of %s cannot be flushed to disk: %m", image->path);
	return 0;
}

/* Its file system, through the driver that will open it later. */
static int make_file_system(const struct tz_driver *driver, const struct tz_image *image,
			    const struct tz_secret *volume_key, uid_t uid, gid_t gid, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_luks_info luks;
	int r = tz_luks_info(image, &luks, err);

	if (r < 0)
		return r;
	r = driver->attach(image, &luks, volume_key, &device, err);
	if (r < 0)
		return r;
	r = tz_ext4_make(device.path, uid, gid, err);
	if (r == 0 && fsync(device.fd) < 0)
		r = tz_error_set(err, errno, "the new file system cannot be flushed to disk: %m");
	driver->detach(&device);
	return r;
}

static int refuse_existing(const struct tz_image *image, struct tz_error *err)
{
	int r = tz_image_require_luks2(image, err);

	if (r < 0)
		return r;
	return tz_error_set(err, EEXIST, "there is a vault at %s already; it was not touched", image->path);
}

static int build(const struct tz_settings *settings, const struct tz_driver *driver, struct tz_image *image,
		 uint64_t size, uid_t uid, gid_t gid, const struct tz_secret *passphrase, const struct progress *progress,
		 struct tz_secret *ret_key, struct tz_error *err)
{
	struct stat st;
	int r = reserve(image->fd, image->dir, 0, size, progress, err);

	if (r < 0)
		return r;
	if (fstat(image->fd, &st) < 0)
		return tz_error_set(err, errno, "the new vault cannot be examined: %m");
	image->dev = st.st_dev;
	image->ino = st.st_ino;
	image->size = size;
	step(progress, "deriving the key", 40);
	r = tz_luks_format(image->fd, settings, passphrase, ret_key, err);
	if (r < 0)
		return r;
	step(progress, "making the file system", 70);
	r = tz_enclave_enter(err);
	if (r < 0)
		return r;
	return make_file_system(driver, image, ret_key, uid, gid, err);
}

int tz_vault_create(const struct tz_settings *settings, uint64_t size, uid_t owner_uid, gid_t owner_gid,
		    const struct tz_secret *passphrase, tz_progress_fn report, void *data,
		    struct tz_secret *ret_volume_key, struct tz_error *err)
{
	const struct progress progress = { report, data };
	const struct tz_driver *driver;
	_cleanup_image_ struct tz_image image = TZ_IMAGE_INIT;
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_close_ int lock = -1;
	bool named = false;
	char name[NAME_MAX + 1];
	int r;

	size = whole_mib(size ? size : settings->vault_size);
	if (size < SMALLEST)
		return tz_error_set(err, EINVAL, "a vault of %llu MiB is too small; %llu MiB is the least",
				    (unsigned long long)(size / MIB), SMALLEST / MIB);
	r = tz_image_open(settings->vault, &image, err);
	if (r == 0)
		r = tz_image_lock(&image, &lock, err);
	if (r == 0 && image.fd >= 0)
		r = refuse_existing(&image, err);
	/* before anything is reserved: without a driver no file system can be made */
	if (r == 0)
		r = tz_driver_choose(settings->driver, &driver, err);
	if (r == 0)
		r = image.fd = open_temporary(&image, &named, err);
	if (r < 0)
		return r;
	r = build(settings, driver, &image, size, owner_uid, owner_gid, passphrase, &progress, &key, err);
	if (r == 0)
		r = give_name(&image, image.fd, named, err);
	if (r < 0) {
		temporary_name(&image, name, sizeof(name));
		if (named)
			(void)unlinkat(image.dir, name, 0);
		return r;
	}
	step(&progress, "done", 100);
	if (ret_volume_key)
		tz_secret_move(ret_volume_key, &key);
	return 0;
}

/* A process that dies lets go of its descriptors, so that reading fails, a little before it can be seen to be dead. */
#define DEATH_MS 1000

/* Nothing that was found on a device means anything once what serves it has died. */
static bool server_is_gone(const struct tz_device *device)
{
	return device->server >= 0 && tz_wait_readable(device->server, DEATH_MS) == 0;
}

static int check_file_system(const struct tz_device *device, const struct tz_luks_info *luks, enum tz_ext4_check how,
			     struct tz_error *err)
{
	int r = tz_ext4_identify(device->fd, luks->data_size, err);

	if (r == 0)
		r = tz_ext4_check(device->path, how, err);
	if (r < 0 && server_is_gone(device))
		return tz_error_set(err, EPIPE, "the vault's server ended while the file system was checked; try again");
	return r;
}

int tz_vault_attach(const struct tz_driver *driver, const struct tz_image *image, const struct tz_luks_info *luks,
		    const struct tz_secret *volume_key, struct tz_device *ret, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	int r;

	if (luks->reencrypting)
		return tz_error_set(err, EOPNOTSUPP, "%s is in the middle of a reencryption, or needs a newer cryptsetup; "
				    "finish it with 'cryptsetup reencrypt --resume-only'", image->path);
	r = driver->attach(image, luks, volume_key, &device, err);
	if (r < 0)
		return r;
	if (!device.shared)
		r = check_file_system(&device, luks, TZ_EXT4_PREEN, err);
	if (r < 0) {
		driver->detach(&device);
		return r;
	}
	*ret = device;
	return 0;
}

/* A closed vault under its lock, its key in hand, in a mount namespace of its own. */
struct closed_vault {
	struct tz_image image;
	struct tz_luks_info luks;
	struct tz_secret key;
	const struct tz_driver *driver;
	int lock;
};

#define CLOSED_VAULT_INIT { .image = TZ_IMAGE_INIT, .key = TZ_SECRET_INIT, .lock = -1 }

static void closed_vault_release(struct closed_vault *vault)
{
	tz_secret_free(&vault->key);
	tz_closep(&vault->lock);
	tz_image_close(&vault->image);
}

static int closed_vault_open(const struct tz_settings *settings, const struct tz_secret *passphrase,
			     struct closed_vault *vault, struct tz_error *err)
{
	int r = tz_image_open(settings->vault, &vault->image, err);

	if (r < 0)
		return r;
	if (vault->image.fd < 0)
		return tz_error_set(err, ENOENT, "there is no vault at %s yet", settings->vault);
	r = tz_image_lock(&vault->image, &vault->lock, err);
	if (r == 0)
		r = tz_luks_info(&vault->image, &vault->luks, err);
	if (r < 0)
		return r;
	r = tz_driver_find_open(&vault->image, &vault->luks, NULL);
	if (r < 0)
		return tz_error_set(err, r, "whether the vault is open cannot be told: %s", strerrordesc_np(-r));
	if (r > 0)
		return tz_error_set(err, EBUSY, "the vault is open; end its sessions first with 'tazpod lock'");
	r = tz_driver_choose(settings->driver, &vault->driver, err);
	if (r < 0)
		return r;
	r = tz_luks_unlock(&vault->image, passphrase, &vault->key, NULL, err);
	return r < 0 ? r : tz_enclave_enter(err);
}

int tz_vault_check(const struct tz_settings *settings, const struct tz_secret *passphrase, bool repair,
		   struct tz_error *err)
{
	tz_cleanup(closed_vault_release) struct closed_vault vault = CLOSED_VAULT_INIT;
	struct tz_device device = TZ_DEVICE_INIT;
	int r = closed_vault_open(settings, passphrase, &vault, err);

	if (r == 0)
		r = vault.driver->attach(&vault.image, &vault.luks, &vault.key, &device, err);
	if (r < 0)
		return r;
	r = check_file_system(&device, &vault.luks, repair ? TZ_EXT4_REPAIR : TZ_EXT4_VERIFY, err);
	vault.driver->detach(&device);
	return r;
}

/* Grown while mounted: that is journalled, so it can be killed; resizing an unmounted file system is not. */
static int grow_mounted(const struct tz_device *device, uint64_t size, struct tz_error *err)
{
	_cleanup_close_ int root = tz_path_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0), under = -1, mounted = -1;
	struct tz_error unmount_error;
	int r;

	/* Any directory will do for a moment in a namespace of our own; this one is always there. */
	under = tz_path_open(root, "run", O_RDONLY | O_DIRECTORY, 0);
	if (under < 0)
		return tz_error_set(err, under, "/run cannot be opened");
	r = tz_mount_ext4(device->path, under, err);
	if (r < 0)
		return r;
	mounted = tz_path_open(root, "run", O_RDONLY | O_DIRECTORY, 0);
	r = mounted < 0 ? tz_error_set(err, mounted, "the mounted vault cannot be opened") :
			  tz_ext4_grow(mounted, size, err);
	tz_closep(&mounted);
	if (tz_unmount(root, "run", &unmount_error) < 0 && r == 0)
		return tz_error_set(err, unmount_error.code, "the grown vault cannot be unmounted");
	return r;
}

int tz_vault_grow(const struct tz_settings *settings, const struct tz_secret *passphrase, uint64_t size,
		  tz_progress_fn report, void *data, struct tz_error *err)
{
	const struct progress progress = { report, data };
	tz_cleanup(closed_vault_release) struct closed_vault vault = CLOSED_VAULT_INIT;
	struct tz_device device = TZ_DEVICE_INIT;
	int r = closed_vault_open(settings, passphrase, &vault, err);

	if (r < 0)
		return r;
	size = whole_mib(size);
	if (vault.luks.fixed_size)
		return tz_error_set(err, EOPNOTSUPP, "the header of %s says where its data ends, so more room would not be "
				    "used; make a new vault and copy the content", vault.image.path);
	/* The same size again finishes a growth that was killed between the image and its file system. */
	if (size < vault.image.size)
		return tz_error_set(err, EINVAL, "the vault has %llu MiB; a vault can grow, not shrink",
				    (unsigned long long)(vault.image.size / MIB));
	if (size > vault.image.size)
		r = reserve(vault.image.fd, vault.image.dir, vault.image.size, size, &progress, err);
	if (r == 0 && fsync(vault.image.fd) < 0)
		r = tz_error_set(err, errno, "the grown image cannot be flushed to disk: %m");
	if (r < 0)
		return r;
	vault.image.size = size;
	vault.luks.data_size = size - vault.luks.data_offset;
	step(&progress, "growing the file system", 60);
	r = tz_vault_attach(vault.driver, &vault.image, &vault.luks, &vault.key, &device, err);
	if (r < 0)
		return r;
	r = grow_mounted(&device, vault.luks.data_size, err);
	vault.driver->detach(&device);
	if (r == 0)
		step(&progress, "done", 100);
	return r;
}
