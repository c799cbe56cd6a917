/*
 * 1. The directory MUST be root's alone to write: then the switch is always the file that root put there.
 * 2. What the switch holds is never read: whoever may press it may write into it.
 * 3. Changing its owner or mode is a press (its change time moves), so it is done only where it is wrong.
 */
#include "lockswitch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "path.h"

#define SWITCH_NAME "lock"
#define SWITCH_PATH TZ_RUN_DIR "/" SWITCH_NAME
#define SWITCH_MODE 0660
#define RUN_DIR_MODE 0755
/* A file's change time has the grain of the kernel's tick, 1 to 10 ms: a press waits until it moves. */
#define PRESS_ATTEMPTS 100
#define PRESS_PAUSE_NS 1000000

static uint64_t generation_of(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec;
}

static int open_run_dir(int *ret, struct tz_error *err)
{
	_cleanup_close_ int dir = tz_path_open_dir(AT_FDCWD, TZ_RUN_DIR, true, RUN_DIR_MODE, 0, 0);
	struct stat st;
	int r;

	if (dir < 0)
		return tz_error_set(err, dir, TZ_RUN_DIR " cannot be made or opened: %s", strerror(-dir));
	r = tz_path_trusted(dir, 0, TZ_RUN_DIR, &st, err);
	if (r < 0)
		return r;
	/* left so by someone who was killed while he made it */
	if ((st.st_mode & 0777) != RUN_DIR_MODE && fchmod(dir, RUN_DIR_MODE) < 0)
		return tz_error_set(err, errno, "the mode of " TZ_RUN_DIR " cannot be set: %m");
	*ret = tz_steal_fd(&dir);
	return 0;
}

/* O_NONBLOCK: were it a FIFO, root must not hang on it. */
static int open_switch(int dir)
{
	int fd = tz_path_open_beneath(dir, SWITCH_NAME, O_RDONLY | O_NONBLOCK, 0);

	if (fd != -ENOENT)
		return fd;
	fd = tz_path_open_beneath(dir, SWITCH_NAME, O_RDONLY | O_NONBLOCK | O_CREAT | O_EXCL, 0600);
	/* another session's worker made it since */
	return fd == -EEXIST ? tz_path_open_beneath(dir, SWITCH_NAME, O_RDONLY | O_NONBLOCK, 0) : fd;
}

int tz_lockswitch_prepare(uid_t ghost, gid_t public_gid, struct tz_error *err)
{
	_cleanup_close_ int dir = -1, fd = -1;
	struct stat st;
	int r = open_run_dir(&dir, err);

	if (r < 0)
		return r;
	fd = open_switch(dir);
	if (fd < 0)
		return tz_error_set(err, fd, SWITCH_PATH " cannot be made or opened: %s", strerror(-fd));
	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, SWITCH_PATH " cannot be examined: %m");
	if (!S_ISREG(st.st_mode))
		return tz_error_set(err, EINVAL, SWITCH_PATH " is not a regular file; remove it");
	if ((st.st_uid != ghost || st.st_gid != public_gid) && fchown(fd, ghost, public_gid) < 0)
		return tz_error_set(err, errno, SWITCH_PATH " cannot be given to the ghost user: %m");
	if ((st.st_mode & 07777) != SWITCH_MODE && fchmod(fd, SWITCH_MODE) < 0)
		return tz_error_set(err, errno, "the mode of " SWITCH_PATH " cannot be set: %m");
	return 0;
}

/* Touches fd until its change time is another. */
static int touch_until_changed(int fd)
{
	const struct timespec pause = { .tv_nsec = PRESS_PAUSE_NS };
	struct stat before, after;

	if (fstat(fd, &before) < 0)
		return -errno;
	for (unsigned int attempt = 0; attempt < PRESS_ATTEMPTS; attempt++) {
		if (futimens(fd, NULL) < 0 || fstat(fd, &after) < 0)
			return -errno;
		if (generation_of(&after) != generation_of(&before))
			return 0;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return -EIO;
}

int tz_lockswitch_press(struct tz_error *err)
{
	_cleanup_close_ int fd = tz_path_open(AT_FDCWD, SWITCH_PATH, O_WRONLY | O_NONBLOCK, 0);
	int r = fd < 0 ? fd : touch_until_changed(fd);

	if (r >= 0)
		return 0;
	if (r == -ENOENT)
		return tz_error_set(err, r, "nothing was opened here yet: there is no lock switch (" SWITCH_PATH ")");
	if (r == -EACCES || r == -EPERM)
		return tz_error_set(err, EACCES, "only the public user, the ghost user and root may lock the vault");
	return tz_error_set(err, r, "the lock switch " SWITCH_PATH " cannot be pressed: %s", strerror(-r));
}

int tz_lockswitch_generation(uint64_t *ret)
{
	struct stat st;

	if (lstat(SWITCH_PATH, &st) < 0)
		return -errno;
	*ret = generation_of(&st);
	return 0;
}

int tz_lockswitch_watch(struct tz_error *err)
{
	/* IN_ATTRIB comes with every change of times, owner, mode and links, so also when it is unlinked. */
	static const uint32_t events = IN_ATTRIB | IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
	_cleanup_close_ int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return tz_error_set(err, errno, "the lock switch cannot be watched: %m%s", errno == EMFILE ?
				    " (raise the fs.inotify.max_user_instances sysctl)" : "");
	if (inotify_add_watch(fd, SWITCH_PATH, events) < 0)
		return tz_error_set(err, errno, "the lock switch " SWITCH_PATH " cannot be watched: %m");
	return tz_steal_fd(&fd);
}
