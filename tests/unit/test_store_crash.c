/* A pull that is killed, or whose power is cut: a reader sees all of the old set, or all of the new one. */
#include "private_ns.h"
#include "store_sets.h"

#include <regex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "loop_of.h"

/* A pull makes some hundreds; were there more, the test would not have seen them all. */
#define CALLS_MAX 2000

static int begin(void)
{
	struct tz_error err = { 0 };

	if (sets_begin(unit_dir, &err) < 0)
		fail_msg("%s", err.message);
	return 0;
}

/* An empty vault again. */
static void clear(void)
{
	assert_int_equal(unit_teardown_dir(NULL), 0);
	assert_int_equal(mkdir(unit_dir, 0700), 0);
}

/* ---- children that are stopped at every system call that changes something ---- */

typedef int (*work_fn)(const char *vault);

static int pull_new(const char *vault)
{
	struct tz_error err = { 0 };

	return sets_pull(vault, sets_new, &err) == 0 ? 0 : 1;
}

/* What finishes a pull that was interrupted. */
static int only_read(const char *vault)
{
	_cleanup_store_ struct tz_store *store = NULL;

	return tz_store_open(vault, SETS_SHOWN, false, SETS_WAIT, &store, NULL) == 0 ? 0 : 1;
}

static pid_t start_traced(work_fn work, const char *vault)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(77);
		_exit(work(vault));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	return ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0 ? -1 : pid;
}

/* Between two others nothing else is found, whenever it is killed. */
static bool changes_something(uint64_t call)
{
	return call == SYS_write || call == SYS_pwrite64 || call == SYS_openat || call == SYS_mkdirat ||
	       call == SYS_renameat || call == SYS_renameat2 || call == SYS_unlinkat || call == SYS_fallocate ||
	       call == SYS_ftruncate || call == SYS_fchmod || call == SYS_fchown || call == SYS_flock ||
	       call == SYS_fsync || call == SYS_fdatasync || call == SYS_syncfs || call == SYS_exit_group;
}

/* Runs to the begin of the next system call that changes something; 0: to the process's end. */
static uint64_t next_call(pid_t pid, int *ret_status)
{
	for (;;) {
		struct __ptrace_syscall_info info = { 0 };

		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, ret_status, 0) != pid ||
		    !WIFSTOPPED(*ret_status))
			return 0;
		if (WSTOPSIG(*ret_status) != (SIGTRAP | 0x80))
			continue;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_something(info.entry.nr))
			return info.entry.nr;
	}
}

