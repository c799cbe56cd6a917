/*
 * Each in a process of its own, since what is installed stays.
 * Linked with --wrap=mlock: AddressSanitizer's does nothing.
 */
#define MLOCK_WORKS true
#include "key_search.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "libtazpod/cryptomem.h"
#include "libtazpod/xts.h"

#define BLOCK 32768  /* as cryptomem.c has it */

int __wrap_mlock(const void *memory, size_t size);
int __wrap_mlock(const void *memory, size_t size)
{
	return (int)syscall(SYS_mlock, memory, size);
}

/* ---- helpers ---- */

static struct tz_error err;

static void install(void)
{
	int r = tz_cryptomem_install(&err);

	if (r == -EPERM || r == -ENOMEM || r == -EAGAIN)
		_exit(EXIT_SKIP);
	CHECK_CODE(r, 0, &err);
}

static void use(const struct tz_xts *xts)
{
	uint8_t data[4096] = { 1 };

	CHECK(tz_xts_encrypt(xts, 0, data, data, sizeof(data)) == 0 && tz_xts_decrypt(xts, 0, data, data, sizeof(data)) == 0);
	CHECK(data[0] == 1 && data[1] == 0);
}

static bool is_locked(const void *memory)
{
	static struct mapping mappings[2048];
	size_t count = read_mappings(getpid(), mappings, sizeof(mappings) / sizeof(mappings[0]));

	for (size_t i = 0; i < count; i++)
		if ((uintptr_t)memory >= mappings[i].start && (uintptr_t)memory < mappings[i].end)
			return mappings[i].safe;
	return false;
}

/* ---- the tests ---- */

static int a_cipher_s_key_is_in_locked_memory_alone(void)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts = TZ_XTS_INIT;
	struct found found;
	unsigned int own;

	install();
	make_key(&key);
	found = look_for_key(getpid());
	own = found.locked;
	CHECK(own == KEY_SIZE / PART && found.open == 0);
	CHECK(tz_xts_init(&xts, &key, 4096, 0) == 0);
	use(&xts);
	found = look_for_key(getpid());
	(void)fprintf(stderr, "           %u parts in locked memory, %u elsewhere\n", found.locked, found.open);
	CHECK(found.locked > own && found.open == 0);
	tz_secret_free(&key);
	use(&xts);
	found = look_for_key(getpid());
	CHECK(found.locked > 0 && found.open == 0);
	tz_xts_free(&xts);
	found = look_for_key(getpid());
	CHECK(found.locked == 0 && found.open == 0);
	return 0;
}

/* Without it the key is found where it should not be: so what is looked for above would be seen. */
static int without_it_the_key_is_anywhere(void)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts = TZ_XTS_INIT;

	make_key(&key);
	CHECK(look_for_key(getpid()).open == 0);
	CHECK(tz_xts_init(&xts, &key, 4096, 0) == 0);
	CHECK(look_for_key(getpid()).open > 0);
	tz_xts_free(&xts);
	tz_secret_free(&key);
	return 0;
}

static int it_is_installed_once(void)
{
	install();
	CHECK_CODE(tz_cryptomem_install(&err), -EALREADY, &err);
	CHECK_CONTAINS(err.message, "set up before");
	return 0;
}

static int it_comes_first(void)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts = TZ_XTS_INIT;

	make_key(&key);
	CHECK(tz_xts_init(&xts, &key, 512, 0) == 0);
	CHECK_CODE(tz_cryptomem_install(&err), -EALREADY, &err);
	CHECK_CONTAINS(err.message, "OpenSSL was used before");
	CHECK(tz_cryptomem_used() == 0);
	/* and nothing has changed */
	use(&xts);
	tz_xts_free(&xts);
	CHECK(tz_xts_init(&xts, &key, 512, 0) == 0);
	use(&xts);
	tz_xts_free(&xts);
	tz_secret_free(&key);
	return 0;
}

static int it_says_what_limits_it(void)
{
	static const struct rlimit none = { 0, 0 };
	int r;

	CHECK(unit_become_nobody() == 0 && setrlimit(RLIMIT_MEMLOCK, &none) == 0);
	r = tz_cryptomem_install(&err);
	CHECK(r == -EPERM || r == -ENOMEM || r == -EAGAIN);
	CHECK_CONTAINS(err.message, "32 KiB of memory for keys cannot be locked");
	CHECK_CONTAINS(err.message, "ulimit -l");
	CHECK(tz_cryptomem_used() == 0);
	return 0;
}

/* Each thread of the server has a cipher, and there are eight of them at most. */
static int there_is_room_for_enough_ciphers(void)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts[64] = { TZ_XTS_INIT };
	int count = 0, r = 0;

	install();
	make_key(&key);
	while (count < 64 && (r = tz_xts_init(&xts[count], &key, 512, 0)) == 0)
		count++;
	(void)fprintf(stderr, "           room for %d\n", count);
	CHECK(count >= 8 && count < 64 && r == -ENOMEM && tz_cryptomem_used() <= BLOCK);
	for (int i = 0; i < count; i++)
		use(&xts[i]);
	CHECK(look_for_key(getpid()).open == 0);
	for (int i = 0; i < count; i++)
		tz_xts_free(&xts[i]);
	tz_secret_free(&key);
	CHECK(look_for_key(getpid()).locked == 0 && look_for_key(getpid()).open == 0);
	return 0;
}

