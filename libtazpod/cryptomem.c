#include "cryptomem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

/* A cipher's context takes about a kilobyte. Small enough for the least RLIMIT_MEMLOCK in use, 64 KiB. */
#define BLOCK_SIZE 32768
#define ALIGNMENT 16

/* It is handed out from its beginning to its end, and goes with the process. */
static struct tz_secret block = TZ_SECRET_INIT;
static size_t used;
static _Thread_local bool secret;

static bool is_in_block(const void *memory)
{
	uintptr_t at = (uintptr_t)memory, begin = (uintptr_t)block.data;

	return block.data && at >= begin && at < begin + block.size;
}

/* Each piece has its size in front of it. */
static void *take(size_t size)
{
	size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
	uint8_t *at;

	if (size > BLOCK_SIZE || whole > block.size - used)
		return NULL;
	at = block.data + used;
	used += whole;
	memcpy(at, &size, sizeof(size));
	return at + ALIGNMENT;
}

static size_t size_of(const void *piece)
{
	size_t size;

	memcpy(&size, (const uint8_t *)piece - ALIGNMENT, sizeof(size));
	return size;
}

static void *allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return secret ? take(size) : malloc(size);
}

static void release(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (is_in_block(memory))
		explicit_bzero(memory, size_of(memory));
	else
		free(memory);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
	void *moved;

	if (!is_in_block(memory))
		return memory ? realloc(memory, size) : allocate(size, file, line);
	moved = take(size);
	if (moved) {
		memcpy(moved, memory, size < size_of(memory) ? size : size_of(memory));
		release(memory, file, line);
	}
	return moved;
}

int tz_cryptomem_install(struct tz_error *err)
{
	int r;

	if (block.data)
		return tz_error_set(err, EALREADY, "the memory for keys was set up before");
	r = tz_secret_alloc(&block, BLOCK_SIZE);
	if (r < 0)
		return tz_error_set(err, r, "%d KiB of memory for keys cannot be locked: %s; raise the limit for locked memory "
				    "(ulimit -l)", BLOCK_SIZE / 1024, strerrordesc_np(-r));
	if (CRYPTO_set_mem_functions(allocate, reallocate, release) == 1)
		return 0;
	tz_secret_free(&block);
	return tz_error_set(err, EALREADY, "OpenSSL was used before its memory for keys was set up");
}

void tz_cryptomem_secret(bool on)
{
	secret = on;
}

unsigned int tz_cryptomem_used(void)
{
	return (unsigned int)used;
}
