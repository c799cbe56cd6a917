/* The server as it serves: what comes through its file, and what kind of process it is. */
#include "running_server.h"

#include <dirent.h>

/* ---- what it serves ---- */

static int serves_the_payload(void)
{
	struct running server;
	struct stat st;

	make_place();
	start_and_bind(&server);
	CHECK(fstat(server.file, &st) == 0 && st.st_mode == (S_IFREG | 0600) && st.st_size == PAYLOAD && st.st_uid == 0);
	for (uint64_t at = 0; at < PAYLOAD; at += PIECE)
		check_file(server.file, at, PIECE, 1);
	write_file(server.file, 3 * 4096, PIECE, 2);
	write_file(server.file, PAYLOAD - 4096, 4096, 3);
	CHECK(fsync(server.file) == 0);
	check_file(server.file, 3 * 4096, PIECE, 2);
	CHECK(image_holds(3 * 4096, PIECE, 2) && image_holds(PAYLOAD - 4096, 4096, 3));
	CHECK(image_holds(0, 3 * 4096, 1) && image_holds(3 * 4096 + PIECE, PIECE, 1));
	check_guards();
	let_go(&server);
	CHECK(ended_well(&server) && nothing_is_logged());
	return 0;
}

static int there_is_nothing_else(void)
{
	struct running server;
	struct stat st;

	make_place();
	start(&server);
	CHECK(openat(server.mount, "other", O_RDWR) < 0 && errno == ENOENT);
	CHECK(openat(server.mount, "other", O_RDWR | O_CREAT, 0600) < 0 && mkdirat(server.mount, "d", 0700) < 0);
	CHECK(unlinkat(server.mount, FILE_NAME, 0) < 0 && ftruncate(server.file, 0) < 0);
	CHECK(fstat(server.mount, &st) == 0 && st.st_mode == (S_IFDIR | 0500));
	CHECK(fstat(server.file, &st) == 0 && st.st_size == PAYLOAD);
	check_file(server.file, 0, PIECE, 1);
	let_go(&server);
	return status_of(&server) == 1 ? 0 : 1;
}

/* Beyond the end is nothing; what is not whole sectors the kernel makes whole, with its page cache. */
static int ends_where_the_payload_does(void)
{
	uint8_t byte = 0;
	struct running server;

	make_place();
	start_and_bind(&server);
	CHECK(pread(server.file, &byte, 1, PAYLOAD) == 0);
	CHECK(pwrite(server.file, &byte, 1, PAYLOAD) < 0 || fsync(server.file) < 0);
	check_guards();
	return 0;
}

struct worker {
	int fd;
	unsigned int number;
};

/* Its own piece of the file, again and again, past the page cache: so that the server's threads all have to do. */
static int write_and_read(void *data)
{
	const struct worker *worker = data;
	_Alignas(4096) static uint8_t buffer[PIECE], wanted[PIECE];
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", worker->fd);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	CHECK(fd >= 0);
	for (uint32_t turn = 0; turn < 20; turn++) {
		uint64_t at = worker->number * (uint64_t)PIECE;

		fill(wanted, PIECE, at, 100 + turn);
		memcpy(buffer, wanted, PIECE);
		CHECK(pwrite(fd, buffer, PIECE, (off_t)at) == PIECE);
		memset(buffer, 0, PIECE);
		CHECK(pread(fd, buffer, PIECE, (off_t)at) == PIECE && memcmp(buffer, wanted, PIECE) == 0);
	}
	return 0;
}

static int serves_several_at_once(void)
{
	struct running server;
	pid_t pids[8];

	make_place();
	start_and_bind(&server);
	for (unsigned int i = 0; i < 8; i++) {
		struct worker worker = { server.file, i };

		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(write_and_read(&worker));
	}
	for (unsigned int i = 0; i < 8; i++) {
		int status;

		CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
		CHECK(image_holds(i * (uint64_t)PIECE, PIECE, 119));
	}
	CHECK(image_holds(8 * (uint64_t)PIECE, PIECE, 1));
	check_guards();
	return 0;
}

/* ---- trouble with the image ---- */

/* The first of its kind is logged, by a process that is confined. */
static int tells_what_cannot_be_read(void)
{
	uint8_t data[4096];
	struct running server;

	make_place();
	start_and_bind(&server);
	CHECK(ftruncate(image.fd, BEFORE + 2 * PIECE) == 0);
	check_file(server.file, 0, 4096, 1);
	for (int i = 0; i < 3; i++)
		CHECK(pread(server.file, data, sizeof(data), 4 * PIECE) < 0 && errno == EIO);
	CHECK_CONTAINS(logged(), "tazpod-server");
	CHECK(nothing_is_logged());
	return 0;
}

static int tells_what_cannot_be_written(void)
{
	static uint8_t data[PIECE];
	const char *text;
	struct running server;
	int other;

	make_place();
	/* a hole, and no room to fill it */
	CHECK(fallocate(image.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BEFORE + 4 * PIECE, 8 * PIECE) == 0);
	other = open(SCRATCH "/other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(mount("scratch", SCRATCH, "tmpfs", MS_REMOUNT, "size=20m") == 0 && other >= 0);
	start_and_bind(&server);
	while (write(other, data, sizeof(data)) > 0)
		;
	fill(data, PIECE, 0, 5);
	CHECK(pwrite(server.file, data, PIECE, 5 * PIECE) < 0 || fsync(server.file) < 0);
	text = logged();
	CHECK_CONTAINS(text, "writing the image at byte ");
	CHECK_CONTAINS(text, "No space left on device");
	CHECK_CONTAINS(text, FILE_NAME);
	return 0;
}

/* ---- what kind of process it is ---- */

static void read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	CHECK(n >= 0);
	text[n] = '\0';
}

