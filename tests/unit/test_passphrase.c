/* Linked with --wrap=mlock: without locked memory there is no judgement. */
#include "unit.h"

#include "libtazpod/passphrase.h"

static int mlock_error;

int __real_mlock(const void *memory, size_t size);
int __wrap_mlock(const void *memory, size_t size);

int __wrap_mlock(const void *memory, size_t size)
{
	if (!mlock_error)
		return __real_mlock(memory, size);
	errno = mlock_error;
	return -1;
}

/* NULL expected: it is good. */
static void check_bytes(const char *text, size_t size, unsigned int minimum, const char *user, const char *expected)
{
	_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;
	struct tz_error err = { 0 };
	int r;

	assert_int_equal(tz_secret_copy(&s, text, size), 0);
	r = tz_passphrase_check(&s, minimum, user, &err);
	assert_int_equal(tz_passphrase_check(&s, minimum, user, NULL), r);
	if (!expected) {
		if (r != 0)
			fail_msg("'%s' was refused: %s", text, err.message);
		return;
	}
	if (r == 0)
		fail_msg("'%s' was accepted", text);
	assert_int_equal(r, -EINVAL);
	assert_contains(err.message, expected);
	if (size > 0)
		assert_null(strstr(err.message, text));
}

static void check(const char *text, const char *expected)
{
	check_bytes(text, strlen(text), 8, "tazpod-ghost", expected);
}

static void test_good(void **state)
{
	(void)state;
	check("correct horse battery staple", NULL);
	check("xk7#mQ2v", NULL);
	check("abcdefgx", NULL);
	check("tazpod-ghost and more", NULL);
	check("qwertyuiop[1", NULL);
}

static void test_length(void **state)
{
	char longer[TZ_PASSPHRASE_MAX + 2];
	const char letters[] = "the quick brown fox";

	(void)state;
	check("", "empty");
	check("xk7#mQ2", "too short: at least 8");
	for (size_t i = 0; i < sizeof(longer) - 1; i++)
		longer[i] = letters[(i * i + i / 7) % (sizeof(letters) - 1)];
	longer[sizeof(longer) - 1] = '\0';
	check_bytes(longer, TZ_PASSPHRASE_MAX, 8, NULL, NULL);
	check_bytes(longer, TZ_PASSPHRASE_MAX + 1, 8, NULL, "too long");
	check_bytes("xk7#mQ2v", 8, 9, NULL, "too short");
}

/* Characters are counted, not bytes. */
static void test_utf8(void **state)
{
	(void)state;
	check("äöüßéèà", "too short");            /* 7 characters, 14 bytes */
	check("äöüßéèàñ", NULL);
	check("🐙🐢🐍🐡🦀🦑🐠🐟", NULL);
	check("🐙🐢🐍🐡🦀🦑🐠", "too short");
	check("日本語日本語日本語", "too few different");
}

/* What is not UTF-8 counts byte by byte. */
static void test_not_utf8(void **state)
{
	(void)state;
	check("\xe4\xf6\xfc\xdf\xe9\xe8\xe0\xf1", NULL);
	check("\xe4\xf6\xfc\xdf\xe9\xe8\xe0", "too short");
	check("\xc0\xaf\xc1\xbf\xe0\x80\xaf", "too short");         /* overlong: 7 bytes stay 7 */
	check("abcdwx\xe2\x82", NULL);                              /* cut off at the end */
	check("abcdx\xed\xa0\x80", NULL);                           /* half a surrogate pair: 3 bytes */
	check("abcdx\xf4\x90\x80", NULL);                           /* beyond Unicode and cut */
	check("abcd\xf4\x90\x80\x80", NULL);
	check("abcdex\xff\xfe", NULL);
}

static void test_control(void **state)
{
	(void)state;
	check("xk7#mQ2v\n", "control");
	check("xk7#\x1b[2v?a", "control");
	check("xk7#m\x7fQ2v", "control");
	check_bytes("xk7#\0Q2vaa", 10, 8, NULL, "control");
}

static void test_variety(void **state)
{
	(void)state;
	check("aaaaaaaaaa", "too few different");
	check("aabbccddaabbccdd", "too few different");
	check("aAaAaAbBx", NULL);
}

static void test_runs(void **state)
{
	(void)state;
	check("abcdefghij", "simple sequence");
	check("AbCdEfGhIj", "simple sequence");
	check("zyxwvutsrq", "simple sequence");
	check("1234567890", "simple sequence");
	check("0987654321", "simple sequence");
	check("uvwxyzabcd", "simple sequence");
	check("qwertyuiop", "simple sequence");
	check("qwertzuiop", "simple sequence");
	check("QWERTYUI", "simple sequence");
	check("ertyuiop", "simple sequence");
	check("asdfghjkl", "simple sequence");
	check("12345678x", NULL);
	check("xabcdefghij", NULL);
}

static void test_repetition(void **state)
{
	(void)state;
	check("xk7#mxk7#m", "repeats");
	check("xk7#mQxk7#mQxk7", "repeats");
	check("xk7#mQ2xk7#mQ2", "repeats");
	check("xk7#mQ2vxk7#mQ2v", NULL);
	check("xk7#mxk7#n", NULL);
}

static void test_user(void **state)
{
	(void)state;
	check("tazpod-ghost", "user's name");
	check("Tazpod-Ghost1", "user's name");
	check("!!tazpod-ghost99", "user's name");
	check("tsohg-dopzat1", "user's name");
	check("tazpod-ghost12345", NULL);
	check_bytes("xk7#mQ2v", 8, 8, NULL, NULL);
	check_bytes("xk7#mQ2v", 8, 8, "", NULL);
	check_bytes("xk7#mQ2v", 8, 8, "xk", NULL);
	check_bytes("alice-1234", 10, 8, "alice", NULL);
	check_bytes("alicealice", 10, 8, "alice", "repeats");
	check_bytes("alice-123", 9, 8, "alice", "user's name");
}

static void test_no_memory(void **state)
{
	_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;
	struct tz_error err = { 0 };

	(void)state;
	assert_int_equal(tz_secret_copy(&s, "xk7#mQ2v", 8), 0);
	mlock_error = EPERM;
	assert_int_equal(tz_passphrase_check(&s, 8, NULL, &err), -EPERM);
	mlock_error = 0;
	assert_contains(err.message, "locked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_length),  cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_not_utf8),   cmocka_unit_test(test_control), cmocka_unit_test(test_variety),
		cmocka_unit_test(test_runs),       cmocka_unit_test(test_repetition), cmocka_unit_test(test_user),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
