#include "private_ns.h"

#include <sys/fsuid.h>

#include "libtazpod/idmap.h"
#include "libtazpod/mountpoint.h"
#include "libtazpod/mounts.h"

#define A 54321
#define B 54322
#define C 54323

static uint32_t mapped(const struct tz_idmap_extent *extents, int count, uint32_t id)
{
	for (int i = 0; i < count; i++)
		if (id >= extents[i].inside && id - extents[i].inside < extents[i].count)
			return extents[i].outside + (id - extents[i].inside);
	return UINT32_MAX;
}

/* Every id has one image and the sum is right, so with no overlap the map is whole. */
static void check_extents(uint32_t a, uint32_t b)
{
	struct tz_idmap_extent extents[TZ_IDMAP_EXTENTS];
	int count = tz_idmap_extents(a, b, extents);
	uint64_t sum = 0, next = 0;

	assert_in_range(count, 1, TZ_IDMAP_EXTENTS);
	for (int i = 0; i < count; i++) {
		assert_true(extents[i].count > 0);
		assert_int_equal(extents[i].inside, next);
		next += extents[i].count;
		sum += extents[i].count;
		/* the kernel refuses what runs over, and -1 */
		assert_true((uint64_t)extents[i].outside + extents[i].count <= UINT32_MAX);
	}
	assert_int_equal(sum, UINT32_MAX);
	assert_int_equal(mapped(extents, count, a), b);
	assert_int_equal(mapped(extents, count, b), a);
	for (uint32_t step = 1; step < 3; step++) {
		uint32_t near[] = { a - step, a + step, b - step, b + step, 0, UINT32_MAX - step };

		for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++)
			if (near[i] != a && near[i] != b && near[i] != UINT32_MAX)
				assert_int_equal(mapped(extents, count, near[i]), near[i]);
	}
}

static void test_extents(void **state)
{
	static const uint32_t ids[] = { 0, 1, 2, 999, 1000, 1001, 65534, 2147483647, 2147483648U, UINT32_MAX - 2,
					UINT32_MAX - 1 };
	struct tz_idmap_extent extents[TZ_IDMAP_EXTENTS];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		for (size_t j = 0; j < sizeof(ids) / sizeof(*ids); j++)
			check_extents(ids[i], ids[j]);
	assert_int_equal(tz_idmap_extents(UINT32_MAX, 0, extents), -EINVAL);
	assert_int_equal(tz_idmap_extents(1000, UINT32_MAX, extents), -EINVAL);
	assert_int_equal(tz_idmap_extents(UINT32_MAX, UINT32_MAX, extents), -EINVAL);
}

static int makes_userns(void)
{
	static const struct tz_idmap edges[] = {
		{ 0, 1, 0, 1 }, { A, A, B, B }, { UINT32_MAX - 1, 0, 1, UINT32_MAX - 1 }, { A, B, B, C },
	};
	struct tz_idmap bad = { UINT32_MAX, A, A, B };
	struct tz_error err = { 0 };
	int before = dup(0), after, fd;

	CHECK(before >= 0 && close(before) == 0);
	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		fd = tz_idmap_userns(&edges[i], &err);
		CHECK_CODE(fd < 0 ? fd : 0, 0, &err);
		CHECK(close(fd) == 0);
	}
	CHECK(tz_idmap_userns(&bad, &err) == -EINVAL);
	after = dup(0);
	CHECK(after == before && close(after) == 0);
	/* no child is left behind, of any kind */
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
	return 0;
}

/* The machine's own disk, where it has idmapped mounts: the scratch tmpfs has them from Linux 6.3 on only. */
static const char *disk(const char *name)
{
	return unit_path(name);
}

static int clone_or_skip(int source)
{
	static const struct tz_idmap map = { A, B, A, B };
	struct tz_error err = { 0 };
	int tree = tz_idmap_clone(source, &map, &err);

	if (tree == -EOPNOTSUPP)
		_exit(EXIT_SKIP);
	CHECK_CODE(tree < 0 ? tree : 0, 0, &err);
	return tree;
}

