/*
 * usage: faulty FOLDER
 *
 * A disk that can be made to fail, as a file system: mounted over FOLDER, it shows what FOLDER has. What is written
 * stays in memory until it is flushed, as in a disk's own cache. It ends when it is unmounted; what was not flushed is
 * lost then.
 *
 * Whoever writes a line into the file .control (which no listing shows) commands it:
 *   cut PERCENT SEED      the current goes: of what was not flushed that many percent, chosen at random, have reached
 *                         the disk nevertheless; everything fails with EIO from then on
 *   lie                   flushing says that it is done, and does nothing
 *   fail WHAT AFTER ERRNO after as many more of them, each read, write or flush fails with that number
 *   end OFFSET            files can be read up to there, and no further
 *   heal                  the last three are over
 * Reading it tells how many reads, writes and flushes there were, and how many blocks are in memory alone.
 *
 * There is one thread, so each request is done before the next one, and a command is one of them.
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#define BLOCK 4096
#define FILES 64
#define CONTROL "/.control"

enum what { READ, WRITE, FLUSH, WHATS };

static const char *const names[WHATS] = { "read", "write", "flush" };

/* A file of the folder that was opened once. It is kept for good, as are its blocks: they may not have been flushed. */
struct file {
	ino_t inode;
	int fd;
	uint8_t **block;          /* those that the folder's file does not have yet */
	size_t blocks;
};

static struct file files[FILES];
static unsigned int file_count;
static int folder;

static bool is_cut, lies;
static off_t end = -1;
static unsigned long long count[WHATS], dirty;
static struct fault {
	int code;
	unsigned long long after;
} faults[WHATS];

/* ---------------------------------------------------------------- faults */

/* 0, or what this request has to fail with. */
static int meet(enum what what)
{
	struct fault *fault = &faults[what];

	count[what]++;
	if (is_cut)
		return -EIO;
	if (!fault->code)
		return 0;
	if (fault->after > 0) {
		fault->after--;
		return 0;
	}
	return -fault->code;
}

static int write_block(const struct file *file, size_t number)
{
	struct stat st;
	size_t size = BLOCK;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if ((off_t)number * BLOCK >= st.st_size)
		return 0;
	if (st.st_size - (off_t)number * BLOCK < BLOCK)
		size = (size_t)(st.st_size - (off_t)number * BLOCK);
	return pwrite(file->fd, file->block[number], size, (off_t)number * BLOCK) == (ssize_t)size ? 0 : -EIO;
}

static void forget_block(struct file *file, size_t number)
{
	dirty -= file->block[number] != NULL;
	free(file->block[number]);
	file->block[number] = NULL;
}

static void cut(unsigned int percent, unsigned int seed)
{
	is_cut = true;
	srandom(seed);
	for (unsigned int i = 0; i < file_count; i++) {
		for (size_t number = 0; number < files[i].blocks; number++) {
			if (files[i].block[number] && (unsigned int)random() % 100 < percent)
				(void)write_block(&files[i], number);
			forget_block(&files[i], number);
		}
		(void)fsync(files[i].fd);
	}
}

static int command(const char *line)
{
	unsigned int percent, seed;
	unsigned long long after;
	char word[16];
	int code;

	if (sscanf(line, "cut %u %u", &percent, &seed) == 2) {
		cut(percent, seed);
	} else if (sscanf(line, "fail %15s %llu %d", word, &after, &code) == 3) {
		for (int what = 0; what < WHATS; what++)
			if (strcmp(word, names[what]) == 0) {
				faults[what] = (struct fault){ code, after };
				return 0;
			}
		return -EINVAL;
	} else if (sscanf(line, "end %llu", &after) == 1) {
		end = (off_t)after;
	} else if (strcmp(line, "lie\n") == 0) {
		lies = true;
	} else if (strcmp(line, "heal\n") == 0) {
		memset(faults, 0, sizeof(faults));
		end = -1;
		lies = false;
	} else {
		return -EINVAL;
	}
	return 0;
}

/* ---------------------------------------------------------------- one file's content */

static struct file *find(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	for (unsigned int i = 0; i < file_count; i++)
		if (files[i].inode == st.st_ino)
			return &files[i];
	if (file_count == FILES)
		return NULL;
	files[file_count] = (struct file){ .inode = st.st_ino, .fd = dup(fd) };
	return files[file_count].fd < 0 ? NULL : &files[file_count++];
}

