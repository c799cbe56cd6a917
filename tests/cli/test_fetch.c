#include "tests/unit/unit.h"

#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "tazpod-cli/fetch.h"

static struct tz_error err;
static char script_path[PATH_MAX];

/* What a script prints that no message may have. */
#define HIDDEN "hidden-value"

static void make_script(const char *text)
{
	(void)snprintf(script_path, sizeof(script_path), "%s/script", unit_dir);
	unit_write(script_path, text, strlen(text), 0755);
}

static int fetch_with(const struct cli_fetch *more, struct cli_fetch_result *ret)
{
	static char name[] = "script", blank[] = "a b", dollar[] = "$(false)";
	char *const words[] = { name, blank, dollar, NULL };
	struct cli_fetch fetch = *more;
	int r;

	fetch.path = fetch.path ? fetch.path : script_path;
	fetch.words = words;
	fetch.name = "provider";
	fetch.seconds = fetch.seconds ? fetch.seconds : 30;
	err = (struct tz_error){ .code = 0 };
	r = cli_fetch(&fetch, ret, &err);
	if (r < 0) {
		assert_int_equal(err.code, r);
		assert_null(strstr(err.message, HIDDEN));
		assert_null(strstr(err.detail, HIDDEN));
		assert_null(ret->output.data);
	}
	return r;
}

static int run_script(const char *text, struct cli_fetch_result *ret)
{
	make_script(text);
	return fetch_with(&(struct cli_fetch){ .seconds = 30 }, ret);
}

/* A script that fails, and the sentence about it. */
static void fails(const char *text, unsigned int seconds, int code, const char *sentence)
{
	struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	make_script(text);
	assert_int_equal(fetch_with(&(struct cli_fetch){ .seconds = seconds }, &result), code);
	assert_contains(err.message, sentence);
}

static double now(void)
{
	struct timespec time;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &time), 0);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void pause_ms(int ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	(void)nanosleep(&time, NULL);
}

/* The number in a file that a program writes under another name first; waits for it. */
static int number_in(const char *name)
{
	for (int waited = 0; waited < 20000; waited += 20) {
		FILE *file = fopen(unit_path(name), "re");
		int pid = 0;

		if (file) {
			assert_int_equal(fscanf(file, "%d", &pid), 1);
			assert_int_equal(fclose(file), 0);
			return pid;
		}
		pause_ms(20);
	}
	fail_msg("nobody has written %s", name);
	return -1;
}

/* Gone, or dead and not waited for. */
static bool is_over(pid_t pid)
{
	char path[64], text[256] = "";
	const char *state;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	state = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
	(void)fclose(file);
	return !state || state[2] == 'Z' || state[2] == 'X';
}

static void assert_over(pid_t pid)
{
	for (int waited = 0; waited < 5000 && !is_over(pid); waited += 20)
		pause_ms(20);
	assert_true(is_over(pid));
}

/* A line that writes the script's number to FILE, whole. */
#define TELL(file) "echo $$ >\"" file ".new\"; mv \"" file ".new\" \"" file "\"\n"

static void output_and_status_are_given_back(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	(void)state;
	assert_int_equal(run_script("#!/bin/sh\nprintf '%s|%s|%s' \"$#\" \"$1\" \"$2\"; echo oops >&2; exit 7\n", &result), 0);
	assert_int_equal(result.status, 7);
	assert_null(result.stopped_at);
	assert_int_equal(result.output.size, strlen("2|a b|$(false)"));
	assert_string_equal(result.output.data, "2|a b|$(false)");
	assert_string_equal(result.said, "oops\n");
	cli_fetch_result_free(&result);
	assert_null(result.output.data);
	assert_int_equal(run_script("#!/bin/sh\nprintf 'a\\000b'\n", &result), 0);
	assert_int_equal(result.output.size, 3);
	assert_memory_equal(result.output.data, "a\0b", 4);
	cli_fetch_result_free(&result);
	assert_int_equal(run_script("#!/bin/sh\n", &result), 0);
	assert_int_equal(result.output.size, 0);
	assert_int_equal(result.status, 0);
}

