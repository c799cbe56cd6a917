/*
 * The enclave: the private namespaces of one ghost session and what is mounted in them. namespaces(7).
 *
 * Order, and why: mount and IPC namespace first (everything below / becomes a recursive slave, so nothing
 * propagates out), then the mounts, the PID namespace last (after unshare(CLONE_NEWPID) the caller can make no
 * thread). The caller's own process lives in the new mount namespace from tz_enclave_enter() on; it exits when the
 * session is set up and leaves the namespaces to the session's init.
 */
#ifndef TAZPOD_ENCLAVE_H
#define TAZPOD_ENCLAVE_H

#include "driver.h"
#include "error.h"
#include "identity.h"
#include "settings.h"

struct tz_enclave {
	const struct tz_settings *settings;
	const struct tz_identity *ghost;
	const struct tz_identity *public_user; /* NULL: no such user, no workspace mapping */
	/* the ghost user's home: opened after tz_enclave_enter() (a descriptor from before is of the old mount
	 * namespace, nothing can be mounted by it) and before anything is mounted; O_PATH will do */
	int home;
	/* a line for the user (a bridge in the way, a workspace that cannot be mapped): the session still opens */
	void (*notice)(void *data, const char *text);
	void *data;
};

/* Tells enclave->notice, where there is one. */
void tz_enclave_notice(const struct tz_enclave *enclave, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* unshare(CLONE_NEWNS | CLONE_NEWIPC) and everything a recursive slave. */
int tz_enclave_enter(struct tz_error *err);

/*
 * Mounts the attached device at ~/secrets: ext4, nosuid, nodev. Its root directory becomes the ghost user's when it
 * is root's (as mkfs.ext4 leaves it); when it is another user's, the mount shows that user's files as the ghost
 * user's. -EPERM: home or mount point are someone else's; -EOPNOTSUPP: user ids cannot be mapped here.
 */
int tz_enclave_mount_vault(const struct tz_enclave *enclave, const struct tz_device *device, struct tz_error *err);

/* Private /tmp, /var/tmp and /dev/shm, the bridges, the idmapped workspace. After tz_enclave_mount_vault(). */
int tz_enclave_furnish(const struct tz_enclave *enclave, struct tz_error *err);

/*
 * In the session's init, inside the new PID namespace: a /proc of its own, with the same options and the same masks
 * (submounts) as the one it covers. After a failure the caller must end: /proc may be there without its masks.
 */
int tz_enclave_mount_proc(struct tz_error *err);

#endif
