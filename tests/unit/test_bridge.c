#include "private_ns.h"

#include <sys/fsuid.h>

#include "libtazpod/bridge.h"
#include "libtazpod/mountpoint.h"
#include "libtazpod/mounts.h"

#define GHOST 54321
#define HOME SCRATCH "/home"
#define VAULT SCRATCH "/vault"

static struct tz_settings settings = { .mount = "secrets" };
static const struct tz_identity ghost = { .uid = GHOST, .gid = GHOST, .name = "ghost", .home = HOME };
static char told[TZ_ERROR_TEXT];
static int times;

static void remember(void *data, const char *text)
{
	(void)data;
	times++;
	(void)snprintf(told, sizeof(told), "%s", text);
}

static int build(const char *vault, const char *home)
{
	struct tz_enclave enclave = { .settings = &settings, .ghost = &ghost, .notice = remember };
	struct tz_bridge_setting bridge;
	struct tz_error err = { 0 };
	_cleanup_close_ int vault_fd = open_dir(VAULT);
	int r;

	(void)snprintf(bridge.vault, sizeof(bridge.vault), "%s", vault);
	(void)snprintf(bridge.home, sizeof(bridge.home), "%s", home);
	enclave.home = open_dir(HOME);
	r = tz_bridge_build(&enclave, vault_fd, &bridge, &err);
	CHECK(close(enclave.home) == 0);
	/* root again, whatever happened */
	CHECK(setfsuid((uid_t)-1) == 0 && setfsgid((gid_t)-1) == 0);
	if (r < 0)
		(void)fprintf(stderr, "%s (%s)\n", err.message, err.detail);
	return r;
}

/* Expects a notice that has `part`, and nothing mounted. */
static void is_refused(const char *vault, const char *home, const char *part)
{
	char path[PATH_MAX];

	times = 0;
	CHECK(build(vault, home) == 1 && times == 1);
	CHECK_CONTAINS(told, part);
	(void)snprintf(path, sizeof(path), HOME "/%s", home);
	CHECK(tz_mount_is_root(AT_FDCWD, path) <= 0);
}

static void make_ends(void)
{
	make_dir(HOME, GHOST, 0700);
	make_dir(VAULT, GHOST, 0700);
}

static void check_made(const char *path)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
	CHECK(st.st_uid == GHOST && st.st_gid == GHOST);
}

static int builds(void)
{
	make_ends();
	CHECK(build(".infisical-vault", ".infisical") == 0 && times == 0);
	check_made(VAULT "/.infisical-vault");
	check_made(HOME "/.infisical");
	CHECK(tz_mount_is_root(AT_FDCWD, HOME "/.infisical") == 1);
	make_file(VAULT "/.infisical-vault/login", GHOST);
	CHECK(access(HOME "/.infisical/login", F_OK) == 0);
	/* again, as a session within a session does: it is there, not in its own way */
	CHECK(build(".infisical-vault", ".infisical") == 0 && times == 0);
	CHECK(umount2(HOME "/.infisical", 0) == 0 && tz_mount_is_root(AT_FDCWD, HOME "/.infisical") == 0);
	return 0;
}

static int builds_below_a_missing_directory(void)
{
	make_ends();
	CHECK(build("kube", ".config/kube") == 0 && times == 0);
	check_made(HOME "/.config");
	check_made(HOME "/.config/kube");
	/* one that is there is not changed */
	make_dir(HOME "/.cache", GHOST, 0751);
	make_dir(VAULT "/cache", GHOST, 0750);
	CHECK(build("cache", ".cache/tool") == 0 && times == 0);
	CHECK(access(HOME "/.cache/tool", F_OK) == 0);
	is_refused("deep", "a/b/c", strerrordesc_np(ENOENT));
	CHECK(owner_of(HOME "/a") == -1);
	return 0;
}

