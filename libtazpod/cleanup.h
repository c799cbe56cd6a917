/* Scope-bound release of resources. A destructor accepts NULL, -1 and half-built objects. */
#ifndef TAZPOD_CLEANUP_H
#define TAZPOD_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define tz_cleanup(fn) __attribute__((cleanup(fn)))

/* Hands an owned pointer on: the variable no longer owns it. */
#define tz_steal(p)             \
	({                      \
		typeof(p) stolen_ = (p); \
		(p) = NULL;     \
		stolen_;        \
	})

static inline int tz_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void tz_freep(void *p)
{
	free(*(void **)p);
}

static inline void tz_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static inline void tz_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void tz_closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define _cleanup_free_ tz_cleanup(tz_freep)
#define _cleanup_close_ tz_cleanup(tz_closep)
#define _cleanup_fclose_ tz_cleanup(tz_fclosep)
#define _cleanup_closedir_ tz_cleanup(tz_closedirp)

#endif
