#include "private_ns.h"

#include <sys/fsuid.h>

#include "libtazpod/enclave.h"
#include "libtazpod/loop.h"
#include "libtazpod/mountpoint.h"
#include "libtazpod/mounts.h"

#define GHOST 54321
#define PUBLIC 54322
#define OTHER 54323
#define HOME SCRATCH "/home"
#define SECRETS HOME "/secrets"
#define WORKSPACE SCRATCH "/workspace"

static struct tz_settings settings = { .mount = "secrets" };
static const struct tz_identity ghost = { .uid = GHOST, .gid = GHOST, .name = "ghost", .home = HOME };
static const struct tz_identity public_user = { .uid = PUBLIC, .gid = PUBLIC, .name = "public" };
static struct tz_enclave enclave = { .settings = &settings, .ghost = &ghost, .public_user = &public_user };
static struct tz_device device = TZ_DEVICE_INIT;
static char told[TZ_ERROR_TEXT];
static int times;

static void remember(void *data, const char *text)
{
	(void)data;
	times++;
	(void)snprintf(told, sizeof(told), "%s", text);
}

/* A device with an ext4 file system; owner such as "root_owner=0:0". */
static void make_device(const char *owner)
{
	struct tz_error err = { 0 };
	int file, r;

	make_ext4(SCRATCH "/image", owner);
	file = open(SCRATCH "/image", O_RDWR | O_CLOEXEC);
	CHECK(file >= 0);
	r = tz_loop_attach(file, "tazpod-test", 0, &device.fd, &device.rdev, &err);
	if (r == -ENODEV || r == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
	(void)snprintf(device.path, sizeof(device.path), SCRATCH "/node");
	CHECK(close(file) == 0 && mknod(device.path, S_IFBLK | 0600, device.rdev) == 0);
}

static void open_home(uid_t owner)
{
	if (access(HOME, F_OK) < 0)
		make_dir(HOME, owner, 0700);
	enclave.home = open_dir(HOME);
	enclave.notice = remember;
}

static void check_mode(const char *path, uid_t uid, mode_t mode)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(st.st_uid == uid && (st.st_mode & 07777) == mode);
}

/* As the user uid would. */
static int create_as(uid_t uid, const char *path)
{
	int fd;

	(void)setfsgid(uid);
	(void)setfsuid(uid);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	(void)setfsuid(0);
	(void)setfsgid(0);
	return fd < 0 ? -1 : close(fd);
}

static int mounts_a_fresh_vault(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=0:0");
	open_home(GHOST);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(times == 0 && close(device.fd) == 0);
	check_mode(SECRETS, GHOST, 0700);
	check_mode(SECRETS "/lost+found", 0, 0700);
	CHECK(create_as(GHOST, SECRETS "/file") == 0 && owner_of(SECRETS "/file") == GHOST);
	CHECK_CONTAINS(mountinfo_of(SECRETS), "nosuid,nodev");
	CHECK(!strstr(mountinfo_of(SECRETS), "idmapped"));
	/* below it, the directory that was made */
	CHECK(umount2(SECRETS, 0) == 0);
	check_mode(SECRETS, 0, 0500);
	return 0;
}

static int mounts_root_s_files_with_a_word(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=0:0");
	open_home(0);
	make_dir(SECRETS, GHOST, 0755);
	CHECK(mount(device.path, SECRETS, "ext4", 0, NULL) == 0);
	make_file(SECRETS "/roots", 0);
	CHECK(umount2(SECRETS, 0) == 0);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(times == 1 && owner_of(SECRETS "/roots") == 0);
	CHECK_CONTAINS(told, "other users");
	check_mode(SECRETS, GHOST, 0700);
	return 0;
}

