#include "identity.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"

#define PASSWD_BUFFER 16384

static int fits(char *to, size_t size, const char *from)
{
	int n = snprintf(to, size, "%s", from ? from : "");

	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int from_passwd(const struct passwd *pw, struct tz_identity *ret, struct tz_error *err)
{
	struct tz_identity identity = { .uid = pw->pw_uid, .gid = pw->pw_gid };

	if (fits(identity.name, sizeof(identity.name), pw->pw_name) < 0 ||
	    fits(identity.home, sizeof(identity.home), pw->pw_dir) < 0 ||
	    fits(identity.shell, sizeof(identity.shell), pw->pw_shell) < 0)
		return tz_error_set(err, ENAMETOOLONG, "the account of uid %u has a name or path that is too long",
				    pw->pw_uid);
	if (identity.home[0] != '/')
		return tz_error_set(err, EINVAL,
				    "the home of user %s is not an absolute path; correct it with 'usermod -d'",
				    identity.name);
	*ret = identity;
	return 0;
}

int tz_identity_by_name(const char *name, struct tz_identity *ret, struct tz_error *err)
{
	_cleanup_free_ char *buffer = malloc(PASSWD_BUFFER);
	struct passwd pw, *found = NULL;
	int r;

	if (!buffer)
		return tz_error_set(err, ENOMEM, "out of memory");
	r = getpwnam_r(name, &pw, buffer, PASSWD_BUFFER, &found);
	if (r) {
		errno = r;
		return tz_error_set(err, r, "user %s cannot be looked up: %m", name);
	}
	if (!found)
		return tz_error_set(err, ENOENT, "there is no user %s; create it with 'useradd'", name);
	return from_passwd(found, ret, err);
}

int tz_identity_by_uid(uid_t uid, struct tz_identity *ret, struct tz_error *err)
{
	_cleanup_free_ char *buffer = malloc(PASSWD_BUFFER);
	struct passwd pw, *found = NULL;
	int r;

	if (!buffer)
		return tz_error_set(err, ENOMEM, "out of memory");
	r = getpwuid_r(uid, &pw, buffer, PASSWD_BUFFER, &found);
	if (r) {
		errno = r;
		return tz_error_set(err, r, "uid %u cannot be looked up: %m", uid);
	}
	if (!found)
		return tz_error_set(err, ENOENT, "uid %u has no account", uid);
	return from_passwd(found, ret, err);
}