static bool same_namespace(pid_t pid, const char *which)
{
	char path[64], own[64];
	struct stat one, two;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, which);
	(void)snprintf(own, sizeof(own), "/proc/self/ns/%s", which);
	CHECK(stat(path, &one) == 0 && stat(own, &two) == 0);
	return one.st_ino == two.st_ino;
}

static unsigned int count_entries(pid_t pid, const char *what)
{
	char path[64];
	_cleanup_closedir_ DIR *directory = NULL;
	unsigned int count = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	directory = opendir(path);
	CHECK(directory);
	while (readdir(directory))
		count++;
	return count - 2;
}

static void check_thread(pid_t pid, const char *thread)
{
	char file[64], text[4096];

	(void)snprintf(file, sizeof(file), "task/%s/status", thread);
	read_proc(pid, file, text, sizeof(text));
	CHECK_CONTAINS(text, "CapInh:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapPrm:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapEff:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapBnd:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapAmb:\t0000000000000000\n");
	CHECK_CONTAINS(text, "NoNewPrivs:\t1\n");
	CHECK_CONTAINS(text, "Seccomp:\t2\n");
	CHECK_CONTAINS(text, "SigBlk:\tfffffffe7ff");
}

static int is_confined(void)
{
	_cleanup_closedir_ DIR *directory = NULL;
	struct dirent *entry;
	char path[64], text[4096];
	struct running server;
	unsigned int threads = 0;

	make_place();
	start_and_bind(&server);
	read_proc(server.pid, "cmdline", text, sizeof(text));
	CHECK(strcmp(text, TZ_SERVER_NAME) == 0);
	read_proc(server.pid, "comm", text, sizeof(text));
	CHECK(strcmp(text, TZ_SERVER_NAME "\n") == 0);
	read_proc(server.pid, "environ", text, sizeof(text));
	CHECK(!text[0]);
	read_proc(server.pid, "limits", text, sizeof(text));
	CHECK_CONTAINS(text, "Max core file size        0                    0 ");
	CHECK(!same_namespace(server.pid, "mnt") && !same_namespace(server.pid, "ipc") && same_namespace(server.pid, "pid"));
	CHECK(count_entries(server.pid, "root") == 0 && count_entries(server.pid, "cwd") == 0);
	CHECK(getsid(server.pid) == server.pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/task", server.pid);
	directory = opendir(path);
	CHECK(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			check_thread(server.pid, entry->d_name);
			threads++;
		}
	CHECK(threads >= 5);
	return 0;
}

/* Standard ones on /dev/null, the image, FUSE, and the socket to syslog; its starter's is closed after the answer. */
static int has_few_descriptors(void)
{
	static const char *const wanted[] = { "/dev/null", "/dev/null", "/dev/null", NULL, IMAGE, "/node", "socket:" };
	char path[64], target[128];
	struct running server;

	make_place();
	/* one that is not for it */
	CHECK(fcntl(image.fd, F_DUPFD, 20) >= 20);
	start_and_bind(&server);
	for (int i = 0; i < 500 && count_entries(server.pid, "fd") != 6; i++)
		(void)usleep(10000);
	CHECK(count_entries(server.pid, "fd") == 6);
	for (unsigned int fd = 0; fd < 7; fd++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%u", server.pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		CHECK(wanted[fd] ? n > 0 : n < 0);
		target[n > 0 ? n : 0] = '\0';
		if (n > 0)
			CHECK_CONTAINS(target, wanted[fd]);
	}
	return 0;
}

/* All of its memory is searched: the key is only where it is locked, expanded; in the starter, only where that has it. */
static int keeps_the_key_in_locked_memory(void)
{
	struct running server;
	struct found found;

	make_place();
	start_and_bind(&server);
	for (uint64_t at = 0; at < PAYLOAD; at += PIECE)
		check_file(server.file, at, PIECE, 1);
	write_file(server.file, 0, PIECE, 2);
	CHECK(fsync(server.file) == 0);
	found = look_for_key(server.pid);
	(void)fprintf(stderr, "           %u parts in locked memory, %u elsewhere\n", found.locked, found.open);
	CHECK(found.locked > 0 && found.open == 0);
	found = look_for_key(getpid());
	CHECK(found.locked == KEY_SIZE / PART && found.open == 0);
	return 0;
}

static int heeds_no_signal_but_kill(void)
{
	uint8_t byte;
	struct running server;

	make_place();
	start_and_bind(&server);
	/* but for the two that libc keeps for itself, which no program can block */
	for (int number = 1; number < 65; number++)
		if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
			CHECK(kill(server.pid, number) == 0);
	CHECK(!has_ended(server.pidfd, 300));
	check_file(server.file, 0, PIECE, 1);
	CHECK(kill(server.pid, SIGKILL) == 0 && status_of(&server) == -1);
	/* what is in the page cache may still be read */
	CHECK(pread(server.file, &byte, 1, 8 * PIECE) < 0 && (errno == ENOTCONN || errno == EIO || errno == ECONNABORTED));
	return 0;
}

#define TESTS(TEST)                          \
	TEST(serves_the_payload)             \
	TEST(there_is_nothing_else)          \
	TEST(ends_where_the_payload_does)    \
	TEST(serves_several_at_once)         \
	TEST(tells_what_cannot_be_read)      \
	TEST(tells_what_cannot_be_written)   \
	TEST(is_confined)                    \
	TEST(has_few_descriptors)            \
	TEST(keeps_the_key_in_locked_memory) \
	TEST(heeds_no_signal_but_kill)

PRIVATE_NS_MAIN(TESTS)
