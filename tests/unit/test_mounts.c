#include "private_ns.h"

#include <sys/inotify.h>
#include <sys/sysmacros.h>

#include "libtazpod/loop.h"
#include "libtazpod/mountpoint.h"
#include "libtazpod/mounts.h"

/* A node of a loop device that is bound to the image; fd keeps it so. */
static void make_loop(const char *image, int flags, const char *node, int *ret_fd)
{
	struct tz_error err = { 0 };
	dev_t rdev;
	int file = open(image, flags | O_CLOEXEC);
	int r;

	CHECK(file >= 0);
	r = tz_loop_attach(file, "tazpod-test", 0, ret_fd, &rdev, &err);
	if (r == -ENODEV || r == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
	CHECK(close(file) == 0 && mknod(node, S_IFBLK | 0600, rdev) == 0);
}

static int mounts_tmpfs(void)
{
	struct tz_error err = { 0 };
	struct stat st;
	int fd;

	make_dir(SCRATCH "/t", 0, 0755);
	fd = open_dir(SCRATCH "/t");
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 0);
	CHECK_CODE(tz_mount_tmpfs(fd, "size=1m,mode=1777", &err), 0, &err);
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 1);
	CHECK(stat(SCRATCH "/t", &st) == 0 && (st.st_mode & 07777) == 01777);
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "rw,nosuid,nodev,relatime");
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "size=1024k");
	/* a descriptor from below the mount: the new one goes on top */
	CHECK_CODE(tz_mount_tmpfs(fd, "size=2m,mode=700", &err), 0, &err);
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "size=2048k");
	CHECK(tz_mount_tmpfs(fd, "size=nonsense", &err) == -EINVAL);
	CHECK(tz_mount_tmpfs(-1, "size=1m", &err) == -ENOENT);
	return 0;
}

static int binds_and_unmounts(void)
{
	struct tz_error err = { 0 };
	int source, target, parent, busy;

	make_dir(SCRATCH "/from", 0, 0755);
	make_dir(SCRATCH "/to", 0, 0755);
	make_file(SCRATCH "/from/file", 0);
	source = open_dir(SCRATCH "/from");
	target = open_dir(SCRATCH "/to");
	parent = open_dir(SCRATCH);
	CHECK_CODE(tz_mount_bind(source, target, &err), 0, &err);
	CHECK(access(SCRATCH "/to/file", F_OK) == 0 && tz_mount_is_root(parent, "to") == 1);
	busy = open(SCRATCH "/to/file", O_RDONLY | O_CLOEXEC);
	CHECK(tz_unmount(parent, "to", &err) == -EBUSY && access(SCRATCH "/to/file", F_OK) == 0);
	CHECK(close(busy) == 0);
	CHECK_CODE(tz_unmount(parent, "to", &err), 0, &err);
	CHECK(access(SCRATCH "/to/file", F_OK) < 0);
	CHECK(tz_unmount(parent, "to", &err) == -EINVAL);
	CHECK(tz_unmount(parent, "none", &err) == -ENOENT);
	/* the last component is not followed */
	CHECK(symlink(SCRATCH, SCRATCH "/link") == 0 && tz_unmount(parent, "link", &err) == -EINVAL);
	return 0;
}

static int enslaved(void *data)
{
	struct tz_error err = { 0 };
	int fd;

	(void)data;
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK_CODE(tz_mount_enslave_all(&err), 0, &err);
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "master:");
	fd = open_dir(SCRATCH "/t");
	CHECK_CODE(tz_mount_tmpfs(fd, "size=1m", &err), 0, &err);
	CHECK(access(SCRATCH "/t/outside", F_OK) < 0);
	return 0;
}

static int does_not_propagate(void)
{
	int status;
	pid_t pid;

	make_dir(SCRATCH "/t", 0, 0755);
	CHECK(mount(SCRATCH "/t", SCRATCH "/t", NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, SCRATCH "/t", NULL, MS_SHARED, NULL) == 0);
	make_file(SCRATCH "/t/outside", 0);
	pid = fork();
	if (pid == 0)
		_exit(enslaved(NULL));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(access(SCRATCH "/t/outside", F_OK) == 0);
	return 0;
}

static int mounts_ext4(void)
{
	struct tz_error err = { 0 };
	int fd, loop;

	make_ext4(SCRATCH "/image", "root_owner=0:0");
	make_dir(SCRATCH "/t", 0, 0755);
	fd = open_dir(SCRATCH "/t");
	make_loop(SCRATCH "/image", O_RDWR, SCRATCH "/node", &loop);
	CHECK_CODE(tz_mount_ext4(SCRATCH "/node", fd, &err), 0, &err);
	CHECK(close(loop) == 0 && access(SCRATCH "/t/lost+found", F_OK) == 0);
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "rw,nosuid,nodev,relatime");
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "- ext4 " SCRATCH "/node rw");
	return 0;
}

static void refuses(const char *node, int code, const char *sentence)
{
	struct tz_error err = { 0 };
	int fd = open_dir(SCRATCH "/t");

	CHECK_CODE(tz_mount_ext4(node, fd, &err), code, &err);
	CHECK_CONTAINS(err.message, sentence);
	CHECK_CONTAINS(err.detail, node);
	CHECK(tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 0 && close(fd) == 0);
}

