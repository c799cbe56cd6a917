#include "tests/unit/unit.h"

#include <poll.h>

#include "libtazpod/cleanup.h"
#include "tazpod-cli/state.h"

static struct tz_error err;
static int told;

static void tell(void)
{
	told++;
}

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	told = 0;
	assert_int_equal(setenv("XDG_STATE_HOME", unit_path("state"), 1), 0);
	return 0;
}

static void test_open(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(cli_state_open(false, &err), -ENOENT);
	assert_int_equal(access(unit_path("state"), F_OK), -1);
	fd = cli_state_open(true, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)close(fd);
	assert_int_equal(chmod(unit_path("state/tazpod"), 0770), 0);
	assert_int_equal(cli_state_open(false, &err), -EPERM);
	assert_contains(err.message, "may be written by others");
	assert_int_equal(rmdir(unit_path("state/tazpod")), 0);
	assert_int_equal(symlink("/tmp", unit_path("state/tazpod")), 0);
	assert_int_equal(cli_state_open(true, &err), -ELOOP);
}

/* Of two projects each has its own; of one, the second waits for the first one's end. */
static void test_lock(void **state)
{
	_cleanup_close_ int first = cli_state_lock("/a", tell, &err), other = cli_state_lock("/b", tell, &err);
	struct pollfd end;
	int ends[2], status;
	pid_t pid;

	(void)state;
	assert_true(first >= 0 && other >= 0);
	assert_int_equal(told, 0);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(first);
		first = cli_state_lock("/a", tell, NULL);
		_exit(first >= 0 && told == 1 && write(ends[1], "x", 1) == 1 ? 0 : 1);
	}
	assert_true(pid > 0);
	(void)close(ends[1]);
	end = (struct pollfd){ ends[0], POLLIN, 0 };
	assert_int_equal(poll(&end, 1, 300), 0);
	tz_closep(&first);
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_lock, setup, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
