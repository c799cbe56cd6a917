/*
 * The server's answers (tazpod-worker/serve_requests.c, payload.c, xts.c), through the real libfuse. The input is a small
 * image's shape and a sequence of requests; this file is the kernel: it hands them out one at a time where the server
 * reads /dev/fuse, and takes each answer off a socket, to which libfuse writes.
 *
 * A message is well-formed as far as the kernel makes it so: its length, the size of each structure, the ends of names,
 * FUSE_INIT once and first, data of the length that FUSE_WRITE names. libfuse and the server trust the kernel in that, and
 * whoever could break it has the kernel. All the rest (opcodes, inodes, offsets, sizes) is the input's.
 *
 * 1. Each request has one answer, whole, with an error that the kernel would take.
 * 2. A read gives what a model of the payload says, or the error that payload.h names.
 * 3. A write changes what it addresses and nothing else in the whole image; a refused one changes nothing.
 */
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tazpod-worker/serve_requests.h"
#include "tests/fuzz/fuzz.h"

#define NAME "payload"
#define FILE_INODE 2
#define LARGEST 8192
#define WRITE_MAX (LARGEST + 2 * 4096)
#define SECTORS_MAX 24
#define UNIT 512 /* as payload.c has it */
#define GUARD_MAX (16 * 512)
#define IMAGE_MAX (2 * GUARD_MAX + SECTORS_MAX * 4096)
/* Longer than any request's own structures, and what comes after them is text that ends. */
#define BODY 192
/* The largest answer but to a read: struct fuse_entry_out, and with FUSE_CREATE an open file. */
#define ANSWER_MAX (sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out))
#define INTERRUPTS_MAX 64

/* As it is in the input. */
struct shape {
	uint8_t cipher; /* bits 0-1: size of sectors; 2: of the key; 3: the image cannot be written */
	uint8_t guard;  /* bits 0-3: in front, 4-7: behind the payload, in units of 512 bytes */
	uint8_t sectors;
	uint8_t iv_offset;
};

struct record {
	uint8_t opcode;
	uint8_t how; /* see below */
	uint8_t fails; /* how read() fails before */
	uint8_t filling;
	uint32_t size;
	uint64_t offset;
	uint64_t inode;
};

enum {
	OFFSET_IN_SECTORS = 1,
	OFFSET_FROM_END = 2,
	SIZE_IN_SECTORS = 4,
	THE_FILE = 8, /* its inode, or its name */
	LARGE_OPCODE = 16,
};

/* What the server is asked at this moment. */
struct question {
	uint32_t opcode, size;
	uint64_t unique, offset, inode;
	bool the_name, answered; /* to be, that is */
	const uint8_t *data;
};

static struct world {
	struct tz_payload_geometry geometry;
	size_t image_size;
	bool read_only;
	struct tz_xts xts;                /* its own, as the server's is what is tested */
	uint8_t *image;                   /* the file, mapped */
	uint8_t expected[IMAGE_MAX];      /* what should be in it */
	uint8_t plain[SECTORS_MAX * 4096];/* the payload */
	int image_fd, kernel, server;
	const uint8_t *input;
	size_t left;
	uint64_t sweep;                   /* the end of all: the payload is read through */
	unsigned int more;                /* requests that take away what libfuse keeps */
	bool over;
	struct question asked;
	uint64_t interrupts[INTERRUPTS_MAX];
	unsigned int interrupt_count;
} world;

static uint8_t written[WRITE_MAX], answer[sizeof(struct fuse_out_header) + IMAGE_MAX];

ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
void __wrap_syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap_vsyslog(int priority, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);

/* Not into the machine's log, but written out all the same. */
void __wrap_vsyslog(int priority, const char *format, va_list arguments)
{
	char line[1024];

	(void)priority;
	fuzz_assert(vsnprintf(line, sizeof(line), format, arguments) > 0 && line[0], "an empty line for the log");
}

void __wrap_syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	__wrap_vsyslog(priority, format, arguments);
	va_end(arguments);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
#ifdef PLANTED
	/* For tests/suites/fuzz, which wants this to be found: larger writes up to the payload's end go one byte too far. */
	if (size > world.geometry.sector_size &&
	    (uint64_t)offset + size == world.geometry.offset + world.geometry.size)
		(void)__real_pwrite(fd, "x", 1, offset + (off_t)size);
#endif
	return __real_pwrite(fd, data, size, offset);
}

/* ---------------------------------------------------------------- what is asked */

static void fill(uint8_t *data, size_t size, uint64_t seed)
{
	uint64_t word = seed;

	for (size_t at = 0; at < size; at += sizeof(word)) {
		word = word * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(data + at, &word, size - at < sizeof(word) ? size - at : sizeof(word));
	}
}

