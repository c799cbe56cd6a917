/*
 * Through a driver of the test's own, a loop device at the payload's offset, without encryption: so the vault's whole
 * life is seen where there is no device-mapper.
 */
#include "private_ns.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/loop.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "libtazpod/devnode.h"
#include "libtazpod/ext4.h"
#include "libtazpod/vault.h"

#define MIB (1024ULL * 1024)
#define GATE SCRATCH "/gate"
#define IMAGE GATE "/vault.img"
#define LEFT_OVER GATE "/.vault.img.new"
#define NODE SCRATCH "/node"
#define MOUNTED SCRATCH "/m"
#define SIZE (32 * MIB)
#define OWNER 54321
#define PASSPHRASE "correct horse battery"

static struct tz_settings settings;
static struct tz_error err;
static struct tz_secret passphrase = TZ_SECRET_INIT, key = TZ_SECRET_INIT;

/* ---- what is put in the place of the real thing ---- */

static int driver_answer;  /* of choosing it */
static int attach_answer;
static int open_answer;    /* has any driver this image open? */
static bool has_fixed_size;
static bool no_tmpfile, no_fallocate;
static bool die_in_attach;
static unsigned int takings; /* of files and room for them */
static pid_t server;       /* what the device stands on; 0: the kernel alone */

static int plain_attach(const struct tz_image *image, const struct tz_luks_info *luks, const struct tz_secret *volume_key,
			struct tz_device *ret, struct tz_error *error)
{
	struct loop_config config = { .fd = (uint32_t)image->fd, .info.lo_offset = luks->data_offset,
				      .info.lo_sizelimit = luks->data_size, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	_cleanup_close_ int control = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, 237), O_RDWR);
	int number;

	CHECK(volume_key->size == 64);
	if (die_in_attach)
		CHECK(raise(SIGKILL) == 0);
	if (attach_answer < 0)
		return tz_error_set(error, attach_answer, "it cannot be attached");
	if (control < 0)
		_exit(EXIT_SKIP);
	do {
		tz_closep(&ret->fd);
		number = ioctl(control, LOOP_CTL_GET_FREE);
		CHECK(number >= 0);
		ret->rdev = makedev(TZ_LOOP_MAJOR, (unsigned int)number);
		ret->fd = tz_devnode_open(S_IFBLK, ret->rdev, O_RDWR);
		CHECK(ret->fd >= 0);
	} while (ioctl(ret->fd, LOOP_CONFIGURE, &config) < 0 && errno == EBUSY);
	if (server) {
		ret->server = pidfd_open(server, 0);
		CHECK(ret->server >= 0);
	}
	(void)snprintf(ret->path, sizeof(ret->path), NODE);
	CHECK(mknod(NODE, S_IFBLK | 0600, ret->rdev) == 0);
	return 0;
}

static void plain_detach(struct tz_device *device)
{
	CHECK(unlink(NODE) == 0);
	tz_closep(&device->fd);
	tz_closep(&device->server);
}

static const struct tz_driver plain = { .name = "plain", .attach = plain_attach, .detach = plain_detach };

/* --wrap */
int __wrap_tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *error);
int __wrap_tz_driver_choose(enum tz_driver_choice choice, const struct tz_driver **ret, struct tz_error *error)
{
	CHECK(choice == settings.driver);
	if (driver_answer < 0)
		return tz_error_set(error, driver_answer, "no driver can work here");
	*ret = &plain;
	return 0;
}

int __wrap_tz_driver_find_open(const struct tz_image *image, const struct tz_luks_info *luks,
			       const struct tz_driver **ret);
int __wrap_tz_driver_find_open(const struct tz_image *image, const struct tz_luks_info *luks,
			       const struct tz_driver **ret)
{
	CHECK(image->fd >= 0 && luks->uuid[0] && !ret);
	return open_answer;
}

