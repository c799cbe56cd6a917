/* Disks that are read-only or full, and many files. */
#include "loop_of.h"
#include "store_vault.h"

#include <sys/statvfs.h>
#include <time.h>

#define PLACE SCRATCH "/v"
#define DISK SCRATCH "/disk"
#define NODE SCRATCH "/node"

static void make_tmpfs(const char *options)
{
	CHECK(mkdir(PLACE, 0700) == 0 && mount("vault", PLACE, "tmpfs", 0, options) == 0);
}

static int read_only(void)
{
	_cleanup_store_ struct tz_store *store = NULL;
	struct tz_error err = { 0 };

	make_tmpfs("mode=700");
	CHECK(mount(NULL, PLACE, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	/* nothing was ever pulled */
	CHECK_CODE(tz_store_open(PLACE, SETS_SHOWN, false, 0, &store, &err), 0, &err);
	CHECK(!tz_store_next(store, NULL));
	tz_store_closep(&store);
	CHECK_CODE(tz_store_open(PLACE, SETS_SHOWN, true, 0, &store, &err), -EROFS, &err);
	CHECK_CONTAINS(err.message, "nothing can be put into " SETS_SHOWN ": Read-only file system");
	CHECK(mount(NULL, PLACE, NULL, MS_REMOUNT, NULL) == 0);
	CHECK_CODE(sets_begin(PLACE, &err), 0, &err);
	CHECK(mount(NULL, PLACE, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(sets_is_seen(PLACE, sets_old));
	/* something is to be finished, and cannot be */
	CHECK(mount(NULL, PLACE, NULL, MS_REMOUNT, NULL) == 0);
	CHECK(mkdir(PLACE "/.tazpod/stage", 0700) == 0);
	CHECK(mount(NULL, PLACE, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK_CODE(tz_store_open(PLACE, SETS_SHOWN, false, 0, &store, &err), -EROFS, &err);
	CHECK_CONTAINS(err.message, "the last pull is not whole yet");
	CHECK_CONTAINS(err.message, SETS_SHOWN " is read-only");
	return 0;
}

static void fill(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && posix_fallocate(fd, 0, size) == 0 && close(fd) == 0);
}

static int full_while_staging(void)
{
	static char large[2 << 20];
	_cleanup_store_ struct tz_store *store = NULL;
	struct tz_error err = { 0 };

	memset(large, 'x', sizeof(large));
	make_tmpfs("mode=700,size=1m");
	CHECK_CODE(sets_begin(PLACE, &err), 0, &err);
	CHECK_CODE(tz_store_open(PLACE, SETS_SHOWN, true, 0, &store, &err), 0, &err);
	CHECK_CODE(tz_store_put(store, "CHANGED", "changed", "new", 3, NULL, &err), 0, &err);
	CHECK_CODE(tz_store_put(store, "LARGE", "too/large", large, sizeof(large), NULL, &err), -ENOSPC, &err);
	CHECK_CONTAINS(err.message, SETS_SHOWN " is full: make room there, or have the vault grow");
	CHECK_CODE(tz_store_commit(store, &err), -ENOSPC, &err);
	tz_store_closep(&store);
	CHECK(sets_is_seen(PLACE, sets_old));
	CHECK(access(PLACE "/.tazpod/stage.new", F_OK) < 0);
	/* what was staged takes no room any more */
	fill(PLACE "/filled", 700 * 1024);
	return 0;
}

/* Many new names for folders that are there, so that those have to grow. */
#define FOLDERS 20
#define NAMES 6

static int pull_names(struct tz_error *err)
{
	_cleanup_store_ struct tz_store *store = NULL;
	int r = tz_store_open(PLACE, SETS_SHOWN, true, 0, &store, err);
	char path[TZ_MANIFEST_PATH];

	for (int i = 0; r == 0 && i < FOLDERS * NAMES; i++) {
		(void)snprintf(path, sizeof(path), "folder-%d/%d%0200d", i % FOLDERS, i, 0);
		r = tz_store_put(store, "NAME", path, "x", 1, NULL, err);
	}
	return r < 0 ? r : tz_store_commit(store, err);
}

static unsigned int count_pulled(void)
{
	_cleanup_store_ struct tz_store *store = NULL;
	const struct tz_manifest_entry *entry = NULL;
	unsigned int count = 0;
	struct tz_error err = { 0 };

	CHECK_CODE(tz_store_open(PLACE, SETS_SHOWN, false, 0, &store, &err), 0, &err);
	while ((entry = tz_store_next(store, entry)))
		count++;
	return count;
}

/* With so many KiB free on a small ext4: all or nothing. Was it all? */
static bool pull_names_with_room(long room)
{
	struct tz_error err = { 0 };
	struct statvfs fs;
	long left;
	int r;

	CHECK(statvfs(PLACE, &fs) == 0);
	left = (long)(fs.f_bavail * fs.f_frsize / 1024) - room;
	CHECK(left > 0);
	fill(PLACE "/filled", left * 1024);
	r = pull_names(&err);
	if (r < 0) {
		CHECK_CODE(r, -ENOSPC, &err);
		CHECK(!strstr(err.message, "not whole yet"));
	}
	CHECK(access(PLACE "/.tazpod/stage", F_OK) < 0 && access(PLACE "/.tazpod/stage.new", F_OK) < 0);
	CHECK(unlink(PLACE "/filled") == 0);
	CHECK(count_pulled() == (r < 0 ? 0 : FOLDERS * NAMES));
	return r == 0;
}

static void make_disk(int *ret_loop)
{
	char path[64];
	dev_t rdev = 0;

	make_ext4(DISK, "root_owner=0:0");
	*ret_loop = loop_of(DISK, &rdev);
	CHECK(mknod(NODE, S_IFBLK | 0600, rdev) == 0);
	CHECK(mount(NODE, PLACE, "ext4", 0, NULL) == 0);
	for (int i = 0; i < FOLDERS; i++) {
		(void)snprintf(path, sizeof(path), PLACE "/folder-%d", i);
		CHECK(mkdir(path, 0700) == 0);
	}
}

static int full_at_any_moment(void)
{
	unsigned int refused = 0;
	long room;

	CHECK(mkdir(PLACE, 0700) == 0);
	for (room = 0;; room += 16) {
		int loop;
		bool all;

		/* a new one each time, since folders do not shrink */
		make_disk(&loop);
		all = pull_names_with_room(room);
		CHECK(umount(PLACE) == 0 && close(loop) == 0 && unlink(NODE) == 0 && unlink(DISK) == 0);
		if (all)
			break;
		refused++;
		CHECK(room < 4096);
	}
	print_message("           refused %u times, done with %ld KiB\n", refused, room);
	CHECK(refused > 5);
	return 0;
}

static void test_read_only(void **state)
{
	(void)state;
	in_private_ns(read_only);
}

static void test_full(void **state)
{
	(void)state;
	in_private_ns(full_while_staging);
}

static void test_full_at_any_moment(void **state)
{
	(void)state;
	in_private_ns(full_at_any_moment);
}

/* ---- many ---- */

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#define MANY 10000

static double pull_many(const char *value, enum tz_store_state expected)
{
	_cleanup_store_ struct tz_store *store = open_store(true);
	double start = now();
	char path[64];

	for (int i = 0; i < MANY; i++) {
		/* in no order */
		(void)snprintf(path, sizeof(path), "folder-%d/secret-%d", i * 7 % 100, i * 7919 % MANY);
		assert_int_equal(put(store, "NAME", path, value), expected);
	}
	commit(store);
	return now() - start;
}

static void test_many(void **state)
{
	double new, same, changed, start;
	unsigned int count = 0;
	const struct tz_manifest_entry *entry = NULL;
	_cleanup_store_ struct tz_store *store = NULL;

	(void)state;
	new = pull_many("first", TZ_STORE_NEW);
	same = pull_many("first", TZ_STORE_SAME);
	changed = pull_many("second", TZ_STORE_CHANGED);
	start = now();
	store = open_store(false);
	while ((entry = tz_store_next(store, entry)))
		count++;
	assert_int_equal(count, MANY);
	print_message("           %d files: %.2f s when new, %.2f s the same, %.2f s changed; %.3f s to open\n", MANY, new,
		      same, changed, now() - start);
	/* each in a moment; were a file synced for itself, or looked for from the beginning, it would be minutes */
	assert_true(new < 60 && same < 60 && changed < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_at_any_moment),
		cmocka_unit_test_setup_teardown(test_many, unit_setup_quick_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
