#include "private_ns.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "libtazpod/ext4.h"
#include "libtazpod/loop.h"

#define MIB (1024LL * 1024)
#define IMAGE SCRATCH "/image"
#define COPY SCRATCH "/copy"
#define NODE SCRATCH "/node"
#define MOUNTED SCRATCH "/m"
#define BLOCK 4096

/* Where things are in the first block group of what tz_ext4_make() makes: superblock, descriptors. */
#define SUPERBLOCK 1024
#define LABEL 0x78
#define COMPAT 0x5c
#define INCOMPAT 0x60
#define RO_COMPAT 0x64
#define HAS_JOURNAL 0x4U
#define NEEDS_RECOVERY 0x4U
/* filetype, extents, 64bit, flex_bg */
#define INCOMPAT_EXPECTED 0x2c2U

static void make_file_of(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, size) == 0 && close(fd) == 0);
}

static int tool(int r)
{
	if (r == -ENOENT)
		_exit(EXIT_SKIP);
	return r;
}

static void make_image(const char *path, off_t size)
{
	struct tz_error err = { 0 };

	make_file_of(path, size);
	CHECK_CODE(tool(tz_ext4_make(path, 54321, 54322, &err)), 0, &err);
}

static uint32_t field(const char *path, off_t offset)
{
	uint8_t bytes[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && pread(fd, bytes, 4, SUPERBLOCK + offset) == 4 && close(fd) == 0);
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int attach(const char *path)
{
	struct tz_error err = { 0 };
	int file = open(path, O_RDWR | O_CLOEXEC), fd = -1, r;
	dev_t rdev = 0;

	CHECK(file >= 0);
	r = tz_loop_attach(file, "tazpod-test", 0, &fd, &rdev, &err);
	if (r == -ENODEV || r == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
	(void)unlink(NODE);
	CHECK(close(file) == 0 && mknod(NODE, S_IFBLK | 0600, rdev) == 0);
	return fd;
}

static void copy(const char *from, const char *to)
{
	const char *const argv[] = { "cp", "--sparse=always", from, to, NULL };

	CHECK(run_program("/bin/cp", argv) == 0);
}

static bool same(const char *one, const char *other)
{
	const char *const argv[] = { "cmp", "-s", one, other, NULL };

	return run_program("/usr/bin/cmp", argv) == 0;
}

static void overwrite(const char *path, off_t offset, size_t size)
{
	static const uint8_t junk[16 * BLOCK] = { 0xde, 0xad };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK(size <= sizeof(junk) && fd >= 0 && pwrite(fd, junk, size, offset) == (ssize_t)size && close(fd) == 0);
}

static int identify(const char *path, uint64_t size, struct tz_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	CHECK(fd >= 0);
	*err = (struct tz_error){ 0 };
	r = tz_ext4_identify(fd, size, err);
	CHECK(close(fd) == 0);
	return r;
}

static int makes_what_any_kernel_mounts(void)
{
	struct tz_error err = { 0 };
	char label[17] = "";
	struct stat st;
	int fd;

	make_image(IMAGE, 64 * MIB);
	CHECK_CODE(identify(IMAGE, 64 * MIB, &err), 0, &err);
	CHECK((field(IMAGE, COMPAT) & HAS_JOURNAL) && field(IMAGE, INCOMPAT) == INCOMPAT_EXPECTED);
	fd = open(IMAGE, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pread(fd, label, 16, SUPERBLOCK + LABEL) == 16 && strcmp(label, "tazpod") == 0);
	CHECK(close(fd) == 0);
	fd = attach(IMAGE);
	make_dir(MOUNTED, 0, 0755);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && close(fd) == 0);
	CHECK(stat(MOUNTED, &st) == 0 && st.st_uid == 54321 && st.st_gid == 54322);
	CHECK(umount2(MOUNTED, 0) == 0);
	return 0;
}

static int makes_none_where_there_is_no_room(void)
{
	struct tz_error err = { 0 };

	make_file_of(IMAGE, 64 * 1024);
	CHECK_CODE(tool(tz_ext4_make(IMAGE, 0, 0, &err)), -EIO, &err);
	CHECK_CONTAINS(err.message, "could not be made");
	CHECK_CODE(tz_ext4_make(SCRATCH "/missing", 0, 0, &err), -EIO, &err);
	return 0;
}

static int identifies_and_tells_what_is_wrong(void)
{
	struct tz_error err = { 0 };

	make_image(IMAGE, 64 * MIB);
	CHECK_CODE(identify(IMAGE, 64 * MIB + 5, &err), 0, &err);
	CHECK_CODE(identify(IMAGE, 64 * MIB - 1, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "truncated: its file system has 64 MiB, the image holds 63 MiB");
	make_file_of(SCRATCH "/zeros", 8 * MIB);
	CHECK_CODE(identify(SCRATCH "/zeros", 8 * MIB, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "no ext4 file system in it");
	make_file_of(SCRATCH "/short", 1500);
	CHECK_CODE(identify(SCRATCH "/short", 1500, &err), -EUCLEAN, &err);
	/* a block size that no ext4 has must not be computed with */
	copy(IMAGE, COPY);
	overwrite(COPY, SUPERBLOCK + 0x18, 1);
	CHECK_CODE(identify(COPY, 64 * MIB, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "no ext4 file system in it");
	return 0;
}

/* More than 2^32 blocks: the upper half counts. */
static int identifies_a_large_one(void)
{
	struct tz_error err = { 0 };
	const uint8_t high[4] = { 1 };
	int fd;

	make_image(IMAGE, 64 * MIB);
	fd = open(IMAGE, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, high, 4, SUPERBLOCK + 0x150) == 4 && close(fd) == 0);
	CHECK_CODE(identify(IMAGE, 1ULL << 43, &err), -EUCLEAN, &err);
	CHECK_CODE(identify(IMAGE, (1ULL << 44) + 64 * MIB, &err), 0, &err);
	return 0;
}

static int finds_a_clean_one_clean(void)
{
	struct tz_error err = { 0 };

	make_image(IMAGE, 64 * MIB);
	copy(IMAGE, COPY);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_PREEN, &err), 0, &err);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_VERIFY, &err), 0, &err);
	CHECK(same(IMAGE, COPY));
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_REPAIR, &err), 0, &err);
	return 0;
}

