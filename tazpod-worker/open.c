#include "open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "driver.h"
#include "enclave.h"
#include "init.h"
#include "lockswitch.h"
#include "path.h"
#include "sessions.h"
#include "vault.h"

#define INIT_TIMEOUT_MS 20000
#define MOUNT_TRIES 100
#define MOUNT_PAUSE_NS 100000000L

static void notice(void *data, const char *text)
{
	tz_worker_notice(data, text);
}

static void image_text(const struct tz_worker *worker, char *text, size_t size)
{
	(void)snprintf(text, size, "%llu:%llu", (unsigned long long)worker->image.dev,
		       (unsigned long long)worker->image.ino);
}

static void describe(const struct tz_worker *worker, const struct tz_request *request,
		     struct tz_session *ret)
{
	struct tz_identity caller;
	struct tz_session session = { 0 };

	if (tz_identity_by_uid(worker->caller, &caller, NULL) == 0)
		(void)snprintf(session.caller, sizeof(session.caller), "%s", caller.name);
	else
		(void)snprintf(session.caller, sizeof(session.caller), "%u", worker->caller);
	(void)snprintf(session.vault, sizeof(session.vault), "%s", worker->luks.uuid);
	image_text(worker, session.image, sizeof(session.image));
	(void)snprintf(session.tty, sizeof(session.tty), "%.*s", (int)sizeof(session.tty) - 1, request->tty);
	(void)snprintf(session.service, sizeof(session.service), "%s", request->service);
	*ret = session;
}

/* One vault per ghost user at a time: a process of the same uid could read another vault's through /proc. */
int tz_worker_require_alone(const struct tz_worker *worker, struct tz_error *err)
{
	struct tz_session sessions[TZ_SESSIONS_MAX];
	char mine[sizeof(sessions[0].image)];
	int count, stray = tz_sessions_stray(worker->ghost.uid, err);

	if (stray < 0)
		return stray;
	if (stray > 0)
		return tz_error_set(err, EBUSY, "a process of %s (pid %d) runs outside an enclave and could look into this "
				    "one; end it first, as root: kill %d", worker->ghost.name, stray, stray);
	count = tz_sessions_list(sessions, TZ_SESSIONS_MAX, err);
	if (count < 0)
		return count;
	if (count == TZ_SESSIONS_MAX)
		return tz_error_set(err, EUSERS, "%d ghost sessions are open; end some first", count);
	image_text(worker, mine, sizeof(mine));
	for (int i = 0; i < count; i++)
		if (strcmp(sessions[i].image, mine) != 0)
			return tz_error_set(err, EBUSY, "sessions of another vault (%s) are open; end them first with "
					    "'tazpod lock'", sessions[i].vault);
	return 0;
}

static int try_mount(struct tz_worker *worker, const struct tz_driver *driver, const struct tz_enclave *enclave,
		     int *ret_server, bool *ret_shared, struct tz_error *err)
{
	struct tz_device device = TZ_DEVICE_INIT;
	int r = tz_vault_attach(driver, &worker->image, &worker->luks, &worker->key, &device, err);

	if (r < 0)
		return r;
	*ret_shared = device.shared;
	r = tz_enclave_mount_vault(enclave, &device, err);
	if (r == 0)
		r = driver->release_when_unused(&device, err);
	if (r < 0)
		driver->detach(&device);
	else
		*ret_server = tz_steal_fd(&device.server);
	return r;
}

/* What is shared and yet cannot be mounted is held by a file system check that is being ended: see driver.h. */
static int mount_vault(struct tz_worker *worker, const struct tz_driver *driver, const struct tz_enclave *enclave,
		       int *ret_server, struct tz_error *err)
{
	bool shared = false;
	int r = try_mount(worker, driver, enclave, ret_server, &shared, err);

	for (int tries = 1; r == -EBUSY && shared && tries < MOUNT_TRIES; tries++) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = MOUNT_PAUSE_NS }, NULL);
		r = try_mount(worker, driver, enclave, ret_server, &shared, err);
	}
	return r;
}

/* Under the vault's lock: who is there, the namespaces, the vault in them. *ret_server: see driver.h. */
static int build_enclave(struct tz_worker *worker, const struct tz_driver **ret_driver, int *ret_server,
			 struct tz_error *err)
{
	_cleanup_close_ int lock = -1, home = -1;
	struct tz_enclave enclave = {
		.settings = &worker->settings,
		.ghost = &worker->ghost,
		.public_user = worker->has_public_user ? &worker->public_user : NULL,
		.notice = notice,
		.data = worker,
	};
	int r = tz_image_lock(&worker->image, &lock, err);

	/* it may have grown, or been given another header, while the passphrase was asked for */
	if (r == 0)
		r = tz_luks_info(&worker->image, &worker->luks, err);
	if (r == 0)
		r = tz_worker_require_alone(worker, err);
	if (r == 0)
		r = tz_driver_for(worker->settings.driver, &worker->image, &worker->luks, ret_driver, err);
	if (r == 0)
		r = tz_enclave_enter(err);
	if (r < 0)
		return r;
	home = tz_path_open(AT_FDCWD, worker->ghost.home, O_RDONLY | O_DIRECTORY, 0);
	if (home == -ENOENT)
		return tz_error_set(err, home, "the home %s of %s does not exist; make it as root: install -d -m 0700 "
				    "-o %s -g %u %s", worker->ghost.home, worker->ghost.name, worker->ghost.name,
				    worker->ghost.gid, worker->ghost.home);
	if (home < 0)
		return tz_error_set(err, home, "the home %s of %s cannot be opened: %s", worker->ghost.home,
				    worker->ghost.name, strerror(-home));
	enclave.home = home;
	r = mount_vault(worker, *ret_driver, &enclave, ret_server, err);
	return r < 0 ? r : tz_enclave_furnish(&enclave, err);
}

