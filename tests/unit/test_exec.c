#include "unit.h"

#include <signal.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libtazpod/exec.h"

static int shell(const char *script, struct tz_error *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return tz_exec_wait(argv, "dash", err);
}

static void the_status_is_given_back(void **state)
{
	(void)state;
	assert_int_equal(shell("exit 0", NULL), 0);
	assert_int_equal(shell("exit 1", NULL), 1);
	assert_int_equal(shell("exit 126", NULL), 126);
}

static void arguments_are_not_looked_into(void **state)
{
	const char *const argv[] = { "test", "a b; false $(false)", "=", "a b; false $(false)", NULL };

	(void)state;
	assert_int_equal(tz_exec_wait(argv, "coreutils", NULL), 0);
}

static void what_is_missing_is_named_with_its_package(void **state)
{
	const char *const argv[] = { "no-such-program", NULL };
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_exec_wait(argv, "some-package", &err), -ENOENT);
	assert_contains(err.message, "no-such-program is missing");
	assert_contains(err.message, "apt install some-package");
}

static void path_is_not_searched(void **state)
{
	const char *const argv[] = { "only-here", NULL };

	(void)state;
	unit_write(unit_path("only-here"), "#!/bin/sh\n", 10, 0755);
	assert_int_equal(setenv("PATH", unit_dir, 1), 0);
	assert_int_equal(tz_exec_wait(argv, "none", NULL), -ENOENT);
	assert_int_equal(shell("true", NULL), 0);
}

static void a_signal_is_told_from_a_status(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(shell("kill -9 $$", &err), -EINTR);
	assert_contains(err.message, "signal 9");
}

/* e2fsck's statuses are sums of bits, none of which is 127 */
static void what_cannot_be_run_is_an_error(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(shell("exit 127", &err), -ENOEXEC);
	assert_contains(err.message, "cannot be run");
}

static void the_environment_is_fixed(void **state)
{
	(void)state;
	assert_int_equal(setenv("TAZPOD_SECRET", "x", 1), 0);
	assert_int_equal(setenv("LD_PRELOAD", "", 1), 0);
	/* dash itself adds PWD; what stands in /proc is what it was given */
	assert_int_equal(shell("test \"$(tr '\\0' '\\n' </proc/$$/environ)\" = "
			       "\"$(printf 'PATH=/usr/sbin:/usr/bin:/sbin:/bin\\nLC_ALL=C')\"", NULL), 0);
	assert_int_equal(unsetenv("TAZPOD_SECRET"), 0);
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

static void it_has_no_descriptor_but_dev_null(void **state)
{
	static const char script[] =
		"for fd in 0 1 2; do test \"$(readlink /proc/$$/fd/$fd)\" = /dev/null || exit 3; done\n"
		"for fd in 3 4 5 6 7 8 9 100; do test ! -e /proc/$$/fd/$fd || exit 4; done";
	int low = open("/", O_RDONLY), high = fcntl(low, F_DUPFD, 100);

	(void)state;
	assert_true(low >= 0 && high == 100);
	assert_int_equal(shell(script, NULL), 0);
	assert_int_equal(close(low), 0);
	assert_int_equal(close(high), 0);
}

static int run_for_long(void *data)
{
	char script[PATH_MAX + 64];

	(void)snprintf(script, sizeof(script), "echo $$ >%s; exec sleep 1000", (const char *)data);
	return shell(script, NULL) < 0;
}

static pid_t wait_for_pid(const char *path)
{
	int pid = 0;

	for (int i = 0; i < 500 && pid == 0; i++) {
		FILE *file = fopen(path, "re");

		if (file && fscanf(file, "%d", &pid) != 1)
			pid = 0;
		if (file)
			(void)fclose(file);
		(void)usleep(10000);
	}
	return pid;
}

/* Gone, or a zombie that this container's init does not reap. */
static bool has_ended(pid_t pid)
{
	char path[64], line[128] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	(void)fclose(file);
	return line[0] == '\0' || strstr(line, ") Z ");
}

/* Whoever kills the worker has no mke2fs or e2fsck left that still writes to the vault. */
static void it_dies_with_its_caller(void **state)
{
	char path[PATH_MAX];
	pid_t child, program;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", unit_path("pid"));
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(run_for_long(path));
	program = wait_for_pid(path);
	assert_true(program > 0);
	assert_false(has_ended(program));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 500 && !has_ended(program); i++)
		(void)usleep(10000);
	assert_true(has_ended(program));
}

static dev_t device_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) ? st.st_rdev : 0;
}

/* closed: which of the standard descriptors are not open before, as bits. */
static int nulls(void *data)
{
	unsigned int closed = *(unsigned int *)data;

	for (int i = 0; i < 3; i++)
		if (closed & (1U << i))
			(void)close(i);
	if (tz_exec_null_stdio() < 0)
		return 1;
	for (int i = 0; i < 3; i++)
		if (device_of(i) != makedev(1, 3) || (fcntl(i, F_GETFD) & FD_CLOEXEC))
			return 2;
	/* nothing else was opened */
	return fcntl(3, F_GETFD) < 0 || device_of(3) != makedev(1, 3) ? 0 : 3;
}

static void standard_descriptors_become_null(void **state)
{
	(void)state;
	for (unsigned int closed = 0; closed < 8; closed++)
		assert_int_equal(unit_in_child(nulls, &closed), 0);
}

static int places(void *data)
{
	int pipes[2][2], from[3];
	char byte;

	(void)data;
	if (pipe2(pipes[0], O_CLOEXEC) < 0 || pipe2(pipes[1], O_CLOEXEC) < 0)
		return 1;
	/* in each other's places, and one of them twice */
	if (dup2(pipes[0][0], 41) < 0 || dup2(pipes[0][1], 40) < 0)
		return 2;
	from[0] = 41;
	from[1] = 40;
	from[2] = 40;
	if (tz_exec_place(from, 40, 3) < 0)
		return 3;
	for (int i = 40; i < 43; i++)
		if (fcntl(i, F_GETFD) != 0)
			return 4;
	if (fcntl(43, F_GETFD) >= 0 || write(41, "a", 1) != 1 || read(40, &byte, 1) != 1 || write(42, "b", 1) != 1)
		return 5;
	return 0;
}

static void descriptors_are_put_in_their_places(void **state)
{
	const int none[] = { 1000000 };

	(void)state;
	assert_int_equal(unit_in_child(places, NULL), 0);
	assert_int_equal(tz_exec_place(none, 40, 1), -EBADF);
	assert_int_equal(tz_exec_place(none, 40, 1000), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_is_given_back),
		cmocka_unit_test(arguments_are_not_looked_into),
		cmocka_unit_test(what_is_missing_is_named_with_its_package),
		cmocka_unit_test(path_is_not_searched),
		cmocka_unit_test(a_signal_is_told_from_a_status),
		cmocka_unit_test(what_cannot_be_run_is_an_error),
		cmocka_unit_test(the_environment_is_fixed),
		cmocka_unit_test(it_has_no_descriptor_but_dev_null),
		cmocka_unit_test(it_dies_with_its_caller),
		cmocka_unit_test(standard_descriptors_become_null),
		cmocka_unit_test(descriptors_are_put_in_their_places),
	};

	return cmocka_run_group_tests(tests, unit_setup_dir, unit_teardown_dir);
}