static int takes_over_the_earlier_names(void)
{
	make_ends();
	make_dir(VAULT "/.infisical-storage", GHOST, 0755);
	make_file(VAULT "/.infisical-storage/login", GHOST);
	make_dir(VAULT "/.infisical-auth", GHOST, 0755);
	CHECK(build(".infisical-vault", ".infisical") == 0 && times == 0);
	CHECK(access(HOME "/.infisical/login", F_OK) == 0 && access(VAULT "/.infisical-storage", F_OK) < 0);
	/* what is there now counts, and nothing is lost */
	CHECK(access(VAULT "/.infisical-auth", F_OK) == 0);
	/* other bridges have nothing to do with it */
	CHECK(build("kube", ".kube") == 0 && access(VAULT "/.infisical-auth", F_OK) == 0);
	return 0;
}

static int leaves_what_is_in_the_way(void)
{
	make_ends();
	make_dir(HOME "/full", GHOST, 0700);
	make_file(HOME "/full/kept", GHOST);
	is_refused("y", "full", "~/full is in the way of its bridge to the vault: move its content to ~/secrets/y");
	CHECK(access(HOME "/full/kept", F_OK) == 0);
	make_file(HOME "/file", GHOST);
	is_refused("y", "file", "in the way");
	make_dir(SCRATCH "/elsewhere", GHOST, 0700);
	CHECK(symlink(SCRATCH "/elsewhere", HOME "/link") == 0);
	is_refused("y", "link", "in the way");
	is_refused("y", "link/below", "in the way");
	CHECK(symlink("nowhere", HOME "/dangling") == 0);
	is_refused("y", "dangling", "in the way");
	CHECK(owner_of(HOME "/nowhere") == -1 && rmdir(SCRATCH "/elsewhere") == 0);
	return 0;
}

static int follows_no_hostile_vault(void)
{
	make_ends();
	make_dir(SCRATCH "/root-only", 0, 0700);
	CHECK(symlink(SCRATCH "/root-only", VAULT "/link") == 0);
	is_refused("link", "x", "is no directory");
	CHECK(symlink("..", VAULT "/up") == 0);
	is_refused("up", "x", "is no directory");
	make_file(VAULT "/file", GHOST);
	is_refused("file", "x", "is no directory");
	/* beyond the vault, and beyond the home */
	is_refused("../root-only", "x", strerrordesc_np(EXDEV));
	is_refused("y", "../root-only/z", strerrordesc_np(EXDEV));
	/* root's own, in the vault: the ghost user may not look into it, so neither does root for him */
	make_dir(VAULT "/roots", 0, 0700);
	is_refused("roots", "x", strerrordesc_np(EACCES));
	CHECK(owner_of(HOME "/x") == -1 && rmdir(SCRATCH "/root-only") == 0);
	return 0;
}

static int needs_no_room_in_the_vault(void)
{
	make_dir(HOME, GHOST, 0700);
	make_dir(VAULT, 0, 0755);
	is_refused("y", "x", strerrordesc_np(EACCES));
	CHECK(mount("full", VAULT, "tmpfs", MS_RDONLY, "mode=777") == 0);
	is_refused("y", "x", strerrordesc_np(EROFS));
	CHECK(owner_of(HOME "/x") == -1);
	return 0;
}

static int tells_no_one(void)
{
	struct tz_enclave enclave = { .settings = &settings, .ghost = &ghost };

	tz_enclave_notice(&enclave, "%s", "nothing listens");
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(builds)
TEST(builds_below_a_missing_directory)
TEST(takes_over_the_earlier_names)
TEST(leaves_what_is_in_the_way)
TEST(follows_no_hostile_vault)
TEST(needs_no_room_in_the_vault)
TEST(tells_no_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_builds_below_a_missing_directory),
		cmocka_unit_test(test_takes_over_the_earlier_names),
		cmocka_unit_test(test_leaves_what_is_in_the_way),
		cmocka_unit_test(test_follows_no_hostile_vault),
		cmocka_unit_test(test_needs_no_room_in_the_vault),
		cmocka_unit_test(test_tells_no_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
