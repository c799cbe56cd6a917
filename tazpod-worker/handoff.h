/*
 * sshd authenticates by keyboard-interactive in a child of the process that later opens the session, and what a PAM
 * module keeps there is lost with it. So the key is left in root's keyring for that parent, which takes it.
 */
#ifndef TAZPOD_WORKER_HANDOFF_H
#define TAZPOD_WORKER_HANDOFF_H

#include "session.h"

/* Leaves the key where the application's parent is the same program, as root; does nothing otherwise. */
int tz_worker_handoff_leave(struct tz_worker *worker, struct tz_error *err);

/* Takes back what was left, when the application opens the session itself after all. */
void tz_worker_handoff_withdraw(struct tz_worker *worker);

#endif