static size_t message(void *buffer, const struct question *asked, const void *body, size_t size, size_t more)
{
	const struct fuse_in_header header = {
		.len = (uint32_t)(sizeof(header) + size + more),
		.opcode = asked->opcode,
		.unique = asked->unique,
		.nodeid = asked->inode,
	};

	memcpy(buffer, &header, sizeof(header));
	memcpy((uint8_t *)buffer + sizeof(header), body, size);
	if (more > 0)
		memcpy((uint8_t *)buffer + sizeof(header) + size, asked->data, more);
	return header.len;
}

static size_t ask_init(void *buffer, struct question *asked)
{
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 131072,
		.flags = ~0U,
	};

	asked->opcode = FUSE_INIT;
	return message(buffer, asked, &init, sizeof(init), 0);
}

static size_t ask_write(void *buffer, struct question *asked, uint8_t filling)
{
	struct fuse_write_in in = { .offset = asked->offset };

	asked->size %= WRITE_MAX + 1;
	in.size = asked->size;
	fill(written, asked->size, asked->unique * 256 + filling);
	asked->data = written;
	return message(buffer, asked, &in, sizeof(in), asked->size);
}

static size_t ask_read(void *buffer, struct question *asked)
{
	const struct fuse_read_in in = { .offset = asked->offset, .size = asked->size };

	return message(buffer, asked, &in, sizeof(in), 0);
}

/* Anything else: its structure has what the input says at every place where it can have something. */
static size_t ask_other(void *buffer, const struct question *asked, uint8_t filling)
{
	uint8_t body[BODY] = { 0 };

	if (asked->opcode == FUSE_LOOKUP && asked->the_name) {
		(void)snprintf((char *)body, sizeof(body), "%s", NAME);
	} else {
		for (size_t at = 0; at + 16 <= BODY - 32; at += 16) {
			memcpy(body + at, &asked->offset, sizeof(asked->offset));
			memcpy(body + at + 8, &asked->size, sizeof(asked->size));
			memset(body + at + 12, filling, 4);
		}
	}
	/* a count that the message has room for */
	if (asked->opcode == FUSE_BATCH_FORGET)
		memcpy(body, &(struct fuse_batch_forget_in){ .count = filling % 8 }, sizeof(struct fuse_batch_forget_in));
	return message(buffer, asked, body, sizeof(body), 0);
}

static size_t ask_record(void *buffer, struct question *asked, const struct record *record)
{
	asked->opcode = record->how & LARGE_OPCODE ? record->opcode * 0x01010101U : record->opcode;
	/* once; for fuseblk only; an answer to what this server never sends */
	if (asked->opcode == FUSE_INIT || asked->opcode == FUSE_DESTROY || asked->opcode == FUSE_NOTIFY_REPLY ||
	    (asked->opcode == FUSE_INTERRUPT && world.interrupt_count == INTERRUPTS_MAX))
		asked->opcode = FUSE_GETATTR;
	asked->inode = record->how & THE_FILE ? FILE_INODE : record->inode;
	asked->the_name = record->how & THE_FILE;
	asked->offset = record->offset * (record->how & OFFSET_IN_SECTORS ? world.geometry.sector_size : 1) +
			(record->how & OFFSET_FROM_END ? world.geometry.size : 0);
	asked->size = record->size * (record->how & SIZE_IN_SECTORS ? world.geometry.sector_size : 1);
	if (asked->opcode == FUSE_LOOKUP && asked->the_name)
		asked->inode = FUSE_ROOT_ID;
	if (asked->opcode == FUSE_WRITE)
		return ask_write(buffer, asked, record->filling);
	return asked->opcode == FUSE_READ ? ask_read(buffer, asked) : ask_other(buffer, asked, record->filling);
}

/* ---------------------------------------------------------------- what is answered */

static int expected_error(const struct question *asked)
{
	if (asked->offset % UNIT || asked->size % UNIT || asked->size > LARGEST)
		return -EINVAL;
	if (asked->opcode == FUSE_READ || asked->size == 0)
		return asked->opcode == FUSE_READ || asked->offset <= world.geometry.size ? 0 : -ENOSPC;
	if (asked->offset >= world.geometry.size || world.geometry.size - asked->offset < asked->size)
		return -ENOSPC;
	return world.read_only ? -EBADF : 0;
}

