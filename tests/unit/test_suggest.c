#include "unit.h"

#include "libtazpod/suggest.h"

static const char *const names[] = { "vault", "vault_size", "mount", "workspace", "shell", "services", NULL };

static void check(const char *typed, const char *expected)
{
	const char *found = tz_suggest(typed, names);

	if (!expected && found)
		fail_msg("%s: %s was suggested", typed, found);
	if (!expected)
		return;
	if (!found)
		fail_msg("%s: nothing was suggested", typed);
	assert_string_equal(found, expected);
}

static void test_near(void **state)
{
	(void)state;
	check("vualt", "vault");           /* swapped */
	check("vaul", "vault");            /* dropped */
	check("vaultt", "vault");          /* added */
	check("moint", "mount");           /* replaced */
	check("VAULT", "vault");
	check("vault-size", "vault_size");
	check("vaultsize", "vault_size");
	check("workspcae", "workspace");
	check("service", "services");
	check("vault", "vault");
}

static void test_far(void **state)
{
	(void)state;
	check("", NULL);
	check("x", NULL);
	check("kubernetes", NULL);
	check("vlt", NULL);
	check("shelter-in-place", NULL);
}

static void test_bounds(void **state)
{
	static const char *const odd[] = { "", "ab", NULL };
	static const char *const none[] = { NULL };
	char longer[66];

	(void)state;
	memset(longer, 'v', sizeof(longer) - 1);
	longer[65] = '\0';
	check(longer, NULL);
	longer[64] = '\0';
	check(longer, NULL);
	assert_string_equal(tz_suggest(longer, (const char *const[]){ longer, NULL }), longer);
	longer[64] = 'v';
	assert_null(tz_suggest("vvv", (const char *const[]){ longer, NULL }));
	assert_null(tz_suggest("a", odd));
	assert_null(tz_suggest("a", none));
}

/* The nearest wins, and of equals the first. */
static void test_best(void **state)
{
	static const char *const list[] = { "abcdefgh", "abcdefxx", "abcdefgx", NULL };

	(void)state;
	assert_string_equal(tz_suggest("abcdefgy", list), "abcdefgh");
	assert_string_equal(tz_suggest("abcdefxy", list), "abcdefxx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_best),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
