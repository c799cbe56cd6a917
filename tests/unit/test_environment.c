#include "private_ns.h"

#include <sys/resource.h>

#include "tazpod-shell/environment.h"

static int is_hardened(void *data)
{
	struct tz_error err = { 0 };
	struct rlimit limit;
	int low = open("/", O_RDONLY), high = fcntl(low, F_DUPFD, 200);

	(void)data;
	CHECK(low > 2 && high >= 200);
	(void)umask(022);
	CHECK_CODE(shell_environment_harden(&err), 0, &err);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0);
	CHECK(umask(0) == 077);
	CHECK(fcntl(low, F_GETFD) < 0 && fcntl(high, F_GETFD) < 0);
	for (int fd = 0; fd < 3; fd++)
		CHECK(fcntl(fd, F_GETFD) >= 0);
	return 0;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void it_forbids_cores_and_closes_what_it_inherited(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(is_hardened, NULL), 0);
}

static void the_shell_and_the_mode_are_told(void **state)
{
	(void)state;
	assert_int_equal(setenv("SHELL", "/usr/libexec/tazpod-shell", 1), 0);
	assert_int_equal(setenv("TAZPOD_GHOST_MODE", "false", 1), 0);
	assert_int_equal(shell_environment_set("/bin/zsh", "/srv/ghost/secrets", NULL), 0);
	assert_string_equal(variable("SHELL"), "/bin/zsh");
	assert_string_equal(variable("TAZPOD_GHOST_MODE"), "true");
}

static void a_path_is_kept_and_a_missing_one_is_given(void **state)
{
	char before[PATH_MAX];

	(void)state;
	(void)snprintf(before, sizeof(before), "%s", variable("PATH"));
	assert_int_equal(setenv("PATH", "/opt/bin", 1), 0);
	assert_int_equal(shell_environment_set("/bin/sh", "/srv/ghost/secrets", NULL), 0);
	assert_string_equal(variable("PATH"), "/opt/bin");
	assert_int_equal(unsetenv("PATH"), 0);
	assert_int_equal(shell_environment_set("/bin/sh", "/srv/ghost/secrets", NULL), 0);
	assert_contains(variable("PATH"), "/usr/bin");
	/* nothing relative, and no empty piece, which is the same */
	assert_int_equal(variable("PATH")[0], '/');
	assert_null(strstr(variable("PATH"), "::"));
	assert_null(strstr(variable("PATH"), ":."));
	assert_int_equal(setenv("PATH", before, 1), 0);
}

/* Whatever the application or the user's files say: what is typed may hold secrets. */
static void the_history_is_in_the_vault(void **state)
{
	char longest[PATH_MAX + 8];
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(setenv("HISTFILE", "/srv/ghost/.bash_history", 1), 0);
	assert_int_equal(shell_environment_set("/bin/sh", "/srv/ghost/secrets", NULL), 0);
	assert_ptr_equal(strstr(variable("HISTFILE"), "/srv/ghost/secrets/"), variable("HISTFILE"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(shell_environment_set("/bin/sh", longest, &err), -ENAMETOOLONG);
	assert_contains(err.message, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_forbids_cores_and_closes_what_it_inherited),
		cmocka_unit_test(the_shell_and_the_mode_are_told),
		cmocka_unit_test(the_history_is_in_the_vault),
		cmocka_unit_test(a_path_is_kept_and_a_missing_one_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
