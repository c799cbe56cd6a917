/*
 * For tests that mount: each runs in a child with a mount namespace of its own, a slave of the machine's, in which
 * /mnt is an empty scratch tmpfs. What it mounts goes with it. In such a child cmocka's assertions cannot be used:
 * CHECK() tells and ends it.
 */
#ifndef TAZPOD_UNIT_PRIVATE_NS_H
#define TAZPOD_UNIT_PRIVATE_NS_H

#include "unit.h"

#include <sched.h>
#include <sys/mount.h>

#include "libtazpod/cleanup.h"

#define SCRATCH "/mnt"
#define EXIT_SKIP 77

#define CHECK(condition)                                                                            \
	do {                                                                                        \
		if (!(condition)) {                                                                 \
			(void)fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__,         \
				      #condition, errno);                                           \
			_exit(1);                                                                   \
		}                                                                                   \
	} while (0)

/* The call gives a number that should be `wanted`; the error's text is shown when it is not. */
#define CHECK_CODE(call, wanted, err)                                                               \
	do {                                                                                        \
		int got_ = (call);                                                                  \
		if (got_ != (wanted)) {                                                             \
			(void)fprintf(stderr, "%s:%d: %s gave %d: %s (%s)\n", __FILE__, __LINE__,   \
				      #call, got_, (err)->message, (err)->detail);                  \
			_exit(1);                                                                   \
		}                                                                                   \
	} while (0)

#define CHECK_CONTAINS(text, part)                                                                  \
	do {                                                                                        \
		if (!strstr(text, part)) {                                                          \
			(void)fprintf(stderr, "%s:%d: \"%s\" is not in \"%s\"\n", __FILE__,         \
				      __LINE__, part, text);                                        \
			_exit(1);                                                                   \
		}                                                                                   \
	} while (0)

UNIT_UNUSED static int enter_private_ns(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return EXIT_SKIP;
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0);
	CHECK(mount("scratch", SCRATCH, "tmpfs", 0, "mode=755") == 0);
	umask(022);
	return 0;
}

struct private_work {
	int (*work)(void);
};

UNIT_UNUSED static int do_private_work(void *data)
{
	const struct private_work *work = data;
	int r = enter_private_ns();

	return r ? r : work->work();
}

/* Runs work in its child; skips where that needs root, or more than root has here. */
#define in_private_ns(function)                                                                     \
	do {                                                                                        \
		struct private_work work_ = { function };                                           \
		int status_;                                                                        \
		if (geteuid() != 0)                                                                 \
			unit_skip("mount namespaces need root");                                    \
		status_ = unit_in_child(do_private_work, &work_);                                   \
		if (status_ == EXIT_SKIP)                                                           \
			unit_skip("no mount namespace, or a feature of a newer kernel is missing"); \
		assert_int_equal(status_, 0);                                                       \
	} while (0)

/* The tests, and main(): list is a macro that gives each function, which returns 0, to the macro that it is given. */
#define private_ns_test_(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
#define private_ns_row_(function) cmocka_unit_test(test_##function),
#define PRIVATE_NS_MAIN(list)                                                                       \
	list(private_ns_test_)                                                                      \
	int main(void)                                                                              \
	{                                                                                           \
		const struct CMUnitTest tests[] = { list(private_ns_row_) };                        \
		return cmocka_run_group_tests(tests, NULL, NULL);                                   \
	}

/* As the child of a child, first process of a new PID namespace; its exit status. */
UNIT_UNUSED static int in_pid_ns(int (*work)(void *data), void *data)
{
	int status;
	pid_t pid;

	CHECK(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(work(data));
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

UNIT_UNUSED static void make_dir(const char *path, uid_t owner, mode_t mode)
{
	CHECK(mkdir(path, 0700) == 0);
	CHECK(chown(path, owner, owner) == 0 && chmod(path, mode) == 0);
}

UNIT_UNUSED static void make_file(const char *path, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, "text\n", 5) == 5 && fchown(fd, owner, owner) == 0 && close(fd) == 0);
}

UNIT_UNUSED static int open_dir(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

/* The owner of path, which is no symlink to follow; -1 when there is nothing. */
UNIT_UNUSED static long owner_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (long)st.st_uid : -1;
}

UNIT_UNUSED static int run_program(const char *path, const char *const argv[])
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(126);
		(void)execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* An ext4 image of 8 MiB; owner such as "root_owner=0:0". */
UNIT_UNUSED static void make_ext4(const char *image, const char *owner)
{
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", "-E", owner, image, NULL };
	int fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, 8 << 20) == 0 && close(fd) == 0);
	if (access("/sbin/mkfs.ext4", X_OK) < 0)
		_exit(EXIT_SKIP);
	CHECK(run_program("/sbin/mkfs.ext4", argv) == 0);
}

/* The last line of mountinfo for target; "" when there is none. */
UNIT_UNUSED static const char *mountinfo_of(const char *target)
{
	static char found[1024];
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[512];

	CHECK(file);
	found[0] = '\0';
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*d %*d %*s %*s %511s", point) == 1 && strcmp(point, target) == 0)
			(void)snprintf(found, sizeof(found), "%s", line);
	return found;
}

#endif
