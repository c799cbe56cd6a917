/*
 * Linked with --wrap=madvise,mlock,mremap,munmap: each can be made to fail, and what is unmapped must have been wiped.
 */
#include "vm_flags.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "libtazpod/textbuf.h"

static int mlock_error, madvise_error, mremap_error;
static unsigned int madvise_passes, mremap_fails; /* calls let through; calls that fail with mremap_error */
static unsigned int unmapped, unmapped_dirty;

int __real_mlock(const void *memory, size_t size);
int __real_madvise(void *memory, size_t size, int advice);
void *__real_mremap(void *memory, size_t size, size_t wanted, int flags);
int __real_munmap(void *memory, size_t size);
int __wrap_mlock(const void *memory, size_t size);
int __wrap_madvise(void *memory, size_t size, int advice);
void *__wrap_mremap(void *memory, size_t size, size_t wanted, int flags);
int __wrap_munmap(void *memory, size_t size);

int __wrap_mlock(const void *memory, size_t size)
{
	if (!mlock_error)
		return __real_mlock(memory, size);
	errno = mlock_error;
	return -1;
}

int __wrap_madvise(void *memory, size_t size, int advice)
{
	if (!madvise_error || madvise_passes-- > 0)
		return __real_madvise(memory, size, advice);
	errno = madvise_error;
	return -1;
}

void *__wrap_mremap(void *memory, size_t size, size_t wanted, int flags)
{
	if (mremap_fails == 0)
		return __real_mremap(memory, size, wanted, flags);
	mremap_fails--;
	errno = mremap_error;
	return MAP_FAILED;
}

int __wrap_munmap(void *memory, size_t size)
{
	const uint8_t *bytes = memory;

	unmapped++;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0) {
			unmapped_dirty++;
			break;
		}
	return __real_munmap(memory, size);
}

static int reset(void **state)
{
	(void)state;
	mlock_error = madvise_error = mremap_error = 0;
	madvise_passes = mremap_fails = unmapped = unmapped_dirty = 0;
	return 0;
}

/* Under AddressSanitizer mlock() does nothing, and says that it did. */
#ifdef __SANITIZE_ADDRESS__
#define MLOCK_WORKS false
#else
#define MLOCK_WORKS true
#endif

static void test_add(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_textbuf_add(&buf, NULL, 0), 0);
	assert_non_null(buf.data);
	assert_string_equal(buf.data, "");
	assert_int_equal(tz_textbuf_add(&buf, "a\0b", 3), 0);
	assert_int_equal(tz_textbuf_add_text(&buf, "cd"), 0);
	assert_int_equal(tz_textbuf_add_text(&buf, ""), 0);
	assert_int_equal(buf.size, 5);
	assert_memory_equal(buf.data, "a\0bcd\0", 6);
}

/* Across every boundary at which it grows, with the bytes that were there before. */
static void test_growth(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	size_t grown = 0, mapped = 0;

	(void)state;
	for (unsigned int i = 0; i < 300000; i++) {
		char c = (char)('a' + i % 23);

		assert_int_equal(tz_textbuf_add(&buf, &c, 1), 0);
		assert_true(buf.mapped > buf.size);
		assert_int_equal(buf.data[buf.size], 0);
		grown += buf.mapped != mapped;
		mapped = buf.mapped;
	}
	assert_int_equal(buf.size, 300000);
	for (unsigned int i = 0; i < 300000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 23);
	assert_true(grown > 3 && grown < 12);
	assert_int_equal(unmapped, 0);
}

/* Exactly as many as are mapped: the NUL still finds a place. */
static void test_full_pages(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static char large[1 << 20];

	(void)state;
	large[sizeof(large) - 1] = 'y';
	assert_int_equal(tz_textbuf_add(&buf, large, sizeof(large)), 0);
	assert_true(buf.mapped > sizeof(large));
	assert_int_equal(buf.data[sizeof(large) - 1], 'y');
	assert_int_equal(buf.data[sizeof(large)], 0);
}

static void test_too_much(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	assert_int_equal(tz_textbuf_add(&buf, "", SIZE_MAX), -ENOMEM);
	assert_int_equal(tz_textbuf_add(&buf, "", SIZE_MAX / 2), -ENOMEM);
	assert_null(buf.data);
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), 0);
	assert_int_equal(tz_textbuf_add(&buf, "", SIZE_MAX), -ENOMEM);
	assert_int_equal(tz_textbuf_add(&buf, "", SIZE_MAX - 1), -ENOMEM);
	assert_string_equal(buf.data, "x");
}

static void expect_flags(const struct tz_textbuf *buf)
{
	char flags[512];

	read_flags(buf->data, flags, sizeof(flags));
	if (!flags[0])
		unit_skip("/proc/self/smaps shows no VmFlags");
	assert_contains(flags, " dd ");
	assert_contains(flags, " dc ");
	if (MLOCK_WORKS)
		assert_contains(flags, " lo ");
}

/* They go with the memory as it grows, and moves. */
static void test_flags(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static const char block[100000] = { 'x' };

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), 0);
	expect_flags(&buf);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), 0);
	expect_flags(&buf);
	/* the last page, too */
	{
		struct tz_textbuf end = { .data = buf.data + buf.mapped - 1 };

		expect_flags(&end);
	}
}

