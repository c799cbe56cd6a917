#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"

/* A place that is there on every system, to mount the new root on before it is moved. */
#define ANYWHERE "/proc"

/* The tmpfs is moved over the old root, since pivot_root(2) is not among the calls that a container usually allows. */
static int change_root(void)
{
	if (mount("tazpod", ANYWHERE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "mode=0500,size=4k") < 0 ||
	    chdir(ANYWHERE) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		return -errno;
	return 0;
}

/* With the old root all that was mounted on it goes; the new one, too, is held by this process alone from then on. */
int tz_confine_namespaces(struct tz_error *err)
{
	_cleanup_close_ int old = -1;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return tz_error_set(err, errno, "the vault's server gets no namespaces of its own: %m");
	old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || change_root() < 0)
		return tz_error_set(err, errno, "the vault's server gets no root of its own: %m");
	if (fchdir(old) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return tz_error_set(err, errno, "the vault's server cannot let go of what is mounted: %m");
	return 0;
}

static void release_filter(scmp_filter_ctx *filter)
{
	seccomp_release(*filter);
}

static int allow(scmp_filter_ctx filter)
{
	static const int calls[] = {
		/* memory: malloc, in the C library and in libfuse */
		SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise),
		/* threads, and their end */
		SCMP_SYS(futex), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
		SCMP_SYS(sched_yield), SCMP_SYS(exit), SCMP_SYS(exit_group),
		/* the starter's socket, once it has its answer */
		SCMP_SYS(close),
		/* syslog, on the socket that is open already */
		SCMP_SYS(sendto), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(clock_gettime),
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}

/* These, on one descriptor each. */
static int allow_on(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd));
}

/* New memory, but none that can be executed. */
static int allow_data(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* EPERM rather than death: a call that some C library makes and ours did not is no reason to lose what is being written. */
int tz_confine_calls(int fuse, int image, struct tz_error *err)
{
	tz_cleanup(release_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = allow(filter);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(read), fuse);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(writev), fuse);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(pread64), image);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(pwrite64), image);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(fdatasync), image);
	if (r == 0)
		r = allow_data(filter, SCMP_SYS(mmap));
	if (r == 0)
		r = allow_data(filter, SCMP_SYS(mprotect));
	if (r == 0)
		r = seccomp_load(filter);
	return r < 0 ? tz_error_set(err, r, "the vault's server cannot give up system calls: %s", strerrordesc_np(-r)) : 0;
}
