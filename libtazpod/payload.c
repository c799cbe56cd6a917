#include "payload.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* What is asked for comes in these, whatever the size of the sectors. */
#define UNIT 512
#define SECTOR_MAX (TZ_PAYLOAD_MORE / 2)

/* Held while a part of a sector is changed: the other part may come at the same time, in another thread. */
static pthread_mutex_t part_lock = PTHREAD_MUTEX_INITIALIZER;

static int check(const struct tz_payload_geometry *geometry, size_t largest)
{
	uint64_t end;

	if (geometry->sector_size < UNIT || geometry->sector_size > SECTOR_MAX || geometry->sector_size > largest ||
	    (geometry->sector_size & (geometry->sector_size - 1)) || geometry->size == 0 || geometry->size % geometry->sector_size ||
	    geometry->offset % UNIT)
		return -EINVAL;
	if (__builtin_add_overflow(geometry->offset, geometry->size, &end) || end > INT64_MAX)
		return -EINVAL;
	return 0;
}

int tz_payload_init(struct tz_payload *ret, int fd, const struct tz_payload_geometry *geometry,
		    const struct tz_secret *key, void *buffer, size_t largest)
{
	struct tz_payload payload = { fd, *geometry, TZ_XTS_INIT, buffer, largest };
	int r = check(geometry, largest);

	if (r == 0)
		r = tz_xts_init(&payload.xts, key, geometry->sector_size, geometry->iv_offset);
	if (r == 0)
		*ret = payload;
	return r;
}

/* All of the buffer's first size bytes, from the image or to it. */
static int transfer(const struct tz_payload *payload, bool writing, uint64_t offset, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint8_t *at = payload->buffer + done;
		off_t place = (off_t)(payload->geometry.offset + offset + done);
		ssize_t n = writing ? pwrite(payload->fd, at, size - done, place) :
				      pread(payload->fd, at, size - done, place);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* somebody made the image shorter */
		done += (size_t)n;
	}
	return 0;
}

static int check_request(const struct tz_payload *payload, uint64_t offset, size_t size)
{
	return offset % UNIT || size % UNIT || size > payload->largest ? -EINVAL : 0;
}

/* Into the buffer; whole sectors. */
static int read_sectors(const struct tz_payload *payload, uint64_t offset, size_t size)
{
	int r = transfer(payload, false, offset, size);

	return r < 0 ? r : tz_xts_decrypt(&payload->xts, offset, payload->buffer, payload->buffer, size);
}

static int write_sectors(const struct tz_payload *payload, uint64_t offset, const uint8_t *data, size_t size)
{
	int r = tz_xts_encrypt(&payload->xts, offset, data, payload->buffer, size);

	return r < 0 ? r : transfer(payload, true, offset, size);
}

static int write_part(const struct tz_payload *payload, uint64_t offset, const uint8_t *data, size_t size)
{
	uint32_t sector = payload->geometry.sector_size, before = (uint32_t)(offset % sector);
	int r;

	(void)pthread_mutex_lock(&part_lock);
	r = read_sectors(payload, offset - before, sector);
	if (r == 0) {
		memcpy(payload->buffer + before, data, size);
		r = write_sectors(payload, offset - before, payload->buffer, sector);
	}
	(void)pthread_mutex_unlock(&part_lock);
	return r;
}

ssize_t tz_payload_read(struct tz_payload *payload, uint64_t offset, size_t size, const uint8_t **ret_data)
{
	uint32_t sector = payload->geometry.sector_size, before = (uint32_t)(offset % sector);
	int r = check_request(payload, offset, size);

	if (r < 0)
		return r;
	if (offset >= payload->geometry.size)
		return 0;
	if (size > payload->geometry.size - offset)
		size = (size_t)(payload->geometry.size - offset);
	r = read_sectors(payload, offset - before, (before + size + sector - 1) / sector * sector);
	if (r < 0)
		return r;
	*ret_data = payload->buffer + before;
	return (ssize_t)size;
}

int tz_payload_write(struct tz_payload *payload, uint64_t offset, const uint8_t *data, size_t size)
{
	uint32_t sector = payload->geometry.sector_size;
	int r = check_request(payload, offset, size);

	if (r < 0)
		return r;
	if (offset > payload->geometry.size || size > payload->geometry.size - offset)
		return -ENOSPC;
	for (size_t done = 0, n = 0; r == 0 && done < size; done += n) {
		uint32_t before = (uint32_t)((offset + done) % sector);
		size_t left = size - done;

		if (before == 0 && left >= sector) {
			n = left / sector * sector;
			r = write_sectors(payload, offset + done, data + done, n);
		} else {
			n = left < sector - before ? left : sector - before;
			r = write_part(payload, offset + done, data + done, n);
		}
	}
	return r;
}

int tz_payload_sync(const struct tz_payload *payload)
{
	int r;

	do
		r = fdatasync(payload->fd);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

void tz_payload_free(struct tz_payload *payload)
{
	tz_xts_free(&payload->xts);
	*payload = (struct tz_payload)TZ_PAYLOAD_INIT;
}
