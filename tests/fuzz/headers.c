/*
 * An image file's LUKS2 header on its way to the driver 'fuse': tz_image_identify(), tz_luks_info(), and the driver itself
 * up to where it would start its server; there, a payload by what it would give that, and requests at the payload's ends.
 * No passphrase is tried, so no key is derived. libcryptsetup is the system's, so its branches guide nothing: the seeds
 * and the mutator below have to get past its checks.
 *
 * The input holds what matters of a header, without the padding (see struct layout). Its checksums are made here, for both
 * copies, unless the input asks for damage: no mutation is lost for its checksum.
 *
 * 1. Nothing but the payload, as the header gives it, is read or written through the payload, nor is the image's size
 *    changed; what comes before looks, and writes nothing but headers.
 * 2. What the driver would serve lies in the image, behind the headers, in whole sectors, and is aes-xts-plain64 in the
 *    only segment, as a second look at the JSON says.
 * 3. Each refusal has a sentence, and the header puts nothing into it that a terminal would act on.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libtazpod/driver.h"
#include "libtazpod/fusemount.h"
#include "libtazpod/image.h"
#include "libtazpod/loop.h"
#include "libtazpod/luks.h"
#include "libtazpod/nodedir.h"
#include "libtazpod/payload.h"
#include "libtazpod/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/luks_json.h"
#include "tests/fuzz/mutate.h"

#define LARGEST 16384
/* LUKS2 On-Disk Format Specification 1.1.1, section 2.1 */
#define BINARY_SIZE 4096
#define CHECKSUM_AT 448
#define SMALLEST 0x4000
#define BIGGEST 0x400000

/* The input; text follows, the JSON. tests/fuzz/seeds.py writes it, too. */
struct layout {
	uint8_t copies;       /* see below */
	uint8_t odd;          /* bytes of the image beyond its blocks */
	uint8_t blocks[2];    /* size of the image in units of 4096 bytes, little endian */
	uint8_t binary[264];  /* the binary header, up to what it has for padding and checksum */
};

enum {
	FIRST_DAMAGED = 1,
	SECOND_DAMAGED = 2,
	SECOND_MISSING = 4,
	SECOND_OLDER = 8,
	SECOND_NEWER = 16,
};

static struct world {
	struct tz_image image;
	struct tz_luks_info luks;
	bool serving;               /* only the payload may be touched */
	uint64_t begin, end;
	bool started;
} world;

ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
int __wrap_tz_nodedir_enter(const char *path, struct tz_error *err);
void __wrap_tz_nodedir_leave(const char *path);
int __wrap_tz_server_find(int image, struct tz_server_place *ret);
int __wrap_tz_loop_find(dev_t dev, ino_t ino);
int __wrap_tz_fusemount_open_device(struct tz_error *err);
int __wrap_tz_fusemount(int device, struct tz_error *err);
int __wrap_tz_server_start(int image, int fuse, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
			   int *ret_socket, int *ret_pidfd, struct tz_error *err);

/* ---------------------------------------------------------------- around the payload */

