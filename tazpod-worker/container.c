#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "exec.h"
#include "identity.h"
#include "inside.h"
#include "lockswitch.h"
#include "path.h"
#include "settings.h"

/* below it are the ids that Debian and Ubuntu give to services */
#define FIRST_PERSON 1000

/* For 'tazpod logs': the engine keeps it. */
static void say(const struct tz_error *err)
{
	(void)fprintf(stderr, "tazpod: %s\n", err->message);
}

/* Locked until the container is ready. */
static int mark(struct tz_error *err)
{
	_cleanup_close_ int fd = -1;

	if (mkdir(TZ_RUN_DIR, 0755) < 0 && errno != EEXIST)
		return tz_error_set(err, errno, TZ_RUN_DIR " cannot be made: %m");
	fd = open(TZ_CONTAINER_MARK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return tz_error_set(err, errno, TZ_CONTAINER_MARK " cannot be made and locked: %m");
	return tz_steal_fd(&fd);
}

static int change_id(const char *program, const char *option, unsigned int id, const char *name, struct tz_error *err)
{
	char number[16];
	/* a group may have that number already: then the two are one */
	const char *const argv[] = { program, "-o", option, number, name, NULL };
	int r;

	(void)snprintf(number, sizeof(number), "%u", id);
	r = tz_exec_wait(argv, "passwd", err);
	return r <= 0 ? r : tz_error_set(err, EIO, "%s could not give %s the id %u (status %d)", program, name, id, r);
}

static int adopt(const struct tz_identity *public, const struct tz_settings *settings, const struct stat *owner,
		 struct tz_error *err)
{
	struct tz_identity other;
	int r;

	if (owner->st_uid < FIRST_PERSON || tz_identity_by_uid(owner->st_uid, &other, NULL) == 0)
		return tz_error_set(err, EPERM, "%s belongs to uid %u, which is a user of the system here: %s may not be able to "
				    "write there; on the host, give the folder to an ordinary user", settings->workspace,
				    owner->st_uid, public->name);
	r = change_id("usermod", "-u", owner->st_uid, public->name, err);
	if (r == 0 && owner->st_gid >= FIRST_PERSON && owner->st_gid != public->gid)
		r = change_id("groupmod", "-g", owner->st_gid, public->name, err);
	return r;
}

static int adopt_workspace(struct tz_error *err)
{
	_cleanup_close_ int fd = -1;
	struct tz_settings settings;
	struct tz_identity public;
	struct stat owner;
	int r = tz_settings_load(NULL, &settings, err);

	if (r == 0)
		r = tz_identity_by_name(settings.public_user, &public, err);
	if (r < 0 || !settings.workspace[0])
		return r;
	fd = tz_path_open(AT_FDCWD, settings.workspace, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &owner) < 0)
		return tz_error_set(err, fd < 0 ? fd : errno, "%s cannot be examined", settings.workspace);
	return owner.st_uid == public.uid ? 0 : adopt(&public, &settings, &owner, err);
}

/* Sessions end and the vault is closed; what was never opened needs no locking. */
static void lock_vault(void)
{
	static const char *const argv[] = { "tazpod", "lock", NULL };
	struct tz_error err = { 0 };
	int r = tz_exec_wait(argv, "tazpod", &err);

	if (r > 0)
		(void)tz_error_set(&err, EBUSY, "the vault could not be locked in time (status %d): the kernel closes it", r);
	if (r != 0)
		say(&err);
}

static int serve(const sigset_t *signals)
{
	for (;;) {
		int signal = sigwaitinfo(signals, NULL);

		if (signal == SIGTERM || signal == SIGINT) {
			lock_vault();
			return 0;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

int tz_container_main(void)
{
	struct tz_error err = { 0 };
	sigset_t signals;
	int fd;

	(void)umask(022);
	/* The first process of a container gets no signal that it does not handle or wait for, but from outside. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return 1;
	fd = mark(&err);
	if (fd < 0) {
		say(&err);
		return 1;
	}
	if (adopt_workspace(&err) < 0)
		say(&err);
	(void)close(fd);
	(void)puts("tazpod: ready");
	(void)fflush(stdout);
	return serve(&signals);
}
