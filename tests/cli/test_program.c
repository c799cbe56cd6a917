#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tazpod-cli/args.h"
#include "tazpod-cli/program.h"

static struct tz_error err;

static void make_program(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0755);
}

static void test_find(void **state)
{
	char path[PATH_MAX], search[2 * PATH_MAX], wanted[PATH_MAX];

	(void)state;
	make_program("here", "#!/bin/sh\n");
	unit_write(unit_path("text"), "", 0, 0644);
	assert_int_equal(mkdir(unit_path("folder"), 0755), 0);
	(void)snprintf(search, sizeof(search), "/nowhere:%s", unit_dir);
	assert_int_equal(setenv("PATH", search, 1), 0);
	assert_int_equal(cli_program_find("here", path), 0);
	(void)snprintf(wanted, sizeof(wanted), "%s/here", unit_dir);
	assert_string_equal(path, wanted);
	assert_int_equal(cli_program_find("text", path), -ENOENT);
	assert_int_equal(cli_program_find("folder", path), -ENOENT);
	assert_int_equal(cli_program_find("nothing-of-this-name", path), -ENOENT);
	/* what lies in the working directory is never run by its name */
	assert_int_equal(chdir(unit_dir), 0);
	assert_int_equal(setenv("PATH", ":.:./:", 1), 0);
	assert_int_equal(cli_program_find("here", path), -ENOENT);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(setenv("PATH", "", 1), 0);
	assert_int_equal(cli_program_find("env", path), 0);
	assert_string_equal(path, "/usr/bin/env");
}

static void test_status(void **state)
{
	char path[PATH_MAX];
	char *const words[] = { path, NULL };

	(void)state;
	make_program("seven", "#!/bin/sh\nexit 7\n");
	make_program("killed", "#!/bin/sh\nkill -TERM $$\n");
	(void)snprintf(path, sizeof(path), "%s/seven", unit_dir);
	assert_int_equal(cli_program_run(words, &err), 7);
	assert_int_equal(cli_program_run_quietly(words, &err), 7);
	(void)snprintf(path, sizeof(path), "%s/killed", unit_dir);
	assert_int_equal(cli_program_run_quietly(words, &err), 128 + SIGTERM);
	(void)snprintf(path, sizeof(path), "%s/missing", unit_dir);
	assert_int_equal(cli_program_run_quietly(words, &err), 127);
	unit_write(unit_path("plain"), "text", 4, 0644);
	(void)snprintf(path, sizeof(path), "%s/plain", unit_dir);
	assert_int_equal(cli_program_run_quietly(words, &err), 126);
}

static void test_capture(void **state)
{
	struct cli_program_output output;
	char path[PATH_MAX];
	char *const words[] = { path, NULL };

	(void)state;
	make_program("talks", "#!/bin/sh\necho out; echo one >&2; read x || echo two >&2; echo >&2; exit 3\n");
	(void)snprintf(path, sizeof(path), "%s/talks", unit_dir);
	assert_int_equal(cli_program_capture(words, &output, &err), 0);
	assert_int_equal(output.status, 3);
	assert_string_equal(output.text, "out\n");
	assert_string_equal(output.error, "one\ntwo");
	cli_program_output_free(&output);
	assert_null(output.text);
}

/* The text is there from its beginning to its end, whatever is in it, and more than a pipe takes. */
static void test_run_with(void **state)
{
	static char text[300000];
	char path[PATH_MAX];
	char *const words[] = { path, NULL };

	(void)state;
	make_program("reads", "#!/bin/sh\nexec test \"$(tr -dc x | wc -c)\" = 299999\n");
	(void)snprintf(path, sizeof(path), "%s/reads", unit_dir);
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	memset(text, 'x', sizeof(text));
	text[100] = '\0';
	assert_int_equal(cli_program_run_with(words, text, sizeof(text), &err), 0);
	assert_int_equal(cli_program_run_with(words, text, 99, &err), 1);
	assert_int_equal(cli_program_run_with(words, NULL, 0, &err), 1);
}

/* More than a pipe takes, on both, and more than is kept. */
static void test_capture_much(void **state)
{
	struct cli_program_output output;
	char path[PATH_MAX];
	char *const words[] = { path, NULL };

	(void)state;
	make_program("shouts", "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\000' e >&2\nhead -c 200000 /dev/zero | tr '\\000' o\n");
	(void)snprintf(path, sizeof(path), "%s/shouts", unit_dir);
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	assert_int_equal(cli_program_capture(words, &output, &err), 0);
	assert_int_equal(output.status, 0);
	assert_int_equal(strlen(output.text), 200000);
	assert_int_equal(strlen(output.error), 1024 * 1024);
	cli_program_output_free(&output);
}

/* Whatever ends us; who holds the pipe is us and the program. */
static void test_it_ends_with_us(void **state)
{
	struct pollfd watched = { .events = POLLIN };
	char path[PATH_MAX], text[4];
	char *const words[] = { path, NULL };
	int ends[2], status;
	pid_t pid;

	(void)state;
	make_program("stays", "#!/bin/sh\necho up\nexec sleep 600\n");
	(void)snprintf(path, sizeof(path), "%s/stays", unit_dir);
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(dup2(ends[1], STDOUT_FILENO) < 0 || cli_program_run(words, &err));
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 3);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	watched.fd = ends[0];
	assert_int_equal(poll(&watched, 1, 30000), 1);
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	assert_int_equal(close(ends[0]), 0);
}

static void test_args(void **state)
{
	struct cli_args args = CLI_ARGS_INIT;

	(void)state;
	assert_int_equal(cli_args_check(&args, &err), -ENOMEM);
	cli_args_add(&args, "--size=%d", 5);
	cli_args_add_all(&args, (const char *const[]){ "%s", "", NULL });
	assert_int_equal(cli_args_check(&args, &err), 0);
	assert_int_equal(args.count, 3);
	assert_string_equal(args.words[0], "--size=5");
	assert_string_equal(args.words[1], "%s");
	assert_string_equal(args.words[2], "");
	assert_null(args.words[3]);
	cli_args_free(&args);
	assert_int_equal(args.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_status, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_run_with, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_capture, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_capture_much, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_it_ends_with_us, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test(test_args),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