static int mounts_own_vault(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=54321:54321");
	settings = (struct tz_settings){ .mount = "below/here" };
	open_home(GHOST);
	CHECK(tz_enclave_mount_vault(&enclave, &device, &err) == -ENOENT);
	CHECK_CONTAINS(err.message, "below/here");
	make_dir(HOME "/below", GHOST, 0700);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(times == 0 && !strstr(mountinfo_of(HOME "/below/here"), "idmapped"));
	/* as mkfs left it: not ours to change */
	check_mode(HOME "/below/here", GHOST, 0755);
	return 0;
}

static void check_foreign_vault(const char *secrets)
{
	struct tz_error err = { 0 };
	int r = tz_enclave_mount_vault(&enclave, &device, &err);

	if (r == -EOPNOTSUPP)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
	CHECK_CONTAINS(mountinfo_of(secrets), "idmapped");
	CHECK_CONTAINS(mountinfo_of(secrets), "nosuid,nodev");
	CHECK(owner_of(secrets) == GHOST);
	/* one mount, not one on top of the other */
	CHECK(umount2(secrets, 0) == 0 && tz_mount_is_root(AT_FDCWD, secrets) == 0);
}

static int maps_a_foreign_vault(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=54323:54323");
	open_home(GHOST);
	make_dir(HOME "/below", GHOST, 0700);
	check_foreign_vault(SECRETS);
	settings = (struct tz_settings){ .mount = "below/here" };
	check_foreign_vault(HOME "/below/here");
	settings = (struct tz_settings){ .mount = "secrets" };
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(owner_of(SECRETS "/lost+found") == 0);
	CHECK(create_as(GHOST, SECRETS "/file") == 0 && owner_of(SECRETS "/file") == GHOST);
	CHECK(umount2(SECRETS, 0) == 0 && mount(device.path, SECRETS, "ext4", 0, NULL) == 0);
	CHECK(owner_of(SECRETS) == OTHER && owner_of(SECRETS "/file") == OTHER);
	return 0;
}

/* A second session, while the first has it mounted. */
static int shares_a_mounted_vault(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=54323:54323");
	make_dir(SCRATCH "/first", 0, 0755);
	CHECK(mount(device.path, SCRATCH "/first", "ext4", MS_NOSUID | MS_NODEV, NULL) == 0);
	open_home(GHOST);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(create_as(GHOST, SECRETS "/file") == 0 && owner_of(SCRATCH "/first/file") == OTHER);
	return 0;
}

static int takes_no_other_mount_point(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=0:0");
	open_home(GHOST);
	CHECK(symlink("/", SECRETS) == 0);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), -ELOOP, &err);
	CHECK_CONTAINS(err.message, "~/secrets is no directory");
	CHECK(unlink(SECRETS) == 0);
	make_file(SECRETS, GHOST);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), -ENOTDIR, &err);
	CHECK(unlink(SECRETS) == 0);
	make_dir(SECRETS, OTHER, 0700);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "belongs to uid 54323");
	CHECK(chown(SECRETS, 0, 0) == 0 && chown(HOME, OTHER, OTHER) == 0);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), -EPERM, &err);
	CHECK_CONTAINS(err.message, HOME);
	CHECK(tz_mount_is_root(AT_FDCWD, SECRETS) == 0 && times == 0);
	return 0;
}

static int tells_what_it_hides(void)
{
	struct tz_error err = { 0 };

	make_device("root_owner=0:0");
	open_home(GHOST);
	make_dir(SECRETS, GHOST, 0700);
	make_file(SECRETS "/left-behind", GHOST);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(times == 1 && access(SECRETS "/left-behind", F_OK) < 0);
	CHECK_CONTAINS(told, "~/secrets is not empty");
	/* in a session within a session the vault lies over itself */
	CHECK(create_as(GHOST, SECRETS "/file") == 0);
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), 0, &err);
	CHECK(times == 1 && access(SECRETS "/file", F_OK) == 0);
	return 0;
}

static int fails_without_a_file_system(void)
{
	struct tz_error err = { 0 };

	open_home(GHOST);
	(void)snprintf(device.path, sizeof(device.path), SCRATCH "/none");
	CHECK_CODE(tz_enclave_mount_vault(&enclave, &device, &err), -ENOENT, &err);
	CHECK(tz_mount_is_root(AT_FDCWD, SECRETS) == 0);
	return 0;
}