static bool is_all(const uint8_t *memory, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != value)
			return false;
	return true;
}

static int only_what_is_asked_for_is_in_the_block(void)
{
	uint8_t *usual, *one, *two;
	unsigned int before;

	install();
	usual = CRYPTO_malloc(100, __FILE__, __LINE__);
	before = tz_cryptomem_used();
	CHECK(usual && before == 0 && !is_locked(usual));
	tz_cryptomem_secret(true);
	one = CRYPTO_malloc(100, __FILE__, __LINE__);
	two = CRYPTO_malloc(1, __FILE__, __LINE__);
	CHECK(one && two && is_locked(one) && is_locked(two) && tz_cryptomem_used() > 100);
	CHECK((uintptr_t)one % 16 == 0 && (uintptr_t)two % 16 == 0 && (two >= one + 100 || two < one));
	/* too much, and much too much: no usual memory in its stead */
	CHECK(!CRYPTO_malloc(BLOCK, __FILE__, __LINE__) && !CRYPTO_malloc(SIZE_MAX, __FILE__, __LINE__));
	before = tz_cryptomem_used();
	/* what was usual stays so */
	usual = CRYPTO_realloc(usual, 5000, __FILE__, __LINE__);
	CHECK(usual && !is_locked(usual) && tz_cryptomem_used() == before);
	tz_cryptomem_secret(false);
	memset(one, 0x5a, 100);
	*two = 0xa5;
	CRYPTO_free(usual, __FILE__, __LINE__);
	CRYPTO_free(one, __FILE__, __LINE__);
	CHECK(is_all(one, 100, 0) && *two == 0xa5);
	CRYPTO_free(NULL, __FILE__, __LINE__);
	return 0;
}

/* What is in the block stays there, whatever becomes of it. */
static int what_is_secret_stays_so(void)
{
	uint8_t *piece, *moved, *smaller;

	install();
	tz_cryptomem_secret(true);
	piece = CRYPTO_realloc(NULL, 64, __FILE__, __LINE__);
	tz_cryptomem_secret(false);
	CHECK(piece && is_locked(piece));
	memset(piece, 0x5a, 64);
	moved = CRYPTO_realloc(piece, 200, __FILE__, __LINE__);
	CHECK(moved && moved != piece && is_locked(moved) && is_all(moved, 64, 0x5a) && is_all(piece, 64, 0));
	smaller = CRYPTO_realloc(moved, 10, __FILE__, __LINE__);
	CHECK(smaller && is_locked(smaller) && is_all(smaller, 10, 0x5a) && is_all(moved, 200, 0));
	/* without room it fails, and is as it was */
	CHECK(!CRYPTO_realloc(smaller, BLOCK, __FILE__, __LINE__) && is_all(smaller, 10, 0x5a));
	CRYPTO_free(smaller, __FILE__, __LINE__);
	CHECK(is_all(smaller, 10, 0));
	return 0;
}

static void *allocate_usually(void *data)
{
	(void)data;
	return CRYPTO_malloc(100, __FILE__, __LINE__);
}

static int other_threads_are_not_concerned(void)
{
	pthread_t thread;
	void *usual;

	install();
	tz_cryptomem_secret(true);
	CHECK(pthread_create(&thread, NULL, allocate_usually, NULL) == 0 && pthread_join(thread, &usual) == 0);
	CHECK(usual && !is_locked(usual) && tz_cryptomem_used() == 0);
	CRYPTO_free(usual, __FILE__, __LINE__);
	return 0;
}

static int do_work(void *data)
{
	const struct private_work *work = data;

	return work->work();
}

#define TEST(function)                                                                       \
	static void test_##function(void **state)                                            \
	{                                                                                    \
		struct private_work work = { function };                                     \
		int status = unit_in_child(do_work, &work);                                  \
		(void)state;                                                                 \
		if (status == EXIT_SKIP)                                                     \
			unit_skip("no memory may be locked here");                           \
		assert_int_equal(status, 0);                                                 \
	}
TEST(a_cipher_s_key_is_in_locked_memory_alone)
TEST(without_it_the_key_is_anywhere)
TEST(it_is_installed_once)
TEST(it_comes_first)
TEST(it_says_what_limits_it)
TEST(there_is_room_for_enough_ciphers)
TEST(only_what_is_asked_for_is_in_the_block)
TEST(what_is_secret_stays_so)
TEST(other_threads_are_not_concerned)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cipher_s_key_is_in_locked_memory_alone),
		cmocka_unit_test(test_without_it_the_key_is_anywhere),
		cmocka_unit_test(test_it_is_installed_once),
		cmocka_unit_test(test_it_comes_first),
		cmocka_unit_test(test_it_says_what_limits_it),
		cmocka_unit_test(test_there_is_room_for_enough_ciphers),
		cmocka_unit_test(test_only_what_is_asked_for_is_in_the_block),
		cmocka_unit_test(test_what_is_secret_stays_so),
		cmocka_unit_test(test_other_threads_are_not_concerned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
