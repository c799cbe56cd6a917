/*
 * A growing buffer for many secret values: kept out of core dumps and of forked children, wiped on release.
 *
 * It is locked where that can be, and used all the same where it cannot: an ordinary user may lock 64 KiB, which a few
 * certificates fill, and what is in here is on its way into the environment of a shell, which nobody locks. What opens
 * the vault belongs into a struct tz_secret.
 */
#ifndef TAZPOD_TEXTBUF_H
#define TAZPOD_TEXTBUF_H

#include <stddef.h>

#include "cleanup.h"

struct tz_textbuf {
	char *data;    /* NULL before anything was added; then data[size] is 0. It moves as the buffer grows */
	size_t size;   /* bytes in use */
	size_t mapped; /* bytes mapped, private to this module */
};

#define TZ_TEXTBUF_INIT { NULL, 0, 0 }

/*
 * Adds size bytes, which must not be the buffer's own; the caller wipes its copy. -ENOMEM, or what mremap(2) and
 * madvise(2) say; the buffer is as it was, then.
 */
int tz_textbuf_add(struct tz_textbuf *buf, const void *data, size_t size);
/* The same for a string. */
int tz_textbuf_add_text(struct tz_textbuf *buf, const char *text);
/* Takes back what was added behind the first size bytes, and wipes it. */
void tz_textbuf_truncate(struct tz_textbuf *buf, size_t size);
/* Wipes and unmaps; the struct is empty after. Accepts an empty one. */
void tz_textbuf_free(struct tz_textbuf *buf);

#define _cleanup_textbuf_ tz_cleanup(tz_textbuf_free)

#endif
