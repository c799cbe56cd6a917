/*
 * Ends every ghost session and makes every kept key void, by the lock switch: no settings are needed, and none that
 * broke keeps anything open.
 *
 * With --json:
 *   sessions       list of what was open, each as output.h says, with
 *     state        "ended"; "running" when it did not end in time; "ending" when it is the one this command runs in
 *   stash_revoked  true: every login is asked for the passphrase again
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "driver.h"
#include "keystash.h"
#include "lockswitch.h"
#include "options.h"
#include "output.h"
#include "place.h"
#include "remote.h"
#include "report.h"
#include "sessions.h"

#define WAIT_MS 10000
#define POLL_MS 20
#define STASH_REVOKED "stash revoked: every login is asked for the passphrase again"

struct locking {
	struct tz_session sessions[TZ_SESSIONS_MAX];
	bool running[TZ_SESSIONS_MAX];
	int count;
	bool json;
};

/* In an enclave, /proc shows its own init alone, as the first process. */
static bool within_enclave(const struct locking *locking)
{
	for (int i = 0; i < locking->count; i++)
		if (locking->sessions[i].init == 1)
			return true;
	return false;
}

static bool is_among(const struct tz_session *session, const struct tz_session *others, int count)
{
	for (int i = 0; i < count; i++)
		if (others[i].init == session->init && others[i].start_time == session->start_time)
			return true;
	return false;
}

/* How many of them run still? Listed anew, since an init that nobody has waited for yet is dead all the same. */
static int count_running(struct locking *locking, struct tz_error *err)
{
	struct tz_session now[TZ_SESSIONS_MAX];
	int found = tz_sessions_list(now, TZ_SESSIONS_MAX, err), running = 0;

	if (found < 0)
		return found;
	for (int i = 0; i < locking->count; i++) {
		locking->running[i] = is_among(&locking->sessions[i], now, found);
		running += locking->running[i];
	}
	return running;
}

/* A process that was in a session without being of it, as su is, holds the vault's mount until it ends, too. */
static bool still_open(const struct locking *locking)
{
	for (int i = 0; i < locking->count; i++)
		for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++)
			if ((*driver)->is_open_uuid(locking->sessions[i].vault))
				return true;
	return false;
}

static int wait_for_end(struct locking *locking, struct tz_error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int running = locking->count;

	for (int waited = 0; (running > 0 || (running == 0 && still_open(locking))) && waited < WAIT_MS; waited += POLL_MS) {
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		running = count_running(locking, err);
	}
	return running;
}

static const char *state_of(const struct locking *locking, int i, bool before)
{
	return before ? "ending" : locking->running[i] ? "running" : "ended";
}

static void show_json(const struct locking *locking, bool before)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (int i = 0; i < locking->count; i++) {
		struct json_object *session = cli_session_json(&locking->sessions[i]);

		cli_json_text(session, "state", state_of(locking, i, before));
		(void)json_object_array_add(list, session);
	}
	(void)json_object_object_add(object, "sessions", list);
	cli_json_flag(object, "stash_revoked", true);
	cli_json_print(object);
}

static void show(const struct locking *locking, bool before)
{
	char text[CLI_SESSION_TEXT];

	if (locking->json) {
		show_json(locking, before);
		return;
	}
	if (locking->count == 0)
		(void)puts("nothing was open");
	for (int i = 0; i < locking->count; i++)
		if (!locking->running[i] || before)
			(void)printf("%s: %s\n", state_of(locking, i, before), cli_session_text(&locking->sessions[i], text));
	if (before)
		(void)puts("every other session ends with it");
	(void)puts(STASH_REVOKED);
}

/* The switch alone makes keys void; without one none can be valid. Unlinking ours is the more thorough. */
static int press(struct tz_error *err)
{
	int r = tz_lockswitch_press(err);

	(void)tz_keystash_forget();
	return r == -ENOENT ? 0 : r;
}

/* What ends is also what this command runs in: everything is said first. */
static int lock_from_within(struct cli *cli, struct locking *locking)
{
	const struct timespec wait = { .tv_sec = WAIT_MS / 1000 };
	struct tz_error error = { 0 };

	show(locking, true);
	(void)fflush(stdout);
	if (press(&error) < 0)
		return cli_fail(cli, &error);
	/* nothing to look for meanwhile: an init that is ending is not to be seen any more a moment before it ends this */
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
	cli_say("this session did not end within %d seconds; close its shell with 'exit'", WAIT_MS / 1000);
	return CLI_FAILED;
}

static int lock_from_outside(struct cli *cli, struct locking *locking)
{
	struct tz_error error = { 0 };
	char text[CLI_SESSION_TEXT];
	int running;

	if (press(&error) < 0)
		return cli_fail(cli, &error);
	running = wait_for_end(locking, &error);
	if (running < 0)
		return cli_fail(cli, &error);
	show(locking, false);
	for (int i = 0; i < locking->count; i++)
		if (locking->running[i])
			cli_say("not ended within %d seconds: %s; as root, end it with 'kill -9 %d'", WAIT_MS / 1000,
				cli_session_text(&locking->sessions[i], text), (int)locking->sessions[i].init);
	if (running == 0 && still_open(locking)) {
		cli_say("the sessions have ended, but the vault is still open: some process holds it, such as a stopped su (find it "
			"with 'ps -C su -o pid,stat,args', and end it), or a shell whose terminal is stopped (type Ctrl-Q there, or "
			"close it)");
		return CLI_FAILED;
	}
	return running > 0 ? CLI_FAILED : CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct locking locking = { .count = 0 };
	const struct cli_option options[] = { { .name = "json", .flag = &locking.json }, { 0 } };
	struct tz_error error = { 0 }, pressing = { 0 };
	struct cli_place place;
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	if (cli_place_find(&place, NULL) == 0 && cli_here_is_meant(&place))
		return cli_remote_command(cli);
	r = tz_sessions_list(locking.sessions, TZ_SESSIONS_MAX, &error);
	if (r < 0) {
		/* blind, but the switch works */
		if (press(&pressing) < 0)
			return cli_fail(cli, &pressing);
		cli_say("the lock switch was pressed, but whether the sessions ended cannot be seen");
		return cli_fail(cli, &error);
	}
	locking.count = r;
	return within_enclave(&locking) ? lock_from_within(cli, &locking) : lock_from_outside(cli, &locking);
}

const struct cli_command cli_cmd_lock = {
	.name = "lock",
	.path = "lock",
	.summary = "end all sessions of the vault and forget its key",
	.usage = "Usage: tazpod lock [--json]\n"
		 "\n"
		 "Ends every session of the ghost user, whoever opened it, and so closes the vault. The key that is kept for\n"
		 "quick re-entry becomes void for every login, not only for this one. Says what was ended. On the host, in a\n"
		 "project's folder, it does so in the project's container.\n"
		 "\n"
		 "      --json       say it as JSON\n",
	.run = run,
};
