/*
 * What the kernel asks of the server, by libfuse's low-level interface: one folder with one file, the decrypted payload.
 * FUSE protocol: linux/fuse.h; libfuse 3.
 */
#ifndef TAZPOD_WORKER_SERVE_REQUESTS_H
#define TAZPOD_WORKER_SERVE_REQUESTS_H

#include <stdint.h>

#include "error.h"
#include "payload.h"

/* The largest request's data in bytes, which is the most that the kernel puts into one. */
#define TZ_SERVE_REQUEST_MAX (1U << 20)
/* With what comes before the data, as libfuse reckons it. */
#define TZ_SERVE_BUFFER_SIZE (TZ_SERVE_REQUEST_MAX + 4096)

struct fuse_session;

/* The file's name and the size of its content. name has to stay. On success nothing is answered yet. */
int tz_serve_begin(int fuse, const char *name, uint64_t size, struct fuse_session **ret, struct tz_error *err);

/*
 * In each of the threads: answers requests out of its own payload, read into its own buffer of TZ_SERVE_BUFFER_SIZE, until
 * the file system is no more.
 */
void tz_serve_requests(struct fuse_session *session, struct tz_payload *payload, void *buffer);

#endif
