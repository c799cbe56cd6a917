#include "tests/unit/unit.h"

#include "libtazpod/cleanup.h"
#include "tazpod-cli/trust.h"

static struct tz_project project;

static void move(const char *from, const char *to)
{
	char old[PATH_MAX];

	(void)strcpy(old, unit_path(from));
	assert_int_equal(rename(old, unit_path(to)), 0);
}

static void write_file(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0600);
}

static void load(const char *config)
{
	struct tz_error err = { 0 };

	write_file("p/.tazpod/config.yaml", config);
	if (tz_project_load(unit_path("p"), &project, NULL, NULL, &err) < 0)
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	assert_int_equal(mkdir(unit_path("p"), 0700), 0);
	assert_int_equal(mkdir(unit_path("p/.tazpod"), 0700), 0);
	assert_int_equal(setenv("HOME", unit_dir, 1), 0);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	load("x11: true\n");
	return 0;
}

static struct cli_trust_text read_text(void)
{
	struct cli_trust_text text = CLI_TRUST_TEXT_INIT;
	struct tz_error err = { 0 };

	if (cli_trust_read(&project, &text, &err) < 0)
		fail_msg("%s", err.message);
	return text;
}

static bool trusted(void)
{
	_cleanup_trust_text_ struct cli_trust_text text = read_text();
	struct tz_error err = { 0 };
	bool ret = false;

	if (cli_trust_check(&project, &text, &ret, &err) < 0)
		fail_msg("%s", err.message);
	return ret;
}