int __real_tz_luks_info(const struct tz_image *image, struct tz_luks_info *ret, struct tz_error *error);
int __wrap_tz_luks_info(const struct tz_image *image, struct tz_luks_info *ret, struct tz_error *error);
int __wrap_tz_luks_info(const struct tz_image *image, struct tz_luks_info *ret, struct tz_error *error)
{
	int r = __real_tz_luks_info(image, ret, error);

	if (r == 0)
		ret->fixed_size = has_fixed_size;
	return r;
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list list;

	takings += (flags & O_TMPFILE) == O_TMPFILE || (flags & O_CREAT);
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	va_start(list, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
	va_end(list);
	return __real_openat(dir, path, flags, mode);
}

int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size)
{
	takings++;
	if (!no_fallocate)
		return __real_fallocate(fd, mode, offset, size);
	errno = EOPNOTSUPP;
	return -1;
}

/* ---- helpers ---- */

static unsigned int last_percent;

static void watch(void *data, const char *step, unsigned int percent)
{
	CHECK(data == &settings && step[0] && percent >= last_percent && percent <= 100);
	last_percent = percent;
}

static void prepare(void)
{
	make_dir(GATE, 0, 0700);
	tz_settings_defaults(&settings);
	settings.kdf_iterations = 4;
	settings.kdf_memory = 32;
	(void)snprintf(settings.vault, sizeof(settings.vault), IMAGE);
	CHECK(tz_secret_copy(&passphrase, PASSPHRASE, strlen(PASSPHRASE)) == 0);
}

static int create(uint64_t size)
{
	int r;

	tz_secret_free(&key);
	err = (struct tz_error){ 0 };
	last_percent = 0;
	r = tz_vault_create(&settings, size, OWNER, OWNER, &passphrase, watch, &settings, &key, &err);
	if (r == -ENOENT && strstr(err.message, "mke2fs"))
		_exit(EXIT_SKIP);
	CHECK(r < 0 ? key.data == NULL : key.size == 64);
	return r;
}

static void must_create(uint64_t size)
{
	CHECK_CODE(create(size), 0, &err);
	CHECK(last_percent == 100);
}

static int count_files(void)
{
	_cleanup_closedir_ DIR *directory = opendir(GATE);
	int count = -2;

	CHECK(directory);
	while (readdir(directory))
		count++;
	return count;
}

static uint64_t size_of_image(void)
{
	struct stat st;

	CHECK(stat(IMAGE, &st) == 0);
	return (uint64_t)st.st_size;
}

static unsigned long free_blocks(void)
{
	struct statvfs fs;

	CHECK(statvfs(GATE, &fs) == 0);
	return fs.f_bfree;
}

static void open_vault(struct tz_image *image, struct tz_luks_info *luks)
{
	*image = (struct tz_image)TZ_IMAGE_INIT;
	CHECK_CODE(tz_image_open(IMAGE, image, &err), 0, &err);
	CHECK_CODE(tz_luks_info(image, luks, &err), 0, &err);
}

static void attach(struct tz_device *device)
{
	struct tz_luks_info luks;
	struct tz_image image;

	open_vault(&image, &luks);
	*device = (struct tz_device)TZ_DEVICE_INIT;
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, device, &err), 0, &err);
	tz_image_close(&image);
}

/* ---- create ---- */

static int makes_a_whole_one(void)
{
	_cleanup_secret_ struct tz_secret unlocked = TZ_SECRET_INIT;
	struct tz_device device;
	struct tz_image image;
	struct tz_luks_info luks;
	struct stat st;

	prepare();
	must_create(SIZE);
	CHECK(stat(IMAGE, &st) == 0 && st.st_mode == (S_IFREG | 0600) && st.st_uid == 0 && st.st_nlink == 1);
	/* allocated to the last block */
	CHECK((uint64_t)st.st_size == SIZE && (uint64_t)st.st_blocks * 512 >= SIZE && count_files() == 1);
	open_vault(&image, &luks);
	CHECK_CODE(tz_luks_unlock(&image, &passphrase, &unlocked, NULL, &err), 0, &err);
	CHECK(tz_secret_equal(&unlocked, &key));
	tz_image_close(&image);
	attach(&device);
	make_dir(MOUNTED, 0, 0755);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && owner_of(MOUNTED) == OWNER && umount2(MOUNTED, 0) == 0);
	plain_detach(&device);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

