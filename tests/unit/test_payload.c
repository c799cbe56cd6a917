/*
 * On a file with guard bytes around its payload, against a model (xts_model.h), and last against cryptsetup, which can
 * encrypt and decrypt an image without device-mapper. Linked with --wrap=pread,pwrite,fdatasync: each can be made to do
 * less than it should, and the place of each is looked at.
 */
#include "cryptsetup.h"
#include "xts_model.h"

#include <pthread.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/luks.h"
#include "libtazpod/payload.h"

#define BEFORE (3 * 4096 + 512) /* not whole sectors of 4096 bytes, as an image may have it */
#define SIZE (64 * 4096)
#define AFTER 8192
#define FILE_SIZE (BEFORE + SIZE + AFTER)
#define LARGEST (8 * 4096)
#define GUARD 0xa7

static struct tz_payload payload;
static uint8_t room[LARGEST + TZ_PAYLOAD_MORE];
static struct tz_payload_geometry geometry;
static struct tz_secret key = TZ_SECRET_INIT;
static int image = -1;
static uint8_t content[SIZE]; /* what the payload should hold */

/* ---- what is put in the place of the real thing ---- */

static struct {
	bool armed;            /* what the test itself does is left alone */
	size_t piece;          /* no call does more; 0: no limit */
	bool interrupt;        /* every second call */
	unsigned int passes;   /* calls that go through before one fails */
	int error;             /* of that one; 0: none fails */
	bool nothing;          /* and it does nothing, successfully */
	unsigned int calls, failures, outside;
} fault;

/* The size that the call may have; 0: nothing is done, -1: an error. */
static ssize_t permit(int fd, size_t size, off_t offset)
{
	if (!fault.armed || fd != image)
		return (ssize_t)size;
	if (offset < (off_t)geometry.offset || (uint64_t)offset + size > geometry.offset + geometry.size)
		fault.outside++;
	fault.calls++;
	if (fault.interrupt && fault.calls % 2) {
		errno = EINTR;
		return -1;
	}
	if ((fault.error || fault.nothing) && fault.calls > fault.passes) {
		fault.failures++;
		errno = fault.error;
		return fault.nothing ? 0 : -1;
	}
	return (ssize_t)(fault.piece && size > fault.piece ? fault.piece : size);
}

ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
	ssize_t n = permit(fd, size, offset);

	return n <= 0 ? n : __real_pread(fd, data, (size_t)n, offset);
}

ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	ssize_t n = permit(fd, size, offset);

	return n <= 0 ? n : __real_pwrite(fd, data, (size_t)n, offset);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	return permit(fd, 0, (off_t)geometry.offset) < 0 ? -1 : __real_fdatasync(fd);
}

/* ---- helpers ---- */

static uint32_t random_number(uint32_t below)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void fill(uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)random_number(256);
}

static void make_key(size_t size)
{
	assert_int_equal(tz_secret_alloc(&key, size), 0);
	fill(key.data, size);
}

static void write_whole(int fd, const uint8_t *data, size_t size, off_t offset)
{
	assert_int_equal(pwrite(fd, data, size, offset), size);
}