static void test_old_place_is_gone(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static const char block[1 << 20] = { 'x' };
	unsigned char resident;
	const char *before;
	void *wall;

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&buf, "secret"), 0);
	before = buf.data;
	/* It cannot grow where it is. */
	wall = mmap(buf.data + buf.mapped, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_true(wall != MAP_FAILED || errno == EEXIST);
	assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), 0);
	assert_ptr_not_equal(buf.data, before);
	assert_memory_equal(buf.data, "secretx", 7);
	assert_int_equal(mincore((void *)(uintptr_t)before, 1, &resident), -1);
	assert_int_equal(errno, ENOMEM);
	if (wall != MAP_FAILED)
		assert_int_equal(__real_munmap(wall, 4096), 0);
}

static void test_no_lock_no_matter(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	mlock_error = ENOMEM;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), 0);
	assert_string_equal(buf.data, "x");
}

/* As an ordinary user, within a limit that the first pages reach: a child without privilege. */
static int grow_within_limit(void *data)
{
	struct rlimit limit = { 64 * 1024, 64 * 1024 };
	struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static char block[50000];

	(void)data;
	memset(block, 'x', sizeof(block));
	if (unit_become_nobody() < 0 || setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return 1;
	for (unsigned int i = 0; i < 20; i++)
		if (tz_textbuf_add(&buf, block, sizeof(block)) < 0)
			return 2;
	for (size_t i = 0; i < buf.size; i++)
		if (buf.data[i] != 'x')
			return 3;
	if (buf.size != 20 * sizeof(block) || buf.data[buf.size] != '\0')
		return 4;
	tz_textbuf_free(&buf);
	return unmapped == 1 && unmapped_dirty == 0 ? 0 : 5;
}

static void test_memlock_limit(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(grow_within_limit, NULL), 0);
}

static void test_no_advice_no_buffer(void **state)
{
	struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	madvise_error = EINVAL;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), -EINVAL);
	madvise_passes = 1;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), -EINVAL);
	assert_null(buf.data);
	assert_int_equal(buf.size, 0);
	assert_int_equal(unmapped, 2);
}

static void test_no_room(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static const char block[100000];
	struct tz_textbuf before;

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), 0);
	before = buf;
	mremap_error = ENOMEM;
	mremap_fails = 1;
	assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), -ENOMEM);
	assert_memory_equal(&buf, &before, sizeof(buf));
	assert_string_equal(buf.data, "x");
	/* too much to lock: once more, unlocked */
	mremap_error = EAGAIN;
	mremap_fails = 1;
	assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), 0);
	assert_int_equal(buf.size, sizeof(block) + 1);
	mremap_fails = 2;
	assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), -EAGAIN);
	assert_int_equal(buf.size, sizeof(block) + 1);
}

static void test_truncate(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	tz_textbuf_truncate(&buf, 0);
	assert_int_equal(tz_textbuf_add_text(&buf, "keep secret"), 0);
	tz_textbuf_truncate(&buf, 20);
	tz_textbuf_truncate(&buf, 11);
	assert_string_equal(buf.data, "keep secret");
	tz_textbuf_truncate(&buf, 4);
	assert_int_equal(buf.size, 4);
	assert_memory_equal(buf.data, "keep\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(tz_textbuf_add_text(&buf, "er"), 0);
	assert_string_equal(buf.data, "keeper");
}

/* A child that looks gets no memory at all. */
static int look(void *data)
{
	const struct tz_textbuf *buf = data;
	unsigned char resident;

	return mincore(buf->data, 1, &resident) < 0 && errno == ENOMEM ? 0 : 1;
}

static void test_fork_has_nothing(void **state)
{
	_cleanup_textbuf_ struct tz_textbuf buf = TZ_TEXTBUF_INIT;
	static const char block[100000];

	(void)state;
	assert_int_equal(tz_textbuf_add_text(&buf, "x"), 0);
	assert_int_equal(unit_in_child(look, &buf), 0);
	assert_int_equal(tz_textbuf_add(&buf, block, sizeof(block)), 0);
	assert_int_equal(unit_in_child(look, &buf), 0);
}

static void test_release(void **state)
{
	struct tz_textbuf buf = TZ_TEXTBUF_INIT;

	(void)state;
	tz_textbuf_free(NULL);
	tz_textbuf_free(&buf);
	assert_int_equal(unmapped, 0);
	assert_int_equal(tz_textbuf_add_text(&buf, "secret"), 0);
	memset(buf.data, 0xaa, buf.mapped);
	tz_textbuf_free(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf.mapped, 0);
	assert_int_equal(unmapped, 1);
	assert_int_equal(unmapped_dirty, 0);
	tz_textbuf_free(&buf);
	assert_int_equal(unmapped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_add, reset),
		cmocka_unit_test_setup(test_growth, reset),
		cmocka_unit_test_setup(test_full_pages, reset),
		cmocka_unit_test_setup(test_too_much, reset),
		cmocka_unit_test_setup(test_flags, reset),
		cmocka_unit_test_setup(test_old_place_is_gone, reset),
		cmocka_unit_test_setup(test_no_lock_no_matter, reset),
		cmocka_unit_test_setup(test_memlock_limit, reset),
		cmocka_unit_test_setup(test_no_advice_no_buffer, reset),
		cmocka_unit_test_setup(test_no_room, reset),
		cmocka_unit_test_setup(test_truncate, reset),
		cmocka_unit_test_setup(test_fork_has_nothing, reset),
		cmocka_unit_test_setup(test_release, reset),
	};

	return cmocka_run_group_tests_name("textbuf", tests, NULL, NULL);
}