static void check_read(const struct question *asked, const uint8_t *data, size_t size)
{
	uint64_t left = asked->offset < world.geometry.size ? world.geometry.size - asked->offset : 0;
	size_t expected = asked->size < left ? asked->size : (size_t)left;

	fuzz_assert(size == expected, "%zu bytes for %zu", size, expected);
	fuzz_assert(memcmp(data, world.plain + asked->offset * (expected > 0), expected) == 0, "not what was written");
}

static void check_write(const struct question *asked, const uint8_t *data, size_t size)
{
	uint64_t sector = world.geometry.sector_size, begin, end;
	struct fuse_write_out out;

	fuzz_assert(size == sizeof(out), "%zu bytes", size);
	memcpy(&out, data, sizeof(out));
	fuzz_assert(out.size == asked->size, "%u of %u bytes are said to be written", out.size, asked->size);
	if (asked->size == 0)
		return;
	memcpy(world.plain + asked->offset, asked->data, asked->size);
	begin = asked->offset / sector * sector;
	end = (asked->offset + asked->size + sector - 1) / sector * sector;
	fuzz_assert(tz_xts_encrypt(&world.xts, begin, world.plain + begin, world.expected + world.geometry.offset + begin,
				   end - begin) == 0, "the model");
}

static void check_attributes(const struct question *asked, const struct fuse_attr *attr)
{
	bool folder = asked->opcode == FUSE_GETATTR && asked->inode == FUSE_ROOT_ID;

	fuzz_assert(attr->size == (folder ? 0 : world.geometry.size), "a size of %llu", (unsigned long long)attr->size);
	fuzz_assert((attr->mode & 07077) == 0, "a mode of 0%o", attr->mode);
}

static void check_data(const struct question *asked, const uint8_t *data, size_t size)
{
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_init_out init;

	switch (asked->opcode) {
	case FUSE_READ:
		check_read(asked, data, size);
		break;
	case FUSE_WRITE:
		check_write(asked, data, size);
		break;
	case FUSE_LOOKUP:
		fuzz_assert(size == sizeof(entry) && asked->the_name, "%zu bytes for a wrong name", size);
		memcpy(&entry, data, sizeof(entry));
		check_attributes(asked, &entry.attr);
		break;
	case FUSE_GETATTR:
		fuzz_assert(size == sizeof(attr), "%zu bytes", size);
		memcpy(&attr, data, sizeof(attr));
		check_attributes(asked, &attr.attr);
		break;
	case FUSE_INIT:
		fuzz_assert(size == sizeof(init), "%zu bytes", size);
		memcpy(&init, data, sizeof(init));
		fuzz_assert(init.max_write == TZ_SERVE_REQUEST_MAX, "%u bytes at once", init.max_write);
		break;
	default:
		fuzz_assert(size <= ANSWER_MAX, "%zu bytes for opcode %u", size, asked->opcode);
	}
}

static void check_image(const struct question *asked)
{
	struct stat st;

	fuzz_assert(fstat(world.image_fd, &st) == 0 && (size_t)st.st_size == world.image_size, "the image's size changed");
	for (size_t i = 0; memcmp(world.image, world.expected, world.image_size) != 0 && i < world.image_size; i++)
		fuzz_assert(world.image[i] == world.expected[i], "byte %zu (payload: %llu to %llu) after opcode %u at %llu, %u bytes",
			    i, (unsigned long long)world.geometry.offset,
			    (unsigned long long)(world.geometry.offset + world.geometry.size), asked->opcode,
			    (unsigned long long)asked->offset, asked->size);
}

/* libfuse keeps an interrupt whose request it does not know, and gives it back when the next request comes. */
static bool is_interrupt(const struct fuse_out_header *header)
{
	for (unsigned int i = 0; i < world.interrupt_count; i++) {
		if (world.interrupts[i] != header->unique)
			continue;
		fuzz_assert(header->error == -EAGAIN && header->len == sizeof(*header), "%d", header->error);
		world.interrupts[i] = world.interrupts[--world.interrupt_count];
		return true;
	}
	return false;
}

static void check_answer(const struct question *asked, const struct fuse_out_header *header)
{
	size_t size = header->len - sizeof(*header);

	fuzz_assert(header->unique == asked->unique, "%llu for %llu", (unsigned long long)header->unique,
		    (unsigned long long)asked->unique);
	fuzz_assert(header->error <= 0 && header->error > -512, "%d", header->error);
	fuzz_assert(header->error == 0 || size == 0, "an error with %zu bytes", size);
	if (asked->opcode == FUSE_READ || asked->opcode == FUSE_WRITE)
		fuzz_assert(header->error == expected_error(asked), "%d for %d: %u bytes at %llu", header->error,
			    expected_error(asked), asked->size, (unsigned long long)asked->offset);
	if (header->error == 0)
		check_data(asked, answer + sizeof(*header), size);
}