/* Kills work at the begin of its system call number `count` (from 0); false: it did not get that far, it is done. */
static bool kill_at_call(work_fn work, unsigned int count)
{
	int status;
	pid_t pid = start_traced(work, unit_dir);

	if (pid < 0)
		unit_skip("no process may be traced here");
	while (next_call(pid, &status)) {
		if (count--)
			continue;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		return true;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* ---- what is synced before what ---- */

static char letter_of(uint64_t call)
{
	switch (call) {
	case SYS_syncfs:
		return 's';
	case SYS_fsync:
		return 'f';
	case SYS_renameat:
	case SYS_renameat2:
		return 'r';
	case SYS_unlinkat:
		return 'u';
	case SYS_mkdirat:
	case SYS_write:
	case SYS_fallocate:
		return 'w';
	default:
		return '\0';
	}
}

/*
 * A file system that keeps no order between two changes, as ext4 does, needs all of it: write, sync, make room, commit,
 * sync; remove and move, sync; replace the manifest, sync; clean up.
 */
static void it_is_synced_in_order(void **state)
{
	char calls[CALLS_MAX + 1] = "";
	unsigned int count = 0;
	regex_t order;
	uint64_t call;
	int status;
	pid_t pid;

	(void)state;
	begin();
	pid = start_traced(pull_new, unit_dir);
	if (pid < 0)
		unit_skip("no process may be traced here");
	while ((call = next_call(pid, &status)) && count < CALLS_MAX)
		if (letter_of(call))
			calls[count++] = letter_of(call);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(regcomp(&order, "^w+surf[ur]+srfu+$", REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&order, calls, 0, NULL, 0) != 0)
		fail_msg("%s", calls);
	regfree(&order);
}

/* ---- SIGKILL ---- */

static bool is_committed(void)
{
	return access(unit_path(".tazpod/stage"), F_OK) == 0;
}

/* What is left of a pull that was killed at that call; false where it was not. */
static bool check_kill(unsigned int count, unsigned int *old, unsigned int *new, unsigned int *committed)
{
	const struct sets_secret *said;

	clear();
	begin();
	if (!kill_at_call(pull_new, count))
		return false;
	*committed += is_committed();
	said = sets_said(unit_dir);
	*old += said == sets_old;
	*new += said == sets_new;
	if (!said || !sets_is_seen(unit_dir, said))
		fail_msg("killed at its call %u", count);
	/* and the next one goes through, whatever was left */
	if (count % 8 == 0 && (pull_new(unit_dir) != 0 || !sets_is_seen(unit_dir, sets_new) ||
			       access(unit_path(".tazpod/stage.new"), F_OK) == 0))
		fail_msg("the pull after one that was killed at its call %u", count);
	return true;
}

static void killed_at_any_call_it_leaves_the_old_or_the_new(void **state)
{
	unsigned int count = 0, old = 0, new = 0, committed = 0;

	(void)state;
	while (check_kill(count, &old, &new, &committed)) {
		count++;
		assert_true(count < CALLS_MAX);
	}
	print_message("           at %u calls: %u times the old is seen, %u the new; %u had to be finished\n", count, old,
		      new, committed);
	assert_true(sets_is_seen(unit_dir, sets_new));
	assert_true(old > 20 && new > committed && committed > 10);
}

/* Kills the one who finishes, too: again and again, a little later each time. */
static void killed_while_it_is_finished_it_leaves_the_new(void **state)
{
	unsigned int count = 0, later;

	(void)state;
	do {
		clear();
		begin();
		assert_true(kill_at_call(pull_new, count));
		count++;
	} while (!is_committed());
	for (later = 0; kill_at_call(only_read, later); later++) {
		if (!sets_is_seen(unit_dir, sets_new))
			fail_msg("killed at call %u of finishing", later);
		clear();
		begin();
		assert_true(kill_at_call(pull_new, count));
	}
	print_message("           at %u calls\n", later);
	assert_true(later > 10);
	assert_true(sets_is_seen(unit_dir, sets_new));
	/* and without anybody who lets it finish in between */
	clear();
	begin();
	assert_true(kill_at_call(pull_new, count));
	for (unsigned int i = 0; i < later && is_committed(); i++)
		if (!kill_at_call(only_read, i))
			break;
	assert_true(sets_is_seen(unit_dir, sets_new));
}

/* ---- a power cut ---- */

#define DISK SCRATCH "/disk"
#define DISK_NODE SCRATCH "/disk-node"
#define DISK_MOUNTED SCRATCH "/m"
#define CUT SCRATCH "/cut"
#define CUT_NODE SCRATCH "/cut-node"
#define CUT_MOUNTED SCRATCH "/c"
#define DISK_SIZE (8 << 20)

struct cut {
	unsigned int copies, new;
	char last[DISK_SIZE];
};

/* The loop device's descriptor, which keeps it. */
static int attach_and_mount(const char *image, const char *node, const char *where)
{
	dev_t rdev = 0;
	int loop = loop_of(image, &rdev);

	(void)unlink(node);
	CHECK(mknod(node, S_IFBLK | 0600, rdev) == 0);
	CHECK(mount(node, where, "ext4", 0, NULL) == 0);
	return loop;
}

static void unmount(int loop, const char *where)
{
	CHECK(umount(where) == 0);
	CHECK(close(loop) == 0);
}

/* All that the file system has written until now, and nothing else: what the disk has when the power is cut. */
static bool copy_disk(struct cut *cut)
{
	static char buffer[DISK_SIZE];
	int fd = open(DISK, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && pread(fd, buffer, DISK_SIZE, 0) == DISK_SIZE && close(fd) == 0);
	if (memcmp(buffer, cut->last, DISK_SIZE) == 0)
		return false;
	memcpy(cut->last, buffer, DISK_SIZE);
	fd = open(CUT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, buffer, DISK_SIZE) == DISK_SIZE && close(fd) == 0);
	return true;
}

static void check_copy(struct cut *cut)
{
	int loop = attach_and_mount(CUT, CUT_NODE, CUT_MOUNTED);
	const struct sets_secret *said = sets_said(CUT_MOUNTED);

	CHECK(said && sets_is_seen(CUT_MOUNTED, said));
	/* once the new is there, the old does not come back */
	CHECK(said == sets_new || !cut->new);
	cut->copies++;
	cut->new += said == sets_new;
	unmount(loop, CUT_MOUNTED);
}

/*
 * Has the file system's journal written, because of a file that has nothing to do with it: what the pull did until now
 * is on the disk then, but not the data that wait for their blocks to be chosen.
 */
static void write_journal(void)
{
	int fd = open(DISK_MOUNTED "/own", O_WRONLY | O_APPEND | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0);
}

/* Cuts the power at each system call of a pull before which something was written. */
static void cut_at_each_call(struct cut *cut, bool with_journal)
{
	int status;
	pid_t pid;

	(void)copy_disk(cut);
	pid = start_traced(pull_new, DISK_MOUNTED);
	if (pid < 0)
		_exit(EXIT_SKIP);
	while (next_call(pid, &status)) {
		if (with_journal)
			write_journal();
		if (copy_disk(cut))
			check_copy(cut);
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* when it is done, nothing of it may be on its way only */
	(void)copy_disk(cut);
	check_copy(cut);
	CHECK(cut->new > 1 && cut->copies > cut->new);
}

static int cut_with(bool with_journal)
{
	static struct cut cut;
	struct tz_error err = { 0 };
	int loop;

	CHECK(mkdir(DISK_MOUNTED, 0700) == 0 && mkdir(CUT_MOUNTED, 0700) == 0);
	make_ext4(DISK, "root_owner=0:0");
	loop = attach_and_mount(DISK, DISK_NODE, DISK_MOUNTED);
	CHECK_CODE(sets_begin(DISK_MOUNTED, &err), 0, &err);
	cut_at_each_call(&cut, with_journal);
	unmount(loop, DISK_MOUNTED);
	print_message("           after %u writes: %u times the old is seen, %u the new\n", cut.copies,
		      cut.copies - cut.new, cut.new);
	return 0;
}

static int without_journal(void)
{
	return cut_with(false);
}

static int with_journal(void)
{
	return cut_with(true);
}

static void cut_at_any_write_it_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	in_private_ns(without_journal);
}

static void cut_while_the_journal_is_ahead_it_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	in_private_ns(with_journal);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_setup_quick_dir, unit_teardown_dir)
	const struct CMUnitTest tests[] = {
		TEST(it_is_synced_in_order),
		TEST(killed_at_any_call_it_leaves_the_old_or_the_new),
		TEST(killed_while_it_is_finished_it_leaves_the_new),
		cmocka_unit_test(cut_at_any_write_it_leaves_the_old_or_the_new),
		cmocka_unit_test(cut_while_the_journal_is_ahead_it_leaves_the_old_or_the_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