/* Of a file that is open: there is one. */
static struct file *opened(const struct fuse_file_info *info)
{
	struct file *file = find((int)info->fh);

	if (!file)
		abort();
	return file;
}

/* The block as it is in memory, brought there from the disk when it is not. */
static uint8_t *load(struct file *file, size_t number)
{
	if (number >= file->blocks) {
		size_t blocks = number + 1024;
		uint8_t **larger = realloc(file->block, blocks * sizeof(*larger));

		if (!larger)
			return NULL;
		memset(larger + file->blocks, 0, (blocks - file->blocks) * sizeof(*larger));
		file->block = larger;
		file->blocks = blocks;
	}
	if (!file->block[number]) {
		uint8_t *block = calloc(1, BLOCK);

		if (!block || pread(file->fd, block, BLOCK, (off_t)number * BLOCK) < 0) {
			free(block);
			return NULL;
		}
		file->block[number] = block;
		dirty++;
	}
	return file->block[number];
}

static int keep(struct file *file, const char *data, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		size_t number = (size_t)(offset + (off_t)done) / BLOCK, start = (size_t)(offset + (off_t)done) % BLOCK;
		size_t part = size - done < BLOCK - start ? size - done : BLOCK - start;
		uint8_t *block = load(file, number);

		if (!block)
			return -EIO;
		memcpy(block + start, data + done, part);
		done += part;
	}
	return 0;
}

static void overlay(const struct file *file, char *data, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		size_t number = (size_t)(offset + (off_t)done) / BLOCK, start = (size_t)(offset + (off_t)done) % BLOCK;
		size_t part = size - done < BLOCK - start ? size - done : BLOCK - start;

		if (number < file->blocks && file->block[number])
			memcpy(data + done, file->block[number] + start, part);
		done += part;
	}
}

/* What is cut off must not come back when the file grows again. */
static void shorten(struct file *file, off_t size)
{
	size_t first = ((size_t)size + BLOCK - 1) / BLOCK;

	if (size % BLOCK && first - 1 < file->blocks && file->block[first - 1])
		memset(file->block[first - 1] + size % BLOCK, 0, (size_t)(BLOCK - size % BLOCK));
	for (size_t number = first; number < file->blocks; number++)
		forget_block(file, number);
}

/* ---------------------------------------------------------------- what the kernel asks */

static bool is_control(const char *path)
{
	return path && strcmp(path, CONTROL) == 0;
}

