#include "unit.h"

#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/lock.h"

static int open_dir(void)
{
	int fd = open(unit_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void a_second_one_times_out(void **state)
{
	_cleanup_close_ int dir = open_dir(), first = -1;
	struct tz_error err = { 0 };
	struct timespec start;
	int second = -7;

	(void)state;
	assert_int_equal(tz_lock_acquire(dir, 0, &first, &err), 0);
	assert_int_equal(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &start), 0);
	assert_int_equal(tz_lock_acquire(dir, 200, &second, &err), -ETIMEDOUT);
	/* both clocks are cut to whole milliseconds */
	assert_in_range(elapsed_ms(&start), 199, 20000);
	assert_int_equal(second, -7);
	assert_contains(err.message, "another process");
}

static void it_is_free_when_the_descriptor_is_closed(void **state)
{
	_cleanup_close_ int dir = open_dir(), again = -1;
	int first = -1;

	(void)state;
	assert_int_equal(tz_lock_acquire(dir, 0, &first, NULL), 0);
	assert_int_equal(close(first), 0);
	assert_int_equal(tz_lock_acquire(dir, 0, &again, NULL), 0);
}

/* A child that inherits the caller's own descriptor of the directory must not inherit the lock with it. */
static void it_is_not_on_the_callers_descriptor(void **state)
{
	_cleanup_close_ int dir = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock = -1;

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(tz_lock_acquire(dir, 0, &lock, NULL), 0);
	assert_int_equal(flock(dir, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	tz_closep(&lock);
	assert_int_equal(flock(dir, LOCK_EX | LOCK_NB), 0);
}

static void it_waits_for_a_process_that_dies(void **state)
{
	_cleanup_close_ int dir = open_dir(), lock = -1;
	int ready[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct timespec pause = { .tv_nsec = 150000000 };
		int held = -1, r = tz_lock_acquire(dir, 0, &held, NULL);

		if (write(ready[1], "x", 1) != 1 || r < 0)
			_exit(1);
		(void)nanosleep(&pause, NULL);
		(void)raise(SIGKILL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(tz_lock_acquire(dir, 5000, &lock, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void what_is_no_directory_is_refused(void **state)
{
	struct tz_error err = { 0 };
	int lock = -7;

	(void)state;
	assert_int_equal(tz_lock_acquire(-1, 0, &lock, &err), -EBADF);
	assert_contains(err.message, "cannot be opened");
	assert_int_equal(lock, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_second_one_times_out, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(it_is_free_when_the_descriptor_is_closed, unit_setup_dir,
						unit_teardown_dir),
		cmocka_unit_test_setup_teardown(it_is_not_on_the_callers_descriptor, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(it_waits_for_a_process_that_dies, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test(what_is_no_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
