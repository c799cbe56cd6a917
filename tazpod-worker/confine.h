/*
 * What the server can still reach once it runs: nothing but its descriptors. Its mount namespace is its own, and empty, so
 * that it holds no file system of anybody's; the system calls that it may make are those of its work.
 */
#ifndef TAZPOD_WORKER_CONFINE_H
#define TAZPOD_WORKER_CONFINE_H

#include "error.h"

/* Mount and IPC namespaces of its own, the former with nothing in it but an empty root. Needs CAP_SYS_ADMIN. */
int tz_confine_namespaces(struct tz_error *err);

/*
 * For all threads of this process, for good: reading from fuse, answering there, reading, writing and syncing image,
 * logging to syslog, memory, the end. Everything else fails with EPERM. After no_new_privs.
 */
int tz_confine_calls(int fuse, int image, struct tz_error *err);

#endif