static int makes_it_of_the_size_asked_for(void)
{
	prepare();
	CHECK_CODE(create(SIZE - MIB), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "a vault of 31 MiB is too small; 32 MiB is the least");
	CHECK_CODE(create(1), -EINVAL, &err);
	CHECK(count_files() == 0);
	/* whole MiB */
	must_create(SIZE + 1);
	CHECK(size_of_image() == SIZE + MIB && unlink(IMAGE) == 0);
	settings.vault_size = 40 * MIB;
	must_create(0);
	CHECK(size_of_image() == 40 * MIB);
	return 0;
}

static int gives_no_key_where_none_is_asked_for(void)
{
	prepare();
	CHECK_CODE(tz_vault_create(&settings, SIZE, OWNER, OWNER, &passphrase, NULL, NULL, NULL, &err), 0, &err);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

static int never_overwrites(void)
{
	struct stat before, after;

	prepare();
	must_create(SIZE);
	CHECK(stat(IMAGE, &before) == 0);
	CHECK_CODE(create(SIZE), -EEXIST, &err);
	CHECK_CONTAINS(err.message, "there is a vault at " IMAGE " already; it was not touched");
	CHECK(stat(IMAGE, &after) == 0 && after.st_ino == before.st_ino && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
	CHECK(unlink(IMAGE) == 0);
	make_file(IMAGE, 0);
	CHECK_CODE(create(SIZE), -EUCLEAN, &err);
	CHECK(size_of_image() == 5 && count_files() == 1);
	return 0;
}

static int makes_none_where_it_would_not_be_safe(void)
{
	prepare();
	CHECK(chmod(GATE, 0777) == 0);
	CHECK_CODE(create(SIZE), -EPERM, &err);
	CHECK(chmod(GATE, 0700) == 0 && count_files() == 0 && rmdir(GATE) == 0);
	CHECK_CODE(create(SIZE), -ENOENT, &err);
	return 0;
}

static void fails_for_lack_of_room(void)
{
	unsigned long before = free_blocks();
	int files = count_files();

	CHECK_CODE(create(64 * MIB), -ENOSPC, &err);
	CHECK_CONTAINS(err.message, "there is no room for the vault: it needs 64 MiB more, and its disk has ");
	CHECK_CONTAINS(err.message, "nothing was changed");
	CHECK(count_files() == files && free_blocks() == before);
}

static int a_full_disk_is_left_as_it_was(void)
{
	prepare();
	CHECK(mount("small", GATE, "tmpfs", 0, "size=40m,mode=700") == 0);
	fails_for_lack_of_room();
	/* where blocks cannot be reserved, they are written */
	no_fallocate = true;
	fails_for_lack_of_room();
	no_fallocate = false;
	no_tmpfile = true;
	fails_for_lack_of_room();
	no_tmpfile = false;
	must_create(SIZE);
	return 0;
}

static int a_full_ext4_is_left_as_it_was(void)
{
	struct tz_device device = TZ_DEVICE_INIT;
	const struct tz_luks_info whole = { .data_offset = 0, .data_size = 48 * MIB };
	struct tz_image image = TZ_IMAGE_INIT;

	prepare();
	CHECK(tz_secret_alloc(&key, 64) == 0);
	image.fd = open(SCRATCH "/disk", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(image.fd >= 0 && ftruncate(image.fd, 48 * MIB) == 0);
	CHECK(plain_attach(&image, &whole, &key, &device, &err) == 0);
	CHECK_CODE(tz_ext4_make(NODE, 0, 0, &err), 0, &err);
	CHECK(mount(NODE, GATE, "ext4", 0, NULL) == 0 && rmdir(GATE "/lost+found") == 0 && chmod(GATE, 0700) == 0);
	plain_detach(&device);
	fails_for_lack_of_room();
	must_create(SIZE);
	tz_image_close(&image);
	return 0;
}

static int makes_it_where_blocks_cannot_be_reserved(void)
{
	struct stat st;

	prepare();
	no_fallocate = true;
	must_create(SIZE);
	CHECK(stat(IMAGE, &st) == 0 && (uint64_t)st.st_size == SIZE && (uint64_t)st.st_blocks * 512 >= SIZE);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

static void leaves_nothing_after(int answer, const char *part)
{
	unsigned long before = free_blocks();

	CHECK_CODE(create(SIZE), answer, &err);
	CHECK_CONTAINS(err.message, part);
	CHECK(count_files() == 0 && access(NODE, F_OK) < 0 && free_blocks() == before);
}

static int without_a_driver_nothing_is_left(void)
{
	prepare();
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		driver_answer = -ENODEV;
		takings = 0;
		leaves_nothing_after(-ENODEV, "no driver can work here");
		/* it is told before anything is taken */
		CHECK(takings == 0 && last_percent == 0);
		driver_answer = 0;
		attach_answer = -EIO;
		leaves_nothing_after(-EIO, "it cannot be attached");
		attach_answer = 0;
	}
	must_create(SIZE);
	CHECK(takings > 0);
	return 0;
}

static int makes_it_where_files_have_a_name(void)
{
	prepare();
	no_tmpfile = true;
	/* what an earlier attempt left */
	make_file(LEFT_OVER, 0);
	must_create(SIZE);
	CHECK(count_files() == 1);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

static void kill_a_creation(void)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		die_in_attach = true;
		_exit(create(SIZE) < 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(access(IMAGE, F_OK) < 0);
}

/* Killed when the image has all but its file system: there is no vault, not half a one. */
static int killed_it_leaves_no_vault(void)
{
	unsigned long before;

	prepare();
	before = free_blocks();
	kill_a_creation();
	CHECK(count_files() == 0 && free_blocks() == before);
	no_tmpfile = true;
	kill_a_creation();
	CHECK(count_files() == 1 && access(LEFT_OVER, F_OK) == 0);
	must_create(SIZE);
	CHECK(count_files() == 1);
	return 0;
}

/* ---- attach ---- */

static int attaches_only_what_is_whole(void)
{
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_luks_info luks;
	struct tz_image image;

	prepare();
	must_create(SIZE);
	open_vault(&image, &luks);
	luks.reencrypting = true;
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), -EOPNOTSUPP, &err);
	CHECK_CONTAINS(err.message, "cryptsetup reencrypt --resume-only");
	luks.reencrypting = false;
	attach_answer = -EAGAIN;
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), -EAGAIN, &err);
	attach_answer = 0;
	tz_image_close(&image);
	/* its file system is longer than it is */
	CHECK(truncate(IMAGE, (off_t)(SIZE - MIB)) == 0);
	open_vault(&image, &luks);
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "truncated");
	CHECK(device.fd == -1 && access(NODE, F_OK) < 0);
	tz_image_close(&image);
	return 0;
}

