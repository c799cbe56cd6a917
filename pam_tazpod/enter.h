/*
 * The one change to the application itself: it joins the session's namespaces. setns(2).
 *
 * It is the last step of opening a session, so that no failure before it leaves anything to undo here; a failure in
 * the middle of it is undone. The PID namespace is only that of its children to come.
 */
#ifndef TAZPOD_PAM_ENTER_H
#define TAZPOD_PAM_ENTER_H

#include "error.h"

/* Where the application was before; -1 each when it never left. */
struct tz_pam_place {
	int mnt, ipc, pid; /* namespaces */
	int root, cwd;     /* O_PATH */
};

#define TZ_PAM_PLACE_INIT { -1, -1, -1, -1, -1 }

/* fds as TZ_FD_* of protocol.h names them. ret_before is what tz_pam_leave() needs. */
int tz_pam_enter(const int *fds, struct tz_pam_place *ret_before, struct tz_error *err);

/* Back to where it was, as far as that goes; the first errno. Closes the descriptors. */
int tz_pam_leave(struct tz_pam_place *before);

void tz_pam_place_close(struct tz_pam_place *place);

#endif
