#include "unit.h"

#include "tazpod-shell/login.h"

#define ARGV_MAX 8

struct call {
	const char *shell;
	const char *argv[ARGV_MAX];
};

static int count(const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return argc;
}

static bool is_login(const char *const *argv)
{
	return shell_is_login(count(argv), (char **)(uintptr_t)argv);
}

static void login_shells_are_told_from_others(void **state)
{
	static const char *const login[][ARGV_MAX] = {
		{ "-tazpod-shell" }, { "tazpod-shell" }, { "tazpod-shell", "-l" }, { "tazpod-shell", "--login" },
		{ "-tazpod-shell", "-c", "true" }, { "tazpod-shell", "-l", "-c", "true" },
	};
	static const char *const other[][ARGV_MAX] = {
		{ "tazpod-shell", "-c", "true" }, { "tazpod-shell", "-c", "-l" }, { "tazpod-shell", "script" },
		{ "tazpod-shell", "-li" }, { "/usr/libexec/tazpod-shell", "-i" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(login) / sizeof(login[0]); i++)
		assert_true(is_login(login[i]));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(is_login(other[i]));
}

/* In a child. Its exit status is the shell's, or what shell_exec() would have it be. */
static int do_exec(void *data)
{
	const struct call *call = data;
	struct tz_error err = { 0 };

	if (setenv("HOME", unit_dir, 1) < 0 || setenv("OUT", unit_path("out"), 1) < 0)
		return 99;
	return shell_exec(call->shell, count(call->argv), (char **)(uintptr_t)call->argv, &err);
}

static void runs_as(const char *expected, const struct call *call)
{
	char text[256] = "";
	FILE *file;

	(void)unlink(unit_path("out"));
	assert_int_equal(unit_in_child(do_exec, (void *)(uintptr_t)call), 0);
	file = fopen(unit_path("out"), "re");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, expected);
}

#define TELL "printf '%s' \"$0\" >\"$OUT\"; for a in \"$@\"; do printf '|%s' \"$a\" >>\"$OUT\"; done"

static void the_shell_gets_its_name_and_arguments(void **state)
{
	(void)state;
	runs_as("sh", &(struct call){ "/bin/sh", { "tazpod-shell", "-c", TELL } });
	runs_as("-sh", &(struct call){ "/bin/sh", { "-tazpod-shell", "-c", TELL } });
	runs_as("-sh", &(struct call){ "/bin/sh", { "tazpod-shell", "-l", "-c", TELL } });
	runs_as("-sh", &(struct call){ "/bin/sh", { "tazpod-shell", "--login", "-c", TELL } });
	/* after the first, they are the command's own */
	runs_as("zero|-l|a b;$x", &(struct call){ "/bin/sh", { "tazpod-shell", "-c", TELL, "zero", "-l", "a b;$x" } });
}

static void the_status_is_the_shell_s(void **state)
{
	struct call call = { "/bin/sh", { "tazpod-shell", "-c", "exit 42" } };

	(void)state;
	assert_int_equal(unit_in_child(do_exec, &call), 42);
}

static void refused(const char *shell, int status, int code, const char *part)
{
	char *argv[] = { (char[]){ "tazpod-shell" }, (char[]){ "-c" }, (char[]){ "true" }, NULL };
	struct tz_error err = { 0 };

	assert_int_equal(shell_exec(shell, 3, argv, &err), status);
	assert_int_equal(err.code, -code);
	assert_contains(err.message, shell);
	assert_contains(err.message, part);
	assert_contains(err.message, "setting 'shell'");
}

static void what_is_no_shell_is_refused_with_the_reason(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", unit_path("plain"));
	unit_write(path, "text\n", 5, 0644);
	refused(unit_path("missing"), SHELL_EXIT_NOT_FOUND, ENOENT, strerrordesc_np(ENOENT));
	refused(path, SHELL_EXIT_NOT_EXECUTABLE, EACCES, strerrordesc_np(EACCES));
	refused(unit_dir, SHELL_EXIT_NOT_EXECUTABLE, EACCES, strerrordesc_np(EACCES));
	refused("sh", SHELL_EXIT_NOT_EXECUTABLE, EINVAL, "not absolute");
	assert_int_equal(chmod(path, 0755), 0);
	refused(path, SHELL_EXIT_NOT_EXECUTABLE, ENOEXEC, strerrordesc_np(ENOEXEC));
}

/* By whatever name. */
static void it_does_not_become_itself(void **state)
{
	char self[PATH_MAX], alias[PATH_MAX];

	(void)state;
	assert_non_null(realpath("/proc/self/exe", self));
	(void)snprintf(alias, sizeof(alias), "%s", unit_path("alias"));
	assert_int_equal(symlink(self, alias), 0);
	refused(self, SHELL_EXIT_NOT_EXECUTABLE, ELOOP, "itself");
	refused(alias, SHELL_EXIT_NOT_EXECUTABLE, ELOOP, "itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_shells_are_told_from_others),
		cmocka_unit_test(the_shell_gets_its_name_and_arguments),
		cmocka_unit_test(the_status_is_the_shell_s),
		cmocka_unit_test(what_is_no_shell_is_refused_with_the_reason),
		cmocka_unit_test(it_does_not_become_itself),
	};

	return cmocka_run_group_tests(tests, unit_setup_dir, unit_teardown_dir);
}
