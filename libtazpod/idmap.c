#include "idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

#define NO_ID UINT32_MAX
/* Each line: three numbers of ten digits. */
#define MAP_TEXT (TZ_IDMAP_EXTENTS * 36)

static int add_extent(struct tz_idmap_extent *extents, int used, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (count == 0)
		return used;
	extents[used] = (struct tz_idmap_extent){ inside, outside, count };
	return used + 1;
}

int tz_idmap_extents(uint32_t a, uint32_t b, struct tz_idmap_extent ret[static TZ_IDMAP_EXTENTS])
{
	uint32_t low = a < b ? a : b, high = a < b ? b : a;
	int used = 0;

	if (high == NO_ID)
		return -EINVAL;
	used = add_extent(ret, used, 0, 0, low);
	used = add_extent(ret, used, low, high, 1);
	if (low == high)
		return add_extent(ret, used, low + 1, low + 1, NO_ID - low - 1);
	used = add_extent(ret, used, low + 1, low + 1, high - low - 1);
	used = add_extent(ret, used, high, low, 1);
	/* -1 is not an id: the last one is NO_ID - 1 */
	return add_extent(ret, used, high + 1, high + 1, NO_ID - high - 1);
}

/* The kernel takes a map in one write, once. */
static int write_map(pid_t pid, const char *file, uint32_t a, uint32_t b)
{
	struct tz_idmap_extent extents[TZ_IDMAP_EXTENTS];
	_cleanup_close_ int fd = -1;
	char path[64], text[MAP_TEXT];
	size_t used = 0;
	ssize_t n;
	int count = tz_idmap_extents(a, b, extents);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u %u\n", extents[i].inside,
					 extents[i].outside, extents[i].count);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, used);
	if (n < 0)
		return -errno;
	return (size_t)n == used ? 0 : -EIO;
}

union one_fd {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* fd -1: its errno is sent as the byte instead, which is otherwise 0. */
static int send_fd(int socket, int fd)
{
	char code = fd < 0 ? (char)errno : 0;
	struct iovec part = { .iov_base = &code, .iov_len = 1 };
	union one_fd control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char code = 0;
	struct iovec part = { .iov_base = &code, .iov_len = 1 };
	union one_fd control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (n != 1 || code != 0 || !header || header->cmsg_type != SCM_RIGHTS)
		return n == 1 && code != 0 ? -code : -EPIPE;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/*
 * A child in a new user namespace that opens this, hands it over, and waits for the end of the socket, which our death
 * brings as well. clone() directly, without a stack of its own: no thread is needed, and no pthread_atfork() handler
 * runs. The exit signal is none, so that a program's own SIGCHLD and wait() do not see it. It opens its namespace itself:
 * who looks into another process that cannot be dumped needs CAP_SYS_PTRACE.
 */
static pid_t start_child(int ours, int theirs)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER, NULL, NULL, NULL, NULL);
	char byte;

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	(void)close(ours);
	if (send_fd(theirs, open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC)) < 0)
		_exit(1);
	_exit(read(theirs, &byte, 1) == 0 ? 0 : 1);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static void close_pair(int (*pair)[2])
{
	tz_closep(&(*pair)[0]);
	tz_closep(&(*pair)[1]);
}

int tz_idmap_userns(const struct tz_idmap *map, struct tz_error *err)
{
	tz_cleanup(close_pair) int pair[2] = { -1, -1 };
	const char *step = "clone";
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return tz_error_set(err, errno, "no socket can be made: %m");
	pid = start_child(pair[0], pair[1]);
	r = pid < 0 ? pid : 0;
	if (r == 0) {
		step = "uid_map";
		r = write_map(pid, step, map->uid_a, map->uid_b);
	}
	if (r == 0) {
		step = "gid_map";
		r = write_map(pid, step, map->gid_a, map->gid_b);
	}
	if (r == 0) {
		step = "the namespace";
		r = receive_fd(pair[0]);
	}
	if (pid > 0) {
		tz_closep(&pair[1]);
		tz_closep(&pair[0]);
		reap(pid);
	}
	if (r >= 0)
		return r;
	r = tz_error_set(err, r, "no user namespace for an id mapping can be made: %s", strerrordesc_np(-r));
	(void)tz_error_detail(err, "%s: errno %d", step, -r);
	return r;
}

/* One code for "it cannot be done here", whatever the kernel calls it; the detail keeps the difference. */
static int cannot(struct tz_error *err, const char *call, int code)
{
	switch (code) {
	case EINVAL:     /* the file system has no idmapped mounts */
	case EPERM:      /* not root over it, or it is mapped already */
	case ENOSYS:     /* a kernel before 5.12, or a seccomp profile */
	case ENOSPC:     /* no (more) user namespaces allowed */
	case EUSERS:
	case EOPNOTSUPP:
		(void)tz_error_set(err, EOPNOTSUPP, "this kernel or file system cannot map user ids");
		(void)tz_error_detail(err, "%s: errno %d", call, code);
		return -EOPNOTSUPP;
	default:
		return tz_error_set(err, code, "user ids cannot be mapped: %s: %s", call, strerrordesc_np(code));
	}
}

int tz_idmap_clone(int source, const struct tz_idmap *map, struct tz_error *err)
{
	_cleanup_close_ int userns = -1, tree = -1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

	userns = tz_idmap_userns(map, err);
	if (userns < 0)
		return cannot(err, "user namespace", -userns);
	tree = open_tree(source, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return cannot(err, "open_tree", errno);
	attr.userns_fd = (unsigned int)userns;
	/* not recursive: a mount below may be of a file system that cannot be mapped, and masks need no mapping */
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return cannot(err, "mount_setattr", errno);
	return tz_steal_fd(&tree);
}

int tz_idmap_attach(int tree, int target, struct tz_error *err)
{
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return tz_error_set(err, errno, "a mapped directory cannot be mounted: %m");
	return 0;
}
