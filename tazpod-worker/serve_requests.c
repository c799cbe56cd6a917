#define FUSE_USE_VERSION 312

#include "serve_requests.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define FILE_INODE 2
/* What is asked once need never be asked again: only this process could change it. */
#define FOR_EVER 1e9
/* As many requests of 1 MiB as keep all threads busy while the next ones come. */
#define BACKGROUND 32

enum failure { READING, WRITING, SYNCING, FAILURES };

static const char *const doing[FAILURES] = { "reading", "writing", "flushing" };

struct served {
	const char *name;
	uint64_t size;
};

static struct served served;
static _Thread_local struct tz_payload *mine;
/* One line for each kind of trouble: a disk that fails is asked a thousand times. */
static atomic_bool told[FAILURES];

/* The answer comes first: nobody knows how long the log takes, least of all with a disk that fails. */
static void fail(fuse_req_t request, enum failure what, int code, uint64_t offset)
{
	(void)fuse_reply_err(request, -code);
	if (!atomic_exchange(&told[what], true))
		syslog(LOG_ERR, "%s: %s the image at byte %llu of its payload failed: %s; the vault's file system gets the "
		       "error, and more of its kind are not reported", served.name, doing[what], (unsigned long long)offset,
		       strerrordesc_np(-code));
}

static void describe(fuse_ino_t inode, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = inode;
	st->st_nlink = 1;
	if (inode == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0500;
		return;
	}
	st->st_mode = S_IFREG | 0600;
	st->st_size = (off_t)served.size;
	st->st_blocks = (blkcnt_t)(served.size / 512);
}

/*
 * Direct I/O of the loop device shall go on while the next comes; splicing would need pipes, and save nothing where each
 * byte is touched anyway; what the kernel caches stays valid.
 */
static void on_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
				      FUSE_CAP_AUTO_INVAL_DATA);
	conn->want |= conn->capable & FUSE_CAP_ASYNC_DIO;
	conn->max_write = TZ_SERVE_REQUEST_MAX;
	conn->max_background = BACKGROUND;
	conn->congestion_threshold = BACKGROUND;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = FILE_INODE, .attr_timeout = FOR_EVER, .entry_timeout = FOR_EVER };

	if (parent != FUSE_ROOT_ID || strcmp(name, served.name) != 0) {
		(void)fuse_reply_err(request, ENOENT);
		return;
	}
	describe(FILE_INODE, &entry.attr);
	(void)fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	struct stat st;

	(void)file;
	describe(inode, &st);
	(void)fuse_reply_attr(request, &st, FOR_EVER);
}

static void on_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	if (inode != FILE_INODE) {
		(void)fuse_reply_err(request, EISDIR);
		return;
	}
	file->keep_cache = 1;
	(void)fuse_reply_open(request, file);
}

static void on_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file)
{
	const uint8_t *data;
	ssize_t n = tz_payload_read(mine, (uint64_t)offset, size, &data);

	(void)inode;
	(void)file;
	if (n < 0)
		fail(request, READING, (int)n, (uint64_t)offset);
	else
		(void)fuse_reply_buf(request, n > 0 ? (const char *)data : NULL, (size_t)n);
}

static void on_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *file)
{
	int r = tz_payload_write(mine, (uint64_t)offset, (const uint8_t *)data, size);

	(void)inode;
	(void)file;
	if (r < 0)
		fail(request, WRITING, r, (uint64_t)offset);
	else
		(void)fuse_reply_write(request, size);
}

static void on_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *file)
{
	int r = tz_payload_sync(mine);

	(void)inode;
	(void)data_only;
	(void)file;
	if (r < 0)
		fail(request, SYNCING, r, 0);
	else
		(void)fuse_reply_err(request, 0);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.fsync = on_fsync,
};

static void log_library(enum fuse_log_level level, const char *format, va_list arguments)
{
	if (level <= FUSE_LOG_ERR)
		vsyslog(LOG_ERR, format, arguments);
}

int tz_serve_begin(int fuse, const char *name, uint64_t size, struct fuse_session **ret, struct tz_error *err)
{
	char program[] = "tazpod-server", mount[32];
	char *argv[] = { program, NULL };
	struct fuse_args arguments = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session;

	fuse_set_log_func(log_library);
	served = (struct served){ name, size };
	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&arguments);
	if (!session)
		return tz_error_set(err, ENOMEM, "the vault's server cannot be set up by libfuse");
	/* as mount.fuse3(8) hands on a mount that was made by somebody else */
	(void)snprintf(mount, sizeof(mount), "/dev/fd/%d", fuse);
	if (fuse_session_mount(session, mount) != 0) {
		fuse_session_destroy(session);
		return tz_error_set(err, EIO, "libfuse does not take over the mount");
	}
	*ret = session;
	return 0;
}

/* Read here and not by libfuse, which would get its buffers when the first large request comes; see serve_memory.h. */
void tz_serve_requests(struct fuse_session *session, struct tz_payload *payload, void *buffer)
{
	int fd = fuse_session_fd(session);

	mine = payload;
	while (!fuse_session_exited(session)) {
		ssize_t n = read(fd, buffer, TZ_SERVE_BUFFER_SIZE);
		const struct fuse_buf request = { .mem = buffer, .size = n > 0 ? (size_t)n : 0 };

		/* ENOENT: who asked has given up, before it was read */
		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		/* ENODEV: the file system was unmounted; anything else is its end, too */
		if (n <= 0)
			break;
		fuse_session_process_buf(session, &request);
	}
}