/*
 * The init is made a child of the application, so that this process can go. Its end is not hidden by that: execve(2)
 * gives it SIGCHLD as its exit signal; the PAM module takes care that the application does not hear of it.
 */
static int spawn_init(const struct tz_init_params *params, int *ret_pidfd, struct tz_error *err)
{
	int pidfd = -1;
	struct clone_args clone = { .flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd };
	long pid = syscall(SYS_clone3, &clone, sizeof(clone));

	if (pid < 0)
		return tz_error_set(err, errno, "the session's first process cannot be started: %m");
	if (pid == 0) {
		(void)tz_init_exec(params);
		_exit(1);
	}
	*ret_pidfd = pidfd;
	return 0;
}

/* Only what a process serves has to be flushed: see flush.h. */
static int open_to_flush(const struct tz_worker *worker, int server, int *ret, struct tz_error *err)
{
	_cleanup_close_ int home = -1;
	int vault;

	if (server < 0)
		return 0;
	home = tz_path_open(AT_FDCWD, worker->ghost.home, O_PATH | O_DIRECTORY, 0);
	vault = home < 0 ? home : tz_path_open_beneath(home, worker->settings.mount, O_RDONLY | O_DIRECTORY, 0);
	if (vault < 0)
		return tz_error_set(err, vault, "the vault's root cannot be opened: %s", strerrordesc_np(-vault));
	*ret = vault;
	return 0;
}

/* generation is that of the lock switch when the opening began: nothing watched it until now. */
static int start_init(struct tz_worker *worker, const struct tz_session *session, int server, uint64_t generation,
		      int *ret_pidfd, int *ret_control, struct tz_error *err)
{
	_cleanup_close_ int control_a = -1, control_b = -1, ready_a = -1, ready_b = -1, watch = -1, pidfd = -1;
	_cleanup_close_ int vault = -1;
	uint64_t now;
	int pair[2], r = open_to_flush(worker, server, &vault, err);

	if (r < 0)
		return r;
	watch = tz_lockswitch_watch(err);
	if (watch < 0)
		return watch;
	if (tz_lockswitch_generation(&now) < 0 || now != generation)
		return tz_error_set(err, ECANCELED, "the vault was locked ('tazpod lock') while this session was being opened");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return tz_error_set(err, errno, "no socket for the session: %m");
	control_a = pair[0];
	control_b = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe for the session: %m");
	ready_a = pair[0];
	ready_b = pair[1];
	if (unshare(CLONE_NEWPID) < 0)
		return tz_error_set(err, errno, "no PID namespace can be made: %m");
	r = spawn_init(&(struct tz_init_params){ worker->app_pidfd, control_b, ready_b, watch, server, vault, session }, &pidfd, err);
	tz_closep(&ready_b);
	if (r == 0)
		r = tz_init_wait_ready(ready_a, INIT_TIMEOUT_MS, err);
	if (r < 0) {
		if (pidfd >= 0)
			(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		return r;
	}
	*ret_pidfd = tz_steal_fd(&pidfd);
	*ret_control = tz_steal_fd(&control_a);
	return 0;
}

/* namespaces is /proc/self/ns, opened before the session's own /proc covered ours: we are not in that one. */
static int collect(int namespaces, int fds[static TZ_SESSION_FDS], struct tz_error *err)
{
	fds[TZ_FD_MNT] = openat(namespaces, "mnt", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_IPC] = openat(namespaces, "ipc", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_PID] = openat(namespaces, "pid_for_children", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_ROOT] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (unsigned int i = TZ_FD_MNT; i <= TZ_FD_ROOT; i++)
		if (fds[i] < 0)
			return tz_error_set(err, ENOENT, "the session's namespaces cannot be opened; is /proc mounted?");
	return 0;
}

int tz_worker_open(struct tz_worker *worker, const struct tz_request *request, int fds[static TZ_SESSION_FDS],
		   struct tz_error *err)
{
	_cleanup_close_ int namespaces = -1, server = -1;
	const struct tz_driver *driver;
	struct tz_session session;
	uint64_t generation;
	int r = tz_lockswitch_generation(&generation);

	if (r < 0)
		return tz_error_set(err, r, "there is no lock switch (" TZ_RUN_DIR "/lock): it was removed; try again");
	r = build_enclave(worker, &driver, &server, err);
	if (r < 0)
		return r;
	describe(worker, request, &session);
	(void)snprintf(session.driver, sizeof(session.driver), "%s", driver->name);
	namespaces = open("/proc/self/ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = start_init(worker, &session, server, generation, &fds[TZ_FD_INIT], &fds[TZ_FD_CONTROL], err);
	return r < 0 ? r : collect(namespaces, fds, err);
}
