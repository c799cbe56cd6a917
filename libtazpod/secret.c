#include "secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int tz_secret_alloc(struct tz_secret *ret, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped;
	void *memory;
	int error;

	if (size > SIZE_MAX - page)
		return -ENOMEM;
	mapped = (size + 1 + page - 1) / page * page;
	memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	if (mlock(memory, mapped) < 0 || madvise(memory, mapped, MADV_DONTDUMP) < 0 ||
	    madvise(memory, mapped, MADV_WIPEONFORK) < 0) {
		error = errno;
		(void)munmap(memory, mapped);
		return -error;
	}
	*ret = (struct tz_secret){ .data = memory, .size = size, .mapped = mapped };
	return 0;
}

int tz_secret_copy(struct tz_secret *ret, const void *data, size_t size)
{
	int r = tz_secret_alloc(ret, size);

	if (r < 0)
		return r;
	if (size > 0)
		memcpy(ret->data, data, size);
	return 0;
}

void tz_secret_move(struct tz_secret *ret, struct tz_secret *from)
{
	if (ret == from)
		return;
	*ret = *from;
	*from = (struct tz_secret)TZ_SECRET_INIT;
}

bool tz_secret_equal(const struct tz_secret *a, const struct tz_secret *b)
{
	uint8_t difference = 0;

	if (a->size != b->size)
		return false;
	for (size_t i = 0; i < a->size; i++)
		difference |= (uint8_t)(a->data[i] ^ b->data[i]);
	return difference == 0;
}

void tz_secret_free(struct tz_secret *secret)
{
	if (!secret || !secret->data)
		return;
	explicit_bzero(secret->data, secret->mapped);
	(void)munmap(secret->data, secret->mapped);
	*secret = (struct tz_secret)TZ_SECRET_INIT;
}

int tz_secret_harden_process(void)
{
	static const struct rlimit no_core = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}