static void the_environment_is_changed(void **state)
{
	static const char *const changes[] = { "TOKEN", "ADDED=a b=c", "CHANGED=new", "NOWHERE", "EMPTY=", NULL };
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	(void)state;
	assert_int_equal(setenv("TOKEN", "t", 1) | setenv("TOKEN_NOT", "stays", 1) | setenv("CHANGED", "old", 1), 0);
	make_script("#!/bin/sh\nprintf '%s|' \"${TOKEN-none}\" \"$TOKEN_NOT\" \"$ADDED\" \"$CHANGED\" \"${EMPTY-none}\"; pwd\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .changes = changes, .folder = "/usr" }, &result), 0);
	assert_string_equal(result.output.data, "none|stays|a b=c|new||/usr\n");
	assert_string_equal(getenv("TOKEN"), "t");
	assert_int_equal(unsetenv("TOKEN") | unsetenv("TOKEN_NOT") | unsetenv("CHANGED"), 0);
}

#define PRINT_SIGNALS "sed -n 's/^SigIgn:\t//p; s/^SigBlk:\t//p' /proc/self/status\n"

/* Neither a descriptor, nor a prompt's answer, nor what main() does with signals. */
static void it_gets_nothing_else(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT, before = CLI_FETCH_RESULT_INIT;
	int fd = open("/dev/zero", O_RDONLY), high = fcntl(fd, F_DUPFD, 500);
	char expected[128];

	(void)state;
	assert_true(fd >= 0 && high >= 500);
	/* whoever started this test may have some ignored: make does */
	assert_int_equal(run_script("#!/bin/bash\n" PRINT_SIGNALS, &before), 0);
	(void)snprintf(expected, sizeof(expected), "none\n0 1 2 3 %s", before.output.data);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	/* dash would give its children an empty mask by itself */
	assert_int_equal(run_script("#!/bin/bash\nread answer || echo none\nls /proc/self/fd | tr '\\n' ' '\n"
				    PRINT_SIGNALS, &result), 0);
	assert_string_equal(result.output.data, expected);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_int_equal(close(fd) | close(high), 0);
}

static void who_cannot_be_run_is_told_why(void **state)
{
	struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	char missing[PATH_MAX];

	(void)state;
	(void)snprintf(missing, sizeof(missing), "%s/missing", unit_dir);
	assert_int_equal(fetch_with(&(struct cli_fetch){ .path = missing }, &result), -ENOENT);
	assert_contains(err.message, "provider cannot be run: there is no /");
	make_script("#!/bin/sh\n");
	assert_int_equal(chmod(script_path, 0644), 0);
	assert_int_equal(fetch_with(&(struct cli_fetch){ .seconds = 9 }, &result), -ENOEXEC);
	assert_contains(err.message, "is not executable");
	fails("echo no first line\n", 9, -ENOEXEC, "nor a script that begins with '#!'");
	fails("#!/no/such/interpreter\n", 9, -ENOEXEC, "behind '#!' is not there");
	make_script("#!/bin/sh\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .folder = "/no/such/folder" }, &result), -ENOTDIR);
	assert_contains(err.message, "cannot be run in /no/such/folder: No such file");
}

/* "./program" is one of the folder's. */
static void a_path_may_be_the_folders(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	(void)state;
	make_script("#!/bin/sh\necho here\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .path = "./script", .folder = unit_dir }, &result), 0);
	assert_string_equal(result.output.data, "here\n");
}

static void a_signals_victim_is_told(void **state)
{
	(void)state;
	fails("#!/bin/sh\necho " HIDDEN "; kill -SEGV $$\n", 30, -EIO, "provider was ended by signal 11 (Segmentation fault)");
	fails("#!/bin/sh\necho '{\"half\": \"" HIDDEN "'; kill -KILL $$\n", 30, -EIO, "by signal 9 (Killed)");
}

static void time_runs_out(void **state)
{
	double begin = now();

	(void)state;
	fails("#!/bin/sh\necho " HIDDEN "; echo 'still at it' >&2; exec sleep 600\n", 3, -ETIMEDOUT,
	      "provider had not ended after 3 s, and was ended; 'timeout:'");
	assert_string_equal(err.detail, "provider said: still at it");
	assert_true(now() - begin >= 3 && now() - begin < 30);
	fails("#!/bin/sh\nexec >&-; exec sleep 600\n", 3, -ETIMEDOUT, "provider closed its output, but had not ended after 3 s");
}

/* Neither the one that does not heed SIGTERM nor what it started is left. */
static void nothing_of_it_is_left(void **state)
{
	struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	double begin = now();
	pid_t parent, child;

	(void)state;
	make_script("#!/bin/sh\ntrap '' TERM\n" TELL("parent") "sh -c '" TELL("child") "sleep 600 & wait'\nsleep 600\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .seconds = 4, .folder = unit_dir }, &result), -ETIMEDOUT);
	assert_true(now() - begin >= 5.9);
	parent = number_in("parent");
	child = number_in("child");
	assert_true(parent != child);
	assert_over(parent);
	assert_over(child);
}

static void who_holds_the_output_is_ended(void **state)
{
	struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	double begin = now();

	(void)state;
	make_script("#!/bin/sh\necho " HIDDEN "; sh -c '" TELL("holder") "exec sleep 600' &\n"
		    "until [ -e holder ]; do sleep 0.05; done\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .seconds = 60, .folder = unit_dir }, &result), -EPIPE);
	assert_contains(err.message, "provider has ended, but something that it started still holds its output");
	assert_true(now() - begin < 30);
	assert_over(number_in("holder"));
}

/* What runs on without the output is a daemon, and no affair of ours; that it holds standard error is not, either. */
static void who_holds_only_the_other_stream_stays(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	pid_t daemon;

	(void)state;
	make_script("#!/bin/sh\necho out; echo said >&2; sh -c '" TELL("daemon") "exec sleep 600' >/dev/null &\n"
		    "until [ -e daemon ]; do sleep 0.05; done\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .folder = unit_dir }, &result), 0);
	assert_string_equal(result.output.data, "out\n");
	assert_string_equal(result.said, "said\n");
	daemon = number_in("daemon");
	assert_false(is_over(daemon));
	assert_int_equal(kill(daemon, SIGKILL), 0);
}

static void there_is_an_end_to_its_output(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	(void)state;
	fails("#!/bin/sh\nexec cat /dev/zero\n", 60, -EFBIG, "provider prints more than 32 MiB");
	assert_int_equal(run_script("#!/bin/sh\nhead -c 33554432 /dev/zero\n", &result), 0);
	assert_int_equal(result.output.size, CLI_FETCH_OUTPUT_MAX);
	cli_fetch_result_free(&result);
	fails("#!/bin/sh\nhead -c 33554433 /dev/zero\n", 60, -EFBIG, "provider prints more than 32 MiB");
}

static void the_end_of_what_it_says_is_kept(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;

	(void)state;
	assert_int_equal(run_script("#!/bin/sh\nseq 1 100000 >&2; printf 'the \\033[31mend\\302\\233\\n' >&2\n", &result), 0);
	assert_int_equal(strlen(result.said), CLI_FETCH_SAID - 1); /* C1 was two bytes */
	assert_contains(result.said, "\n99999\n100000\nthe ?[31mend?\n");
	assert_null(strchr(result.said, '\033'));
}

static void it_is_ended_by_what_it_says(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	const char *const words[] = { "another word", "please log in", NULL };
	double begin = now();

	(void)state;
	make_script("#!/bin/sh\necho " HIDDEN "; echo 'INF please lo'\"g in now\" >&2; exec sleep 600\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .stop_at = words }, &result), 0);
	assert_ptr_equal(result.stopped_at, words[1]);
	assert_contains(result.said, "INF please log in now");
	assert_true(now() - begin < 20);
}

/* It may be gone from the end that is kept, and the program too. */
static void what_follows_hides_no_word(void **state)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	const char *const words[] = { "please log in", NULL };

	(void)state;
	make_script("#!/bin/sh\ntrap '' TERM\nexec >&2\necho please log in\nseq 1 100000\n");
	assert_int_equal(fetch_with(&(struct cli_fetch){ .stop_at = words }, &result), 0);
	assert_ptr_equal(result.stopped_at, words[0]);
}

/* ---------------------------------------------------------------- with a process between */

static int fetch_in_child(void *data)
{
	struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	int r = fetch_with(data, &result);

	return r == 0 ? 0 : -r;
}

static pid_t start_fetch(struct cli_fetch *fetch)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fetch_in_child(fetch));
	return pid;
}

static int wait_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void it_dies_with_us(void **state)
{
	struct cli_fetch fetch = { .folder = unit_dir };
	pid_t middle, program;

	(void)state;
	make_script("#!/bin/sh\n" TELL("program") "exec sleep 600\n");
	middle = start_fetch(&fetch);
	program = number_in("program");
	assert_false(is_over(program));
	assert_int_equal(kill(middle, SIGKILL), 0);
	(void)wait_status(middle);
	assert_over(program);
}

#define WAITER "TEST_WAITS_FOR_A_SIGNAL"

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void put_number(const char *name, int number)
{
	char new[32];
	FILE *file;

	(void)snprintf(new, sizeof(new), "%s.new", name);
	file = fopen(new, "we");
	if (!file || fprintf(file, "%d\n", number) < 0 || fclose(file) != 0 || rename(new, name) < 0)
		_exit(1);
}

/* What this program does when it is the one that is started: a shell's trap may come after the next command only,
 * which on a busy machine is after the time that it is given. */
static _Noreturn void be_the_waiter(void)
{
	sigset_t signals;
	int got;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(&signals, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		_exit(1);
	put_number("program", (int)getpid());
	if (sigwait(&signals, &got) != 0)
		_exit(1);
	put_number("got", got);
	_exit(0);
}

static void signals_are_passed_on(void **state)
{
	const char *const changes[] = { WAITER "=1", NULL };
	struct cli_fetch fetch = { .folder = unit_dir, .path = "/proc/self/exe", .changes = changes };

	(void)state;
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
		pid_t middle = start_fetch(&fetch), program = number_in("program");
		int status;

		assert_int_equal(kill(middle, passed_on[i]), 0);
		status = wait_status(middle);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EINTR);
		assert_over(program);
		assert_int_equal(number_in("got"), passed_on[i]);
		assert_int_equal(unlink(unit_path("got")) | unlink(unit_path("program")), 0);
	}
}

/* As nohup has it. */
static int fetch_ignoring(void *data)
{
	if (signal(SIGHUP, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		return 1;
	return fetch_in_child(data);
}

static void who_ignores_signals_goes_on_to(void **state)
{
	struct cli_fetch fetch = { .seconds = 30 };

	(void)state;
	make_script("#!/bin/sh\nkill -HUP $PPID; sleep 0.3; echo done\n");
	assert_int_equal(unit_in_child(fetch_ignoring, &fetch), 0);
}

/* On a terminal of its own: whoever reads from /dev/tty, or switches its echo off, is told of at once. */
static void no_prompt_is_waited_for(void **state)
{
	static const char *const scripts[] = {
		"#!/bin/sh\nprintf 'Password: ' >/dev/tty; read -r answer </dev/tty; echo \"$answer\"\n",
		"#!/bin/sh\nstty -echo </dev/tty; sleep 600\n",
		"#!/bin/sh\nsh -c 'read -r answer </dev/tty'; sleep 600\n",
	};
	struct cli_fetch fetch = { .seconds = 60 };
	double begin = now();

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		int terminal, status;
		pid_t pid;

		make_script(scripts[i]);
		pid = forkpty(&terminal, NULL, NULL, NULL);
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(fetch_in_child(&fetch));
		status = wait_status(pid);
		assert_int_equal(close(terminal), 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ENOTTY);
	}
	assert_true(now() - begin < 60);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, unit_setup_dir, unit_teardown_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(output_and_status_are_given_back),
		IN_DIR(the_environment_is_changed),
		IN_DIR(it_gets_nothing_else),
		IN_DIR(who_cannot_be_run_is_told_why),
		IN_DIR(a_path_may_be_the_folders),
		IN_DIR(a_signals_victim_is_told),
		IN_DIR(time_runs_out),
		IN_DIR(nothing_of_it_is_left),
		IN_DIR(who_holds_the_output_is_ended),
		IN_DIR(who_holds_only_the_other_stream_stays),
		IN_DIR(there_is_an_end_to_its_output),
		IN_DIR(the_end_of_what_it_says_is_kept),
		IN_DIR(it_is_ended_by_what_it_says),
		IN_DIR(what_follows_hides_no_word),
		IN_DIR(it_dies_with_us),
		IN_DIR(signals_are_passed_on),
		IN_DIR(who_ignores_signals_goes_on_to),
		IN_DIR(no_prompt_is_waited_for),
	};
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD };

	if (getenv(WAITER))
		be_the_waiter();
	/* whoever runs this in the background has some of them ignored */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_DFL);
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
