#include "image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lock.h"
#include "path.h"

#define LUKS_MAGIC_SIZE 6
#define HEADER_BLOCK 4096
#define LOCK_TIMEOUT_MS 30000

static const uint8_t luks_magic[LUKS_MAGIC_SIZE] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
static const uint8_t luks_second_magic[LUKS_MAGIC_SIZE] = { 'S', 'K', 'U', 'L', 0xba, 0xbe };

/* The offsets at which LUKS2 may keep its second header (On-Disk Format Specification, section 2.2). */
static const off_t second_header_offsets[] = { 0x4000,  0x8000,  0x10000,  0x20000, 0x40000,
					       0x80000, 0x100000, 0x200000, 0x400000 };

/* Walks to the directory of path, judging each step; *ret_gate: only root gets through on the way. */
static int open_directory(const char *path, int *ret_dir, bool *ret_gate, struct tz_error *err)
{
	_cleanup_close_ int dir = tz_path_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	char walked[TZ_PATH_TEXT] = "", copy[TZ_PATH_TEXT];
	char *save = NULL, *part, *last;
	bool gate = false;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	last = strrchr(copy, '/');
	*last = '\0';
	if (dir < 0)
		return tz_error_set(err, dir, "/ cannot be opened: %s", strerror(-dir));
	for (part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		int next = tz_path_open_beneath(dir, part, O_RDONLY | O_DIRECTORY, 0);
		struct stat st;
		int r;

		(void)strncat(walked, "/", sizeof(walked) - strlen(walked) - 1);
		(void)strncat(walked, part, sizeof(walked) - strlen(walked) - 1);
		if (next == -ENOENT)
			return tz_error_set(err, next, "the directory %s, in which the vault is kept, does not exist; "
					    "make it as root: install -d -m 0700 %.*s", walked,
					    (int)(strrchr(path, '/') - path), path);
		if (next == -ELOOP)
			return tz_error_set(err, next, "%s is a symbolic link: the way to the vault must not have one",
					    walked);
		if (next < 0)
			return tz_error_set(err, next, "%s cannot be opened: %s", walked, strerror(-next));
		(void)close(dir);
		dir = next;
		r = gate ? 0 : tz_path_trusted(dir, 0, walked, &st, err);
		if (r < 0)
			return r;
		gate = gate || (st.st_mode & 077) == 0;
	}
	*ret_gate = gate;
	*ret_dir = tz_steal_fd(&dir);
	return 0;
}

static int require_private(const char *path, bool gate, const struct stat *st, struct tz_error *err)
{
	if (gate)
		return 0;
	if (st->st_uid != 0 || (st->st_mode & 077))
		return tz_error_set(err, EPERM, "%s can be reached by others: keep it where only root gets in "
				    "(chmod 0700 its directory)", path);
	return 0;
}

static int open_file(struct tz_image *image, bool gate, struct tz_error *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang root; it means nothing to a regular file. */
	_cleanup_close_ int fd = tz_path_open_beneath(image->dir, image->name, O_RDWR | O_NONBLOCK, 0);
	struct stat st;

	if (fd == -ENOENT)
		return 0;
	if (fd == -ELOOP)
		return tz_error_set(err, fd, "%s is a symbolic link; the vault must be the file itself", image->path);
	if (fd == -EISDIR || fd == -ENXIO || fd == -ENODEV)
		return tz_error_set(err, EINVAL, "%s is not a regular file; nothing was changed", image->path);
	if (fd == -EROFS || fd == -EACCES || fd == -ETXTBSY)
		return tz_error_set(err, fd, "%s cannot be opened for writing: %s", image->path, strerror(-fd));
	if (fd < 0)
		return tz_error_set(err, fd, "%s cannot be opened: %s", image->path, strerror(-fd));
	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, "%s cannot be examined: %m", image->path);
	if (!S_ISREG(st.st_mode))
		return tz_error_set(err, EINVAL, "%s is not a regular file; nothing was changed", image->path);
	if (require_private(image->path, gate, &st, err) < 0)
		return -EPERM;
	image->dev = st.st_dev;
	image->ino = st.st_ino;
	image->size = (uint64_t)st.st_size;
	image->fd = tz_steal_fd(&fd);
	return 0;
}

int tz_image_open(const char *path, struct tz_image *ret, struct tz_error *err)
{
	_cleanup_image_ struct tz_image image = TZ_IMAGE_INIT;
	const char *slash = strrchr(path, '/');
	bool gate = false;
	int r;

	if (path[0] != '/' || !slash[1] || strlen(path) >= sizeof(image.path) || strlen(slash + 1) > NAME_MAX)
		return tz_error_set(err, EINVAL, "'%s' is not the absolute path of a vault image", path);
	(void)snprintf(image.path, sizeof(image.path), "%s", path);
	(void)snprintf(image.name, sizeof(image.name), "%s", slash + 1);
	r = open_directory(path, &image.dir, &gate, err);
	if (r < 0)
		return r;
	r = open_file(&image, gate, err);
	if (r < 0)
		return r;
	*ret = image;
	image = (struct tz_image)TZ_IMAGE_INIT;
	return 0;
}