static int tells_why_not(void)
{
	static char zeros[4096];
	int loop, file;

	make_dir(SCRATCH "/t", 0, 0755);
	refuses(SCRATCH "/none", -ENOENT, "gone");
	make_ext4(SCRATCH "/image", "root_owner=0:0");
	refuses(SCRATCH "/image", -ENOTBLK, "not a block device");
	/* never mounted read-only instead */
	make_loop(SCRATCH "/image", O_RDONLY, SCRATCH "/read-only", &loop);
	refuses(SCRATCH "/read-only", -EACCES, "read-only");
	CHECK(close(loop) == 0);
	/* the group descriptors, in the block behind the superblock's */
	file = open(SCRATCH "/image", O_RDWR | O_CLOEXEC);
	CHECK(file >= 0 && pwrite(file, zeros, sizeof(zeros), 2048) == sizeof(zeros));
	make_loop(SCRATCH "/image", O_RDWR, SCRATCH "/damaged", &loop);
	refuses(SCRATCH "/damaged", -EUCLEAN, "e2fsck");
	CHECK(close(loop) == 0 && pwrite(file, zeros, sizeof(zeros), 0) == sizeof(zeros));
	make_loop(SCRATCH "/image", O_RDWR, SCRATCH "/empty", &loop);
	refuses(SCRATCH "/empty", -EINVAL, "no ext4");
	return 0;
}

/* Helpers that would tell that they ran, and a watch on the tables. */
static int runs_no_helper_and_reads_no_table(void)
{
	static const char script[] = "#!/bin/sh\ntouch " SCRATCH "/ran\n";
	struct tz_error err = { 0 };
	char events[4096] = "";
	int fd, watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ssize_t n;

	CHECK(mount("sbin", "/usr/sbin", "tmpfs", 0, NULL) == 0);
	fd = open("/usr/sbin/mount.tmpfs", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	CHECK(fd >= 0 && write(fd, script, strlen(script)) == (ssize_t)strlen(script) && close(fd) == 0);
	CHECK(mount("etc", "/etc", "tmpfs", 0, NULL) == 0 && mount("run", "/run", "tmpfs", 0, NULL) == 0);
	make_dir("/run/mount", 0, 0755);
	make_file("/run/mount/utab", 0);
	make_file("/etc/fstab", 0);
	CHECK(inotify_add_watch(watch, "/etc/fstab", IN_ALL_EVENTS) >= 0);
	CHECK(inotify_add_watch(watch, "/run/mount", IN_ALL_EVENTS) >= 0);
	make_dir(SCRATCH "/t", 0, 0755);
	fd = open_dir(SCRATCH "/t");
	CHECK_CODE(tz_mount_tmpfs(fd, "size=1m", &err), 0, &err);
	CHECK_CODE(tz_mount_bind(fd, fd, &err), 0, &err);
	CHECK_CODE(tz_mount_enslave_all(&err), 0, &err);
	n = read(watch, events, sizeof(events));
	CHECK(n < 0 && errno == EAGAIN);
	CHECK(access(SCRATCH "/ran", F_OK) < 0 && tz_mount_is_root(AT_FDCWD, SCRATCH "/t") == 1);
	return 0;
}

struct seen {
	int id;
	int count;
	char source[32];
};

static int look(void *data, const struct tz_mount_entry *entry)
{
	struct seen *seen = data;

	seen->count++;
	if (entry->id != seen->id)
		return 0;
	(void)snprintf(seen->source, sizeof(seen->source), "%s", entry->source);
	return 42;
}

static int lists(void)
{
	struct seen seen = { 0 };
	struct tz_error err = { 0 };
	int fd = open_dir(SCRATCH);

	CHECK(tz_mount_id(fd, &seen.id) == 0);
	CHECK_CODE(tz_mounts_each(look, &seen, &err), 42, &err);
	CHECK(strcmp(seen.source, "scratch") == 0 && seen.count > 1);
	seen.id = -1;
	CHECK_CODE(tz_mounts_each(look, &seen, &err), 0, &err);
	CHECK(tz_mount_is_idmapped(fd) == 0);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(mounts_tmpfs)
TEST(binds_and_unmounts)
TEST(does_not_propagate)
TEST(mounts_ext4)
TEST(tells_why_not)
TEST(runs_no_helper_and_reads_no_table)
TEST(lists)

static int unprivileged(void *data)
{
	struct tz_error err = { 0 };
	int fd;

	(void)data;
	CHECK(unit_become_nobody() == 0);
	fd = open_dir("/");
	CHECK_CODE(tz_mount_tmpfs(fd, "size=1m", &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "CAP_SYS_ADMIN");
	CHECK_CODE(tz_mount_bind(fd, fd, &err), -EPERM, &err);
	CHECK_CODE(tz_mount_enslave_all(&err), -EPERM, &err);
	return 0;
}

static void test_unprivileged(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(unprivileged, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_tmpfs),
		cmocka_unit_test(test_binds_and_unmounts),
		cmocka_unit_test(test_does_not_propagate),
		cmocka_unit_test(test_mounts_ext4),
		cmocka_unit_test(test_tells_why_not),
		cmocka_unit_test(test_runs_no_helper_and_reads_no_table),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_unprivileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