static bool has_answer(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

static void check_answers(const struct question *asked)
{
	unsigned int count = 0;
	ssize_t n;

	while ((n = recv(world.kernel, answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC)) >= 0) {
		struct fuse_out_header header;

		fuzz_assert(n >= (ssize_t)sizeof(header) && n <= (ssize_t)sizeof(answer), "an answer of %zd bytes", n);
		memcpy(&header, answer, sizeof(header));
		fuzz_assert(header.len == n, "%u bytes of %zd", header.len, n);
		if (is_interrupt(&header))
			continue;
		check_answer(asked, &header);
		count++;
	}
	fuzz_assert(count == (asked->answered ? 1 : 0), "%u answers to opcode %u", count, asked->opcode);
	check_image(asked);
}

/* ---------------------------------------------------------------- the kernel's place */

static int failure(uint8_t which)
{
	static const int failures[] = { EINTR, EAGAIN, ENOENT };

	return which >= 1 && which <= 3 ? failures[which - 1] : 0;
}

static size_t next(void *buffer)
{
	struct question *asked = &world.asked;
	struct record record;

	*asked = (struct question){ .unique = asked->unique + 2 };
	if (asked->unique == 2)
		return ask_init(buffer, asked);
	if (world.left >= sizeof(record)) {
		memcpy(&record, world.input, sizeof(record));
		world.input += sizeof(record);
		world.left -= sizeof(record);
		errno = failure(record.fails);
		return errno ? 0 : ask_record(buffer, asked, &record);
	}
	errno = ENODEV;
	if (world.sweep >= world.geometry.size && world.more-- == 0)
		return 0;
	asked->opcode = FUSE_READ;
	asked->inode = FILE_INODE;
	asked->offset = world.sweep;
	asked->size = LARGEST;
	world.sweep += LARGEST;
	return ask_read(buffer, asked);
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
	size_t n;

	if (fd != world.server)
		return __real_read(fd, buffer, size);
	fuzz_assert(size == TZ_SERVE_BUFFER_SIZE && !world.over, "a read of %zu bytes", size);
	ASAN_UNPOISON_MEMORY_REGION(buffer, size);
	if (world.asked.unique > 0)
		check_answers(&world.asked);
	n = next(buffer);
	if (n == 0) {
		world.over = errno == ENODEV;
		return -1;
	}
	world.asked.answered = has_answer(world.asked.opcode);
	if (world.asked.opcode == FUSE_INTERRUPT) {
		world.interrupts[world.interrupt_count++] = world.asked.unique;
		world.more++;
	}
	/* nothing that is behind the message's end is anybody's business */
	ASAN_POISON_MEMORY_REGION((uint8_t *)buffer + n, size - n);
	return (ssize_t)n;
}

/* ---------------------------------------------------------------- one input */

static void make_image(const struct shape *shape, struct tz_secret *key)
{
	uint32_t sector = 512U << (shape->cipher & 3);

	world.geometry = (struct tz_payload_geometry){
		.offset = 512U * (1 + (shape->guard & 15)),
		.size = (uint64_t)sector * (1 + shape->sectors % SECTORS_MAX),
		.iv_offset = shape->iv_offset,
		.sector_size = sector,
	};
	world.image_size = (size_t)(world.geometry.offset + world.geometry.size) + 512U * (1 + (shape->guard >> 4));
	world.read_only = shape->cipher & 8;
	fuzz_assert(ftruncate(world.image_fd, (off_t)world.image_size) == 0, "the image: %m");
	fill(world.expected, world.image_size, shape->guard);
	memcpy(world.image, world.expected, world.image_size);
	fuzz_assert(tz_secret_alloc(key, shape->cipher & 4 ? 32 : 64) == 0, "the key");
	fill(key->data, key->size, 1);
	fuzz_assert(tz_xts_init(&world.xts, key, sector, world.geometry.iv_offset) == 0, "the model's cipher");
	fuzz_assert(tz_xts_decrypt(&world.xts, 0, world.expected + world.geometry.offset, world.plain,
				   world.geometry.size) == 0, "the model");
}

static void prepare(void)
{
	if (world.image)
		return;
	world.image_fd = memfd_create("image", MFD_CLOEXEC);
	fuzz_assert(world.image_fd >= 0, "the image: %m");
	/* what of it is behind the file's end is not touched */
	world.image = mmap(NULL, IMAGE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, world.image_fd, 0);
	fuzz_assert(world.image != MAP_FAILED, "the image: %m");
}

static void serve(const struct tz_secret *key)
{
	static uint8_t *buffer, room[LARGEST + TZ_PAYLOAD_MORE];
	char path[32];
	int read_only, r;
	struct tz_payload payload = TZ_PAYLOAD_INIT;
	struct fuse_session *session = NULL;
	struct tz_error err = { 0 };

	if (!buffer)
		buffer = malloc(TZ_SERVE_BUFFER_SIZE);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", world.image_fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	fuzz_assert(buffer && read_only >= 0, "%m");
	r = tz_payload_init(&payload, world.read_only ? read_only : world.image_fd, &world.geometry, key, room,
			    LARGEST);
	fuzz_assert(r == 0, "%d", r);
	r = tz_serve_begin(world.server, NAME, world.geometry.size, &session, &err);
	fuzz_assert(r == 0, "%s", err.message);
	tz_serve_requests(session, &payload, buffer);
	fuzz_assert(world.over, "the server gave up");
	/* closes its end of the socket */
	fuse_session_destroy(session);
	tz_payload_free(&payload);
	(void)close(read_only);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tz_secret key = TZ_SECRET_INIT;
	struct shape shape;
	int sockets[2];

	if (size < sizeof(shape))
		return 0;
	memcpy(&shape, data, sizeof(shape));
	prepare();
	make_image(&shape, &key);
	fuzz_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0, "%m");
	world.kernel = sockets[0];
	world.server = sockets[1];
	world.input = data + sizeof(shape);
	world.left = size - sizeof(shape);
	world.sweep = 0;
	world.more = 0;
	world.over = false;
	world.asked = (struct question){ 0 };
	world.interrupt_count = 0;
	serve(&key);
	(void)close(world.kernel);
	tz_xts_free(&world.xts);
	tz_secret_free(&key);
	return 0;
}

