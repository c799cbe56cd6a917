/* What the tests of the PAM module share: the application, the worker's script, and what is watched in every test. */
#ifndef TAZPOD_PAM_TEST_H
#define TAZPOD_PAM_TEST_H

#include "tests/unit/unit.h"

#include <security/pam_appl.h>
#include <security/pam_ext.h>

#include "tests/pam/script.h"

#define GHOST "tazpod-ghost"
#define OTHER "other"
#define SHELLED "shelled"
#define TTY "/dev/pts/77"
#define SETTINGS "/etc/tazpod/tazpod.yaml"
/* What the stack gives back where the module says PAM_IGNORE: a code that comes from nowhere else. */
#define IGNORED PAM_CRED_EXPIRED

/* Long enough that no register or alignment gap holds all of it by chance. */
#define RIGHT "a tall ship and a star to steer her by, 1902"
#define WRONG "no ship, no star, nobody at the wheel, 1902"

/* ---- application.c: a program that uses PAM */

struct app {
	pam_handle_t *pamh;
	const char *const *answers; /* what the user says, in turn; after the last he hangs up */
	unsigned int asked;         /* questions so far */
	int hang_up;                /* the code of a conversation without an answer */
	char shown[16384];          /* questions and messages, a line each: "hidden: ", "asked: ", "info: ", "error: " */
};

/* A transaction of service for user (NULL: asked for), at a terminal. arguments: those of the module. */
struct app *app_start(const char *service, const char *user, const char *arguments);
/* The same, with the items of pam_set_items(8) set by an earlier module of the stack, as the environment has them. */
struct app *app_start_after_items(const char *service, const char *user, const char *arguments);
void app_end(struct app *app);
void app_end_all(void);

#define app_will_answer(app, ...) ((app)->answers = (const char *const[]){ __VA_ARGS__, NULL }, (app)->asked = 0)

/* An answer that a user gave to a hidden question anywhere in this test is found in text: it must never be. */
bool app_secret_in(const char *text);
/* How many answers the module gave back to free() with something still in them. */
unsigned int app_unwiped(void);
/* Is there a copy of text in any memory that this process may write? */
bool app_holds(const char *text);

#define assert_code(call, code)                                                                        \
	do {                                                                                           \
		int got_ = (call);                                                                     \
		if (got_ != (code))                                                                    \
			fail_msg("%s: %s (%d), not %s (%d)", #call, pam_strerror(NULL, got_), got_,    \
				 pam_strerror(NULL, code), code);                                      \
	} while (0)
#define assert_shown(app, part) assert_contains((app)->shown, part)
#define assert_logged(part) assert_contains(watch_log(), part)

/* ---- watch.c: the calls of libc that are looked at */

void watch_reset(void);
/* What went to syslog: "PRIORITY text", a line each. */
const char *watch_log(void);
/* From now on memory is locked so many times, and then no more; -1: always. */
void watch_lock_limit(int times);
/* free() of what lies in [memory, memory + size) is only noted, by calling noted. */
void watch_free(void *memory, size_t size, void (*noted)(void *pointer));

/* ---- world.c: settings, users and the worker */

enum world_worker { WORKER_SCRIPTED, WORKER_REAL, WORKER_MISSING, WORKER_NOT_EXECUTABLE };

void world_reset(void);
void world_use_worker(enum world_worker which);
/* Writes path (root-owned, 0644) */
void world_write(const char *path, const char *text);
const struct report *world_report(void);
/* The report's request number N, which must have been made. */
const struct report_request *world_asked(unsigned int number);
void world_set_script(const struct script_step *steps, size_t count);
unsigned int world_open_descriptors(void);

#define world_script(...)                                                                                \
	world_set_script((const struct script_step[]){ __VA_ARGS__ },                                   \
			 sizeof((const struct script_step[]){ __VA_ARGS__ }) / sizeof(struct script_step))

#define TAKE(what) { .act = SCRIPT_TAKE, .op = TZ_OP_##what }
#define READY { .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_DONE, .vault = TZ_VAULT_READY } }
#define ABSENT(mib) \
	{ .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_DONE, .vault = TZ_VAULT_ABSENT, .value = (mib) } }
#define DONE { .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_DONE } }
#define FAILED(error, text) \
	{ .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_FAILED, .code = -(error), .message = text } }
#define FAILED_WITH(error, text, more)                                                                    \
	{ .act = SCRIPT_SEND,                                                                             \
	  .reply = { .kind = TZ_REPLY_FAILED, .code = -(error), .message = text, .detail = more } }
#define NOTICE(text) { .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_NOTICE, .message = text } }
#define PROGRESS(percent, text) \
	{ .act = SCRIPT_SEND, .reply = { .kind = TZ_REPLY_PROGRESS, .value = (percent), .message = text } }
#define SESSION(which) { .act = SCRIPT_SESSION, .session = SESSION_##which, .reply = { .kind = TZ_REPLY_DONE } }
#define GARBAGE { .act = SCRIPT_GARBAGE }
#define DIE { .act = SCRIPT_DIE }
#define LINGER { .act = SCRIPT_LINGER }

#define UNLOCKED TAKE(HELLO), READY, TAKE(UNLOCK), DONE

/* ---- test_pam.c */

/* In this test a child of the module's ends unasked, which the application may learn by a SIGCHLD. */
void a_child_may_die(void);

/* ---- test_*.c: a group a topic */

/* Each test ends without a child, a SIGCHLD, a descriptor or an unwiped answer more, and without a secret in the log. */
void watched_test(void **state);
struct watched {
	void (*test)(void);
};
#define watched(function) \
	{ #function, watched_test, NULL, NULL, &(struct watched){ function } }

extern const struct CMUnitTest settings_tests[], auth_tests[], create_tests[], session_tests[], sshd_tests[],
	change_tests[], worker_tests[], process_tests[], real_tests[];
extern const size_t settings_test_count, auth_test_count, create_test_count, session_test_count, sshd_test_count,
	change_test_count, worker_test_count, process_test_count, real_test_count;
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
