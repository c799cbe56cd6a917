#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "confine.h"
#include "cryptomem.h"
#include "exec.h"
#include "path.h"
#include "payload.h"
#include "privileges.h"
#include "secret.h"
#include "serve_memory.h"
#include "serve_requests.h"
#include "server.h"

/* A thread waits for the disk most of the time, so there may be more than processors; each has 2 MiB of buffers. */
#define THREADS 8
#define STACK_SIZE (256 * 1024)
#define PAYLOAD_ROOM (TZ_SERVE_REQUEST_MAX + TZ_PAYLOAD_MORE)
#define THREAD_ROOM (PAYLOAD_ROOM + TZ_SERVE_BUFFER_SIZE)
#define MEMORY_SIZE (THREADS * THREAD_ROOM)

struct server {
	struct tz_server_setup setup;
	struct fuse_session *session;
	pthread_barrier_t running; /* all threads, and the one that starts them */
	uint8_t *memory; /* in one piece, so that it fills huge pages */
	struct thread {
		pthread_t id;
		struct tz_payload payload;
		void *buffer, *stack;
		struct server *server;
	} thread[THREADS];
};

static int answer(const struct tz_error *err)
{
	ssize_t n;

	do
		n = send(TZ_SERVER_SOCKET_FD, err, sizeof(*err), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int receive_setup(struct tz_server_setup *ret, struct tz_secret *ret_key, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret room = TZ_SECRET_INIT;
	struct tz_server_setup setup;
	struct iovec parts[2] = { { .iov_base = &setup, .iov_len = sizeof(setup) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;
	int r = tz_secret_alloc(&room, TZ_VOLUME_KEY_MAX);

	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for the key: %s", strerrordesc_np(-r));
	parts[1] = (struct iovec){ .iov_base = room.data, .iov_len = room.size };
	do
		n = recvmsg(TZ_SERVER_SOCKET_FD, &message, 0);
	while (n < 0 && errno == EINTR);
	if (n <= (ssize_t)sizeof(setup) || (message.msg_flags & MSG_TRUNC))
		return tz_error_set(err, EBADMSG, "the vault's server was not told what to serve");
	setup.file[sizeof(setup.file) - 1] = '\0';
	r = tz_secret_copy(ret_key, room.data, (size_t)n - sizeof(setup));
	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for the key: %s", strerrordesc_np(-r));
	*ret = setup;
	return 0;
}

/*
 * Who started the session may have set itself limits, which a container does not let us lift. Better no session than one
 * that cannot write everywhere, or whose server is killed once it has worked for so long.
 */
static int check_limits(const struct tz_payload_geometry *geometry, struct tz_error *err)
{
	struct rlimit limit, time;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || getrlimit(RLIMIT_CPU, &time) < 0)
		return tz_error_set(err, errno, "the limits of the vault's server cannot be told: %m");
	if (time.rlim_cur != RLIM_INFINITY)
		return tz_error_set(err, EPERM, "there is a limit for processor time (ulimit -t), which would end the vault's "
				    "server; lift it, and try again");
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < geometry->offset + geometry->size)
		return tz_error_set(err, EFBIG, "the limit for the size of files (ulimit -f) is smaller than the vault; raise it, "
				    "and try again");
	return 0;
}

static int prepare_thread(struct server *server, unsigned int number, const struct tz_secret *key, struct tz_error *err)
{
	struct thread *thread = &server->thread[number];
	uint8_t *room = server->memory + number * THREAD_ROOM;
	int r = tz_payload_init(&thread->payload, TZ_SERVER_IMAGE_FD, &server->setup.geometry, key, room, TZ_SERVE_REQUEST_MAX);

	if (r == -EINVAL)
		return tz_error_set(err, r, "the vault's header or key makes no sense: the size of its sectors, where its data "
				    "is, or a key whose halves are the same");
	if (r < 0)
		return tz_error_set(err, r, "the vault's cipher cannot be set up: %s", strerrordesc_np(-r));
	thread->buffer = room + PAYLOAD_ROOM;
	thread->stack = tz_serve_memory_stack(STACK_SIZE);
	return thread->stack ? 0 : tz_error_set(err, ENOMEM, "there is not enough memory for the vault's server");
}

/* Everything that has a key in it or takes much memory, before there are limits or pressure. */
static int prepare(struct server *server, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	int r = tz_cryptomem_install(err);

	if (r == 0)
		r = receive_setup(&server->setup, &key, err);
	if (r == 0)
		r = check_limits(&server->setup.geometry, err);
	if (r < 0)
		return r;
	server->memory = tz_serve_memory(MEMORY_SIZE);
	if (!server->memory)
		return tz_error_set(err, ENOMEM, "there is not enough memory for the vault's server");
	for (unsigned int i = 0; r == 0 && i < THREADS; i++)
		r = prepare_thread(server, i, &key, err);
	return r;
}

/*
 * It writes what the kernel wants to get rid of, so it should be the last to be short of memory. Where that is not
 * allowed (CAP_SYS_RESOURCE), direct I/O and memory that is there already have to do.
 */
static void favour(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)tz_write_all(fd, "-1000", 5);
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

/*
 * The first session starts it, later ones share it. So what that one was put into shall not be its fate: a login's control
 * group, which may be ended as a whole, or a low priority.
 */
static void leave_session(void)
{
	_cleanup_close_ int fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)tz_write_all(fd, "0", 1);
	(void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	(void)setpriority(PRIO_PROCESS, 0, 0);
	/* away from the terminal's signals; it may be a leader already */
	(void)setsid();
}

/*
 * Opened now, since neither can be opened later. A log that does not take a line must not hold up a thread, so the socket,
 * which openlog() does not show, is made one that does not wait: it has the lowest free number.
 */
static int open_log(struct tz_error *err)
{
	int next = dup(STDIN_FILENO), flags;

	if (next < 0 || close(next) < 0)
		return tz_error_set(err, errno, "the vault's server cannot open its log: %m");
	tzset();
	openlog(TZ_SERVER_NAME, LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	flags = fcntl(next, F_GETFL);
	/* there may be no log at all */
	if (flags >= 0 && fcntl(next, F_SETFL, flags | O_NONBLOCK) < 0)
		return tz_error_set(err, errno, "the vault's server cannot open its log: %m");
	return 0;
}

/* All signals are blocked in all threads; those that a fault of our own brings kill nevertheless. */
static int settle(struct tz_error *err)
{
	sigset_t all;
	int r = tz_exec_null_stdio();

	if (r < 0)
		return tz_error_set(err, r, "the vault's server has no /dev/null: %s", strerrordesc_np(-r));
	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return tz_error_set(err, errno, "the vault's server cannot block signals: %m");
	if (prctl(PR_SET_NAME, TZ_SERVER_NAME, 0, 0, 0) < 0)
		return tz_error_set(err, errno, "the vault's server cannot start: %m");
	r = open_log(err);
	if (r < 0)
		return r;
	leave_session();
	favour();
	tz_serve_memory_settle();
	return 0;
}

static void *run(void *data)
{
	struct thread *thread = data;

	(void)pthread_barrier_wait(&thread->server->running);
	tz_serve_requests(thread->server->session, &thread->payload, thread->buffer);
	return NULL;
}

/* The C library sets a thread up with calls that are not allowed later, so all of them have to be there before that. */
static int start_threads(struct server *server, struct tz_error *err)
{
	pthread_attr_t attributes;

	if (pthread_barrier_init(&server->running, NULL, THREADS + 1) != 0 || pthread_attr_init(&attributes) != 0)
		return tz_error_set(err, ENOMEM, "the vault's server cannot start threads");
	for (unsigned int i = 0; i < THREADS; i++) {
		struct thread *thread = &server->thread[i];
		int r = pthread_attr_setstack(&attributes, thread->stack, STACK_SIZE);

		thread->server = server;
		if (r == 0)
			r = pthread_create(&thread->id, &attributes, run, thread);
		if (r != 0)
			return tz_error_set(err, r, "the vault's server cannot start a thread: %s", strerrordesc_np(r));
	}
	(void)pthread_barrier_wait(&server->running);
	return 0;
}

static int begin(struct server *server, struct tz_error *err)
{
	int r;

	if (close_range(TZ_SERVER_FDS_END, ~0U, 0) < 0 || fcntl(TZ_SERVER_IMAGE_FD, F_GETFD) < 0 ||
	    fcntl(TZ_SERVER_FUSE_FD, F_GETFD) < 0)
		return tz_error_set(err, EBADF, "the vault's server was started without its descriptors");
	r = prepare(server, err);
	if (r == 0)
		r = settle(err);
	if (r == 0)
		r = tz_confine_namespaces(err);
	if (r == 0)
		r = tz_privileges_drop(0, "the vault's server", err);
	if (r == 0)
		r = tz_serve_begin(TZ_SERVER_FUSE_FD, server->setup.file, server->setup.geometry.size, &server->session, err);
	return r < 0 ? r : start_threads(server, err);
}

/* 0: somebody uses it from here on. Else nobody will: the file system is going already, for want of its starter. */
static int settle_place(struct tz_error *err)
{
	uint32_t loop;
	ssize_t n;
	int r;

	do
		n = recv(TZ_SERVER_SOCKET_FD, &loop, sizeof(loop), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(loop))
		return tz_error_set(err, EPIPE, "the vault's server was not told its loop device");
	r = tz_server_hold(TZ_SERVER_IMAGE_FD, loop);
	if (r < 0)
		return tz_error_set(err, r, "the image cannot be locked: %s", strerrordesc_np(-r));
	return tz_confine_calls(TZ_SERVER_FUSE_FD, TZ_SERVER_IMAGE_FD, err);
}

int tz_serve_main(void)
{
	static struct server server;
	struct tz_error err = { 0 };
	int r = begin(&server, &err);

	/* first, that it serves; then, that it holds the lock; or, of either, the error */
	if (r == 0)
		r = answer(&err);
	if (r == 0)
		r = settle_place(&err);
	(void)answer(&err);
	(void)close(TZ_SERVER_SOCKET_FD);
	if (r < 0)
		return 1;
	for (unsigned int i = 0; i < THREADS; i++) {
		(void)pthread_join(server.thread[i].id, NULL);
		tz_payload_free(&server.thread[i].payload);
	}
	explicit_bzero(server.memory, MEMORY_SIZE);
	return 0;
}