static void check_private(const char *path)
{
	if (access(path, F_OK) < 0)
		return;
	check_mode(path, 0, 01777);
	CHECK_CONTAINS(mountinfo_of(path), "nosuid,nodev");
	CHECK_CONTAINS(mountinfo_of(path), "- tmpfs");
}

static int furnishes(void)
{
	struct tz_error err = { 0 };

	settings.bridge_count = 2;
	settings.bridges[0] = (struct tz_bridge_setting){ ".infisical-vault", ".infisical" };
	settings.bridges[1] = (struct tz_bridge_setting){ "kube", ".kube" };
	open_home(GHOST);
	make_dir(SECRETS, GHOST, 0700);
	make_dir(HOME "/.infisical", GHOST, 0700);
	make_file(HOME "/.infisical/old", GHOST);
	CHECK_CODE(tz_enclave_furnish(&enclave, &err), 0, &err);
	check_private("/tmp");
	check_private("/var/tmp");
	check_private("/dev/shm");
	CHECK(rmdir("/tmp") < 0 && access("/tmp/.X11-unix", F_OK) < 0);
	/* one bridge in the way does not stop the other */
	CHECK(times == 1 && tz_mount_is_root(AT_FDCWD, HOME "/.kube") == 1);
	CHECK_CONTAINS(told, "~/.infisical is in the way");
	return 0;
}

/* On the machine's own disk: see test_idmap.c. The folder above must be root's alone, so it is bound to a place that is. */
static void make_workspace(void)
{
	make_dir(unit_path("w"), PUBLIC, 0755);
	make_file(unit_path("w/file"), PUBLIC);
	make_dir(unit_path("w/.tazpod"), PUBLIC, 0755);
	make_dir(unit_path("w/.tazpod/vault"), 0, 0700);
	make_dir(WORKSPACE, 0, 0755);
	CHECK(mount(unit_path("w"), WORKSPACE, NULL, MS_BIND, NULL) == 0);
	CHECK(mount("mask", WORKSPACE "/.tazpod/vault", "tmpfs", MS_RDONLY, "mode=000") == 0);
	(void)snprintf(settings.workspace, sizeof(settings.workspace), "%s", WORKSPACE);
}

