/* Waiting, with a bound, until a descriptor can be read: data, its end, or, for a pidfd, the end of the process. */
#ifndef TAZPOD_READABLE_H
#define TAZPOD_READABLE_H

/* timeout_ms 0: only look; -1: for ever. A signal does not end it, and begins the time anew. 0, -ETIMEDOUT or as poll(2). */
int tz_wait_readable(int fd, int timeout_ms);

#endif