static void trust(void)
{
	_cleanup_trust_text_ struct cli_trust_text text = read_text();
	struct tz_error err = { 0 };

	if (cli_trust_add(&project, &text, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(trusted());
}

static void count(void *data, const char *digest, const char *folder)
{
	assert_int_equal(strlen(digest), 64);
	assert_int_equal(folder[0], '/');
	++*(unsigned int *)data;
}

static unsigned int lines(void)
{
	unsigned int ret = 0;

	assert_int_equal(cli_trust_list(count, &ret, NULL), 0);
	return ret;
}

static void test_config(void **state)
{
	struct stat st;

	(void)state;
	assert_false(trusted());
	assert_int_equal(access(unit_path(".local"), F_OK), -1);
	trust();
	assert_int_equal(stat(unit_path(".local/state/tazpod"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(unit_path(".local/state/tazpod/trusted"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	load("x11: true\n");
	assert_true(trusted());
	load("x11: true \n");
	assert_false(trusted());
	trust();
	assert_int_equal(lines(), 1);
	load("x11: true\n");
	assert_false(trusted());
}

/* What is run is what was shown: a file that changed since it was read is not what is trusted. */
static void test_changed_meanwhile(void **state)
{
	(void)state;
	write_file("p/.tazpod/config.yaml", "gpu: true\n");
	trust();
	load("gpu: true\n");
	assert_false(trusted());
}

static void test_containerfile(void **state)
{
	struct cli_trust_text text = { .digest = "untouched" };
	struct tz_error err = { 0 };

	(void)state;
	load("build: {dockerfile: Containerfile, context: .}\n");
	assert_int_equal(cli_trust_read(&project, &text, &err), -ENOENT);
	assert_contains(err.message, "'build.dockerfile' in the config: Containerfile does not exist");
	assert_string_equal(text.digest, "untouched");
	write_file("p/Containerfile", "FROM a\n");
	trust();
	write_file("p/Containerfile", "FROM b\n");
	assert_false(trusted());
	write_file("p/Containerfile", "FROM a\n");
	assert_true(trusted());
	move("p/Containerfile", "elsewhere");
	assert_int_equal(symlink("../elsewhere", unit_path("p/Containerfile")), 0);
	assert_int_equal(cli_trust_read(&project, &text, &err), -ELOOP);
}

/* What was asked about is what is remembered, and what is built: not what is in the file by the time of the answer. */
static void test_swapped_at_the_question(void **state)
{
	_cleanup_trust_text_ struct cli_trust_text asked = CLI_TRUST_TEXT_INIT;

	(void)state;
	load("build: {dockerfile: Containerfile, context: .}\n");
	write_file("p/Containerfile", "FROM good\n");
	asked = read_text();
	write_file("p/Containerfile", "FROM evil\n");
	assert_int_equal(cli_trust_add(&project, &asked, NULL), 0);
	assert_false(trusted());
	assert_int_equal(asked.size, strlen("FROM good\n"));
	assert_memory_equal(asked.containerfile, "FROM good\n", asked.size);
	write_file("p/Containerfile", "FROM good\n");
	assert_true(trusted());
}

/* A copy of a trusted project is another one. */
static void test_folder(void **state)
{
	(void)state;
	trust();
	move("p", "q");
	assert_int_equal(tz_project_load(unit_path("q"), &project, NULL, NULL, NULL), 0);
	assert_false(trusted());
	trust();
	assert_int_equal(lines(), 2);
}

static void test_remove(void **state)
{
	struct tz_error err = { 0 };
	bool was = true;

	(void)state;
	assert_int_equal(cli_trust_remove(unit_path("p"), &was, &err), 0);
	assert_false(was);
	trust();
	assert_int_equal(cli_trust_remove(unit_dir, &was, &err), 0);
	assert_false(was);
	assert_true(trusted());
	assert_int_equal(cli_trust_remove(unit_path("p"), &was, &err), 0);
	assert_true(was);
	assert_false(trusted());
	assert_int_equal(lines(), 0);
}

static void refuse(int code, const char *message)
{
	_cleanup_trust_text_ struct cli_trust_text text = read_text();
	struct tz_error err = { 0 };
	bool ret = true;

	assert_int_equal(cli_trust_check(&project, &text, &ret, &err), code);
	assert_contains(err.message, message);
	assert_true(ret);
	assert_int_equal(cli_trust_add(&project, &text, &err), code);
	assert_int_equal(cli_trust_remove("/x", NULL, &err), code);
}

/* Whoever else may write there decides what this user runs. */
static void test_file_of_others(void **state)
{
	(void)state;
	trust();
	assert_int_equal(chmod(unit_path(".local/state/tazpod/trusted"), 0620), 0);
	refuse(-EPERM, "may be written by others");
	assert_int_equal(chmod(unit_path(".local/state/tazpod/trusted"), 0600), 0);
	assert_int_equal(chmod(unit_path(".local/state/tazpod"), 0770), 0);
	refuse(-EPERM, "may be written by others");
	assert_int_equal(chmod(unit_path(".local/state/tazpod"), 0700), 0);
	assert_true(trusted());
	if (geteuid() != 0)
		unit_skip("only root can give files away");
	assert_int_equal(chown(unit_path(".local/state/tazpod/trusted"), UNIT_NOBODY, 0), 0);
	refuse(-EPERM, "belongs to uid 65534");
	assert_int_equal(unlink(unit_path(".local/state/tazpod/trusted")), 0);
	assert_int_equal(symlink("/dev/null", unit_path(".local/state/tazpod/trusted")), 0);
	refuse(-ELOOP, "symlink");
}

static void test_lines_that_are_none(void **state)
{
	_cleanup_trust_text_ struct cli_trust_text text = CLI_TRUST_TEXT_INIT;
	char line[CLI_TRUST_DIGEST + PATH_MAX];

	(void)state;
	trust();
	write_file(".local/state/tazpod/trusted", "\nshort\n0000\n\n  /x\nwithout its end");
	assert_false(trusted());
	assert_int_equal(lines(), 0);
	trust();
	assert_int_equal(lines(), 1);
	/* a line that was cut is not half of one */
	text = read_text();
	(void)snprintf(line, sizeof(line), "%s  %s", text.digest, project.folder);
	line[strlen(line) - 1] = '\0';
	write_file(".local/state/tazpod/trusted", line);
	assert_false(trusted());
}

static void test_state_home(void **state)
{
	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", unit_path("a/b"), 1), 0);
	trust();
	assert_int_equal(access(unit_path("a/b/tazpod/trusted"), F_OK), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
	assert_false(trusted());
	trust();
	assert_int_equal(access(unit_path(".local/state/tazpod/trusted"), F_OK), 0);
}

#define WRITERS 8

/* No line gets lost. */
static void test_at_once(void **state)
{
	_cleanup_trust_text_ struct cli_trust_text text = read_text();
	pid_t pids[WRITERS];

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			(void)snprintf(project.folder, sizeof(project.folder), "/p%d", i);
			_exit(cli_trust_add(&project, &text, NULL) == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_int_equal(lines(), WRITERS);
}

static void shows(const char *config, const char *part)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	load(config);
	assert_non_null(stream);
	cli_trust_show(&project, stream);
	(void)fclose(stream);
	assert_contains(text, project.folder);
	if (part)
		assert_contains(text, part);
	else
		assert_null(strstr(text, "this machine"));
}

static void test_show(void **state)
{
	(void)state;
	shows("", NULL);
	shows("image: a/b\n", "run the image a/b");
	shows("build: {dockerfile: D, context: .}\n", "commands in D, with what is in the project's folder");
	shows("build: {}\nimage: ubuntu:24.04\n", "give what is built the name ubuntu:24.04: another image of that name here loses it");
	shows("build:\n  context: a\ncontainer_name: ab\n", "the name localhost/ab:latest:");
	shows("user: dev\n", "let you in as its user dev");
	shows("network: host\n", "this machine's own network");
	shows("network: none\n", "no network");
	shows("network: other\n", "network other");
	shows("ports: [8080]\n", "for its own programs: 127.0.0.1:8080:8080/tcp");
	shows("ports: ['[::1]:1:2']\n", "for its own programs: [::1]:1:2/tcp");
	shows("ports: ['0.0.0.0:8080:80']\n", "for every machine that reaches it: 0.0.0.0:8080:80/tcp");
	shows("mounts: [{source: /srv, target: /mnt/a, read_only: true}]\n", "- read /srv of this machine, at /mnt/a there");
	shows("mounts: [{source: /srv, target: /mnt/a}]\n", "read and change /srv");
	shows("x11: true\n", "X11");
	shows("wayland: true\n", "Wayland");
	shows("ssh_agent: true\n", "ssh agent");
	shows("gpu: true\n", "graphics");
	shows("driver: dm-crypt\n", "device-mapper");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_changed_meanwhile, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_containerfile, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_swapped_at_the_question, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_folder, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_remove, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_file_of_others, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_lines_that_are_none, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_state_home, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_at_once, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_show, setup, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
