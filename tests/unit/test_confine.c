/* Each in a process of its own, since what is given up stays so. */
#include "private_ns.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tazpod-worker/confine.h"
#include "tazpod-worker/privileges.h"

/* Descriptors of those whom they stand for; ends of one socket pair, as writev() and read() shall work on it. */
#define FUSE 50
#define IMAGE 51
#define OTHER 52
#define FUSE_PEER 53

static struct tz_error err;

/* ---- namespaces ---- */

static int the_root_is_empty(void)
{
	_cleanup_closedir_ DIR *root = NULL;
	struct dirent *entry;
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ino_t mnt, ipc;
	struct stat st;

	CHECK(proc >= 0 && fstatat(proc, "self/ns/mnt", &st, 0) == 0);
	mnt = st.st_ino;
	CHECK(fstatat(proc, "self/ns/ipc", &st, 0) == 0);
	ipc = st.st_ino;
	CHECK_CODE(tz_confine_namespaces(&err), 0, &err);
	CHECK(fstatat(proc, "self/ns/mnt", &st, 0) == 0 && st.st_ino != mnt);
	CHECK(fstatat(proc, "self/ns/ipc", &st, 0) == 0 && st.st_ino != ipc);
	for (int i = 0; i < 2; i++) {
		root = opendir(i ? "." : "/");
		CHECK(root);
		while ((entry = readdir(root)))
			CHECK(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
		CHECK(closedir(root) == 0);
		root = NULL;
	}
	CHECK(access("/proc", F_OK) < 0 && access("/..", F_OK) == 0 && access("../usr", F_OK) < 0);
	CHECK(mkdir("/x", 0700) < 0 && errno == EROFS && open("/x", O_WRONLY | O_CREAT, 0600) < 0);
	return 0;
}

/* However it was mounted, the server holds nobody's file system. */
static int it_keeps_no_mount_of_others(void)
{
	int go[2], done[2], status;
	char byte = 0;
	pid_t pid;

	make_dir(SCRATCH "/m", 0, 0755);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("there", SCRATCH "/m", "tmpfs", 0, NULL) == 0 && pipe2(go, O_CLOEXEC) == 0 && pipe2(done, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
		static char text[65536];
		ssize_t n, used = 0;

		CHECK(close(go[1]) == 0);
		CHECK_CODE(tz_confine_namespaces(&err), 0, &err);
		fd = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		while ((n = read(fd, text + used, sizeof(text) - 1 - (size_t)used)) > 0)
			used += n;
		text[used] = '\0';
		CHECK(used == 0);
		CHECK(write(done[1], "x", 1) == 1 && read(go[0], &byte, 1) == 0);
		_exit(0);
	}
	CHECK(read(done[0], &byte, 1) == 1 && umount2(SCRATCH "/m", 0) == 0);
	CHECK(close(go[0]) == 0 && close(go[1]) == 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

static int namespaces_need_privilege(void)
{
	CHECK_CODE(tz_privileges_drop(0, "the test", &err), 0, &err);
	CHECK_CODE(tz_confine_namespaces(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "gets no namespaces of its own");
	CHECK(access("/proc/self", F_OK) == 0);
	return 0;
}

/* ---- calls ---- */

static void prepare(void)
{
	int pair[2], fd = open(SCRATCH "/image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 && fd >= 0 && ftruncate(fd, 8192) == 0);
	CHECK(dup2(pair[0], FUSE) == FUSE && dup2(pair[1], FUSE_PEER) == FUSE_PEER && dup2(fd, IMAGE) == IMAGE);
	CHECK(dup2(fd, OTHER) == OTHER);
	CHECK(write(FUSE_PEER, "question", 8) == 8 && write(FUSE_PEER, "question", 8) == 8);
}

static void confine(void)
{
	prepare();
	CHECK_CODE(tz_privileges_drop(0, "the test", &err), 0, &err);
	CHECK_CODE(tz_confine_calls(FUSE, IMAGE, &err), 0, &err);
}

/* What is found is gathered, and told by the exit status: nothing can be printed any more. */
static int finish(bool good)
{
	/* not by _exit(), for which AddressSanitizer would make calls of its own */
	return (int)syscall(SYS_exit_group, good ? 0 : 1);
}

static bool forbidden(long result)
{
	return result == -1 && errno == EPERM;
}

/* Sizes and pointers are such that each would be something else but EPERM if it was made. */
static bool all_forbidden(void)
{
	char buffer[16] = "x";
	struct iovec piece = { .iov_base = buffer, .iov_len = 1 };
	struct stat st;
	bool good = true;

#define NO(call) good = forbidden(call) && good
	NO(syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY));
	NO(syscall(SYS_open, "/", O_RDONLY));
	NO(syscall(SYS_openat2, AT_FDCWD, "/", buffer, 24));
	NO(syscall(SYS_execve, "/bin/true", NULL, NULL));
	NO(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
	NO(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	NO(syscall(SYS_clone3, buffer, 64));
	NO(syscall(SYS_fork));
	NO(syscall(SYS_vfork));
	NO(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
	NO(syscall(SYS_connect, OTHER, buffer, 2));
	NO(syscall(SYS_recvfrom, FUSE_PEER, buffer, 1, MSG_DONTWAIT, NULL, NULL));
	NO(syscall(SYS_sendmsg, FUSE, buffer, 0));
	NO(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
	NO(syscall(SYS_process_vm_readv, 1, &piece, 1, &piece, 1, 0));
	NO(syscall(SYS_kill, 1, 0));
	NO(syscall(SYS_tgkill, getpid(), getpid(), 0));
	NO(syscall(SYS_mount, "a", "/", "tmpfs", 0, NULL));
	NO(syscall(SYS_unshare, CLONE_NEWUSER));
	NO(syscall(SYS_prctl, 15, "name", 0, 0, 0));
	NO(syscall(SYS_ioctl, FUSE, FIONREAD, buffer));
	NO(syscall(SYS_fcntl, IMAGE, F_GETFD));
	NO(syscall(SYS_dup, IMAGE));
	NO(syscall(SYS_newfstatat, AT_FDCWD, "/", &st, 0));
	NO(syscall(SYS_ftruncate, IMAGE, 0));
	NO(syscall(SYS_fallocate, IMAGE, 0, 0, 1));
	NO(syscall(SYS_fsync, IMAGE));
	NO(syscall(SYS_io_uring_setup, 1, buffer));
	NO(syscall(SYS_memfd_create, "x", 0));
	NO(syscall(SYS_bpf, 0, buffer, 0));
	NO(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	NO(syscall(SYS_setuid, 1));
	NO(syscall(SYS_seccomp, 0, 0, NULL));
	NO(syscall(SYS_rt_sigaction, SIGTERM, NULL, NULL, 8));
	NO(syscall(SYS_mremap, buffer, 1, 1, 0, 0));
	NO(syscall(SYS_read, OTHER, buffer, 1));
	NO(syscall(SYS_read, IMAGE, buffer, 1));
	NO(syscall(SYS_write, FUSE, buffer, 1));
	NO(syscall(SYS_write, OTHER, buffer, 1));
	NO(syscall(SYS_writev, OTHER, &piece, 1));
	NO(syscall(SYS_writev, IMAGE, &piece, 1));
	NO(syscall(SYS_readv, FUSE, &piece, 1));
	NO(syscall(SYS_pread64, OTHER, buffer, 1, 0));
	NO(syscall(SYS_pread64, FUSE, buffer, 1, 0));
	NO(syscall(SYS_pwrite64, OTHER, buffer, 1, 0));
	NO(syscall(SYS_fdatasync, OTHER));
#undef NO
	return good;
}

static int everything_else_is_forbidden(void)
{
	confine();
	return finish(all_forbidden());
}

static bool its_work_goes_on(void)
{
	char buffer[16] = "answer";
	struct iovec pieces[2] = { { .iov_base = buffer, .iov_len = 3 }, { .iov_base = buffer + 3, .iov_len = 3 } };
	struct timespec now;
	void *memory;
	bool good;

	good = writev(FUSE, pieces, 2) == 6 && read(FUSE, buffer, sizeof(buffer)) == 8 && memcmp(buffer, "question", 8) == 0;
	good = pwrite(IMAGE, "data", 4, 4096) == 4 && pread(IMAGE, buffer, 4, 4096) == 4 && good;
	good = memcmp(buffer, "data", 4) == 0 && fdatasync(IMAGE) == 0 && good;
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	good = memory != MAP_FAILED && madvise(memory, 1 << 20, MADV_DONTNEED) == 0 && good;
	good = mprotect(memory, 4096, PROT_READ) == 0 && munmap(memory, 1 << 20) == 0 && good;
	/* syslog */
	good = send(FUSE, "line", 4, MSG_NOSIGNAL) == 4 && clock_gettime(CLOCK_REALTIME, &now) == 0 && getpid() > 0 && good;
	return close(OTHER) == 0 && good;
}

static int what_it_needs_is_allowed(void)
{
	confine();
	return finish(its_work_goes_on());
}

static int no_memory_becomes_code(void)
{
	uint8_t *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int image;
	bool good;

	CHECK(memory != MAP_FAILED);
	confine();
	image = IMAGE;
	good = forbidden((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	good = forbidden((long)mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE, image, 0)) && good;
	good = forbidden((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) && good;
	good = forbidden(mprotect(memory, 4096, PROT_READ | PROT_EXEC)) && good;
	good = forbidden(syscall(SYS_pkey_mprotect, memory, 4096, PROT_EXEC, -1)) && good;
	return finish(mprotect(memory, 4096, PROT_READ) == 0 && good);
}

static pthread_barrier_t confined;

/* It ends the process: for the end of a thread, too, AddressSanitizer would make calls of its own. */
static void *wait_and_try(void *data)
{
	(void)data;
	(void)pthread_barrier_wait(&confined);
	(void)pthread_barrier_wait(&confined);
	(void)finish(all_forbidden() && its_work_goes_on());
	return NULL;
}

static int threads_that_are_there_already_are_concerned(void)
{
	pthread_t thread;

	CHECK(pthread_barrier_init(&confined, NULL, 2) == 0 && pthread_create(&thread, NULL, wait_and_try, NULL) == 0);
	(void)pthread_barrier_wait(&confined);
	confine();
	(void)pthread_barrier_wait(&confined);
	(void)pthread_join(thread, NULL);
	return finish(false);
}

/* A program of another instruction set has other calls under the numbers that are allowed. */
static int numbers_of_another_kind_are_of_no_use(void)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		long r = -1;

		confine();
#ifdef __x86_64__
		/* x32's getpid() */
		r = syscall(0x40000000 | SYS_getpid);
#endif
		_exit(r == -1 ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	/* killed is as good */
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return 0;
}

#define TESTS(TEST)                                        \
	TEST(the_root_is_empty)                            \
	TEST(it_keeps_no_mount_of_others)                  \
	TEST(namespaces_need_privilege)                    \
	TEST(everything_else_is_forbidden)                 \
	TEST(what_it_needs_is_allowed)                     \
	TEST(no_memory_becomes_code)                       \
	TEST(threads_that_are_there_already_are_concerned) \
	TEST(numbers_of_another_kind_are_of_no_use)

PRIVATE_NS_MAIN(TESTS)
