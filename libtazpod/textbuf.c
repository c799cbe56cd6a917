#include "textbuf.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Large enough for most projects, small enough for everybody's limit of locked memory. */
#define FIRST_SIZE (16 * 1024)

static int map_first(struct tz_textbuf *buf, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error;

	if (memory == MAP_FAILED)
		return -errno;
	if (madvise(memory, size, MADV_DONTDUMP) < 0 || madvise(memory, size, MADV_DONTFORK) < 0) {
		error = errno;
		(void)munmap(memory, size);
		return -error;
	}
	buf->data = memory;
	buf->mapped = size;
	return 0;
}

/* The kernel moves the pages themselves: nothing stays where they were, and the advice goes with them. */
static int remap(struct tz_textbuf *buf, size_t size)
{
	void *memory = mremap(buf->data, buf->mapped, size, MREMAP_MAYMOVE);

	/* What is locked does not grow beyond what may be locked. */
	if (memory == MAP_FAILED && errno == EAGAIN && munlock(buf->data, buf->mapped) == 0)
		memory = mremap(buf->data, buf->mapped, size, MREMAP_MAYMOVE);
	if (memory == MAP_FAILED)
		return -errno;
	buf->data = memory;
	buf->mapped = size;
	return 0;
}

/* Room for size bytes and a NUL, doubled each time, so that many small texts do not cost a system call each. */
static int make_room(struct tz_textbuf *buf, size_t size)
{
	size_t mapped = buf->mapped ? buf->mapped : FIRST_SIZE, page;
	int r;

	if (size < buf->mapped)
		return 0;
	page = (size_t)sysconf(_SC_PAGESIZE);
	while (mapped <= size) {
		if (mapped > SIZE_MAX / 2 - page)
			return -ENOMEM;
		mapped *= 2;
	}
	mapped = (mapped + page - 1) / page * page;
	r = buf->data ? remap(buf, mapped) : map_first(buf, mapped);
	if (r == 0)
		(void)mlock(buf->data, buf->mapped);
	return r;
}

int tz_textbuf_add(struct tz_textbuf *buf, const void *data, size_t size)
{
	int r;

	if (size > SIZE_MAX - buf->size)
		return -ENOMEM;
	r = make_room(buf, buf->size + size);
	if (r < 0)
		return r;
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	return 0;
}

int tz_textbuf_add_text(struct tz_textbuf *buf, const char *text)
{
	return tz_textbuf_add(buf, text, strlen(text));
}

void tz_textbuf_truncate(struct tz_textbuf *buf, size_t size)
{
	if (size >= buf->size)
		return;
	explicit_bzero(buf->data + size, buf->size - size);
	buf->size = size;
}

void tz_textbuf_free(struct tz_textbuf *buf)
{
	if (!buf || !buf->data)
		return;
	explicit_bzero(buf->data, buf->mapped);
	(void)munmap(buf->data, buf->mapped);
	*buf = (struct tz_textbuf)TZ_TEXTBUF_INIT;
}
