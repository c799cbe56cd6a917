/*
 * Linked with --wrap=mlock,madvise,munmap: each can be made to fail, and what is unmapped must have been wiped.
 */
#include "vm_flags.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "libtazpod/secret.h"

static int mlock_error;
static int madvise_error;       /* for the call that is left when calls have been let through */
static unsigned int madvise_passes;
static unsigned int unmapped, unmapped_dirty;

int __real_mlock(const void *memory, size_t size);
int __real_madvise(void *memory, size_t size, int advice);
int __real_munmap(void *memory, size_t size);
int __wrap_mlock(const void *memory, size_t size);
int __wrap_madvise(void *memory, size_t size, int advice);
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
	mlock_error = madvise_error = 0;
	madvise_passes = unmapped = unmapped_dirty = 0;
	return 0;
}

static bool is_mapped(const void *memory)
{
	unsigned char resident;

	return mincore((void *)(uintptr_t)memory, 1, &resident) == 0;
}

static void test_alloc(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t sizes[] = { 0, 1, 64, page - 1, page, page + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;

		assert_int_equal(tz_secret_alloc(&s, sizes[i]), 0);
		assert_non_null(s.data);
		assert_int_equal(s.size, sizes[i]);
		assert_true(s.mapped > s.size);
		for (size_t j = 0; j <= sizes[i]; j++)
			assert_int_equal(s.data[j], 0);
		memset(s.data, 0xff, s.size);
		assert_int_equal(s.data[s.size], 0);
	}
}

static void test_alloc_too_much(void **state)
{
	struct tz_secret s = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_secret_alloc(&s, SIZE_MAX), -ENOMEM);
	assert_int_equal(tz_secret_alloc(&s, SIZE_MAX / 2), -ENOMEM);
	assert_null(s.data);
}

static unsigned long locked_kib(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %lu kB", &kib) == 1)
			break;
	return kib;
}

/* Under AddressSanitizer mlock() does nothing, and says that it did. */
#ifdef __SANITIZE_ADDRESS__
#define MLOCK_WORKS false
#else
#define MLOCK_WORKS true
#endif

static void test_flags(void **state)
{
	_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;
	unsigned long before = locked_kib();
	char flags[512];

	(void)state;
	assert_int_equal(tz_secret_alloc(&s, 100), 0);
	read_flags(s.data, flags, sizeof(flags));
	if (!flags[0])
		unit_skip("/proc/self/smaps shows no VmFlags");
	if (MLOCK_WORKS)
		assert_contains(flags, " lo ");
	assert_contains(flags, " dd ");
	assert_contains(flags, " wf ");
	if (MLOCK_WORKS)
		assert_int_equal(locked_kib() - before, s.mapped / 1024);
	tz_secret_free(&s);
	assert_int_equal(locked_kib(), before);
}

static void test_no_lock_no_secret(void **state)
{
	static const int errors[] = { EPERM, ENOMEM, EAGAIN };
	struct tz_secret s = TZ_SECRET_INIT;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		mlock_error = errors[i];
		assert_int_equal(tz_secret_alloc(&s, 10), -errors[i]);
		assert_int_equal(tz_secret_copy(&s, "x", 1), -errors[i]);
		assert_null(s.data);
	}
	assert_int_equal(unmapped, 6);
}

static void test_no_advice_no_secret(void **state)
{
	struct tz_secret s = TZ_SECRET_INIT;

	(void)state;
	madvise_error = EINVAL;
	assert_int_equal(tz_secret_alloc(&s, 10), -EINVAL);
	madvise_passes = 1;
	assert_int_equal(tz_secret_alloc(&s, 10), -EINVAL);
	assert_null(s.data);
	assert_int_equal(unmapped, 2);
}

/* Limits do not bind root, so this is a child without privilege. */
static int alloc_within_limit(void *data)
{
	const rlim_t *limit = data;
	struct rlimit rl = { *limit, *limit };
	struct tz_secret s = TZ_SECRET_INIT;
	int r;

	if (unit_become_nobody() < 0 || setrlimit(RLIMIT_MEMLOCK, &rl) < 0)
		return 200;
	r = tz_secret_alloc(&s, 3 * (size_t)sysconf(_SC_PAGESIZE));
	return s.data ? 201 : -r;
}

static void test_memlock_limit(void **state)
{
	rlim_t none = 0, one_page = (rlim_t)sysconf(_SC_PAGESIZE);

	(void)state;
	assert_int_equal(unit_in_child(alloc_within_limit, &none), MLOCK_WORKS ? EPERM : 201);
	assert_int_equal(unit_in_child(alloc_within_limit, &one_page), MLOCK_WORKS ? ENOMEM : 201);
}

