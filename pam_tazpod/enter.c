#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "cleanup.h"
#include "protocol.h"

void tz_pam_place_close(struct tz_pam_place *place)
{
	tz_closep(&place->mnt);
	tz_closep(&place->ipc);
	tz_closep(&place->pid);
	tz_closep(&place->root);
	tz_closep(&place->cwd);
}

static int remember(struct tz_pam_place *ret)
{
	ret->mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	ret->ipc = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	ret->pid = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
	ret->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->mnt < 0 || ret->ipc < 0 || ret->pid < 0 || ret->root < 0 ? -ENOENT : 0;
}

static int keep_first(int first, int result)
{
	return first < 0 ? first : result < 0 ? -errno : 0;
}

int tz_pam_leave(struct tz_pam_place *before)
{
	int r = 0;

	if (before->mnt < 0)
		return 0;
	r = keep_first(r, setns(before->pid, CLONE_NEWPID));
	r = keep_first(r, setns(before->ipc, CLONE_NEWIPC));
	r = keep_first(r, setns(before->mnt, CLONE_NEWNS));
	r = keep_first(r, fchdir(before->root));
	r = keep_first(r, chroot("."));
	if (before->cwd >= 0)
		r = keep_first(r, fchdir(before->cwd));
	tz_pam_place_close(before);
	return r;
}

int tz_pam_enter(const int *fds, struct tz_pam_place *ret_before, struct tz_error *err)
{
	struct tz_pam_place before = TZ_PAM_PLACE_INIT;
	int r = remember(&before);

	if (r < 0) {
		tz_pam_place_close(&before);
		return tz_error_set(err, r, "the own namespaces cannot be opened; is /proc mounted?");
	}
	/* The kernel puts us at the root of the whole namespace; the worker's root is ours. */
	if (setns(fds[TZ_FD_MNT], CLONE_NEWNS) < 0 || fchdir(fds[TZ_FD_ROOT]) < 0 || chroot(".") < 0 ||
	    setns(fds[TZ_FD_IPC], CLONE_NEWIPC) < 0 || setns(fds[TZ_FD_PID], CLONE_NEWPID) < 0) {
		r = tz_error_set(err, errno, "the session's namespaces cannot be joined: %m");
		(void)tz_pam_leave(&before);
		return r;
	}
	*ret_before = before;
	return 0;
}