/* What B makes in there is A's on disk. */
static void create_as_b(const char *path)
{
	int fd;

	(void)setfsgid(B);
	(void)setfsuid(B);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	(void)setfsuid(0);
	(void)setfsgid(0);
	CHECK(fd >= 0 && close(fd) == 0);
}

static int maps(void)
{
	struct tz_error err = { 0 };
	struct stat st;
	int source, target, tree;

	make_dir(disk("d"), A, 0755);
	make_file(disk("d/a"), A);
	make_file(disk("d/b"), B);
	make_file(disk("d/c"), C);
	make_file(disk("d/root"), 0);
	make_dir(SCRATCH "/t", 0, 0755);
	source = open_dir(disk("d"));
	target = open_dir(SCRATCH "/t");
	tree = clone_or_skip(source);
	CHECK_CODE(tz_idmap_attach(tree, target, &err), 0, &err);
	CHECK(owner_of(SCRATCH "/t") == B && owner_of(SCRATCH "/t/a") == B && owner_of(SCRATCH "/t/b") == A);
	CHECK(owner_of(SCRATCH "/t/c") == C && owner_of(SCRATCH "/t/root") == 0);
	CHECK(lstat(SCRATCH "/t/a", &st) == 0 && st.st_gid == B);
	create_as_b(SCRATCH "/t/new");
	CHECK(owner_of(disk("d/new")) == A && owner_of(SCRATCH "/t/new") == B);
	CHECK(lstat(disk("d/new"), &st) == 0 && st.st_gid == A);
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "nosuid,nodev");
	CHECK_CONTAINS(mountinfo_of(SCRATCH "/t"), "idmapped");
	CHECK(close(target) == 0);
	target = open_dir(SCRATCH "/t");
	CHECK(tz_mount_is_idmapped(target) == 1);
	return 0;
}

static int keeps_masks(void)
{
	struct tz_error err = { 0 };
	int source, tree;

	make_dir(disk("d"), A, 0755);
	make_dir(disk("d/.tazpod"), A, 0755);
	make_dir(disk("d/.tazpod/vault"), 0, 0700);
	make_file(disk("d/.tazpod/vault/vault.img"), A);
	CHECK(mount("mask", disk("d/.tazpod/vault"), "tmpfs", MS_RDONLY, "mode=000") == 0);
	source = open_dir(disk("d"));
	tree = clone_or_skip(source);
	CHECK_CODE(tz_idmap_attach(tree, source, &err), 0, &err);
	CHECK(owner_of(disk("d")) == B && owner_of(disk("d/.tazpod")) == B);
	CHECK(owner_of(disk("d/.tazpod/vault")) == 0 && access(disk("d/.tazpod/vault/vault.img"), F_OK) < 0);
	CHECK(tz_mount_is_root(AT_FDCWD, disk("d/.tazpod/vault")) == 1);
	CHECK(open(disk("d/.tazpod/vault/x"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
	return 0;
}

static int tells_that_it_cannot(void)
{
	static const struct tz_idmap map = { A, B, A, B };
	struct tz_error err = { 0 };
	int source = open_dir("/proc/sys"), tree, target;

	CHECK_CODE(tz_idmap_clone(source, &map, &err), -EOPNOTSUPP, &err);
	CHECK_CONTAINS(err.detail, "mount_setattr");
	/* nor twice */
	make_dir(disk("d"), A, 0755);
	make_dir(SCRATCH "/t", 0, 0755);
	CHECK(close(source) == 0);
	source = open_dir(disk("d"));
	target = open_dir(SCRATCH "/t");
	tree = clone_or_skip(source);
	CHECK_CODE(tz_idmap_attach(tree, target, &err), 0, &err);
	CHECK(close(target) == 0);
	target = open_dir(SCRATCH "/t");
	CHECK_CODE(tz_idmap_clone(target, &map, &err), -EOPNOTSUPP, &err);
	CHECK(owner_of(SCRATCH "/t") == B);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(makes_userns)
TEST(maps)
TEST(keeps_masks)
TEST(tells_that_it_cannot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extents),
		cmocka_unit_test(test_makes_userns),
		cmocka_unit_test_setup_teardown(test_maps, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_keeps_masks, unit_setup_dir, unit_teardown_dir),
		cmocka_unit_test_setup_teardown(test_tells_that_it_cannot, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
