#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "driver.h"
#include "handoff.h"
#include "keystash.h"
#include "lockswitch.h"
#include "open.h"
#include "sessions.h"
#include "vault.h"

static int reply_failed(struct tz_worker *worker, const struct tz_error *error)
{
	struct tz_reply reply = { .kind = TZ_REPLY_FAILED, .code = error->code };

	(void)snprintf(reply.message, sizeof(reply.message), "%s", error->message);
	(void)snprintf(reply.detail, sizeof(reply.detail), "%s", error->detail);
	return tz_protocol_send_reply(worker->socket, &reply, NULL, 0);
}

static int reply_done(struct tz_worker *worker, const struct tz_reply *template, const int *fds, unsigned int count)
{
	struct tz_reply reply = { 0 };

	if (template)
		reply = *template;
	reply.kind = TZ_REPLY_DONE;
	return tz_protocol_send_reply(worker->socket, &reply, fds, count);
}

void tz_worker_notice(struct tz_worker *worker, const char *text)
{
	struct tz_reply reply = { .kind = TZ_REPLY_NOTICE };

	(void)snprintf(reply.message, sizeof(reply.message), "%s", text);
	(void)tz_protocol_send_reply(worker->socket, &reply, NULL, 0);
}

static void show_progress(void *data, const char *step, unsigned int percent)
{
	struct tz_worker *worker = data;
	struct tz_reply reply = { .kind = TZ_REPLY_PROGRESS, .value = percent };

	(void)snprintf(reply.message, sizeof(reply.message), "%s", step);
	(void)tz_protocol_send_reply(worker->socket, &reply, NULL, 0);
}

static int load_users(struct tz_worker *worker, struct tz_error *err)
{
	int r = tz_identity_by_name(worker->settings.ghost_user, &worker->ghost, err);

	if (r < 0)
		return r;
	if (worker->ghost.uid == 0)
		return tz_error_set(err, EPERM, "the ghost user %s must not be root", worker->ghost.name);
	worker->has_public_user =
		tz_identity_by_name(worker->settings.public_user, &worker->public_user, NULL) == 0;
	if (worker->has_public_user && worker->public_user.uid == worker->ghost.uid)
		return tz_error_set(err, EPERM, "%s and %s have the same uid: each could read the other's memory",
				    worker->ghost.name, worker->public_user.name);
	return 0;
}

static int prepare_entering(struct tz_worker *worker, struct tz_error *err)
{
	const struct tz_driver *driver;
	gid_t group = worker->has_public_user ? worker->public_user.gid : worker->ghost.gid;
	int r = tz_driver_choose(worker->settings.driver, &driver, err);

	return r < 0 ? r : tz_lockswitch_prepare(worker->ghost.uid, group, err);
}

/*
 * Whoever creates the vault is in it. In the authentication of sshd and login nobody knows yet who is there, and a
 * caller of su is only who he is: the public user may, and root where su let him through.
 */
static int may_create(const struct tz_worker *worker, struct tz_error *err)
{
	const struct tz_settings *settings = &worker->settings;

	if (!worker->entering || (worker->caller == 0 && worker->authenticated) ||
	    (worker->has_public_user && worker->caller != 0 && worker->caller == worker->public_user.uid))
		return 0;
	return tz_error_set(err, EPERM, "there is no vault yet; only the user %s, or root, creates it, with 'su -l %s'",
			    settings->public_user, settings->ghost_user);
}

/* What is there, before the user is asked for anything: nobody should type a passphrase into a refusal. */
static int hello(struct tz_worker *worker, const struct tz_request *request, struct tz_reply *reply,
		 struct tz_error *err)
{
	int r = load_users(worker, err);

	worker->caller = request->caller;
	worker->entering = request->entering != 0;
	worker->authenticated = request->authenticated != 0;
	reply->passphrase_min = worker->settings.passphrase_min;
	reply->value = (uint32_t)(worker->settings.vault_size >> 20);
	if (r == 0 && worker->entering)
		r = prepare_entering(worker, err);
	if (r == 0)
		r = tz_image_open(worker->settings.vault, &worker->image, err);
	if (r < 0)
		return r;
	if (worker->image.fd < 0) {
		reply->vault = TZ_VAULT_ABSENT;
		return may_create(worker, err);
	}
	reply->vault = TZ_VAULT_READY;
	r = tz_luks_info(&worker->image, &worker->luks, err);
	return r < 0 || !worker->entering ? r : tz_worker_require_alone(worker, err);
}

static int create(struct tz_worker *worker, const struct tz_secret *passphrase, struct tz_error *err)
{
	int r = may_create(worker, err);

	if (r == 0)
		r = tz_vault_create(&worker->settings, 0, worker->ghost.uid, worker->ghost.gid, passphrase, show_progress,
				    worker, &worker->key, err);
	if (r < 0)
		return r;
	tz_image_close(&worker->image);
	r = tz_image_open(worker->settings.vault, &worker->image, err);
	return r < 0 ? r : tz_luks_info(&worker->image, &worker->luks, err);
}

static int require_vault(const struct tz_worker *worker, struct tz_error *err)
{
	if (worker->image.fd < 0)
		return tz_error_set(err, ENOENT, "there is no vault at %s yet", worker->settings.vault);
	return 0;
}

static int unlock(struct tz_worker *worker, struct tz_secret *passphrase, struct tz_error *err)
{
	int r = require_vault(worker, err);

	tz_secret_free(&worker->key);
	worker->by_stash = false;
	if (r == 0)
		r = tz_luks_unlock(&worker->image, passphrase, &worker->key, NULL, err);
	if (r < 0)
		return r;
	if (!worker->entering) {
		tz_secret_free(&worker->old);
		tz_secret_move(&worker->old, passphrase);
		return 0;
	}
	return tz_worker_handoff_leave(worker, err);
}

