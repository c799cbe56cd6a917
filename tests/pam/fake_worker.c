/*
 * A stand-in for tazpod-worker, for the tests of the PAM module only: it opens nothing and knows no vault. It plays
 * the script of script.h, and reports what it was asked and how it was started. The session that it makes is one of
 * real namespaces, so that the module really enters and leaves them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "script.h"

static struct report *report;

/* A test sees only that the worker ended, and finds the reason in its log. */
static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "# the scripted worker: %s: %m\n", what);
	exit(1);
}

static void *map_file(const char *path, size_t size, int protection)
{
	int fd = open(path, (protection & PROT_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, size, protection, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		give_up(path);
	(void)close(fd);
	return memory;
}

static uint64_t status_mask(const char *name)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			return strtoull(line + strlen(name), NULL, 16);
	give_up(name);
}

static void report_surroundings(int argc, char **argv, uint64_t descriptors)
{
	int death_signal = 0;

	report->starts++;
	report->worker = getpid();
	report->descriptors = descriptors;
	if (getresuid(&report->uids[0], &report->uids[1], &report->uids[2]) < 0 ||
	    getresgid(&report->gids[0], &report->gids[1], &report->gids[2]) < 0 ||
	    prctl(PR_GET_PDEATHSIG, &death_signal) < 0)
		give_up("who am I");
	report->death_signal = (uint32_t)death_signal;
	report->environment = 0;
	while (environ && environ[report->environment])
		report->environment++;
	report->arguments = (uint32_t)argc;
	for (int i = 0; i < argc && i < 4; i++)
		(void)snprintf(report->argument[i], sizeof(report->argument[i]), "%s", argv[i]);
	report->blocked = status_mask("SigBlk:");
	report->ignored = status_mask("SigIgn:");
}

static uint64_t open_descriptors(void)
{
	uint64_t found = 0;

	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			found |= UINT64_C(1) << fd;
	return found;
}

static void take(uint32_t op)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	struct report_request *asked = &report->asked[report->requests];
	int r;

	if (report->requests == REPORT_REQUESTS)
		give_up("too many requests for one test");
	r = tz_protocol_receive_request(TZ_WORKER_FD, &asked->request, &secret);
	if (r == -EPIPE)
		exit(0);
	if (r < 0)
		give_up("a request that cannot be read");
	if (secret.data)
		(void)snprintf(asked->secret, sizeof(asked->secret), "%s", (const char *)secret.data);
	report->requests++;
	if (asked->request.op != op) {
		report->surprises++;
		exit(4);
	}
}

/* The first process of the session: it ends when it is told to, or when nobody can tell it any more. */
static _Noreturn void be_init(int control, uint32_t kind)
{
	char byte;

	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(control, 0) < 0 || close_range(1, ~0U, 0) < 0 || kind == SESSION_OVER)
		_exit(1);
	while (read(0, &byte, 1) == 1)
		if (byte == TZ_CONTROL_END && kind != SESSION_DEAF)
			_exit(0);
	_exit(0);
}

static void start_init(uint32_t kind, int fds[static TZ_SESSION_FDS])
{
	int control[2], pidfd = -1;
	struct clone_args clone = { .flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd };
	long pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 || unshare(CLONE_NEWPID) < 0)
		give_up("no PID namespace");
	pid = syscall(SYS_clone3, &clone, sizeof(clone));
	if (pid == 0)
		be_init(control[1], kind);
	if (pid < 0)
		give_up("no init");
	report->init = (int32_t)pid;
	(void)close(control[1]);
	fds[TZ_FD_INIT] = pidfd;
	fds[TZ_FD_CONTROL] = control[0];
}

static void make_session(const struct script_step *step)
{
	int fds[TZ_SESSION_FDS] = { -1, -1, -1, -1, -1, -1 };
	int namespaces = open("/proc/self/ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("inner", INNER_ROOT, "tmpfs", 0, "mode=0755") < 0 || chdir(INNER_ROOT) < 0 || chroot(".") < 0 ||
	    mknod("/inside", S_IFREG | 0644, 0) < 0)
		give_up("no session");
	start_init(step->session, fds);
	fds[TZ_FD_MNT] = openat(namespaces, "mnt", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_IPC] = openat(namespaces, step->session == SESSION_CROOKED ? "." : "ipc", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_PID] = openat(namespaces, "pid_for_children", O_RDONLY | O_CLOEXEC);
	fds[TZ_FD_ROOT] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tz_protocol_send_reply(TZ_WORKER_FD, &step->reply, fds, TZ_SESSION_FDS) < 0)
		give_up("the session cannot be handed over");
}

static void send_stray(const struct script_step *step)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || tz_protocol_send_reply(TZ_WORKER_FD, &step->reply, &fd, 1) < 0)
		give_up("a descriptor cannot be sent");
	(void)close(fd);
}

static void play(const struct script_step *step)
{
	switch (step->act) {
	case SCRIPT_TAKE:
		take(step->op);
		return;
	case SCRIPT_SEND:
		if (tz_protocol_send_reply(TZ_WORKER_FD, &step->reply, NULL, 0) < 0)
			give_up("a reply cannot be sent");
		return;
	case SCRIPT_SESSION:
		if (step->session != SESSION_EMPTY)
			make_session(step);
		else if (tz_protocol_send_reply(TZ_WORKER_FD, &step->reply, NULL, 0) < 0)
			give_up("a reply cannot be sent");
		return;
	case SCRIPT_STRAY:
		send_stray(step);
		return;
	case SCRIPT_GARBAGE:
		if (send(TZ_WORKER_FD, "garbage", 7, MSG_NOSIGNAL) != 7)
			give_up("garbage cannot be sent");
		return;
	case SCRIPT_DIE:
		_exit(3);
	case SCRIPT_LINGER:
		for (;;)
			(void)pause();
	default: /* SCRIPT_END */
		take(0);
	}
}

int main(int argc, char **argv)
{
	uint64_t descriptors = open_descriptors();
	const struct script *script = map_file(SCRIPT_FILE, sizeof(*script), PROT_READ);

	report = map_file(REPORT_FILE, sizeof(*report), PROT_READ | PROT_WRITE);
	report_surroundings(argc, argv, descriptors);
	for (const struct script_step *step = script->steps;; step += step->act == SCRIPT_END ? 0 : 1)
		play(step);
}