static int count_nonzero(void *data)
{
	const struct tz_secret *s = data;
	int nonzero = 0;

	for (size_t i = 0; i < s->mapped; i++)
		nonzero += s->data[i] != 0;
	return nonzero > 250 ? 250 : nonzero;
}

static void test_fork_sees_nothing(void **state)
{
	_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_secret_copy(&s, "passphrase", 10), 0);
	assert_int_equal(unit_in_child(count_nonzero, &s), 0);
	assert_memory_equal(s.data, "passphrase", 11);
}

static void test_copy(void **state)
{
	_cleanup_secret_ struct tz_secret s = TZ_SECRET_INIT;
	_cleanup_secret_ struct tz_secret nothing = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_secret_copy(&s, "a\0b", 3), 0);
	assert_int_equal(s.size, 3);
	assert_memory_equal(s.data, "a\0b\0", 4);
	assert_int_equal(tz_secret_copy(&nothing, NULL, 0), 0);
	assert_int_equal(nothing.size, 0);
	assert_string_equal(nothing.data, "");
}

static void test_move(void **state)
{
	_cleanup_secret_ struct tz_secret a = TZ_SECRET_INIT;
	_cleanup_secret_ struct tz_secret b = TZ_SECRET_INIT;
	const uint8_t *memory;

	(void)state;
	assert_int_equal(tz_secret_copy(&a, "x", 1), 0);
	memory = a.data;
	tz_secret_move(&b, &a);
	assert_null(a.data);
	assert_int_equal(a.size, 0);
	assert_int_equal(a.mapped, 0);
	assert_ptr_equal(b.data, memory);
	tz_secret_move(&b, &b);
	assert_ptr_equal(b.data, memory);
	tz_secret_move(&b, &a);
	assert_null(b.data);
	assert_int_equal(__real_munmap((void *)(uintptr_t)memory, (size_t)sysconf(_SC_PAGESIZE)), 0);
}

static void test_equal(void **state)
{
	_cleanup_secret_ struct tz_secret a = TZ_SECRET_INIT;
	_cleanup_secret_ struct tz_secret b = TZ_SECRET_INIT;
	_cleanup_secret_ struct tz_secret longer = TZ_SECRET_INIT;
	struct tz_secret empty = TZ_SECRET_INIT, empty_too = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_secret_copy(&a, "same", 4), 0);
	assert_int_equal(tz_secret_copy(&b, "same", 4), 0);
	assert_int_equal(tz_secret_copy(&longer, "same!", 5), 0);
	assert_true(tz_secret_equal(&a, &b));
	assert_false(tz_secret_equal(&a, &longer));
	assert_false(tz_secret_equal(&a, &empty));
	assert_true(tz_secret_equal(&empty, &empty_too));
	for (unsigned int i = 0; i < 4; i++) {
		b.data[i] ^= 0x80;
		assert_false(tz_secret_equal(&a, &b));
		b.data[i] ^= 0x80;
	}
}

static void test_release(void **state)
{
	struct tz_secret s = TZ_SECRET_INIT;
	const uint8_t *memory;

	(void)state;
	tz_secret_free(NULL);
	tz_secret_free(&s);
	assert_int_equal(unmapped, 0);
	assert_int_equal(tz_secret_alloc(&s, 5000), 0);
	memset(s.data, 0xaa, s.mapped);
	memory = s.data;
	assert_true(is_mapped(memory));
	tz_secret_free(&s);
	assert_null(s.data);
	assert_int_equal(unmapped, 1);
	assert_int_equal(unmapped_dirty, 0);
	assert_false(is_mapped(memory));
	tz_secret_free(&s);
	assert_int_equal(unmapped, 1);
}

static int harden(void *data)
{
	struct rlimit rl;

	(void)data;
	if (tz_secret_harden_process() < 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 2;
	if (getrlimit(RLIMIT_CORE, &rl) < 0 || rl.rlim_cur != 0 || rl.rlim_max != 0)
		return 3;
	return 0;
}

static void test_harden(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(harden, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alloc, reset),
		cmocka_unit_test_setup(test_alloc_too_much, reset),
		cmocka_unit_test_setup(test_flags, reset),
		cmocka_unit_test_setup(test_no_lock_no_secret, reset),
		cmocka_unit_test_setup(test_no_advice_no_secret, reset),
		cmocka_unit_test_setup(test_memlock_limit, reset),
		cmocka_unit_test_setup(test_fork_sees_nothing, reset),
		cmocka_unit_test_setup(test_copy, reset),
		cmocka_unit_test_setup(test_move, reset),
		cmocka_unit_test_setup(test_equal, reset),
		cmocka_unit_test_setup(test_release, reset),
		cmocka_unit_test_setup(test_harden, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