/* What a crash leaves: a copy of the image while it is mounted, with an entry in its journal only. */
static int replays_the_journal(void)
{
	struct tz_error err = { 0 };
	int fd, dir;

	make_image(IMAGE, 64 * MIB);
	fd = attach(IMAGE);
	make_dir(MOUNTED, 0, 0755);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && close(fd) == 0);
	make_file(MOUNTED "/synced", 54321);
	dir = open(MOUNTED "/synced", O_RDONLY | O_CLOEXEC);
	CHECK(dir >= 0 && fsync(dir) == 0 && close(dir) == 0);
	copy(IMAGE, COPY);
	CHECK(umount2(MOUNTED, 0) == 0);
	CHECK(field(COPY, INCOMPAT) & NEEDS_RECOVERY);
	fd = tz_ext4_check(COPY, TZ_EXT4_PREEN, &err);
	CHECK(fd == 0 || fd == 1);
	CHECK(!(field(COPY, INCOMPAT) & NEEDS_RECOVERY));
	CHECK_CODE(tz_ext4_check(COPY, TZ_EXT4_VERIFY, &err), 0, &err);
	fd = attach(COPY);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && close(fd) == 0);
	CHECK(owner_of(MOUNTED "/synced") == 54321 && umount2(MOUNTED, 0) == 0);
	return 0;
}

/* The block of the first group's inode table, by its descriptor. */
static off_t inode_table(const char *path)
{
	uint8_t bytes[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && pread(fd, bytes, 4, BLOCK + 8) == 4 && close(fd) == 0);
	return (bytes[0] | (off_t)bytes[1] << 8 | (off_t)bytes[2] << 16 | (off_t)bytes[3] << 24) * BLOCK;
}

static int repairs_only_when_asked(void)
{
	struct tz_error err = { 0 };

	make_image(IMAGE, 64 * MIB);
	/* the root directory's inode, number 2 of the table */
	overwrite(IMAGE, inode_table(IMAGE) + 256, 256);
	copy(IMAGE, COPY);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_VERIFY, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "tazpod vault check --repair");
	CHECK(same(IMAGE, COPY));
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_REPAIR, &err), 1, &err);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_VERIFY, &err), 0, &err);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_REPAIR, &err), 0, &err);
	return 0;
}

/* As after the kernel has found errors: the next check is a full one. */
static int does_not_preen_away_what_needs_a_decision(void)
{
	const char *const argv[] = { "tune2fs", "-E", "force_fsck", IMAGE, NULL };
	struct tz_error err = { 0 };

	make_image(IMAGE, 64 * MIB);
	CHECK(run_program("/sbin/tune2fs", argv) == 0);
	overwrite(IMAGE, inode_table(IMAGE) + 256, 256);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_PREEN, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, "full repair");
	return 0;
}

