#include "tests/unit/unit.h"

#include "libtazpod/cleanup.h"
#include "tazpod-cli/wholefile.h"

static int folder = -1;

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	folder = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)umask(022);
	return folder < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)close(folder);
	return unit_teardown_dir(state);
}

static unsigned int count_entries(void)
{
	_cleanup_closedir_ DIR *dir = opendir(unit_dir);
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void expect(const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = open(unit_path(name), O_RDONLY | O_CLOEXEC);
	char buffer[64] = "";
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	assert_true(read(fd, buffer, sizeof(buffer) - 1) >= 0);
	assert_string_equal(buffer, text);
}

static void test_new(void **state)
{
	static const char *const there[] = { "file", "folder", "broken" };
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(cli_wholefile_new(folder, "file", "one", 0666, &err), 0);
	expect("file", "one", 0644);
	assert_int_equal(mkdir(unit_path("folder"), 0700), 0);
	assert_int_equal(symlink("nowhere", unit_path("broken")), 0);
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		assert_int_equal(cli_wholefile_new(folder, there[i], "two", 0666, &err), -EEXIST);
	expect("file", "one", 0644);
	assert_int_equal(access(unit_path("nowhere"), F_OK), -1);
	/* and no file of another name is left */
	assert_int_equal(count_entries(), 3);
}

static void test_replace(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(cli_wholefile_replace(folder, "file", "one", 0600, &err), 0);
	expect("file", "one", 0600);
	assert_int_equal(chmod(unit_path("file"), 0666), 0);
	assert_int_equal(cli_wholefile_replace(folder, "file", "", 0600, &err), 0);
	expect("file", "", 0600);
	assert_int_equal(mkdir(unit_path("folder"), 0700), 0);
	assert_int_equal(cli_wholefile_replace(folder, "folder", "x", 0600, &err), -EISDIR);
	assert_contains(err.message, "folder cannot be written: Is a directory");
	/* a symlink is replaced, what it leads to is not written */
	assert_int_equal(symlink("file", unit_path("link")), 0);
	assert_int_equal(cli_wholefile_replace(folder, "link", "x", 0600, &err), 0);
	expect("file", "", 0600);
	assert_int_equal(count_entries(), 3);
}

static int write_as_nobody(void *data)
{
	struct tz_error err = { 0 };

	(void)data;
	if (unit_become_nobody() < 0)
		return 1;
	return cli_wholefile_new(folder, "file", "x", 0600, &err) == -EACCES && strstr(err.message, "Permission denied") ? 0 : 2;
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(unit_dir, 0755), 0);
	assert_int_equal(unit_in_child(write_as_nobody, NULL), 0);
	assert_int_equal(count_entries(), 0);
}

/* Of many that want to make it at once, one does, and the file is his. */
static int make(void *data)
{
	return cli_wholefile_new(folder, "file", data, 0600, NULL) == 0 ? 0 : 1;
}

static void test_race(void **state)
{
	pid_t pids[8];
	int made = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(make((void *)"whole"));
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		made += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(made, 1);
	expect("file", "whole", 0600);
	assert_int_equal(count_entries(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
	};

	return cmocka_run_group_tests_name("wholefile", tests, NULL, NULL);
}
