/* Linked with --wrap=getpwnam_r,getpwuid_r: accounts that no sane machine has. */
#include "unit.h"

#include <pwd.h>

#include "libtazpod/identity.h"

static const struct passwd *fake;
static int fake_error;

int __real_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, struct passwd **ret);
int __real_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size, struct passwd **ret);
int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, struct passwd **ret);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size, struct passwd **ret);

static int answer(struct passwd *pw, struct passwd **ret)
{
	*ret = NULL;
	if (fake) {
		*pw = *fake;
		*ret = pw;
	}
	return fake_error;
}

int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, struct passwd **ret)
{
	return fake || fake_error ? answer(pw, ret) : __real_getpwnam_r(name, pw, buffer, size, ret);
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size, struct passwd **ret)
{
	return fake || fake_error ? answer(pw, ret) : __real_getpwuid_r(uid, pw, buffer, size, ret);
}

static int reset(void **state)
{
	(void)state;
	fake = NULL;
	fake_error = 0;
	return 0;
}

static char word[300]; /* longer than any field */

static struct passwd account(const char *name, const char *home, const char *shell)
{
	return (struct passwd){
		.pw_name = (char *)(uintptr_t)name,
		.pw_dir = (char *)(uintptr_t)home,
		.pw_shell = (char *)(uintptr_t)shell,
		.pw_uid = 1000,
		.pw_gid = 1001,
	};
}

static void test_root(void **state)
{
	struct tz_identity by_name, by_uid;

	(void)state;
	assert_int_equal(tz_identity_by_name("root", &by_name, NULL), 0);
	assert_int_equal(tz_identity_by_uid(0, &by_uid, NULL), 0);
	assert_string_equal(by_name.name, "root");
	assert_int_equal(by_name.uid, 0);
	assert_int_equal(by_name.gid, 0);
	assert_int_equal(by_name.home[0], '/');
	assert_memory_equal(&by_name, &by_uid, sizeof(by_name));
}

static void test_nobody_there(void **state)
{
	struct tz_identity identity, before;
	struct tz_error err = { 0 };

	(void)state;
	memset(&identity, 0x5a, sizeof(identity));
	before = identity;
	assert_int_equal(tz_identity_by_name("no-such-user-here", &identity, &err), -ENOENT);
	assert_contains(err.message, "no-such-user-here");
	assert_int_equal(tz_identity_by_name("", &identity, &err), -ENOENT);
	assert_int_equal(tz_identity_by_uid(4000000001U, &identity, &err), -ENOENT);
	assert_contains(err.message, "4000000001");
	assert_memory_equal(&identity, &before, sizeof(before));
}

static void test_lookup_fails(void **state)
{
	struct tz_identity identity;
	struct tz_error err = { 0 };

	(void)state;
	fake_error = ERANGE;
	assert_int_equal(tz_identity_by_name("x", &identity, &err), -ERANGE);
	assert_contains(err.message, "x cannot be looked up");
	assert_int_equal(tz_identity_by_uid(5, &identity, &err), -ERANGE);
	assert_contains(err.message, "uid 5 cannot be looked up");
}

static void test_fields(void **state)
{
	struct passwd pw = account("ghost", "/home/ghost", NULL);
	struct tz_identity identity;

	(void)state;
	fake = &pw;
	assert_int_equal(tz_identity_by_name("ghost", &identity, NULL), 0);
	assert_int_equal(identity.uid, 1000);
	assert_int_equal(identity.gid, 1001);
	assert_string_equal(identity.home, "/home/ghost");
	assert_string_equal(identity.shell, "");
}

static void test_too_long(void **state)
{
	struct passwd cases[3];
	struct tz_identity identity = { .uid = 77 };
	struct tz_error err;

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[0] = '/';
	cases[0] = account(word, "/", "/bin/sh");
	cases[1] = account("x", word, "/bin/sh");
	cases[2] = account("x", "/", word);
	for (unsigned int i = 0; i < 3; i++) {
		fake = &cases[i];
		assert_int_equal(tz_identity_by_name("x", &identity, &err), -ENAMETOOLONG);
		assert_contains(err.message, "too long");
		assert_int_equal(tz_identity_by_uid(1000, &identity, NULL), -ENAMETOOLONG);
	}
	assert_int_equal(identity.uid, 77);
}

static void test_home_is_absolute(void **state)
{
	struct passwd cases[] = { account("x", "home", ""), account("x", "", ""), account("x", NULL, "") };
	struct tz_identity identity;
	struct tz_error err;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		fake = &cases[i];
		assert_int_equal(tz_identity_by_name("x", &identity, &err), -EINVAL);
		assert_contains(err.message, "absolute");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_root, reset),
		cmocka_unit_test_setup(test_nobody_there, reset),
		cmocka_unit_test_setup(test_lookup_fails, reset),
		cmocka_unit_test_setup(test_fields, reset),
		cmocka_unit_test_setup(test_too_long, reset),
		cmocka_unit_test_setup(test_home_is_absolute, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
