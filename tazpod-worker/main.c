/*
 * tazpod-worker: the one program of TazPod that works as root.
 *
 * 1. It is started by pam_tazpod.so alone, with fork and exec, as unix_chkpwd is: real and effective uid 0, an empty
 *    environment, one socket, no terminal. It is never setuid.
 * 2. Its requests are fixed structures; no path ever comes from a user.
 * 3. It dies with the application, and when it dies nothing it made outlives it: see enclave.h and driver.h.
 * 4. As "tazpod-init" it is the first process of an enclave: see init.h. As "tazpod-server" it serves the payload to the
 *    user-space driver, which started it: see serve.h. As "tazpod-container" it is the first process of a container: see
 *    container.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "dmenv.h"
#include "exec.h"
#include "init.h"
#include "protocol.h"
#include "secret.h"
#include "serve.h"
#include "server.h"
#include "session.h"
#include "sessions.h"

static const char usage[] = "tazpod-worker is started by pam_tazpod.so, not by hand; see pam_tazpod(8).\n";

static bool is_socket(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/* Standard descriptors on /dev/null, no terminal, no descriptor but the socket. */
static int detach_from_caller(void)
{
	int r = tz_exec_null_stdio();

	if (r < 0)
		return r;
	if (close_range(TZ_WORKER_FD + 1, ~0U, 0) < 0)
		return -errno;
	if (fcntl(TZ_WORKER_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	/* Ctrl-C is for the application; when it goes, its end of the socket does. */
	if (setsid() < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

/* Limits that the caller set for itself are not for us: a small file size limit must not tear a header write. */
static void lift_limits(void)
{
	static const int limits[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK };
	static const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;

		/* Without CAP_SYS_RESOURCE the hard limit is as far as it goes; what then fails, fails closed. */
		if (setrlimit((__rlimit_resource_t)limits[i], &none) < 0 &&
		    getrlimit((__rlimit_resource_t)limits[i], &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			(void)setrlimit((__rlimit_resource_t)limits[i], &limit);
		}
	}
}

/* Where all memory may be locked: key material in a library's buffers shall not reach the swap either. */
static void lock_memory(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY)
		(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static int harden(void)
{
	lift_limits();
	lock_memory();
	umask(077);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -errno;
	return tz_secret_harden_process();
}

static int serve(int argc, char **argv)
{
	static const char option[] = "--config=";
	const char *settings = NULL;

	if (argc == 3 && strncmp(argv[2], option, strlen(option)) == 0)
		settings = argv[2] + strlen(option);
	else if (argc != 2)
		return 2;
	if (tz_dmenv_ensure(argv) < 0 || detach_from_caller() < 0 || harden() < 0)
		return 1;
	return tz_worker_serve(TZ_WORKER_FD, settings);
}

int main(int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], TZ_INIT_NAME) == 0 && getpid() == 1)
		return tz_init_main(argc, argv);
	if (argc == 1 && strcmp(argv[0], TZ_SERVER_NAME) == 0 && getuid() == 0 && is_socket(TZ_SERVER_SOCKET_FD))
		return harden() < 0 ? 1 : tz_serve_main();
	if (argc == 1 && strcmp(basename(argv[0]), TZ_CONTAINER_NAME) == 0 && getpid() == 1 && getuid() == 0)
		return tz_container_main();
	if (argc < 2 || strcmp(argv[1], "session") != 0 || getuid() != 0 || geteuid() != 0 ||
	    !is_socket(TZ_WORKER_FD)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	return serve(argc, argv);
}