static int maps_the_workspace(void)
{
	struct tz_error err = { 0 };

	make_workspace();
	open_home(GHOST);
	CHECK_CODE(tz_enclave_furnish(&enclave, &err), 0, &err);
	if (times > 0)
		_exit(EXIT_SKIP);
	CHECK(owner_of(WORKSPACE) == GHOST && owner_of(WORKSPACE "/file") == GHOST);
	CHECK(create_as(GHOST, WORKSPACE "/new") == 0);
	CHECK_CONTAINS(mountinfo_of(WORKSPACE), "nosuid,nodev");
	CHECK_CONTAINS(mountinfo_of(WORKSPACE "/.tazpod/vault"), "- tmpfs mask");
	CHECK(open(WORKSPACE "/.tazpod/vault/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
	/* a session within a session: nothing more to map, nothing to tell */
	CHECK_CODE(tz_enclave_furnish(&enclave, &err), 0, &err);
	CHECK(times == 0 && owner_of(WORKSPACE) == GHOST);
	CHECK(umount2(WORKSPACE, MNT_DETACH) == 0 && owner_of(WORKSPACE "/new") == PUBLIC);
	return 0;
}

/* Furnishes with this workspace; expects it to stay as it is, and `notices` words about it. */
static void stays(const char *workspace, int notices, const char *part)
{
	struct tz_error err = { 0 };

	(void)snprintf(settings.workspace, sizeof(settings.workspace), "%s", workspace);
	times = 0;
	CHECK_CODE(tz_enclave_furnish(&enclave, &err), 0, &err);
	CHECK(times == notices);
	if (notices)
		CHECK_CONTAINS(told, part);
}

static int leaves_a_workspace_as_it_is(void)
{
	open_home(GHOST);
	stays("", 0, NULL);
	stays(SCRATCH "/none", 0, NULL);
	/* a file system without such mounts */
	stays("/proc/sys", 1, "/proc/sys keeps its owners as they are");
	CHECK_CONTAINS(told, "tazpod doctor");
	/* others could put another directory in its place */
	make_dir(SCRATCH "/anyones", 0, 0777);
	make_dir(SCRATCH "/anyones/w", PUBLIC, 0755);
	stays(SCRATCH "/anyones/w", 1, "not root's alone");
	make_dir(SCRATCH "/users", PUBLIC, 0755);
	make_dir(SCRATCH "/users/w", PUBLIC, 0755);
	stays(SCRATCH "/users/w", 1, "not root's alone");
	CHECK(symlink(SCRATCH "/users", SCRATCH "/link") == 0);
	stays(SCRATCH "/link/", 1, strerrordesc_np(ELOOP));
	enclave.public_user = NULL;
	stays(SCRATCH "/users/w", 0, NULL);
	return 0;
}

static int enter(void)
{
	struct tz_error err = { 0 };
	struct stat before[2], after[2];

	CHECK(stat("/proc/self/ns/mnt", &before[0]) == 0 && stat("/proc/self/ns/ipc", &before[1]) == 0);
	CHECK_CODE(tz_enclave_enter(&err), 0, &err);
	CHECK(stat("/proc/self/ns/mnt", &after[0]) == 0 && stat("/proc/self/ns/ipc", &after[1]) == 0);
	CHECK(before[0].st_ino != after[0].st_ino && before[1].st_ino != after[1].st_ino);
	CHECK_CONTAINS(mountinfo_of(SCRATCH), "master:");
	CHECK(!strstr(mountinfo_of(SCRATCH), "shared:"));
	return 0;
}

/* In a child: the namespace that is left behind must live on, or there is nothing to be a slave of. */
static int enters(void)
{
	int status;
	pid_t pid;

	CHECK(mount(NULL, SCRATCH, NULL, MS_SHARED, NULL) == 0);
	pid = fork();
	if (pid == 0)
		_exit(enter());
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int enter_unprivileged(void *data)
{
	struct tz_error err = { 0 };

	(void)data;
	CHECK(unit_become_nobody() == 0);
	CHECK_CODE(tz_enclave_enter(&err), -EPERM, &err);
	CHECK_CONTAINS(err.message, "CAP_SYS_ADMIN");
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(mounts_a_fresh_vault)
TEST(mounts_root_s_files_with_a_word)
TEST(mounts_own_vault)
TEST(maps_a_foreign_vault)
TEST(shares_a_mounted_vault)
TEST(takes_no_other_mount_point)
TEST(tells_what_it_hides)
TEST(fails_without_a_file_system)
TEST(furnishes)
TEST(maps_the_workspace)
TEST(leaves_a_workspace_as_it_is)
TEST(enters)

static void test_enter_unprivileged(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(enter_unprivileged, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_a_fresh_vault),
		cmocka_unit_test(test_mounts_root_s_files_with_a_word),
		cmocka_unit_test(test_mounts_own_vault),
		cmocka_unit_test(test_maps_a_foreign_vault),
		cmocka_unit_test(test_shares_a_mounted_vault),
		cmocka_unit_test(test_takes_no_other_mount_point),
		cmocka_unit_test(test_tells_what_it_hides),
		cmocka_unit_test(test_fails_without_a_file_system),
		cmocka_unit_test(test_furnishes),
		cmocka_unit_test_setup_teardown(test_maps_the_workspace, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test(test_leaves_a_workspace_as_it_is),
		cmocka_unit_test(test_enters),
		cmocka_unit_test(test_enter_unprivileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