static int tells_what_it_cannot_check(void)
{
	struct tz_error err = { 0 };

	make_file_of(IMAGE, 8 * MIB);
	CHECK(tool(tz_ext4_check(IMAGE, TZ_EXT4_VERIFY, &err)) == -EIO);
	CHECK_CONTAINS(err.message, "could not be checked");
	CHECK(tz_ext4_check(SCRATCH "/missing", TZ_EXT4_PREEN, &err) == -EIO);
	return 0;
}

/* The kernel grows no mounted file system without it, and not every container has it. */
static bool may_grow(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1;
}

static int grow_and_look(int dir)
{
	struct tz_error err = { 0 };
	struct statfs before, after;

	CHECK(statfs(MOUNTED, &before) == 0 && before.f_blocks * BLOCK < 32 * MIB);
	if (!may_grow()) {
		CHECK_CODE(tz_ext4_grow(dir, 256 * MIB, &err), -EPERM, &err);
		CHECK_CONTAINS(err.message, "needs CAP_SYS_RESOURCE");
		CHECK(statfs(MOUNTED, &after) == 0 && after.f_blocks == before.f_blocks);
		return 32;
	}
	CHECK_CODE(tz_ext4_grow(dir, 256 * MIB, &err), 0, &err);
	/* the same size again is no error: it finishes what was killed */
	CHECK_CODE(tz_ext4_grow(dir, 256 * MIB, &err), 0, &err);
	CHECK(statfs(MOUNTED, &after) == 0 && after.f_blocks * BLOCK > 200 * MIB);
	/* beyond its device */
	CHECK(tz_ext4_grow(dir, 512 * MIB, &err) < 0);
	CHECK_CONTAINS(err.message, "cannot be grown");
	return 256;
}

static int grows_while_mounted(void)
{
	struct tz_error err = { 0 };
	int fd, dir, mib;

	make_image(IMAGE, 32 * MIB);
	CHECK(truncate(IMAGE, 256 * MIB) == 0);
	fd = attach(IMAGE);
	make_dir(MOUNTED, 0, 0755);
	CHECK(mount(NODE, MOUNTED, "ext4", 0, NULL) == 0 && close(fd) == 0);
	make_file(MOUNTED "/kept", 54321);
	dir = open(MOUNTED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0);
	mib = grow_and_look(dir);
	CHECK(close(dir) == 0 && owner_of(MOUNTED "/kept") == 54321 && umount2(MOUNTED, 0) == 0);
	CHECK_CODE(identify(IMAGE, (uint64_t)mib * MIB, &err), 0, &err);
	CHECK_CODE(identify(IMAGE, (uint64_t)(mib - 1) * MIB, &err), -EUCLEAN, &err);
	CHECK_CODE(tz_ext4_check(IMAGE, TZ_EXT4_VERIFY, &err), 0, &err);
	return 0;
}

static int grows_nothing_but_ext4(void)
{
	struct tz_error err = { 0 };
	int dir = open(SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(dir >= 0 && tz_ext4_grow(dir, 512 * MIB, &err) == -ENOTTY);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(makes_what_any_kernel_mounts)
TEST(makes_none_where_there_is_no_room)
TEST(identifies_and_tells_what_is_wrong)
TEST(identifies_a_large_one)
TEST(finds_a_clean_one_clean)
TEST(replays_the_journal)
TEST(repairs_only_when_asked)
TEST(does_not_preen_away_what_needs_a_decision)
TEST(tells_what_it_cannot_check)
TEST(grows_while_mounted)
TEST(grows_nothing_but_ext4)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_what_any_kernel_mounts),
		cmocka_unit_test(test_makes_none_where_there_is_no_room),
		cmocka_unit_test(test_identifies_and_tells_what_is_wrong),
		cmocka_unit_test(test_identifies_a_large_one),
		cmocka_unit_test(test_finds_a_clean_one_clean),
		cmocka_unit_test(test_replays_the_journal),
		cmocka_unit_test(test_repairs_only_when_asked),
		cmocka_unit_test(test_does_not_preen_away_what_needs_a_decision),
		cmocka_unit_test(test_tells_what_it_cannot_check),
		cmocka_unit_test(test_grows_while_mounted),
		cmocka_unit_test(test_grows_nothing_but_ext4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
