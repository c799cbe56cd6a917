/*
 * The server of the user-space driver, as those see it who start or look for it: the process that decrypts and encrypts
 * what goes through the loop device. It is tazpod-worker, executed afresh as "tazpod-server" (tazpod-worker/serve.c).
 *
 * Nothing records where it is. It holds a record lock (fcntl(2), F_SETLK) on the image, far behind its end, at an offset
 * that names its loop device: so the lock says that the image is being served, by which process and where; it cannot be
 * taken by anybody who cannot open the image, and goes with the process.
 *
 *   starter                        server
 *   setup + volume key         ->  answer: it serves, or the error
 *   number of the loop device  ->  answer: it holds the lock, and needs nothing more
 * An answer is a struct tz_error, with the code 0 where there is none. Both close the socket then.
 */
#ifndef TAZPOD_SERVER_H
#define TAZPOD_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "image.h"
#include "payload.h"
#include "secret.h"

#define TZ_SERVER_NAME "tazpod-server"
/* "tazpod-", UUID, image's device and inode */
#define TZ_SERVER_FILE_MAX 96

/* The descriptors that it is started with; all others are closed. */
enum {
	TZ_SERVER_SOCKET_FD = 3, /* SOCK_SEQPACKET */
	TZ_SERVER_IMAGE_FD,
	TZ_SERVER_FUSE_FD,       /* /dev/fuse, of a mount that is made already */
	TZ_SERVER_FDS_END
};

struct tz_server_setup {
	struct tz_payload_geometry geometry;
	char file[TZ_SERVER_FILE_MAX]; /* the name of the one file that it serves */
};

/*
 * Starts a server on image and fuse, both only lent, and waits until it serves. *ret_socket and *ret_pidfd are the
 * caller's; it is a child of the calling process. A negative errno, never -EAGAIN: then nothing of it is left.
 */
int tz_server_start(int image, int fuse, const struct tz_server_setup *setup, const struct tz_secret *volume_key,
		    int *ret_socket, int *ret_pidfd, struct tz_error *err);

/* Tells it its loop device: from here on tz_server_find() finds it. Closes the socket. */
int tz_server_bind(int *socket, unsigned int loop, struct tz_error *err);

/* Waits, for a bounded time, until one that nobody uses any more has ended; reaps it where it is our child. Closes pidfd. */
void tz_server_await_end(int *pidfd);

struct tz_server_place {
	unsigned int loop; /* number of its loop device */
	pid_t pid;         /* 0 where it is in no PID namespace of ours */
};

/* 1 and its place, 0 when nothing serves this image, or a negative errno: -EBUSY: somebody else holds a lock on it. */
int tz_server_find(int image, struct tz_server_place *ret);

/* In the server: takes the lock. -EAGAIN: another one serves this image. */
int tz_server_hold(int image, unsigned int loop);

#endif