static void start_server(void)
{
	server = fork();
	CHECK(server >= 0);
	if (server == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		for (;;)
			(void)pause();
	}
}

/* What is read of a device whose server has died says nothing about the vault. */
static int a_dead_server_is_no_damage(void)
{
	static const uint8_t zeros[1024];
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_luks_info luks;
	struct tz_image image;

	prepare();
	must_create(SIZE);
	start_server();
	open_vault(&image, &luks);
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), 0, &err);
	CHECK(device.server >= 0);
	plain_detach(&device);
	device = (struct tz_device)TZ_DEVICE_INIT;
	/* the superblock */
	CHECK(pwrite(image.fd, zeros, sizeof(zeros), (off_t)luks.data_offset + 1024) == (ssize_t)sizeof(zeros));
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), -EUCLEAN, &err);
	CHECK(kill(server, SIGKILL) == 0 && waitid(P_PID, (id_t)server, NULL, WEXITED | WNOWAIT) == 0);
	CHECK_CODE(tz_vault_attach(&plain, &image, &luks, &key, &device, &err), -EPIPE, &err);
	CHECK_CONTAINS(err.message, "server ended while the file system was checked");
	CHECK(device.fd == -1 && device.server == -1 && access(NODE, F_OK) < 0);
	tz_image_close(&image);
	return 0;
}

