/* Each test has a /run of its own, in a private mount namespace. */
#include "unit.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/lockswitch.h"

#define GHOST 4321
#define PUBLIC_GID 4322
#define SWITCH TZ_RUN_DIR "/lock"

static int with_run(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 0;
	return mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0 ? -1 : 0;
}

static int without_run(void **state)
{
	(void)state;
	if (geteuid() == 0)
		(void)umount2("/run", MNT_DETACH);
	return 0;
}

#define NEEDS_ROOT()                                                                    \
	do {                                                                            \
		if (geteuid() != 0 || access(TZ_RUN_DIR, F_OK) == 0)                    \
			unit_skip("only root with CAP_SYS_ADMIN has a private /run");   \
	} while (0)

static uint64_t generation(void)
{
	uint64_t value = 0;

	assert_int_equal(tz_lockswitch_generation(&value), 0);
	return value;
}

static void it_is_made_with_owner_and_mode(void **state)
{
	struct stat st;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	assert_int_equal(stat(TZ_RUN_DIR, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(stat(SWITCH, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0660);
	assert_int_equal(st.st_uid, GHOST);
	assert_int_equal(st.st_gid, PUBLIC_GID);
}

/* To prepare it for a second session must not end the first. */
static void preparing_again_is_no_press(void **state)
{
	uint64_t before;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	before = generation();
	assert_int_equal(usleep(20000), 0);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	assert_int_equal(generation(), before);
}

static void a_half_made_one_is_finished(void **state)
{
	struct stat st;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mkdir(TZ_RUN_DIR, 0700), 0);
	unit_write(SWITCH, "", 0, 0600);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	assert_int_equal(stat(TZ_RUN_DIR, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(stat(SWITCH, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0660);
	assert_int_equal(st.st_uid, GHOST);
}

static void what_others_may_write_is_refused(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mkdir(TZ_RUN_DIR, 0755), 0);
	assert_int_equal(chmod(TZ_RUN_DIR, 0777), 0);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, &err), -EPERM);
	assert_contains(err.message, "not trusted");
	assert_int_equal(access(SWITCH, F_OK), -1);
}

static void a_symlink_or_a_fifo_in_its_place_is_refused(void **state)
{
	struct tz_error err = { 0 };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mkdir(TZ_RUN_DIR, 0755), 0);
	assert_int_equal(symlink("/etc/passwd", SWITCH), 0);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, &err), -ELOOP);
	assert_int_equal(tz_lockswitch_press(NULL), -ELOOP);
	assert_int_equal(unlink(SWITCH), 0);
	assert_int_equal(mkfifo(SWITCH, 0660), 0);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, &err), -EINVAL);
}

static void every_press_changes_the_generation(void **state)
{
	uint64_t last;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	last = generation();
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(tz_lockswitch_press(NULL), 0);
		assert_int_not_equal(generation(), last);
		last = generation();
	}
}

static int press_as(void *data)
{
	const uid_t *ids = data;

	if (setgid(ids[1]) < 0 || setuid(ids[0]) < 0)
		return 254;
	return -tz_lockswitch_press(NULL);
}

static void only_ghost_and_public_may_press(void **state)
{
	uid_t ghost[] = { GHOST, GHOST }, public_user[] = { 4444, PUBLIC_GID }, other[] = { 5555, 5555 };

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_press(NULL), -ENOENT);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	assert_int_equal(unit_in_child(press_as, ghost), 0);
	assert_int_equal(unit_in_child(press_as, public_user), 0);
	assert_int_equal(unit_in_child(press_as, other), EACCES);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 200) == 1;
}

static void a_watch_sees_a_press(void **state)
{
	_cleanup_close_ int fd = -1;
	uid_t public_user[] = { 4444, PUBLIC_GID };
	char events[4096];

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_watch(NULL), -ENOENT);
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	fd = tz_lockswitch_watch(NULL);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, events, sizeof(events)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(unit_in_child(press_as, public_user), 0);
	assert_true(is_readable(fd));
}

static void a_watch_sees_a_write_and_a_removal(void **state)
{
	_cleanup_close_ int written = -1, removed = -1, fd = -1;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(tz_lockswitch_prepare(GHOST, PUBLIC_GID, NULL), 0);
	written = tz_lockswitch_watch(NULL);
	fd = open(SWITCH, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(is_readable(written));
	removed = tz_lockswitch_watch(NULL);
	/* while someone still holds it open there is no IN_DELETE_SELF */
	assert_int_equal(unlink(SWITCH), 0);
	assert_true(is_readable(removed));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_run, without_run)
	const struct CMUnitTest tests[] = {
		TEST(it_is_made_with_owner_and_mode),
		TEST(preparing_again_is_no_press),
		TEST(a_half_made_one_is_finished),
		TEST(what_others_may_write_is_refused),
		TEST(a_symlink_or_a_fifo_in_its_place_is_refused),
		TEST(every_press_changes_the_generation),
		TEST(only_ghost_and_public_may_press),
		TEST(a_watch_sees_a_press),
		TEST(a_watch_sees_a_write_and_a_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