int tz_image_refresh(struct tz_image *image, struct tz_error *err)
{
	struct stat st, named;

	if (fstat(image->fd, &st) < 0)
		return tz_error_set(err, errno, "%s cannot be examined: %m", image->path);
	if (fstatat(image->dir, image->name, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_dev != st.st_dev ||
	    named.st_ino != st.st_ino)
		return tz_error_set(err, ESTALE, "%s was replaced or removed meanwhile; try again", image->path);
	image->size = (uint64_t)st.st_size;
	return 0;
}

int tz_image_lock(struct tz_image *image, int *ret_lock, struct tz_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = tz_lock_acquire(image->dir, LOCK_TIMEOUT_MS, &lock, err);

	if (r == 0 && image->fd >= 0)
		r = tz_image_refresh(image, err);
	if (r < 0)
		return r;
	*ret_lock = tz_steal_fd(&lock);
	return 0;
}

static int read_block(const struct tz_image *image, off_t offset, uint8_t block[static HEADER_BLOCK],
		      size_t *ret_size, struct tz_error *err)
{
	ssize_t n;

	do
		n = pread(image->fd, block, HEADER_BLOCK, offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tz_error_set(err, errno, "%s cannot be read: %m", image->path);
	*ret_size = (size_t)n;
	return 0;
}

static bool has_second_header(const struct tz_image *image)
{
	uint8_t magic[LUKS_MAGIC_SIZE];

	for (size_t i = 0; i < sizeof(second_header_offsets) / sizeof(second_header_offsets[0]); i++)
		if (pread(image->fd, magic, sizeof(magic), second_header_offsets[i]) == (ssize_t)sizeof(magic) &&
		    memcmp(magic, luks_second_magic, sizeof(magic)) == 0)
			return true;
	return false;
}

static bool all_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* A LUKS2 binary header: magic 6, version 2 (big endian), size of this header with its JSON area 8. */
static enum tz_image_kind first_header_kind(const struct tz_image *image, const uint8_t *block, size_t size)
{
	uint16_t version;
	uint64_t header_size;

	if (size < 16)
		return TZ_IMAGE_TRUNCATED;
	memcpy(&version, block + 6, sizeof(version));
	memcpy(&header_size, block + 8, sizeof(header_size));
	version = be16toh(version);
	header_size = be64toh(header_size);
	if (version == 1)
		return TZ_IMAGE_LUKS1;
	if (version != 2)
		return has_second_header(image) ? TZ_IMAGE_LUKS2 : TZ_IMAGE_UNKNOWN;
	if (header_size <= 0x400000 && image->size < 2 * header_size)
		return TZ_IMAGE_TRUNCATED;
	return TZ_IMAGE_LUKS2;
}

int tz_image_identify(const struct tz_image *image, enum tz_image_kind *ret, struct tz_error *err)
{
	uint8_t block[HEADER_BLOCK];
	size_t size = 0;
	int r = read_block(image, 0, block, &size, err);

	if (r < 0)
		return r;
	if (size >= LUKS_MAGIC_SIZE && memcmp(block, luks_magic, LUKS_MAGIC_SIZE) == 0)
		*ret = first_header_kind(image, block, size);
	else if (has_second_header(image))
		*ret = TZ_IMAGE_LUKS2;
	else if (all_zero(block, size))
		*ret = TZ_IMAGE_EMPTY;
	else
		*ret = TZ_IMAGE_UNKNOWN;
	return 0;
}

int tz_image_require_luks2(const struct tz_image *image, struct tz_error *err)
{
	enum tz_image_kind kind;
	int r = tz_image_identify(image, &kind, err);

	if (r < 0)
		return r;
	switch (kind) {
	case TZ_IMAGE_LUKS2:
		return 0;
	case TZ_IMAGE_LUKS1:
		return tz_error_set(err, EUCLEAN, "%s is in the old LUKS1 format; convert it with "
				    "'cryptsetup convert --type luks2 %s' after a backup", image->path, image->path);
	case TZ_IMAGE_EMPTY:
		return tz_error_set(err, EUCLEAN, "%s is there but empty: it holds no vault; restore it from a backup, "
				    "or move it away to let a new vault be made", image->path);
	case TZ_IMAGE_TRUNCATED:
		return tz_error_set(err, EUCLEAN, "%s is truncated: it ends within its LUKS2 header; restore it from a "
				    "backup; nothing was changed", image->path);
	default:
		return tz_error_set(err, EUCLEAN, "%s is not a LUKS2 image: neither of its two headers can be read; "
				    "if it was a vault, restore its header ('tazpod vault restore-header'); nothing was "
				    "changed", image->path);
	}
}

void tz_image_close(struct tz_image *image)
{
	if (!image)
		return;
	tz_closep(&image->fd);
	tz_closep(&image->dir);
}
