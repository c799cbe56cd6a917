/* A server without a driver around it: started, used through its file, and watched. */
#ifndef TAZPOD_UNIT_RUNNING_SERVER_H
#define TAZPOD_UNIT_RUNNING_SERVER_H

#include "server_place.h"

#include "libtazpod/fusemount.h"
#include "libtazpod/server.h"

#define FILE_NAME "tazpod-11111111-2222-3333-4444-555555555555-1-2"
#define LOOP 12345 /* any number: nobody asks the loop device here */

struct running {
	int mount, file, socket, pidfd;
	pid_t pid;
};

static struct tz_server_setup make_setup(void)
{
	struct tz_server_setup setup = { .geometry = geometry };

	(void)snprintf(setup.file, sizeof(setup.file), FILE_NAME);
	return setup;
}

/* As driver_fuse.c does it. A failure is the server's, given back; *ret_mount is the caller's. */
UNIT_UNUSED static int try_start(int fd, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
				 struct running *ret)
{
	_cleanup_close_ int fuse = tz_fusemount_open_device(&err);
	int r;

	*ret = (struct running){ -1, -1, -1, -1, 0 };
	if (fuse == -ENODEV || fuse == -EPERM)
		_exit(EXIT_SKIP);
	CHECK_CODE(fuse < 0 ? fuse : 0, 0, &err);
	ret->mount = tz_fusemount(fuse, &err);
	CHECK_CODE(ret->mount < 0 ? ret->mount : 0, 0, &err);
	err = (struct tz_error){ 0 };
	r = tz_server_start(fd, fuse, setup, volume_key, &ret->socket, &ret->pidfd, &err);
	if (r < 0)
		CHECK(ret->socket == -1 && ret->pidfd == -1 && err.message[0]);
	return r;
}

UNIT_UNUSED static pid_t pid_of(int pidfd)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *file = NULL;
	int pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			return pid;
	return pid;
}

UNIT_UNUSED static void start(struct running *server)
{
	struct tz_server_setup setup = make_setup();
	/* its own open file, as it shall be closed with it */
	_cleanup_close_ int fd = open(IMAGE, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_CODE(try_start(fd, &setup, &key, server), 0, &err);
	server->pid = pid_of(server->pidfd);
	server->file = openat(server->mount, FILE_NAME, O_RDWR | O_CLOEXEC);
	CHECK(server->file >= 0);
}

UNIT_UNUSED static void start_and_bind(struct running *server)
{
	start(server);
	CHECK_CODE(tz_server_bind(&server->socket, LOOP, &err), 0, &err);
	CHECK(server->socket == -1);
}

UNIT_UNUSED static void let_go(struct running *server)
{
	tz_closep(&server->file);
	tz_closep(&server->mount);
	tz_closep(&server->socket);
}

/* Its exit status once nobody uses it; -1: killed. */
UNIT_UNUSED static int status_of(struct running *server)
{
	siginfo_t info;

	CHECK(has_ended(server->pidfd, SOON_MS));
	CHECK(waitid(P_PIDFD, (id_t)server->pidfd, &info, WEXITED) == 0);
	tz_closep(&server->pidfd);
	return info.si_code == CLD_EXITED ? info.si_status : -1;
}

/* It ended, by itself. With a leak checker in it the status means nothing: that wants calls which it has given up. */
UNIT_UNUSED static bool ended_well(struct running *server)
{
	return status_of(server) == 0 || SANITIZED;
}

UNIT_UNUSED static void check_file(int fd, uint64_t offset, size_t size, uint32_t seed)
{
	static uint8_t found[PIECE], wanted[PIECE];

	fill(wanted, size, offset, seed);
	CHECK(pread(fd, found, size, (off_t)offset) == (ssize_t)size && memcmp(found, wanted, size) == 0);
}

UNIT_UNUSED static void write_file(int fd, uint64_t offset, size_t size, uint32_t seed)
{
	static uint8_t data[PIECE];

	fill(data, size, offset, seed);
	CHECK(pwrite(fd, data, size, (off_t)offset) == (ssize_t)size);
}

#endif