/* ---------------------------------------------------------------- mutations */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

static uint64_t any_of(const uint64_t *values, size_t count)
{
	return values[(size_t)rand() % count] + (rand() % 4 ? 0 : (uint64_t)(rand() % 3 - 1));
}

#define ANY_OF(...) any_of((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Mostly a read or write somewhere near an end of something. */
static void random_record(struct record *ret)
{
	static const uint8_t hows[] = {
		OFFSET_IN_SECTORS | SIZE_IN_SECTORS | THE_FILE,
		OFFSET_IN_SECTORS | SIZE_IN_SECTORS | THE_FILE | OFFSET_FROM_END,
		SIZE_IN_SECTORS | THE_FILE | OFFSET_FROM_END,
		THE_FILE,
	};

	*ret = (struct record){
		.opcode = (uint8_t)(rand() % 4 ? FUSE_READ + rand() % 2 : rand() % 52),
		.how = rand() % 8 ? hows[rand() % 4] : (uint8_t)rand(),
		.fails = (uint8_t)(rand() % 8 ? 0 : rand()),
		.filling = (uint8_t)rand(),
		.size = (uint32_t)ANY_OF(0, 1, 2, 3, 8, 16, 512, 4096, LARGEST, WRITE_MAX, 1 << 20, UINT32_MAX),
		.offset = ANY_OF(0, 1, 7, -1ULL, -2ULL, -8ULL, -512ULL, -4096ULL, 512, 4096, 1ULL << 55, INT64_MAX, 1ULL << 63),
		.inode = ANY_OF(FUSE_ROOT_ID, FILE_INODE, UINT64_MAX),
	};
}

/* Puts one in, in place of one, or changes a part of one. */
static size_t mutate_records(uint8_t *data, size_t count, size_t max)
{
	struct record record;
	size_t at = count > 0 ? (size_t)rand() % count : 0;
	uint8_t *place = data + at * sizeof(record);

	if (count > 0 && rand() % 2) {
		(void)LLVMFuzzerMutate(place, sizeof(record), sizeof(record));
		return count;
	}
	if (count > 1 && rand() % 4 == 0) {
		memmove(place, place + sizeof(record), (count - at - 1) * sizeof(record));
		return count - 1;
	}
	if (count < max && (count == 0 || rand() % 2)) {
		memmove(place + sizeof(record), place, (count - at) * sizeof(record));
		count++;
	}
	if (count > 0) {
		random_record(&record);
		memcpy(place, &record, sizeof(record));
	}
	return count;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	const size_t before = sizeof(struct shape), one = sizeof(struct record);

	if (size < before || max < before || size > max || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, max);
	if (seed % 16 == 1) {
		(void)LLVMFuzzerMutate(data, before, before);
		return size;
	}
	srand(seed);
	return before + one * mutate_records(data + before, (size - before) / one, (max - before) / one);
}
