/* The module in an application of PAM, with users and settings of its own: see world. */
#include "tests/pam/pam_test.h"

#include <signal.h>

static volatile sig_atomic_t children_died;

static bool child_may_die;

void a_child_may_die(void)
{
	child_may_die = true;
}

static void child_died(int signal UNIT_UNUSED)
{
	children_died++;
}

static bool have_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

void watched_test(void **state)
{
	static pid_t runner;
	const struct watched *watched = *state;
	struct sigaction action = { .sa_handler = child_died };
	unsigned int descriptors;

	/* A child whose assertion failed has come back to the tests of its parent. */
	if (runner && getpid() != runner)
		_exit(1);
	runner = getpid();
	app_end_all();
	watch_reset();
	world_reset();
	assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
	children_died = 0;
	child_may_die = false;
	descriptors = world_open_descriptors();
	watched->test();
	assert_false(app_secret_in(watch_log()));
	assert_int_equal(app_unwiped(), 0);
	app_end_all();
	assert_int_equal(world_report()->surprises, 0);
	assert_false(have_children());
	if (!child_may_die)
		assert_int_equal(children_died, 0);
	assert_int_equal(world_open_descriptors(), descriptors);
}

#define run(name) _cmocka_run_group_tests(#name, name##_tests, name##_test_count, NULL, NULL)

int main(void)
{
	const char *world = getenv("TAZPOD_TEST_WORLD");
	bool valgrind = getenv("TAZPOD_TEST_VALGRIND") != NULL;
	int failed = 0;

	if (geteuid() != 0 || !world || strcmp(world, "ready") != 0) {
		(void)fputs("start it as root through tests/pam/world: it changes /etc\n", stderr);
		return 2;
	}
	(void)umask(022);
	/* It does not know pidfd_send_signal(2). */
	if (valgrind)
		cmocka_set_skip_filter("killed_*");
	failed += run(settings);
	failed += run(auth);
	failed += run(create);
	failed += run(session);
	failed += run(sshd);
	failed += run(change);
	failed += run(worker);
	failed += run(process);
	/* Whoever answers, the module's part is the same, and a real key derivation takes its time. */
	if (!valgrind)
		failed += run(real);
	return failed > 0;
}
