/* A change of the passphrase that is killed: the vault opens with the old one or the new one, whenever that was. */
#include "luks_vault.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#define KILLS 30
/* A change makes a few dozen; were there more, the test would not have seen them all. */
#define WRITES_MAX 500

static int change_in_child(void *data)
{
	(void)data;
	return change(FIRST, SECOND) == 0 ? 0 : 1;
}

struct tally {
	unsigned int old, new, both;
};

static void check_what_is_left(struct tally *tally)
{
	int one = opens_with(FIRST, NULL), other = opens_with(SECOND, NULL);

	assert_true(one == 0 || one == -EKEYREJECTED);
	assert_true(other == 0 || other == -EKEYREJECTED);
	assert_true(one == 0 || other == 0);
	tally->old += one == 0 && other < 0;
	tally->new += one < 0 && other == 0;
	tally->both += one == 0 && other == 0;
	/* the next change goes through, whatever was left */
	assert_int_equal(change(one == 0 ? FIRST : SECOND, "after the crash"), 0);
	assert_int_equal(opens_with("after the crash", NULL), 0);
}

/* ---- at any moment ---- */

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Kills a change after so many seconds; was it still under way? */
static bool kill_a_change(double after)
{
	const struct timespec pause = { .tv_nsec = (long)(after * 1e9) };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(change_in_child(NULL));
	(void)nanosleep(&pause, NULL);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

/* Spread over the time that a change takes here and some more, and each a little off its place. */
static void a_killed_change_leaves_the_old_or_the_new(void **state)
{
	struct tally tally = { 0 };
	unsigned int killed = 0;
	double start, whole;

	(void)state;
	copy_file("vault.img", "kept");
	start = now();
	assert_int_equal(unit_in_child(change_in_child, NULL), 0);
	whole = now() - start;
	for (int i = 0; i < KILLS; i++) {
		copy_file("kept", "vault.img");
		killed += kill_a_change(1.5 * whole * (i + (double)(i * 37 % 100) / 100) / KILLS);
		check_what_is_left(&tally);
	}
	print_message("           %u of %d killed: %u times the old opens it, %u the new, %u both\n", killed, KILLS,
		      tally.old, tally.new, tally.both);
	assert_true(killed > 0);
}

/* ---- at every write ---- */

static bool changes_a_file(uint64_t call)
{
	return call == SYS_write || call == SYS_pwrite64 || call == SYS_writev || call == SYS_pwritev ||
	       call == SYS_ftruncate || call == SYS_fallocate || call == SYS_fsync || call == SYS_fdatasync;
}

static int traced_change(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		return 77;
	return change_in_child(NULL);
}

/* Runs to the next system call's begin or end, or to the process's end; false when that is reached. */
static bool step(pid_t pid, int *ret_status)
{
	assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	return WIFSTOPPED(*ret_status);
}

/* Kills a change that begins its write number `count` (from 0); false: it did not get that far, it is done. */
static bool kill_at_write(unsigned int count)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(traced_change());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		unit_skip("no process may be traced here");
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	while (step(pid, &status)) {
		struct __ptrace_syscall_info info = { 0 };

		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_a_file(info.entry.nr) || count--)
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

/* What stands in the page cache survives a kill, so between two writes nothing else can be found. */
static void killed_at_any_write_it_leaves_the_old_or_the_new(void **state)
{
	struct tally tally = { 0 };
	unsigned int count = 0;

	(void)state;
	copy_file("vault.img", "kept");
	while (kill_at_write(count)) {
		check_what_is_left(&tally);
		copy_file("kept", "vault.img");
		count++;
		assert_true(count < WRITES_MAX);
	}
	print_message("           at %u writes: %u times the old opens it, %u the new, %u both\n", count, tally.old,
		      tally.new, tally.both);
	/* first the old one alone, then both, then the new one */
	assert_true(tally.old > 0 && tally.both > 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	assert_int_equal(opens_with(FIRST, NULL), -EKEYREJECTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_vault, without_vault)
	const struct CMUnitTest tests[] = {
		TEST(a_killed_change_leaves_the_old_or_the_new),
		TEST(killed_at_any_write_it_leaves_the_old_or_the_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
