/* One use of the worker: the requests of one PAM transaction, from HELLO to the end of the socket. */
#ifndef TAZPOD_WORKER_SESSION_H
#define TAZPOD_WORKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "identity.h"
#include "image.h"
#include "luks.h"
#include "protocol.h"
#include "secret.h"
#include "settings.h"

struct tz_worker {
	int socket;
	struct tz_settings settings;
	struct tz_identity ghost;
	struct tz_identity public_user;
	bool has_public_user;
	struct tz_image image;
	struct tz_luks_info luks;
	pid_t app;              /* the PAM application: the socket's peer */
	int app_pidfd;
	uint64_t app_start;
	uid_t caller;           /* its real uid */
	bool authenticated;     /* by the application, before it opened the session */
	bool by_stash;          /* unlocked by the stash, whose time must not begin anew by that */
	bool entering;          /* to open a session, not to change the passphrase */
	bool handed_off;        /* the key was left for our application's parent */
	struct tz_secret key;   /* the volume key, once unlocked */
	struct tz_secret old;   /* the passphrase that unlocked, while it may be changed */
};

/* Serves requests until the application is done; the exit status. settings_path NULL: the default. */
int tz_worker_serve(int socket, const char *settings_path);

/* A line for the user that is no failure. */
void tz_worker_notice(struct tz_worker *worker, const char *text);

#endif
