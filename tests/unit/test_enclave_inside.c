#include "private_ns.h"

#include <sys/prctl.h>

#include "libtazpod/enclave.h"
#include "libtazpod/enclave_inside.h"

#define GHOST 54321
#define HOME SCRATCH "/home"
#define SECRETS HOME "/secrets"

static int inside_as_nobody(void *data)
{
	(void)data;
	return unit_become_nobody() < 0 ? 2 : tz_enclave_inside(SECRETS);
}

static bool nobody_is_inside(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(inside_as_nobody(NULL));
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 1;
}

static int in_an_enclave(void *hidden)
{
	struct tz_error err = { 0 };

	CHECK(!nobody_is_inside());
	CHECK_CODE(tz_enclave_mount_proc(&err), 0, &err);
	/* where the first process can be seen it must have the name */
	CHECK(nobody_is_inside() == (hidden != NULL));
	CHECK(prctl(PR_SET_NAME, "tazpod-init", 0, 0, 0) == 0);
	CHECK(nobody_is_inside());
	CHECK(umount2(SECRETS, 0) == 0 && !nobody_is_inside());
	return 0;
}

static int is_inside(void)
{
	make_dir(HOME, GHOST, 0755);
	make_dir(SECRETS, GHOST, 0755);
	CHECK(mount("vault", SECRETS, "tmpfs", 0, NULL) == 0);
	/* the machine's first process is another one, and this /proc not an enclave's */
	CHECK(!nobody_is_inside());
	return in_pid_ns(in_an_enclave, NULL);
}

static int outer_hidden(void *data)
{
	CHECK(mount("proc", "/proc", "proc", 0, "hidepid=2") == 0);
	CHECK(!nobody_is_inside());
	return in_pid_ns(in_an_enclave, data);
}

static int is_inside_behind_hidepid(void)
{
	int hidden = 1;

	make_dir(HOME, GHOST, 0755);
	make_dir(SECRETS, GHOST, 0755);
	CHECK(mount("vault", SECRETS, "tmpfs", 0, NULL) == 0);
	return in_pid_ns(outer_hidden, &hidden);
}

static int named_as_nobody(void *data)
{
	(void)data;
	/* the right name, but not root's */
	CHECK(mount("vault", SCRATCH, "tmpfs", 0, NULL) == 0 && mount("p", "/proc", "proc", 0, NULL) == 0);
	CHECK(prctl(PR_SET_NAME, "tazpod-init", 0, 0, 0) == 0 && tz_enclave_inside(SCRATCH));
	CHECK(unit_become_nobody() == 0);
	return tz_enclave_inside(SCRATCH);
}

static int wants_root_s_init(void)
{
	return in_pid_ns(named_as_nobody, NULL);
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(is_inside)
TEST(is_inside_behind_hidepid)
TEST(wants_root_s_init)

static void test_is_not_inside(void **state)
{
	(void)state;
	assert_false(tz_enclave_inside("/"));
	assert_false(tz_enclave_inside("/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_inside),
		cmocka_unit_test(test_is_inside_behind_hidepid),
		cmocka_unit_test(test_wants_root_s_init),
		cmocka_unit_test(test_is_not_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