/* An image whose payload holds content. */
static void begin(size_t key_size, uint32_t sector_size, uint64_t iv_offset)
{
	static uint8_t guard[FILE_SIZE], cipher_text[SIZE];

	memset(guard, GUARD, sizeof(guard));
	fill(content, SIZE);
	make_key(key_size);
	image = open(unit_path("image"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(image >= 0);
	model_encrypt(key.data, key_size, iv_offset, 0, content, cipher_text, SIZE, sector_size);
	write_whole(image, guard, FILE_SIZE, 0);
	write_whole(image, cipher_text, SIZE, BEFORE);
	geometry = (struct tz_payload_geometry){ BEFORE, SIZE, iv_offset, sector_size };
	assert_int_equal(tz_payload_init(&payload, image, &geometry, &key, room, LARGEST), 0);
	memset(&fault, 0, sizeof(fault));
	fault.armed = true;
}

/* The image is what the model makes of content, and around it nothing has changed. */
static void check_image(void)
{
	static uint8_t found[FILE_SIZE + 1], wanted[SIZE];

	fault.armed = false;
	model_encrypt(key.data, key.size, geometry.iv_offset, 0, content, wanted, SIZE, geometry.sector_size);
	assert_int_equal(pread(image, found, sizeof(found), 0), FILE_SIZE);
	assert_memory_equal(found + BEFORE, wanted, SIZE);
	for (size_t i = 0; i < FILE_SIZE; i++)
		if ((i < BEFORE || i >= BEFORE + SIZE) && found[i] != GUARD)
			fail_msg("byte %zu, which is not the payload's, was changed", i);
	assert_int_equal(fault.outside, 0);
	fault.armed = true;
}

static void end(void)
{
	fault.armed = false;
	tz_payload_free(&payload);
	tz_secret_free(&key);
	tz_closep(&image);
}

static int setup(void **state)
{
	payload = (struct tz_payload)TZ_PAYLOAD_INIT;
	return unit_setup_quick_dir(state);
}

static int teardown(void **state)
{
	end();
	return unit_teardown_dir(state);
}

static void check_read(uint64_t offset, size_t size, size_t wanted)
{
	const uint8_t *data = NULL;

	assert_int_equal(tz_payload_read(&payload, offset, size, &data), wanted);
	if (wanted)
		assert_memory_equal(data, content + offset, wanted);
	else
		assert_null(data);
}

static int put(uint64_t offset, size_t size)
{
	static uint8_t data[2 * LARGEST], kept[2 * LARGEST];
	int r;

	fill(data, size);
	memcpy(kept, data, size);
	r = tz_payload_write(&payload, offset, data, size);
	assert_memory_equal(data, kept, size);
	if (r == 0)
		memcpy(content + offset, data, size);
	return r;
}

/* ---- what it does ---- */

static void it_reads_and_writes_as_the_model_does(void **state)
{
	(void)state;
	for (unsigned int variant = 0; variant < 4; variant++) {
		uint32_t sector = variant & 1 ? 4096 : 512;

		begin(variant & 2 ? 32 : 64, sector, variant * 0x100000001ULL);
		for (unsigned int i = 0; i < 200; i++) {
			uint64_t offset = random_number(SIZE / sector) * (uint64_t)sector;
			size_t size = (1 + random_number(LARGEST / sector)) * (size_t)sector;
			size_t inside = size < SIZE - offset ? size : SIZE - offset;

			if (random_number(2))
				assert_int_equal(put(offset, inside), 0);
			else
				check_read(offset, size, inside);
		}
		assert_int_equal(tz_payload_sync(&payload), 0);
		check_image();
		for (uint64_t at = 0; at < SIZE; at += LARGEST)
			check_read(at, LARGEST, LARGEST);
		end();
	}
}

static void it_ends_where_it_ends(void **state)
{
	(void)state;
	begin(64, 512, 0);
	check_read(SIZE - 512, 512, 512);
	check_read(SIZE - 512, LARGEST, 512);
	check_read(SIZE, 512, 0);
	check_read(SIZE + 512, LARGEST, 0);
	check_read(UINT64_MAX - 511, 512, 0);
	assert_int_equal(put(SIZE - 512, 512), 0);
	/* not even the part that would fit */
	assert_int_equal(put(SIZE - 512, 1024), -ENOSPC);
	assert_int_equal(put(SIZE, 512), -ENOSPC);
	assert_int_equal(put(SIZE + LARGEST, 512), -ENOSPC);
	assert_int_equal(put(UINT64_MAX - 511, 512), -ENOSPC);
	check_image();
}

/* FUSE cuts what lies in too many pages wherever that is, but for its units of 512 bytes. */
static void sectors_may_be_cut(void **state)
{
	(void)state;
	begin(64, 4096, 7);
	for (unsigned int i = 0; i < 400; i++) {
		uint64_t offset = random_number(SIZE / 512) * 512ULL;
		size_t size = (1 + random_number(LARGEST / 512)) * (size_t)512;
		size_t inside = size < SIZE - offset ? size : SIZE - offset;

		if (random_number(2))
			assert_int_equal(put(offset, inside), 0);
		else
			check_read(offset, size, inside);
	}
	check_image();
	/* the largest one, with parts at both of its ends */
	check_read(512, LARGEST, LARGEST);
	assert_int_equal(put(512, LARGEST), 0);
	check_image();
}

#define CUTS 2000

struct part {
	struct tz_payload payload;
	uint8_t room[LARGEST + TZ_PAYLOAD_MORE];
	size_t from, size; /* in the sector */
	int result;
};

static void *write_part_often(void *data)
{
	struct part *part = data;
	uint8_t text[4096];

	for (unsigned int i = 0; i < CUTS && part->result == 0; i++) {
		memset(text, (int)(i % 251), part->size);
		part->result = tz_payload_write(&part->payload, 4096 + part->from, text, part->size);
	}
	return NULL;
}

/* Neither takes back what the other has written meanwhile. */
static void parts_of_a_sector_may_come_at_once(void **state)
{
	static struct part parts[] = { { .from = 0, .size = 3072 }, { .from = 3072, .size = 1024 } };
	pthread_t threads[2];

	(void)state;
	begin(64, 4096, 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(tz_payload_init(&parts[i].payload, image, &geometry, &key, parts[i].room, LARGEST), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, write_part_often, &parts[i]), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(parts[i].result, 0);
		tz_payload_free(&parts[i].payload);
	}
	memset(content + 4096, (CUTS - 1) % 251, 4096);
	check_image();
}

static void errors_of_a_cut_sector_come_through(void **state)
{
	(void)state;
	begin(64, 4096, 0);
	fault.error = EIO;
	for (unsigned int passes = 0; passes < 2; passes++) {
		/* reading it, and writing it back */
		fault.passes = passes;
		fault.calls = 0;
		assert_int_equal(put(512, 512), -EIO);
	}
	fault.error = 0;
	/* and the next one does not wait for it */
	assert_int_equal(put(512, 512), 0);
	check_image();
}

static void only_whole_units_and_not_too_many_are_taken(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} requests[] = { { 1, 4096 }, { 511, 512 }, { 0, 511 }, { 0, 4095 }, { 0, 4097 }, { 4096, LARGEST + 512 },
			 { SIZE + 1, 4096 }, { 0, LARGEST + 1 } };
	const uint8_t *data = NULL;

	(void)state;
	begin(64, 4096, 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		assert_int_equal(tz_payload_read(&payload, requests[i].offset, requests[i].size, &data), -EINVAL);
		assert_int_equal(put(requests[i].offset, requests[i].size), -EINVAL);
	}
	assert_int_equal(tz_payload_read(&payload, 0, SIZE_MAX - 511, &data), -EINVAL);
	assert_null(data);
	assert_int_equal(fault.calls, 0);
	check_read(SIZE - LARGEST, LARGEST, LARGEST);
	assert_int_equal(put(0, LARGEST), 0);
	check_image();
}

/* Numbers that do not fit into 32 bits, in a file that is nearly all hole. */
static void it_reaches_far(void **state)
{
	const struct tz_payload_geometry far = { 5ULL << 30, 1ULL << 42, 0, 512 };
	const uint64_t at = (3ULL << 40) + 512;
	uint8_t plain[512], wanted[512], found[512];
	const uint8_t *data;

	(void)state;
	make_key(64);
	fill(plain, 512);
	geometry = far;
	image = open(unit_path("image"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(image >= 0);
	if (ftruncate(image, (off_t)(far.offset + far.size)) < 0)
		unit_skip("the file system has no files as large as that");
	assert_int_equal(tz_payload_init(&payload, image, &far, &key, room, LARGEST), 0);
	assert_int_equal(tz_payload_write(&payload, at, plain, 512), 0);
	model_encrypt(key.data, 64, 0, at, plain, wanted, 512, 512);
	assert_int_equal(pread(image, found, 512, (off_t)(far.offset + at)), 512);
	assert_memory_equal(found, wanted, 512);
	assert_int_equal(tz_payload_read(&payload, at, 512, &data), 512);
	assert_memory_equal(data, plain, 512);
}

/* ---- trouble ---- */

static void calls_that_do_less_are_gone_on_with(void **state)
{
	static const size_t pieces[] = { 1000, 511, 4096, 4097 };

	(void)state;
	begin(64, 512, 3);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (int interrupt = 0; interrupt < 2; interrupt++) {
			fault.piece = pieces[i];
			fault.interrupt = interrupt;
			fault.calls = 0;
			check_read(512 * i, LARGEST, LARGEST);
			assert_true(fault.calls >= LARGEST / pieces[i]);
			assert_int_equal(put(1024 * i, LARGEST), 0);
			assert_int_equal(tz_payload_sync(&payload), 0);
		}
	check_image();
}

static void an_image_that_was_cut_is_an_error(void **state)
{
	const uint8_t *data = NULL;

	(void)state;
	begin(64, 512, 0);
	assert_int_equal(ftruncate(image, BEFORE + 4096 + 100), 0);
	check_read(0, 4096, 4096);
	/* the sector that is there in part, what follows, and what begins before */
	assert_int_equal(tz_payload_read(&payload, 4096, 512, &data), -EIO);
	assert_int_equal(tz_payload_read(&payload, 8192, 512, &data), -EIO);
	assert_int_equal(tz_payload_read(&payload, 0, LARGEST, &data), -EIO);
	assert_null(data);
	check_read(0, 4096, 4096);
}

/* Each error comes out as it is, at the first call or after some; what is in the caller's hands is not changed. */
static void errors_come_through(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT, EROFS };
	const uint8_t *data = NULL;

	(void)state;
	begin(64, 512, 0);
	fault.piece = 4096;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (unsigned int passes = 0; passes < 3; passes++) {
			fault.error = errors[i];
			fault.passes = passes;
			fault.calls = fault.failures = 0;
			assert_int_equal(tz_payload_read(&payload, 0, LARGEST, &data), -errors[i]);
			assert_int_equal(fault.failures, 1);
			fault.calls = 0;
			assert_int_equal(put(0, LARGEST), -errors[i]);
			assert_int_equal(fault.failures, 2);
			/* written once more, it is right: the failed attempt left nothing that matters */
			fault.error = 0;
			assert_int_equal(put(0, LARGEST), 0);
		}
	assert_null(data);
	check_image();
}

static void calls_that_do_nothing_end(void **state)
{
	const uint8_t *data = NULL;

	(void)state;
	begin(64, 512, 0);
	fault.piece = 4096;
	fault.nothing = true;
	for (unsigned int passes = 0; passes < 2; passes++) {
		fault.passes = passes;
		fault.calls = 0;
		assert_int_equal(tz_payload_read(&payload, 0, LARGEST, &data), -EIO);
		fault.calls = 0;
		assert_int_equal(put(0, LARGEST), -EIO);
	}
	assert_null(data);
}

static void a_sync_that_failed_is_told(void **state)
{
	(void)state;
	begin(64, 512, 0);
	assert_int_equal(put(0, 512), 0);
	fault.calls = 0;
	assert_int_equal(tz_payload_sync(&payload), 0);
	assert_int_equal(fault.calls, 1);
	fault.calls = 0;
	fault.interrupt = true;
	assert_int_equal(tz_payload_sync(&payload), 0);
	assert_int_equal(fault.calls, 2);
	fault.interrupt = false;
	fault.calls = fault.failures = 0;
	fault.error = EIO;
	assert_int_equal(tz_payload_sync(&payload), -EIO);
	/* asking again would hear that all is well: the kernel tells an error once */
	assert_int_equal(fault.failures, 1);
}

/* ---- init ---- */

static void geometries_that_make_no_sense_are_refused(void **state)
{
	static const struct tz_payload_geometry wrong[] = {
		{ .offset = 4096, .size = 4096, .sector_size = 0 },
		{ .offset = 4096, .size = 4096, .sector_size = 256 },
		{ .offset = 4096, .size = 1536, .sector_size = 1536 },
		{ .offset = 4096, .size = 1000, .sector_size = 1000 },
		{ .offset = 4096, .size = 2 * LARGEST, .sector_size = 2 * LARGEST },
		{ .offset = 4096, .size = 0, .sector_size = 512 },
		{ .offset = 4096, .size = 4096 + 512, .sector_size = 4096 },
		{ .offset = 4096, .size = 511, .sector_size = 512 },
		{ .offset = 4096 + 1, .size = 4096, .sector_size = 512 },
		{ .offset = 256, .size = 4096, .sector_size = 512 },
		{ .offset = UINT64_MAX - 511, .size = 512, .sector_size = 512 },
		{ .offset = UINT64_MAX - 511, .size = 4096, .sector_size = 512 },
		{ .offset = 4096, .size = UINT64_MAX - 511, .sector_size = 512 },
		{ .offset = 512, .size = INT64_MAX - 511, .sector_size = 512 },
		{ .offset = 1ULL << 63, .size = 512, .sector_size = 512 },
	};
	static const struct tz_payload_geometry right = { .offset = 0, .size = 512, .sector_size = 512 };

	(void)state;
	make_key(64);
	payload.fd = 77;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(tz_payload_init(&payload, 0, &wrong[i], &key, room, LARGEST), -EINVAL);
	memcpy(key.data, key.data + 32, 32);
	assert_int_equal(tz_payload_init(&payload, 0, &right, &key, room, LARGEST), -EINVAL);
	assert_int_equal(payload.fd, 77);
	assert_null(payload.buffer);
	assert_null(payload.xts.encrypt);
}

/* ---- cryptsetup ---- */

#define PASSPHRASE "correct horse battery"
#define MIB (1024 * 1024)
/* cryptsetup gives the image's last 32 MiB away, for its header and for what it moves on its way */
#define GIVEN_AWAY (32 * MIB)

static void cryptsetup_encrypts(const char *path, const char *key_file, const char *sector_size, const char *key_bits)
{
	const char *const argv[] = { "cryptsetup", "reencrypt", "-q", "--encrypt", "--type", "luks2", "--disable-locks",
				     "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", key_file,
				     "--reduce-device-size", "32M", "--sector-size", sector_size, "--key-size", key_bits,
				     path, NULL };

	run_cryptsetup(argv);
}

static void cryptsetup_decrypts(const char *path, const char *key_file, const char *header)
{
	const char *const argv[] = { "cryptsetup", "reencrypt", "-q", "--decrypt", "--disable-locks", "--key-file", key_file,
				     "--force-offline-reencrypt", "--header", header, path, NULL };

	run_cryptsetup(argv);
}

static void open_payload(const char *path)
{
	_cleanup_image_ struct tz_image vault = TZ_IMAGE_INIT;
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	struct tz_error err = { 0 };
	struct tz_luks_info luks;
	struct stat st;

	vault.fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(vault.fd >= 0);
	assert_int_equal(fstat(vault.fd, &st), 0);
	vault.size = (uint64_t)st.st_size;
	assert_int_equal(tz_secret_copy(&passphrase, PASSPHRASE, strlen(PASSPHRASE)), 0);
	assert_int_equal(tz_luks_info(&vault, &luks, &err), 0);
	assert_int_equal(tz_luks_unlock(&vault, &passphrase, &key, NULL, &err), 0);
	assert_int_equal(tz_xts_supports(luks.cipher, luks.key_size, luks.sector_size, &err), 0);
	geometry = (struct tz_payload_geometry){ luks.data_offset, luks.data_size, luks.iv_offset, luks.sector_size };
	image = dup(vault.fd);
	assert_true(image >= 0);
	assert_int_equal(tz_payload_init(&payload, image, &geometry, &key, room, LARGEST), 0);
}

/* What it encrypted is read here; what is written here it decrypts. */
static void check_with_cryptsetup(const char *sector_size, const char *key_bits)
{
	char path[PATH_MAX], key_file[PATH_MAX], header[PATH_MAX];
	static uint8_t found[SIZE];

	(void)snprintf(path, sizeof(path), "%s", unit_path("vault.img"));
	(void)snprintf(key_file, sizeof(key_file), "%s", unit_path("key"));
	(void)snprintf(header, sizeof(header), "%s", unit_path("header"));
	fill(content, SIZE);
	unit_write(key_file, PASSPHRASE, strlen(PASSPHRASE), 0600);
	unit_write(path, content, SIZE, 0600);
	assert_int_equal(truncate(path, SIZE + GIVEN_AWAY), 0);
	cryptsetup_encrypts(path, key_file, sector_size, key_bits);
	open_payload(path);
	assert_int_equal(geometry.sector_size, strtoul(sector_size, NULL, 10));
	assert_int_equal(key.size, strtoul(key_bits, NULL, 10) / 8);
	for (uint64_t at = 0; at < SIZE; at += LARGEST)
		check_read(at, LARGEST, LARGEST);
	for (uint64_t at = 4096; at < SIZE; at += 2 * LARGEST)
		assert_int_equal(put(at, LARGEST), 0);
	assert_int_equal(tz_payload_sync(&payload), 0);
	end();
	cryptsetup_decrypts(path, key_file, header);
	image = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(image, found, SIZE, 0), SIZE);
	assert_memory_equal(found, content, SIZE);
	tz_closep(&image);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(header), 0);
}

static void it_is_what_cryptsetup_does(void **state)
{
	(void)state;
	NEEDS_CRYPTSETUP();
	check_with_cryptsetup("512", "256");
	check_with_cryptsetup("4096", "512");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_reads_and_writes_as_the_model_does),
		TEST(it_ends_where_it_ends),
		TEST(sectors_may_be_cut),
		TEST(parts_of_a_sector_may_come_at_once),
		TEST(errors_of_a_cut_sector_come_through),
		TEST(only_whole_units_and_not_too_many_are_taken),
		TEST(it_reaches_far),
		TEST(calls_that_do_less_are_gone_on_with),
		TEST(an_image_that_was_cut_is_an_error),
		TEST(errors_come_through),
		TEST(calls_that_do_nothing_end),
		TEST(a_sync_that_failed_is_told),
		TEST(geometries_that_make_no_sense_are_refused),
		TEST(it_is_what_cryptsetup_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