/* ---- check ---- */

/* The root directory's inode, in the table that the first group's descriptor names. */
static void damage_file_system(void)
{
	static const uint8_t junk[256] = { 0xde, 0xad };
	struct tz_luks_info luks;
	struct tz_image image;
	uint8_t table[4];
	off_t at;

	open_vault(&image, &luks);
	at = (off_t)luks.data_offset;
	CHECK(pread(image.fd, table, 4, at + 4096 + 8) == 4);
	at += (off_t)(table[0] | table[1] << 8 | table[2] << 16) * 4096;
	CHECK(pwrite(image.fd, junk, sizeof(junk), at + 256) == (ssize_t)sizeof(junk));
	tz_image_close(&image);
}

static int checks_and_repairs(void)
{
	prepare();
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -ENOENT, &err);
	CHECK_CONTAINS(err.message, "there is no vault at " IMAGE " yet");
	must_create(SIZE);
	damage_file_system();
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -EUCLEAN, &err);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -EUCLEAN, &err);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, true, &err), 1, &err);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	CHECK(access(NODE, F_OK) < 0);
	return 0;
}

static int works_on_a_closed_one_with_its_passphrase_only(void)
{
	_cleanup_secret_ struct tz_secret wrong = TZ_SECRET_INIT;

	prepare();
	must_create(SIZE);
	CHECK(tz_secret_copy(&wrong, "wrong horse", 11) == 0);
	CHECK_CODE(tz_vault_check(&settings, &wrong, true, &err), -EKEYREJECTED, &err);
	CHECK_CODE(tz_vault_grow(&settings, &wrong, 2 * SIZE, NULL, NULL, &err), -EKEYREJECTED, &err);
	open_answer = 1;
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -EBUSY, &err);
	CHECK_CONTAINS(err.message, "tazpod lock");
	CHECK_CODE(tz_vault_grow(&settings, &passphrase, 2 * SIZE, NULL, NULL, &err), -EBUSY, &err);
	/* what cannot be told is no */
	open_answer = -EIO;
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -EIO, &err);
	CHECK_CONTAINS(err.message, "whether the vault is open cannot be told");
	CHECK_CODE(tz_vault_grow(&settings, &passphrase, 2 * SIZE, NULL, NULL, &err), -EIO, &err);
	open_answer = 0;
	driver_answer = -ENODEV;
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), -ENODEV, &err);
	CHECK_CODE(tz_vault_grow(&settings, &passphrase, 2 * SIZE, NULL, NULL, &err), -ENODEV, &err);
	CHECK(size_of_image() == SIZE);
	return 0;
}

/* ---- grow ---- */

static int grow(uint64_t size)
{
	err = (struct tz_error){ 0 };
	last_percent = 0;
	return tz_vault_grow(&settings, &passphrase, size, watch, &settings, &err);
}

static void put_file(void)
{
	struct tz_device device;

	attach(&device);
	make_dir(MOUNTED, 0, 0755);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0);
	make_file(MOUNTED "/kept", OWNER);
	CHECK(umount2(MOUNTED, 0) == 0);
	plain_detach(&device);
}

