/*
 * For tests with the real server, which is tazpod-worker as this build made it: an image with guard bytes around its
 * payload, in the scratch of a private mount namespace. Orphaned servers become children of the test, so that it can be
 * seen that none is left.
 */
#ifndef TAZPOD_UNIT_SERVER_PLACE_H
#define TAZPOD_UNIT_SERVER_PLACE_H

#include "key_search.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libtazpod/image.h"
#include "libtazpod/payload.h"

#define IMAGE SCRATCH "/vault.img"
#define BEFORE (1 << 20)
#define PAYLOAD (16 << 20)
#define AFTER 8192
#define GUARD 0xa7
#define PIECE (1 << 20)
/* A machine under load is slow. */
#define SOON_MS 10000

static struct tz_error err;
static struct tz_image image = TZ_IMAGE_INIT;
static struct tz_secret key = TZ_SECRET_INIT;
static struct tz_payload_geometry geometry = { .offset = BEFORE, .size = PAYLOAD, .iv_offset = 7, .sector_size = 4096 };
static int log_socket = -1;

/* What the payload holds at an offset, told apart from what is written later by its seed. */
static void fill(uint8_t *data, size_t size, uint64_t offset, uint32_t seed)
{
	for (size_t i = 0; i < size; i += 4) {
		uint32_t number = (uint32_t)((offset + i) / 4) * 2654435761U + seed;

		memcpy(data + i, &number, 4);
	}
}

/* The payload of the image without any server. */
static void open_payload(struct tz_payload *payload)
{
	static uint8_t room[PIECE + TZ_PAYLOAD_MORE];

	CHECK(tz_payload_init(payload, image.fd, &geometry, &key, room, PIECE) == 0);
}

/* Is size bytes of the image's payload, at an offset, what that seed gave? */
UNIT_UNUSED static bool image_holds(uint64_t offset, size_t size, uint32_t seed)
{
	static uint8_t wanted[PIECE];
	struct tz_payload payload = TZ_PAYLOAD_INIT;
	const uint8_t *found;
	bool same;

	open_payload(&payload);
	fill(wanted, size, offset, seed);
	CHECK(tz_payload_read(&payload, offset, size, &found) == (ssize_t)size);
	same = memcmp(found, wanted, size) == 0;
	tz_payload_free(&payload);
	return same;
}

UNIT_UNUSED static void check_guards(void)
{
	static uint8_t before[BEFORE], after[AFTER];

	CHECK(pread(image.fd, before, BEFORE, 0) == BEFORE);
	CHECK(pread(image.fd, after, AFTER, BEFORE + PAYLOAD) == AFTER);
	for (size_t i = 0; i < BEFORE; i++)
		CHECK(before[i] == GUARD);
	for (size_t i = 0; i < AFTER; i++)
		CHECK(after[i] == GUARD);
}

/* Its payload is that of seed 1. */
static void make_image(void)
{
	static uint8_t data[PIECE];
	struct tz_payload payload = TZ_PAYLOAD_INIT;
	struct stat st;

	memset(data, GUARD, sizeof(data));
	image.fd = open(IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(image.fd >= 0 && pwrite(image.fd, data, BEFORE, 0) == BEFORE);
	CHECK(pwrite(image.fd, data, AFTER, BEFORE + PAYLOAD) == AFTER);
	open_payload(&payload);
	for (uint64_t at = 0; at < PAYLOAD; at += PIECE) {
		fill(data, PIECE, at, 1);
		CHECK(tz_payload_write(&payload, at, data, PIECE) == 0);
	}
	tz_payload_free(&payload);
	CHECK(fstat(image.fd, &st) == 0);
	image.dev = st.st_dev;
	image.ino = st.st_ino;
	image.size = (uint64_t)st.st_size;
	(void)snprintf(image.path, sizeof(image.path), IMAGE);
}

/* The server's messages come here, and the folder of nodes is not the machine's. */
static void make_place(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	CHECK(mount("run", "/run", "tmpfs", 0, "mode=755") == 0);
	CHECK(mount("dev", "/dev", "tmpfs", 0, "mode=755") == 0 && mknod("/dev/null", S_IFCHR | 0666, 1 << 8 | 3) == 0);
	log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(log_socket >= 0 && bind(log_socket, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	make_key(&key);
	make_image();
}

/* The next message that the server logged within that time; "" when there is none. */
UNIT_UNUSED static const char *logged_within(int timeout_ms)
{
	static char text[1024];
	struct pollfd watch = { .fd = log_socket, .events = POLLIN };
	ssize_t n = poll(&watch, 1, timeout_ms) == 1 ? recv(log_socket, text, sizeof(text) - 1, 0) : -1;

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The message that must come: after the answer, and on a busy machine late. */
UNIT_UNUSED static const char *logged(void)
{
	return logged_within(SOON_MS);
}

UNIT_UNUSED static bool nothing_is_logged(void)
{
	return !logged_within(500)[0];
}

UNIT_UNUSED static bool has_ended(int pidfd, int timeout_ms)
{
	struct pollfd watch = { .fd = pidfd, .events = POLLIN };

	return poll(&watch, 1, timeout_ms) == 1;
}

/* Waits until this process has no child any more, of whatever kind. */
UNIT_UNUSED static void wait_for_all_children(void)
{
	for (int waited = 0; waited < SOON_MS; waited += 10) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		(void)usleep(10000);
	}
	CHECK(!"a server is left");
}

#endif
