/*
 * The server's memory, all of it there before it serves. It writes out what the kernel wants to get rid of: if it had to
 * be given a page for that, the kernel might wait, to get that page, for the very write that it is asked to do. (Seen in a
 * control group of the first version, where reclaim waits for pages under writeback.)
 */
#ifndef TAZPOD_WORKER_SERVE_MEMORY_H
#define TAZPOD_WORKER_SERVE_MEMORY_H

#include <stddef.h>

/*
 * For buffers: aligned to pages, zero, present, kept out of core dumps, and in huge pages where there are some: each page
 * less is one less that the kernel has to look up and pin for every request. NULL: there is no such room.
 */
void *tz_serve_memory(size_t size);

/* For a thread's stack of size bytes, with a page below it that nobody may touch. Its lowest usable byte, or NULL. */
void *tz_serve_memory_stack(size_t size);

/*
 * Once all that is above was asked for, while there is CAP_IPC_LOCK and /proc: makes a heap for the requests' small change
 * that neither grows nor shrinks, and locks everything, the programs' own pages included. Where that is not allowed, the
 * pages that could be taken away, those that a file backs, become the process's own, which stay unless there is swap.
 */
void tz_serve_memory_settle(void);

#endif
