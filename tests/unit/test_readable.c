#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libtazpod/readable.h"

static void data_and_its_end_can_be_read(void **state)
{
	int pair[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(tz_wait_readable(pair[0], 0), -ETIMEDOUT);
	assert_int_equal(tz_wait_readable(pair[0], 20), -ETIMEDOUT);
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(tz_wait_readable(pair[0], -1), 0);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(tz_wait_readable(pair[0], -1), 0);
	assert_int_equal(close(pair[0]), 0);
}

static void the_end_of_a_process_can_be_waited_for(void **state)
{
	pid_t child = fork();
	int pidfd;

	(void)state;
	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	pidfd = pidfd_open(child, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(tz_wait_readable(pidfd, 0), -ETIMEDOUT);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(tz_wait_readable(pidfd, -1), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(close(pidfd), 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void a_signal_does_not_end_it(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval once = { .it_value.tv_usec = 10000 };
	int pair[2];

	(void)state;
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
	assert_int_equal(tz_wait_readable(pair[0], 200), -ETIMEDOUT);
	assert_int_equal(alarms, 1);
	assert_int_equal(close(pair[0]) | close(pair[1]), 0);
}

static void a_descriptor_that_is_none_is_an_answer_at_once(void **state)
{
	(void)state;
	/* poll(2) reports POLLNVAL for it, and who reads then gets EBADF */
	assert_int_equal(tz_wait_readable(1000000, -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_and_its_end_can_be_read),
		cmocka_unit_test(the_end_of_a_process_can_be_waited_for),
		cmocka_unit_test(a_signal_does_not_end_it),
		cmocka_unit_test(a_descriptor_that_is_none_is_an_answer_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
