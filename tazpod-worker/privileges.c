#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_capabilities(uint32_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	/* a container may have been made without it: then other users' processes get no signal before their end */
	keep &= data[0].permitted;
	memset(data, 0, sizeof(data));
	data[0].permitted = data[0].effective = keep;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* The bounding set first: that takes CAP_SETPCAP. Where that is missing nothing can be gained anyway: no_new_privs. */
int tz_privileges_drop(uint32_t keep, const char *who, struct tz_error *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return tz_error_set(err, errno, "%s cannot give up privileges: %m", who);
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return tz_error_set(err, errno, "%s cannot give up capability %lu: %m", who, cap);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return tz_error_set(err, errno, "%s cannot give up privileges: %m", who);
	r = set_capabilities(keep);
	return r == 0 ? 0 : tz_error_set(err, r, "%s cannot give up its capabilities: %s", who, strerrordesc_np(-r));
}
