/* Where a process is: its namespaces, its root and its current directory. */
#ifndef TAZPOD_PAM_TEST_PLACE_H
#define TAZPOD_PAM_TEST_PLACE_H

#include "tests/pam/pam_test.h"

struct place {
	ino_t mnt, ipc, pid_for_children;
	uint64_t root_mount; /* the same file system may be mounted elsewhere too */
	dev_t root_dev, cwd_dev;
	ino_t root_ino, cwd_ino;
};

/* The machine's /proc/self, opened before any session, since a session may have another /proc or none. */
static int place_proc = -1;

UNIT_UNUSED static void place_open(void)
{
	place_proc = open("/proc/self/ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place_proc >= 0);
}

UNIT_UNUSED static void place_close(void)
{
	assert_int_equal(close(place_proc), 0);
	place_proc = -1;
}

UNIT_UNUSED static ino_t place_namespace(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(place_proc, name, &st, 0), 0);
	return st.st_ino;
}

UNIT_UNUSED static struct place place_now(void)
{
	struct statx mount;
	struct stat root, cwd;

	assert_int_equal(statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &mount), 0);
	assert_int_equal(stat("/", &root), 0);
	assert_int_equal(stat(".", &cwd), 0);
	return (struct place){
		place_namespace("mnt"), place_namespace("ipc"), place_namespace("pid_for_children"),
		mount.stx_mnt_id, root.st_dev, cwd.st_dev, root.st_ino, cwd.st_ino,
	};
}

UNIT_UNUSED static void assert_same_place(struct place a, struct place b)
{
	assert_true(a.mnt == b.mnt && a.ipc == b.ipc && a.pid_for_children == b.pid_for_children);
	assert_true(a.root_dev == b.root_dev && a.root_ino == b.root_ino && a.root_mount == b.root_mount);
	assert_true(a.cwd_dev == b.cwd_dev && a.cwd_ino == b.cwd_ino);
}

#endif
