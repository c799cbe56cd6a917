#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "identity.h"
#include "path.h"

#define FOLDER "tazpod"
#define LOCK_NAME "lock"

/* $HOME, but not another user's, as sudo may leave it to root. */
static int find_home(char ret[static PATH_MAX], struct tz_error *err)
{
	const char *home = getenv("HOME");
	struct tz_identity identity;
	struct stat st;
	int r;

	if (!home || home[0] != '/' || stat(home, &st) < 0 || st.st_uid != geteuid()) {
		r = tz_identity_by_uid(geteuid(), &identity, err);
		if (r < 0)
			return r;
		home = identity.home;
	}
	if (snprintf(ret, PATH_MAX, "%s", home) >= PATH_MAX)
		return tz_error_set(err, ENAMETOOLONG, "the path of your home is too long");
	return 0;
}

static int find_state_folder(char ret[static PATH_MAX], struct tz_error *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	char home[PATH_MAX];
	int r = 0, size;

	if (state && state[0] == '/') {
		size = snprintf(ret, PATH_MAX, "%s", state);
	} else {
		r = find_home(home, err);
		if (r < 0)
			return r;
		size = snprintf(ret, PATH_MAX, "%s/.local/state", home);
	}
	return size < PATH_MAX ? 0 : tz_error_set(err, ENAMETOOLONG, "the path of your state folder is too long");
}

/* As mkdir -p. What cannot be made is told when it is opened. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	(void)mkdir(path, 0700);
}

int cli_state_open(bool create, struct tz_error *err)
{
	_cleanup_close_ int state = -1, fd = -1;
	char path[PATH_MAX], own[PATH_MAX + sizeof("/" FOLDER)];
	int r = find_state_folder(path, err);

	if (r < 0)
		return r;
	(void)snprintf(own, sizeof(own), "%s/" FOLDER, path);
	if (create) {
		make_folders(path);
		(void)mkdir(own, 0700);
	}
	state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0 && errno == ENOENT && !create)
		return -ENOENT;
	if (state < 0)
		return tz_error_set(err, errno, "%s, where TazPod remembers what you trust, cannot be opened: %m", path);
	fd = tz_path_open_beneath(state, FOLDER, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT && !create)
		return -ENOENT;
	if (fd < 0)
		return tz_error_set(err, fd, "%s, where TazPod remembers what you trust, cannot be opened: %s", own,
				    strerror(-fd));
	r = tz_path_trusted(fd, geteuid(), own, NULL, err);
	return r < 0 ? r : tz_steal_fd(&fd);
}

/* A byte of the file stands for the folder: one file is enough for all of them, and none is left behind. */
static int find_byte(const char *folder, struct flock *ret, struct tz_error *err)
{
	const struct tz_digest_part part = { "folder", folder, strlen(folder) };
	char digest[TZ_DIGEST_TEXT];
	int r = tz_digest(&part, 1, digest, err);

	if (r < 0)
		return r;
	digest[15] = '\0';
	*ret = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	ret->l_start = (off_t)strtoull(digest, NULL, 16);
	return 0;
}

int cli_state_lock(const char *folder, void (*tell)(void), struct tz_error *err)
{
	_cleanup_close_ int state = cli_state_open(true, err), fd = -1;
	struct flock byte;
	int r;

	if (state < 0)
		return state;
	fd = tz_path_open_beneath(state, LOCK_NAME, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return tz_error_set(err, fd, "the lock in TazPod's folder for what you trust cannot be opened: %s", strerror(-fd));
	r = find_byte(folder, &byte, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
		return tz_steal_fd(&fd);
	if (errno == EAGAIN || errno == EACCES) {
		tell();
		while (fcntl(fd, F_OFD_SETLKW, &byte) < 0)
			if (errno != EINTR)
				return tz_error_set(err, errno, "the project cannot be locked: %m");
		return tz_steal_fd(&fd);
	}
	return tz_error_set(err, errno, "the project cannot be locked: %m");
}
