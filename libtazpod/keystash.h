/*
 * The volume key in the kernel keyring, for a while, for one login session. keyrings(7), session-keyring(7).
 *
 * 1. Only an anonymous session keyring ("_ses") that the caller owns is a session: _uid_ses.UID and a container's
 *    named keyring are shared by many and MUST NOT be used.
 * 2. The stashed key belongs to root; others may only see that it is there (VIEW), its possessor too. A key that is
 *    not root-owned was planted and counts as absent.
 * 3. What the kernel holds is wrapped (AES-256-GCM) by a key that only this machine's (container's) root can read,
 *    and bound to the vault, the caller and the lock switch's state: `tazpod lock` makes it void.
 * 4. Only direct members of the session keyring count: a link from elsewhere would carry it into another session.
 *
 * A stash's description is "tazpod:stash:UUID:EXPIRY:GENERATION": the second of CLOCK_BOOTTIME at which it ends, which
 * no change of the wall clock prolongs, and tz_lockswitch_generation() when it was stored. It is authenticated with
 * the payload.
 */
#ifndef TAZPOD_KEYSTASH_H
#define TAZPOD_KEYSTASH_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "secret.h"

/*
 * Has the caller a session of its own here? -ENOKEY with a sentence that says what there is instead; -ENOSYS/-EPERM: no
 * keyrings here. Needs no privilege.
 */
int tz_keystash_session(uid_t caller, struct tz_error *err);

/* Gives this process, and who it starts from here on, one of its own: an anonymous one, empty. */
int tz_keystash_new_session(struct tz_error *err);

/*
 * Stores the volume key of vault uuid for caller (a real uid, not 0) in this process's session keyring for timeout
 * seconds (0: -EINVAL), in place of what was stashed there for this vault. Effective uid and gid must be 0, and the
 * lock switch prepared. -ENOKEY: the caller has no session of its own, nothing is stashed; -ENOSYS/-EPERM: no keyrings
 * here; -EDQUOT: the caller's keyring quota is used up.
 */
int tz_keystash_store(uid_t caller, const char *uuid, const struct tz_secret *volume_key, unsigned int timeout,
		      struct tz_error *err);

/* Gives it back. -ENOKEY: none, expired, void after a lock, planted, or of another vault, caller or session. */
int tz_keystash_fetch(uid_t caller, const char *uuid, struct tz_secret *ret_volume_key, struct tz_error *err);

/*
 * For status, without privilege: is there a stash in this session that a lock has not made void? Seconds left;
 * -ENOKEY when there is none. (The expiry stands in the key's description; the kernel enforces it.)
 */
int tz_keystash_remaining(unsigned int *ret_seconds);

/* Unlinks every stash from this session's keyring, without privilege. 1: there was one, 0: none. */
int tz_keystash_forget(void);

/*
 * From one process of an application to the next: sshd authenticates in a child of the process that opens the
 * session. The key goes into root's user keyring for one minute, under the receiver's pid and start time, wrapped as
 * a stash is: containers without a user namespace share that keyring with their host.
 */
int tz_handoff_store(pid_t receiver, uint64_t start_time, const char *uuid, const struct tz_secret *volume_key,
		     struct tz_error *err);
/* Takes it: it is gone after. -ENOKEY: none. */
int tz_handoff_take(pid_t receiver, uint64_t start_time, const char *uuid, struct tz_secret *ret_volume_key,
		    struct tz_error *err);

#endif
