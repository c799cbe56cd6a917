/*
 * What the tests tell the scripted worker, and what it tells them: two files, each the picture of a structure. The
 * worker plays its steps from the first at every start.
 */
#ifndef TAZPOD_PAM_TEST_SCRIPT_H
#define TAZPOD_PAM_TEST_SCRIPT_H

#include "protocol.h"

#define WORLD "/run/world"
#define SCRIPT_FILE WORLD "/script"
#define REPORT_FILE WORLD "/report"
/* Where the scripted session has its root; there is a file "inside" in it. */
#define INNER_ROOT WORLD "/inner"

enum script_act {
	SCRIPT_END,     /* waits for the end of the socket; a further request is reported as a surprise */
	SCRIPT_TAKE,    /* takes a request, which must be op */
	SCRIPT_SEND,    /* sends reply */
	SCRIPT_SESSION, /* makes a session and sends reply with its descriptors */
	SCRIPT_STRAY,   /* sends reply with a descriptor that nobody asked for */
	SCRIPT_GARBAGE, /* sends a packet that is no reply */
	SCRIPT_DIE,     /* ends at once */
	SCRIPT_LINGER,  /* stays, whatever happens to the socket */
};

enum script_session {
	SESSION_GOOD,
	SESSION_EMPTY,   /* no descriptors */
	SESSION_CROOKED, /* one of the descriptors is no namespace */
	SESSION_DEAF,    /* its init does not listen */
	SESSION_OVER,    /* its init has ended by itself */
};

struct script_step {
	uint32_t act;
	uint32_t op;
	uint32_t session;
	struct tz_reply reply;
};

#define SCRIPT_STEPS 40
#define REPORT_REQUESTS 40

struct script {
	struct script_step steps[SCRIPT_STEPS];
};

struct report_request {
	struct tz_request request;
	char secret[TZ_PASSPHRASE_MAX + 1];
};

struct report {
	uint32_t starts;
	uint32_t surprises; /* requests that the script did not expect */
	uint32_t requests;
	struct report_request asked[REPORT_REQUESTS];
	/* What the last one that was started found around it. */
	uint32_t uids[3], gids[3];
	uint32_t environment;           /* variables */
	uint32_t arguments;
	char argument[4][512];
	uint64_t descriptors;           /* bit N: descriptor N is open */
	uint64_t blocked, ignored;      /* signal masks, as /proc/self/status has them */
	uint32_t death_signal;
	int32_t worker;                 /* pids */
	int32_t init;
};

#endif