static void check_range(const char *what, size_t size, off_t offset)
{
	if (world.serving)
		fuzz_assert(offset >= 0 && (uint64_t)offset >= world.begin && (uint64_t)offset + size <= world.end,
			    "%s: %zu bytes at %lld; the payload: %llu to %llu", what, size, (long long)offset,
			    (unsigned long long)world.begin, (unsigned long long)world.end);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
	check_range("read", size, offset);
	return __real_pread(fd, data, size, offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	check_range("write", size, offset);
	return __real_pwrite(fd, data, size, offset);
}

/* Writes, reads back, and asks for what is not there. */
static void use_payload(struct tz_payload *payload)
{
	static const uint8_t text[4096] = "some text";
	const uint64_t size = payload->geometry.size, sector = payload->geometry.sector_size;
	const uint64_t ends[] = { 0, size - sector };
	const uint8_t *data = NULL;

	fuzz_assert(sector <= sizeof(text), "sectors of %llu bytes", (unsigned long long)sector);
	for (int i = 0; i < 2; i++) {
		fuzz_assert(tz_payload_write(payload, ends[i], text, sector) == 0, "at %llu", (unsigned long long)ends[i]);
		fuzz_assert(tz_payload_read(payload, ends[i], sector, &data) == (ssize_t)sector &&
			    memcmp(data, text, sector) == 0, "at %llu", (unsigned long long)ends[i]);
	}
	fuzz_assert(tz_payload_read(payload, size - sector, LARGEST, &data) == (ssize_t)sector, "at the end");
	fuzz_assert(tz_payload_read(payload, size, sector, &data) == 0, "behind the end");
	fuzz_assert(tz_payload_write(payload, size, text, sector) == -ENOSPC, "behind the end");
	fuzz_assert(tz_payload_write(payload, -sector, text, sector) == -ENOSPC, "far behind the end");
	if (size > sector)
		fuzz_assert(tz_payload_write(payload, size - sector, text, 2 * sector) < 0, "across the end");
}

/* Where the driver would start its server. */
int __wrap_tz_server_start(int image, int fuse, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
			   int *ret_socket, int *ret_pidfd, struct tz_error *err)
{
	const struct tz_payload_geometry *geometry = &setup->geometry;
	static uint8_t room[LARGEST + TZ_PAYLOAD_MORE];
	struct tz_payload payload = TZ_PAYLOAD_INIT;
	uint64_t end;
	int r;

	(void)fuse;
	(void)ret_socket;
	(void)ret_pidfd;
	world.started = true;
	fuzz_assert(setup->file[0] && !strchr(setup->file, '/'), "a file named %s", setup->file);
	r = tz_payload_init(&payload, image, geometry, volume_key, room, LARGEST);
	if (r < 0)
		return tz_error_set(err, r, "as tazpod-worker/serve.c");
	fuzz_assert(!__builtin_add_overflow(geometry->offset, geometry->size, &end) && end <= world.image.size,
		    "%llu bytes at %llu of %llu", (unsigned long long)geometry->size, (unsigned long long)geometry->offset,
		    (unsigned long long)world.image.size);
	fuzz_assert(geometry->size % geometry->sector_size == 0, "%llu bytes", (unsigned long long)geometry->size);
	world.begin = geometry->offset;
	world.end = end;
	world.serving = true;
	use_payload(&payload);
	world.serving = false;
	tz_payload_free(&payload);
	return tz_error_set(err, ECANCELED, "far enough");
}

/* What the driver does besides, and would do to this machine. */
int __wrap_tz_nodedir_enter(const char *path, struct tz_error *err)
{
	(void)path;
	(void)err;
	return 0;
}

void __wrap_tz_nodedir_leave(const char *path)
{
	(void)path;
}

int __wrap_tz_server_find(int image, struct tz_server_place *ret)
{
	(void)image;
	(void)ret;
	return 0;
}

int __wrap_tz_loop_find(dev_t dev, ino_t ino)
{
	(void)dev;
	(void)ino;
	return -ENOENT;
}

int __wrap_tz_fusemount_open_device(struct tz_error *err)
{
	(void)err;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int __wrap_tz_fusemount(int device, struct tz_error *err)
{
	(void)device;
	return __wrap_tz_fusemount_open_device(err);
}

/* ---------------------------------------------------------------- the image */

static void write_image(const void *data, size_t size, uint64_t offset)
{
	if (offset >= world.image.size)
		return;
	if (size > world.image.size - offset)
		size = (size_t)(world.image.size - offset);
	fuzz_assert(pwrite(world.image.fd, data, size, (off_t)offset) == (ssize_t)size, "%m");
}

static uint64_t header_size(const uint8_t *binary)
{
	uint64_t size;

	memcpy(&size, binary + 8, sizeof(size));
	size = be64toh(size);
	return size >= SMALLEST && size <= BIGGEST && (size & (size - 1)) == 0 ? size : SMALLEST;
}

static void sum(uint8_t *area, size_t size, bool damaged)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	memset(area + CHECKSUM_AT, 0, 64);
	(void)SHA256(area, size, digest);
	memcpy(area + CHECKSUM_AT, digest, sizeof(digest));
	area[CHECKSUM_AT] ^= damaged;
}

static void make_second(uint8_t *area, uint64_t size, uint8_t copies)
{
	static const uint8_t magic[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
	const uint64_t offset = htobe64(size);
	uint64_t sequence;

	if (memcmp(area, magic, sizeof(magic)) == 0)
		memcpy(area, "SKUL", 4);
	memcpy(&sequence, area + 16, sizeof(sequence));
	sequence = htobe64(be64toh(sequence) + ((copies & SECOND_NEWER) != 0) - ((copies & SECOND_OLDER) != 0));
	memcpy(area + 16, &sequence, sizeof(sequence));
	memcpy(area + 256, &offset, sizeof(offset));
}

static void make_image(const struct layout *input, const uint8_t *json, size_t json_size)
{
	uint64_t size = header_size(input->binary);
	uint8_t *area = calloc(1, size);

	fuzz_assert(area, "no memory");
	world.image.size = (input->blocks[0] + 256ULL * input->blocks[1]) * 4096 + input->odd;
	fuzz_assert(ftruncate(world.image.fd, 0) == 0 && ftruncate(world.image.fd, (off_t)world.image.size) == 0, "%m");
	memcpy(area, input->binary, sizeof(input->binary));
	memcpy(area + BINARY_SIZE, json, json_size < size - BINARY_SIZE ? json_size : size - BINARY_SIZE);
	sum(area, size, input->copies & FIRST_DAMAGED);
	write_image(area, size, 0);
	make_second(area, size, input->copies);
	sum(area, size, input->copies & SECOND_DAMAGED);
	if (!(input->copies & SECOND_MISSING))
		write_image(area, size, size);
	free(area);
}

/* ---------------------------------------------------------------- what comes of it */

/* The header that libcryptsetup went by: it has put the better copy into both places. */
static bool segment_of_image(struct fuzz_segment *ret, uint64_t *ret_headers_end)
{
	char *json = calloc(1, BIGGEST + 1);
	uint8_t binary[BINARY_SIZE] = { 0 };
	bool only = false;

	fuzz_assert(json, "no memory");
	if (pread(world.image.fd, binary, sizeof(binary), 0) == sizeof(binary) &&
	    pread(world.image.fd, json, header_size(binary) - BINARY_SIZE, BINARY_SIZE) > 0)
		only = fuzz_only_segment(json, ret);
	*ret_headers_end = 2 * header_size(binary);
	free(json);
	return only;
}

/* As libcryptsetup takes the text apart: the mode is one word, whatever white space is around it. */
static bool is_aes_xts(const char *encryption)
{
	static const char space[] = " \t\n\v\f\r", cipher[] = "aes-", mode[] = "xts-plain64";

	if (strncmp(encryption, cipher, strlen(cipher)) != 0)
		return false;
	encryption += strlen(cipher);
	encryption += strspn(encryption, space);
	return strcspn(encryption, space) == strlen(mode) && strncmp(encryption, mode, strlen(mode)) == 0;
}

static void check_accepted(void)
{
	const struct tz_luks_info *luks = &world.luks;
	struct fuzz_segment segment;
	uint64_t headers_end;

	fuzz_assert(segment_of_image(&segment, &headers_end), "not the only segment");
	fuzz_assert(luks->data_offset >= headers_end, "data at %llu, in the headers", (unsigned long long)luks->data_offset);
	fuzz_assert(strcmp(segment.type, "crypt") == 0 && is_aes_xts(segment.encryption) && !segment.integrity, "%s %s",
		    segment.type, segment.encryption);
	fuzz_assert(segment.offset == luks->data_offset && segment.sector_size == (int)luks->sector_size &&
		    luks->iv_offset == 0, "offset %llu, iv %llu, sectors of %u", (unsigned long long)luks->data_offset,
		    (unsigned long long)luks->iv_offset, luks->sector_size);
	fuzz_assert(luks->fixed_size == (segment.size != 0), "size %llu", (unsigned long long)segment.size);
	fuzz_assert(luks->data_size == (segment.size ? segment.size : world.image.size - segment.offset), "size %llu",
		    (unsigned long long)luks->data_size);
}

static void check_error(int r, const struct tz_error *err, const char *what)
{
	fuzz_assert(r < 0 && r == err->code && fuzz_is_sentence(err->message), "%s: %d (%d) without a sentence", what, r, err->code);
}

/* As tz_vault_open() goes, which refuses a vault that is being reencrypted. */
static void attach(void)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct tz_device device = TZ_DEVICE_INIT;
	struct tz_error err = { 0 };
	int r;

	if (world.luks.reencrypting || world.luks.key_size == 0 || world.luks.key_size > TZ_VOLUME_KEY_MAX)
		return;
	fuzz_assert(tz_secret_alloc(&key, world.luks.key_size) == 0, "no memory");
	for (size_t i = 0; i < key.size; i++)
		key.data[i] = (uint8_t)i;
	world.started = false;
	r = tz_driver_fuse.attach(&world.image, &world.luks, &key, &device, &err);
	check_error(r, &err, "attach");
	fuzz_assert(device.fd < 0, "an output of a failure");
	if (world.started)
		check_accepted();
	tz_secret_free(&key);
}

/* Behind the headers there was a hole, and there still is one. */
static void check_untouched(const struct layout *input)
{
	uint64_t end = 2 * header_size(input->binary);
	struct stat st;

	fuzz_assert(fstat(world.image.fd, &st) == 0 && (uint64_t)st.st_size == world.image.size, "the image's size changed");
	if (end < world.image.size)
		fuzz_assert(lseek(world.image.fd, (off_t)end, SEEK_DATA) < 0 && errno == ENXIO, "data behind the headers");
}

static void prepare(void)
{
	struct stat st;

	if (world.image.fd > 0)
		return;
	world.image = (struct tz_image){ .dir = -1, .fd = memfd_create("image", MFD_CLOEXEC), .path = "image", .name = "image" };
	fuzz_assert(world.image.fd > 0 && fstat(world.image.fd, &st) == 0, "the image: %m");
	world.image.dev = st.st_dev;
	world.image.ino = st.st_ino;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum tz_image_kind kind;
	struct tz_error err = { 0 };
	struct layout input;
	int r;

	if (size < sizeof(input))
		return 0;
	prepare();
	memcpy(&input, data, sizeof(input));
	make_image(&input, data + sizeof(input), size - sizeof(input));
	r = tz_image_identify(&world.image, &kind, &err);
	fuzz_assert(r == 0, "%s", err.message);
	r = tz_luks_info(&world.image, &world.luks, &err);
	check_untouched(&input);
	if (r == 0) {
		fuzz_assert(kind == TZ_IMAGE_LUKS2, "kind %d", kind);
		attach();
	} else {
		check_error(r, &err, "tz_luks_info");
	}
	return 0;
}

/* ---------------------------------------------------------------- mutations */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	const size_t before = sizeof(struct layout);

	if (size <= before || max <= before || size > max)
		return LLVMFuzzerMutate(data, size, max);
	switch (seed % 8) {
	case 0:
		(void)LLVMFuzzerMutate(data, 4, 4);
		return size;
	case 1:
		(void)LLVMFuzzerMutate(data + 4, before - 4, before - 4);
		return size;
	case 2:
		return before + LLVMFuzzerMutate(data + before, size - before, max - before);
	default:
		return before + fuzz_mutate_json((char *)data + before, size - before, max - before, seed / 8);
	}
}