static uint64_t size_inside(void)
{
	struct tz_device device;
	struct statvfs fs;

	attach(&device);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && owner_of(MOUNTED "/kept") == OWNER);
	CHECK(statvfs(MOUNTED, &fs) == 0 && umount2(MOUNTED, 0) == 0);
	plain_detach(&device);
	return (uint64_t)fs.f_blocks * fs.f_frsize;
}

static int grows(void)
{
	prepare();
	must_create(SIZE);
	put_file();
	/* the kernel grows a mounted file system for CAP_SYS_RESOURCE only, and not every container has it */
	if (prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1) {
		CHECK_CODE(grow(96 * MIB), 0, &err);
		CHECK(last_percent == 100 && size_inside() > 64 * MIB);
		/* the same size once more finishes one that was killed */
		CHECK_CODE(grow(96 * MIB), 0, &err);
		CHECK_CODE(grow(95 * MIB), -EINVAL, &err);
		CHECK(size_of_image() == 96 * MIB);
	} else {
		CHECK_CODE(grow(96 * MIB), -EPERM, &err);
		CHECK_CONTAINS(err.message, "CAP_SYS_RESOURCE");
		CHECK(size_inside() < SIZE);
	}
	CHECK(access(NODE, F_OK) < 0);
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

static int does_not_shrink(void)
{
	prepare();
	must_create(40 * MIB);
	CHECK_CODE(grow(SIZE), -EINVAL, &err);
	CHECK_CONTAINS(err.message, "the vault has 40 MiB; a vault can grow, not shrink");
	CHECK_CODE(grow(0), -EINVAL, &err);
	CHECK(size_of_image() == 40 * MIB);
	return 0;
}

static int does_not_grow_what_its_header_bounds(void)
{
	prepare();
	must_create(SIZE);
	has_fixed_size = true;
	CHECK_CODE(grow(2 * SIZE), -EOPNOTSUPP, &err);
	CHECK_CONTAINS(err.message, "says where its data ends");
	CHECK(size_of_image() == SIZE && last_percent == 0);
	return 0;
}

static int does_not_grow_on_a_full_disk(void)
{
	unsigned long before;

	prepare();
	CHECK(mount("small", GATE, "tmpfs", 0, "size=48m,mode=700") == 0);
	must_create(SIZE);
	before = free_blocks();
	for (int written = 0; written < 2; written++) {
		no_fallocate = written;
		CHECK_CODE(grow(96 * MIB), -ENOSPC, &err);
		CHECK_CONTAINS(err.message, "it needs 64 MiB more");
		CHECK(size_of_image() == SIZE && free_blocks() == before);
	}
	CHECK_CODE(tz_vault_check(&settings, &passphrase, false, &err), 0, &err);
	return 0;
}

#define TESTS(TEST)                                          \
	TEST(makes_a_whole_one)                              \
	TEST(makes_it_of_the_size_asked_for)                 \
	TEST(gives_no_key_where_none_is_asked_for)           \
	TEST(never_overwrites)                               \
	TEST(makes_none_where_it_would_not_be_safe)          \
	TEST(a_full_disk_is_left_as_it_was)                  \
	TEST(a_full_ext4_is_left_as_it_was)                  \
	TEST(makes_it_where_blocks_cannot_be_reserved)       \
	TEST(without_a_driver_nothing_is_left)               \
	TEST(makes_it_where_files_have_a_name)               \
	TEST(killed_it_leaves_no_vault)                      \
	TEST(attaches_only_what_is_whole)                    \
	TEST(a_dead_server_is_no_damage)                     \
	TEST(checks_and_repairs)                             \
	TEST(works_on_a_closed_one_with_its_passphrase_only) \
	TEST(grows)                                          \
	TEST(does_not_shrink)                                \
	TEST(does_not_grow_what_its_header_bounds)           \
	TEST(does_not_grow_on_a_full_disk)

PRIVATE_NS_MAIN(TESTS)
