#include "ext4.h"

#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "exec.h"

/* From the kernel's fs/ext4/ext4.h; not in its user-space headers. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, __u64)

/* The superblock's fields (ext4 "Data Structures and Algorithms", The Super Block), little endian. */
#define SUPERBLOCK_OFFSET 1024
#define SUPERBLOCK_SIZE 1024
#define BLOCKS_LOW 0x04
#define LOG_BLOCK_SIZE 0x18
#define MAGIC 0x38
#define FEATURE_INCOMPAT 0x60
#define BLOCKS_HIGH 0x150
#define EXT4_MAGIC 0xef53
#define INCOMPAT_64BIT 0x80

/*
 * Named one by one, not left to the local mke2fs.conf: a vault made here must open with the e2fsprogs and the kernel
 * of any distribution in use (orphan_file, for one, is too new for that).
 */
#define FEATURES                                                                                             \
	"none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file," \
	"huge_file,dir_nlink,extra_isize,metadata_csum"

int tz_ext4_make(const char *path, uid_t uid, gid_t gid, struct tz_error *err)
{
	char extended[96];
	const char *const argv[] = { "mke2fs", "-q", "-F", "-t", "ext4", "-O", FEATURES, "-b", "4096", "-I", "256",
				     "-m", "0", "-L", "tazpod", "-E", extended, path, NULL };
	int r;

	(void)snprintf(extended, sizeof(extended), "root_owner=%u:%u,nodiscard,lazy_itable_init=0,lazy_journal_init=0",
		       uid, gid);
	r = tz_exec_wait(argv, "e2fsprogs", err);
	if (r > 0)
		return tz_error_set(err, EIO, "the file system could not be made (mke2fs ended with status %d)", r);
	return r;
}

static uint32_t le32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

int tz_ext4_identify(int fd, uint64_t device_size, struct tz_error *err)
{
	uint8_t block[SUPERBLOCK_SIZE];
	uint64_t blocks;
	ssize_t n = pread(fd, block, sizeof(block), SUPERBLOCK_OFFSET);

	if (n < 0)
		return tz_error_set(err, errno, "the vault's content cannot be read: %m");
	if (n != (ssize_t)sizeof(block) || (le32(block + MAGIC) & 0xffff) != EXT4_MAGIC ||
	    le32(block + LOG_BLOCK_SIZE) > 6)
		return tz_error_set(err, EUCLEAN, "the vault opens with this passphrase, but there is no ext4 file system "
				    "in it; nothing was changed");
	blocks = le32(block + BLOCKS_LOW);
	if (le32(block + FEATURE_INCOMPAT) & INCOMPAT_64BIT)
		blocks |= (uint64_t)le32(block + BLOCKS_HIGH) << 32;
	if (blocks > device_size / (1024U << le32(block + LOG_BLOCK_SIZE)))
		return tz_error_set(err, EUCLEAN, "the vault's image is truncated: its file system has %llu MiB, the image "
				    "holds %llu MiB; restore it from a backup; nothing was changed",
				    (unsigned long long)(blocks << le32(block + LOG_BLOCK_SIZE)) / 1024,
				    (unsigned long long)device_size >> 20);
	return 0;
}

int tz_ext4_check(const char *path, enum tz_ext4_check how, struct tz_error *err)
{
	static const char *const options[] = {
		[TZ_EXT4_PREEN] = "-p",
		[TZ_EXT4_VERIFY] = "-fn",
		[TZ_EXT4_REPAIR] = "-fy",
	};
	const char *const argv[] = { "e2fsck", options[how], path, NULL };
	int r = tz_exec_wait(argv, "e2fsprogs", err);

	if (r < 0)
		return r;
	/* e2fsck(8): 1 and 2 are "corrected", 4 is "left uncorrected", the rest did not get that far. */
	if (r == 0)
		return 0;
	if (r == 1 || r == 2)
		return 1;
	if (r & 4)
		return tz_error_set(err, EUCLEAN, "the vault's file system has errors that need a full repair; back up the "
				    "image, then run 'tazpod vault check --repair' as root");
	return tz_error_set(err, EIO, "the vault's file system could not be checked (e2fsck ended with status %d)", r);
}

int tz_ext4_grow(int directory, uint64_t device_size, struct tz_error *err)
{
	struct statfs fs;
	__u64 blocks;

	if (fstatfs(directory, &fs) < 0)
		return tz_error_set(err, errno, "the vault's file system cannot be examined: %m");
	blocks = device_size / (uint64_t)fs.f_bsize;
	if (ioctl(directory, EXT4_IOC_RESIZE_FS, &blocks) == 0)
		return 0;
	if (errno == EPERM)
		return tz_error_set(err, EPERM, "growing the vault's file system needs CAP_SYS_RESOURCE, which is not granted "
				    "here: grow the vault on the host, or in a container that has it");
	return tz_error_set(err, errno, "the vault's file system cannot be grown: %m");
}