/* A kept key that does not fit the vault is as good as none: the user is asked. */
static int unlock_by(struct tz_worker *worker, uint32_t op, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	int r = require_vault(worker, err);

	if (r < 0)
		return r;
	if (op == TZ_OP_STASH)
		r = tz_keystash_fetch(worker->caller, worker->luks.uuid, &key, err);
	else
		r = tz_handoff_take(worker->app, worker->app_start, worker->luks.uuid, &key, err);
	if (r == 0)
		r = tz_luks_verify(&worker->image, &key, err);
	if (r < 0)
		return tz_error_set(err, ENOKEY, "no key is kept for this session");
	tz_secret_free(&worker->key);
	tz_secret_move(&worker->key, &key);
	worker->by_stash = op == TZ_OP_STASH;
	return 0;
}

static int change(struct tz_worker *worker, const struct tz_secret *new, struct tz_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = require_vault(worker, err);

	if (r == 0 && !worker->old.data)
		r = tz_error_set(err, EPERM, "the present passphrase must be given first");
	if (r == 0)
		r = tz_image_lock(&worker->image, &lock, err);
	return r < 0 ? r : tz_luks_change(&worker->image, &worker->settings, &worker->old, new, err);
}

/* Before the session opens: from then on /proc is that of the session, and does not have this process in it. */
static void keep_for_reentry(struct tz_worker *worker)
{
	struct tz_error error = { 0 };
	int r;

	if (worker->settings.key_timeout == 0 || worker->caller == 0 || worker->by_stash)
		return;
	r = tz_keystash_store(worker->caller, worker->luks.uuid, &worker->key, worker->settings.key_timeout, &error);
	/* No session of its own is a common and proper state, and says nothing to the user. */
	if (r < 0 && r != -ENOKEY)
		tz_worker_notice(worker, error.message);
}

/* 1: the session is open and this process has nothing more to do. */
static int open_session(struct tz_worker *worker, const struct tz_request *request, struct tz_error *err)
{
	int fds[TZ_SESSION_FDS] = { -1, -1, -1, -1, -1, -1 };
	struct tz_reply reply = { 0 };
	int r = require_vault(worker, err);

	if (r == 0 && !worker->key.data)
		r = tz_error_set(err, EPERM, "the vault was not unlocked");
	if (r < 0)
		return r;
	tz_worker_handoff_withdraw(worker);
	keep_for_reentry(worker);
	if (tz_keystash_remaining(&reply.value) < 0)
		reply.value = 0;
	r = tz_worker_open(worker, request, fds, err);
	if (r < 0 && !worker->by_stash)
		(void)tz_keystash_forget();
	tz_secret_free(&worker->key);
	if (r == 0)
		r = reply_done(worker, &reply, fds, TZ_SESSION_FDS);
	for (unsigned int i = 0; i < TZ_SESSION_FDS; i++)
		tz_closep(&fds[i]);
	return r < 0 ? r : 1;
}

static int perform(struct tz_worker *worker, const struct tz_request *request, struct tz_secret *secret,
		   struct tz_reply *reply, struct tz_error *err)
{
	switch (request->op) {
	case TZ_OP_HELLO:
		return hello(worker, request, reply, err);
	case TZ_OP_CREATE:
		return create(worker, secret, err);
	case TZ_OP_UNLOCK:
		return unlock(worker, secret, err);
	case TZ_OP_STASH:
	case TZ_OP_HANDOFF:
		return unlock_by(worker, request->op, err);
	case TZ_OP_CHANGE:
		return change(worker, secret, err);
	case TZ_OP_OPEN:
		return open_session(worker, request, err);
	default:
		return tz_error_set(err, EBADMSG, "unknown request %u", request->op);
	}
}

/* 0: go on; 1: done; negative: the application is gone. */
static int serve_one(struct tz_worker *worker)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	struct tz_request request;
	struct tz_reply reply = { 0 };
	struct tz_error error = { 0 };
	int r = tz_protocol_receive_request(worker->socket, &request, &secret);

	if (r < 0)
		return r;
	if ((request.op == TZ_OP_CREATE || request.op == TZ_OP_UNLOCK || request.op == TZ_OP_CHANGE) && !secret.data)
		r = tz_error_set(&error, EKEYREJECTED, "an empty passphrase opens nothing");
	else
		r = perform(worker, &request, &secret, &reply, &error);
	if (r < 0)
		return reply_failed(worker, &error);
	return r == 1 ? 1 : reply_done(worker, &reply, NULL, 0);
}

/* The peer of the socket is the application that made it, whatever is said later. */
static int meet_application(struct tz_worker *worker)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(worker->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid != 0)
		return -EPERM;
	worker->app = peer.pid;
	worker->app_pidfd = pidfd_open(peer.pid, 0);
	if (worker->app_pidfd < 0)
		return -errno;
	return tz_process_start_time(peer.pid, &worker->app_start);
}

int tz_worker_serve(int socket, const char *settings_path)
{
	struct tz_worker worker = { .socket = socket, .image = TZ_IMAGE_INIT, .app_pidfd = -1 };
	struct tz_error error = { 0 };
	int r = meet_application(&worker);

	if (r == 0)
		r = tz_settings_load(settings_path, &worker.settings, &error);
	else
		(void)tz_error_set(&error, r, "the application cannot be identified: %s", strerror(-r));
	if (r < 0)
		(void)reply_failed(&worker, &error);
	while (r == 0)
		r = serve_one(&worker);
	tz_secret_free(&worker.key);
	tz_secret_free(&worker.old);
	tz_image_close(&worker.image);
	tz_closep(&worker.app_pidfd);
	return r == 1 || r == -EPIPE ? 0 : 1;
}
