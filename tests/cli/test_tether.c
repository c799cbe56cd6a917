#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tazpod-cli/tether.h"

static struct tz_error err;
static char word[CLI_TETHER_WORD];

static void must(bool condition)
{
	if (!condition)
		_exit(99);
}

/* the other end of the tether's standard input */
static int end = -1;

/* A login that, once it is tied, waits; signal, when there is one, is ignored from then on. */
static pid_t start_login(int ignored)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (end >= 0)
			must(close(end) == 0);
		must(setsid() > 0);
		must(cli_tether_tie(word, &err) == 0);
		if (ignored)
			must(signal(ignored, SIG_IGN) != SIG_ERR);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	return pid;
}

static pid_t start_tether(void)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		must(close(ends[1]) == 0 && dup2(ends[0], STDIN_FILENO) == 0);
		_exit(cli_tether_hold(word, &err) < 0 ? 1 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(close(ends[0]), 0);
	end = ends[1];
	return pid;
}

static void let_go(void)
{
	assert_int_equal(close(end), 0);
	end = -1;
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_words_differ(void **state)
{
	char other[CLI_TETHER_WORD];

	(void)state;
	assert_int_equal(cli_tether_word(word, &err), 0);
	assert_int_equal(cli_tether_word(other, &err), 0);
	assert_int_equal(strlen(word), CLI_TETHER_WORD - 1);
	assert_int_equal(strspn(word, "0123456789abcdef"), CLI_TETHER_WORD - 1);
	assert_string_not_equal(word, other);
}

static void test_its_end_hangs_up(void **state)
{
	pid_t login, tether;
	int status;

	(void)state;
	assert_int_equal(cli_tether_word(word, &err), 0);
	/* in either order */
	for (int i = 0; i < 2; i++) {
		login = i ? 0 : start_login(0);
		tether = start_tether();
		if (i) {
			(void)usleep(100000);
			login = start_login(0);
		}
		(void)usleep(200000);
		assert_int_equal(waitpid(login, &status, WNOHANG), 0);
		let_go();
		status = end_of(login);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
		assert_int_equal(end_of(tether), 0);
	}
}

static void test_signals_are_passed_on(void **state)
{
	const char signal = SIGUSR1;
	pid_t login, tether;
	int status;

	(void)state;
	assert_int_equal(cli_tether_word(word, &err), 0);
	login = start_login(0);
	tether = start_tether();
	assert_int_equal(write(end, &signal, 1), 1);
	status = end_of(login);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	let_go();
	assert_int_equal(end_of(tether), 0);
}

/* As bash does, which waits for what it runs, and goes on where that did not end by the signal. */
static _Noreturn void wait_as_a_shell(int signal_sent)
{
	pid_t child;
	int status;

	must(setsid() > 0);
	must(signal(signal_sent, SIG_IGN) != SIG_ERR && (child = fork()) >= 0);
	if (child == 0) {
		must(signal(signal_sent, SIG_DFL) != SIG_ERR);
		must(cli_tether_tie(word, &err) == 0);
		for (;;)
			(void)pause();
	}
	must(waitpid(child, &status, 0) == child);
	_exit(WIFSIGNALED(status) ? WTERMSIG(status) : 77);
}

static void test_keys_are_for_what_a_shell_runs(void **state)
{
	static const char signals[] = { SIGINT, SIGQUIT };
	pid_t login, tether;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(signals); i++) {
		assert_int_equal(cli_tether_word(word, &err), 0);
		login = fork();
		if (login == 0)
			wait_as_a_shell(signals[i]);
		tether = start_tether();
		assert_int_equal(write(end, &signals[i], 1), 1);
		status = end_of(login);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == signals[i]);
		let_go();
		assert_int_equal(end_of(tether), 0);
	}
}

static void test_who_does_not_heed_is_asked_again(void **state)
{
	pid_t login, tether;
	int status;

	(void)state;
	assert_int_equal(cli_tether_word(word, &err), 0);
	login = start_login(SIGHUP);
	tether = start_tether();
	/* nor while it is stopped */
	(void)usleep(200000);
	assert_int_equal(kill(login, SIGSTOP), 0);
	let_go();
	status = end_of(login);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(end_of(tether), 0);
}

/* A shell passes nothing on to what it waits for. */
static void test_all_of_the_session_ends(void **state)
{
	int ready[2], status;
	pid_t login;
	char byte;

	(void)state;
	assert_int_equal(cli_tether_word(word, &err), 0);
	assert_int_equal(pipe(ready), 0);
	login = fork();
	if (login == 0) {
		must(setsid() > 0 && cli_tether_tie(word, &err) == 0);
		/* one that heeds nothing but SIGKILL, and has the pipe open as long as it is there */
		if (fork() == 0)
			must(signal(SIGHUP, SIG_IGN) != SIG_ERR && signal(SIGTERM, SIG_IGN) != SIG_ERR);
		must(write(ready[1], "x", 1) == 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(close(ready[1]), 0);
	(void)start_tether();
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	let_go();
	status = end_of(login);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	assert_int_equal(close(ready[0]), 0);
}

static void test_another_user_is_refused(void **state)
{
	pid_t login, tether;
	int status;

	(void)state;
	if (geteuid() != 0)
		unit_skip("another user is needed");
	assert_int_equal(cli_tether_word(word, &err), 0);
	login = fork();
	if (login == 0) {
		must(unit_become_nobody() == 0);
		_exit(cli_tether_tie(word, &err) == -EPERM ? 5 : 6);
	}
	tether = start_tether();
	status = end_of(login);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	let_go();
	status = end_of(tether);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_differ),
		cmocka_unit_test(test_its_end_hangs_up),
		cmocka_unit_test(test_signals_are_passed_on),
		cmocka_unit_test(test_keys_are_for_what_a_shell_runs),
		cmocka_unit_test(test_who_does_not_heed_is_asked_again),
		cmocka_unit_test(test_all_of_the_session_ends),
		cmocka_unit_test(test_another_user_is_refused),
	};

	return cmocka_run_group_tests_name("tether", tests, NULL, NULL);
}
