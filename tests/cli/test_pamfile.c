#include "tests/unit/unit.h"

#include "tazpod-cli/pamfile.h"

#define MODULE "pam_tazpod.so"
#define ALL (CLI_PAM_AUTH | CLI_PAM_ACCOUNT | CLI_PAM_SESSION | CLI_PAM_PASSWORD)

static char first[] = "/tmp/tazpod-pam-a-XXXXXX", second[] = "/tmp/tazpod-pam-b-XXXXXX";
static const char *const directories[] = { first, second, NULL };

static void put(const char *directory, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void check(const char *text, unsigned int expected)
{
	unsigned int kinds = ~0U;

	put(first, "service", text);
	assert_int_equal(cli_pamfile_kinds(directories, "service", MODULE, &kinds), 0);
	if (kinds != expected)
		fail_msg("%x and not %x was found in:\n%s", kinds, expected, text);
}

static void test_lines(void **state)
{
	(void)state;
	check("", 0);
	check("auth required pam_unix.so", 0);
	check("auth required pam_tazpod.so", CLI_PAM_AUTH);
	check("auth\trequired\tpam_tazpod.so debug\naccount requisite pam_tazpod.so\n", CLI_PAM_AUTH | CLI_PAM_ACCOUNT);
	check("-session optional pam_tazpod.so\n", CLI_PAM_SESSION);
	check("PASSWORD [success=done default=die] /lib/security/pam_tazpod.so\n", CLI_PAM_PASSWORD);
	check("auth [success=1 \\\n default=ignore] \\\n pam_tazpod.so\n", CLI_PAM_AUTH);
	check("# auth required pam_tazpod.so\nauth required pam_unix.so # pam_tazpod.so\n", 0);
	check("auth required pam_tazpod.so.bak\nauth required pam_unix.so pam_tazpod.so\nauth\nauth required\n", 0);
	check("nonsense required pam_tazpod.so\n", 0);
	check("auth [never closed pam_tazpod.so\n", 0);
}

static void test_includes(void **state)
{
	(void)state;
	put(first, "common", "auth required pam_tazpod.so\nsession required pam_tazpod.so\npassword required "
	    "pam_unix.so\n");
	check("@include common\n", CLI_PAM_AUTH | CLI_PAM_SESSION);
	check("auth include common\n", CLI_PAM_AUTH);
	check("session substack common\n", CLI_PAM_SESSION);
	check("account include common\npassword include common\n", 0);
	check("auth include no-such-file\n@include no-such-file\nsession include common\n", CLI_PAM_SESSION);
	put(first, "deeper", "auth include common\naccount include common\n@include common\n");
	check("auth substack deeper\n", CLI_PAM_AUTH);
	check("@include deeper\n", CLI_PAM_AUTH | CLI_PAM_SESSION);
	check("@include service\nauth required pam_tazpod.so\n", CLI_PAM_AUTH);
}

static void test_directories(void **state)
{
	unsigned int kinds = ALL;

	(void)state;
	put(second, "vendor", "auth required pam_tazpod.so\n");
	assert_int_equal(cli_pamfile_kinds(directories, "vendor", MODULE, &kinds), 0);
	assert_int_equal(kinds, CLI_PAM_AUTH);
	put(first, "vendor", "session required pam_tazpod.so\n");
	assert_int_equal(cli_pamfile_kinds(directories, "vendor", MODULE, &kinds), 0);
	assert_int_equal(kinds, CLI_PAM_SESSION);
	kinds = ALL;
	assert_int_equal(cli_pamfile_kinds(directories, "missing", MODULE, &kinds), -ENOENT);
	assert_int_equal(kinds, ALL);
}

static int make_directories(void **state)
{
	(void)state;
	return mkdtemp(first) && mkdtemp(second) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_directories(void **state)
{
	(void)state;
	return nftw(first, remove_entry, 8, FTW_DEPTH | FTW_PHYS) | nftw(second, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests_name("pamfile", tests, make_directories, remove_directories);
}
