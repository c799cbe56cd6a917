#include "unit.h"

#include "libtazpod/project_check.h"

static struct tz_project project;

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	memset(&project, 0, sizeof(project));
	(void)strcpy(project.folder, unit_dir);
	return 0;
}

static void accept(void)
{
	struct tz_error err = { 0 };

	if (tz_project_check(&project, &err) < 0)
		fail_msg("%s", err.message);
}

static void refuse(int code, const char *message)
{
	struct tz_error err = { 0 };

	assert_int_equal(tz_project_check(&project, &err), code);
	assert_contains(err.message, message);
	assert_int_equal(tz_project_check(&project, NULL), code);
}

static void test_build(void **state)
{
	(void)state;
	accept();
	(void)strcpy(project.dockerfile, "sub/Containerfile");
	(void)strcpy(project.context, "sub");
	accept();
	project.has_build = true;
	refuse(-ENOENT, "'build.dockerfile' in the config: sub/Containerfile: No such file");
	assert_int_equal(mkdir(unit_path("real"), 0700), 0);
	unit_write(unit_path("real/Containerfile"), "", 0, 0600);
	assert_int_equal(symlink("real", unit_path("sub")), 0);
	refuse(-ELOOP, "sub/Containerfile has a symlink on its way");
	(void)strcpy(project.dockerfile, "real/Containerfile");
	refuse(-ELOOP, "'build.context' in the config: sub has a symlink");
	(void)strcpy(project.context, "real/Containerfile");
	refuse(-EINVAL, "real/Containerfile is no folder");
	(void)strcpy(project.context, "real");
	accept();
	(void)strcpy(project.context, ".");
	accept();
	(void)strcpy(project.dockerfile, "real");
	refuse(-EINVAL, "real is no regular file");
	assert_int_equal(unlink(unit_path("real/Containerfile")), 0);
	assert_int_equal(mkfifo(unit_path("real/Containerfile"), 0600), 0);
	(void)strcpy(project.dockerfile, "real/Containerfile");
	refuse(-EINVAL, "is no regular file");
}

static void test_sources(void **state)
{
	(void)state;
	project.mount_count = 1;
	(void)strcpy(project.mounts[0].target, "/mnt/a");
	(void)strcpy(project.mounts[0].source, unit_path("data"));
	refuse(-ENOENT, "data: No such file");
	assert_int_equal(mkdir(unit_path("real"), 0700), 0);
	assert_int_equal(symlink("/etc", unit_path("data")), 0);
	refuse(-ELOOP, "write where it leads: /etc");
	(void)strcpy(project.mounts[0].source, unit_path("data/hostname"));
	refuse(-ELOOP, "symlink on its way");
	(void)strcpy(project.mounts[0].source, unit_path("real"));
	accept();
	unit_write(unit_path("real/file"), "", 0, 0600);
	(void)strcpy(project.mounts[0].source, unit_path("real/file"));
	accept();
}

/* The engine would follow what the project has there, into the system of the container. */
static void test_targets(void **state)
{
	(void)state;
	project.mount_count = 1;
	(void)strcpy(project.mounts[0].source, unit_dir);
	(void)strcpy(project.mounts[0].target, "/workspace/data");
	accept();
	assert_int_equal(symlink("/etc", unit_path("data")), 0);
	refuse(-ELOOP, "the target /workspace/data has a symlink");
	(void)strcpy(project.mounts[0].target, "/workspace/data/pam.d");
	refuse(-ELOOP, "the target /workspace/data/pam.d has a symlink");
	(void)strcpy(project.mounts[0].target, "/workspacex");
	accept();
}

static void test_folder_is_gone(void **state)
{
	(void)state;
	(void)strcat(project.folder, "/missing");
	refuse(-ENOENT, "missing cannot be opened");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_build, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_sources, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_targets, setup, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_folder_is_gone, setup, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("project_check", tests, NULL, NULL);
}
