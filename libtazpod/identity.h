/* A user of the system, looked up by name. */
#ifndef TAZPOD_IDENTITY_H
#define TAZPOD_IDENTITY_H

#include <sys/types.h>

#include "error.h"

struct tz_identity {
	uid_t uid;
	gid_t gid;
	char name[64];
	char home[256];  /* absolute */
	char shell[256];
};

/* -ENOENT with a sentence when there is no such user; -EINVAL when its home is not an absolute path. */
int tz_identity_by_name(const char *name, struct tz_identity *ret, struct tz_error *err);
int tz_identity_by_uid(uid_t uid, struct tz_identity *ret, struct tz_error *err);

#endif