static const char *inside(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int check(int result)
{
	return result < 0 ? -errno : 0;
}

static void *on_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)conn;
	config->use_ino = 1;
	config->hard_remove = 1;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	return NULL;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	if (is_control(path)) {
		memset(st, 0, sizeof(*st));
		st->st_mode = S_IFREG | 0600;
		st->st_nlink = 1;
		st->st_size = BLOCK;
		return 0;
	}
	if (is_cut)
		return -EIO;
	return check(info ? fstat((int)info->fh, st) : fstatat(folder, inside(path), st, AT_SYMLINK_NOFOLLOW));
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
		      enum fuse_readdir_flags flags)
{
	int fd = is_cut ? -1 : openat(folder, inside(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	(void)offset;
	(void)info;
	(void)flags;
	if (!directory)
		return -EIO;
	while ((entry = readdir(directory)))
		if (fill(buffer, entry->d_name, NULL, 0, 0))
			break;
	(void)closedir(directory);
	return 0;
}

/* Whoever opens a file, we can read and write it: the kernel has looked at the modes. */
static int open_file(const char *path, int flags, mode_t mode, struct fuse_file_info *info)
{
	struct file *file;
	int fd;

	info->direct_io = 1;
	if (is_control(path))
		return 0;
	if (is_cut)
		return -EIO;
	fd = openat(folder, inside(path), (flags & (O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW)) | O_RDWR | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	file = find(fd);
	if (!file) {
		(void)close(fd);
		return -ENFILE;
	}
	if (flags & O_TRUNC)
		shorten(file, 0);
	info->fh = (uint64_t)fd;
	return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
	return open_file(path, info->flags & ~(O_CREAT | O_EXCL), 0, info);
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
	int r = open_file(path, info->flags | O_CREAT, mode, info);
	struct fuse_context *caller = fuse_get_context();

	return r < 0 ? r : check(fchown((int)info->fh, caller->uid, caller->gid));
}

static int on_release(const char *path, struct fuse_file_info *info)
{
	return is_control(path) ? 0 : check(close((int)info->fh));
}

static int tell(char *buffer, size_t size, off_t offset)
{
	int n = offset ? 0 : snprintf(buffer, size, "read %llu write %llu flush %llu dirty %llu\n", count[READ], count[WRITE],
				      count[FLUSH], dirty);

	return n < (int)size ? n : (int)size;
}

static int on_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info)
{
	ssize_t n;
	int r;

	if (is_control(path))
		return tell(buffer, size, offset);
	r = meet(READ);
	if (r < 0)
		return r;
	if (end >= 0 && offset + (off_t)size > end)
		size = offset < end ? (size_t)(end - offset) : 0;
	n = pread((int)info->fh, buffer, size, offset);
	if (n < 0)
		return -errno;
	overlay(opened(info), buffer, (size_t)n, offset);
	return (int)n;
}

static int on_write(const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct stat st;
	char line[64];
	int r;

	if (is_control(path)) {
		(void)snprintf(line, sizeof(line), "%.*s", (int)size, data);
		r = command(line);
		return r < 0 ? r : (int)size;
	}
	r = meet(WRITE);
	if (r == 0)
		r = check(fstat((int)info->fh, &st));
	/* how long a file is, is known to the disk at once */
	if (r == 0 && st.st_size < offset + (off_t)size)
		r = check(ftruncate((int)info->fh, offset + (off_t)size));
	if (r == 0)
		r = keep(opened(info), data, size, offset);
	return r < 0 ? r : (int)size;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
	struct file *file;
	int r;

	(void)data_only;
	if (is_control(path))
		return 0;
	r = meet(FLUSH);
	if (r < 0 || lies)
		return r;
	file = opened(info);
	for (size_t number = 0; r == 0 && number < file->blocks; number++) {
		if (!file->block[number])
			continue;
		r = write_block(file, number);
		if (r == 0)
			forget_block(file, number);
	}
	return r == 0 ? check(fdatasync(file->fd)) : r;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
	struct file *file;
	int fd, r;

	if (is_control(path))
		return 0;
	fd = is_cut ? -1 : info ? dup((int)info->fh) : openat(folder, inside(path), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -EIO;
	file = find(fd);
	r = file ? check(ftruncate(fd, size)) : -ENFILE;
	if (r == 0)
		shorten(file, size);
	(void)close(fd);
	return r;
}

static int on_fallocate(const char *path, int mode, off_t offset, off_t size, struct fuse_file_info *info)
{
	(void)path;
	if (mode != 0)
		return -EOPNOTSUPP;
	return is_cut ? -EIO : check(fallocate((int)info->fh, 0, offset, size));
}

static int on_statfs(const char *path, struct statvfs *st)
{
	(void)path;
	return is_cut ? -EIO : check(fstatvfs(folder, st));
}

static int on_unlink(const char *path)
{
	return is_cut ? -EIO : check(unlinkat(folder, inside(path), 0));
}

static int on_rename(const char *from, const char *to, unsigned int flags)
{
	return is_cut ? -EIO : check(renameat2(folder, inside(from), folder, inside(to), flags));
}

static int on_link(const char *from, const char *to)
{
	return is_cut ? -EIO : check(linkat(folder, inside(from), folder, inside(to), 0));
}

static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
	(void)info;
	return is_cut ? -EIO : check(fchmodat(folder, inside(path), mode, 0));
}

static int on_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info)
{
	(void)info;
	return is_cut ? -EIO : check(fchownat(folder, inside(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static const struct fuse_operations operations = {
	.init = on_init,
	.getattr = on_getattr,
	.readdir = on_readdir,
	.open = on_open,
	.create = on_create,
	.release = on_release,
	.read = on_read,
	.write = on_write,
	.fsync = on_fsync,
	.truncate = on_truncate,
	.fallocate = on_fallocate,
	.statfs = on_statfs,
	.unlink = on_unlink,
	.rename = on_rename,
	.link = on_link,
	.chmod = on_chmod,
	.chown = on_chown,
};

int main(int argc, char **argv)
{
	/* in the foreground, with one thread; the folder need not be empty */
	char *arguments[] = { argv[0], (char *)"-f", (char *)"-s", (char *)"-o", (char *)"allow_other,default_permissions",
			      argc == 2 ? argv[1] : NULL, NULL };

	folder = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (folder < 0) {
		(void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	(void)umask(0);
	return fuse_main(6, arguments, &operations, NULL);
}
