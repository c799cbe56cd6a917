/*
 * As the worker uses it: in the session keyring of a caller who is no root, with root's ids. Each test runs in a child
 * with a session keyring and a /run of its own. The keyrings are asked by system call, not through the library that
 * keystash.c uses.
 */
#include "private_ns.h"

#include <linux/keyctl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "libtazpod/keystash.h"
#include "libtazpod/lockswitch.h"

#define CALLER 54321
#define OTHER 54322
#define UUID "11111111-2222-3333-4444-555555555555"
#define UUID_2 "11111111-2222-3333-4444-666666666666"
#define PREFIX "tazpod:stash:"
/* Of a stash, keyrings(7): all may view; its owner may view, read, search, link and set attributes. */
#define STASH_PERM 0x003b0001
#define KEK TZ_RUN_DIR "/stash.key"
#define LONG 600
#define MEMBERS_MAX 64

static struct tz_error err;

static long keyctl(int operation, unsigned long one, unsigned long two, unsigned long three, unsigned long four)
{
	return syscall(SYS_keyctl, operation, one, two, three, four);
}

static int32_t add_key(const char *description, const void *payload, size_t size, int32_t keyring)
{
	return (int32_t)syscall(SYS_add_key, "user", description, payload, size, keyring);
}

/* A new session keyring, as login gives one to a user: his, anonymous unless it has a name. */
static void join_session(uid_t owner, const char *name)
{
	CHECK(setresuid(owner, 0, 0) == 0);
	if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0, 0) < 0) {
		if (errno == ENOSYS || errno == EPERM)
			_exit(EXIT_SKIP);
		CHECK(!"a session keyring");
	}
	CHECK(setresuid(0, 0, 0) == 0);
}

static void prepare(void)
{
	CHECK(mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0);
	CHECK_CODE(tz_lockswitch_prepare(CALLER, CALLER, &err), 0, &err);
	join_session(CALLER, NULL);
}

/* Not random: what is fetched must be this. */
static void make_volume_key(struct tz_secret *ret, size_t size)
{
	CHECK(tz_secret_alloc(ret, size) == 0);
	for (size_t i = 0; i < size; i++)
		ret->data[i] = (uint8_t)(i * 5 + 1);
}

static int store(const char *uuid, size_t size, unsigned int timeout)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;

	make_volume_key(&key, size);
	err = (struct tz_error){ 0 };
	return tz_keystash_store(CALLER, uuid, &key, timeout, &err);
}

static void must_store(const char *uuid, unsigned int timeout)
{
	CHECK_CODE(store(uuid, 64, timeout), 0, &err);
}

/* 0, and it is the key; or what tz_keystash_fetch() gave. */
static int fetch(uid_t caller, const char *uuid, size_t size)
{
	_cleanup_secret_ struct tz_secret got = TZ_SECRET_INIT, expected = TZ_SECRET_INIT;
	int r;

	err = (struct tz_error){ 0 };
	r = tz_keystash_fetch(caller, uuid, &got, &err);
	make_volume_key(&expected, size);
	CHECK(r < 0 ? got.data == NULL : tz_secret_equal(&got, &expected));
	return r;
}

static void is_there(void)
{
	CHECK_CODE(fetch(CALLER, UUID, 64), 0, &err);
}

static void is_absent(void)
{
	CHECK_CODE(fetch(CALLER, UUID, 64), -ENOKEY, &err);
	CHECK(err.message[0]);
}

static unsigned int remaining(void)
{
	unsigned int seconds = 0;
	int r = tz_keystash_remaining(&seconds);

	CHECK(r == 0 || r == -ENOKEY);
	CHECK(r < 0 || seconds > 0);
	return seconds;
}

/* The keys of the session that look like a stash; the number of them. */
static int find_stashes(int32_t ret[static MEMBERS_MAX])
{
	int32_t members[MEMBERS_MAX];
	long size = keyctl(KEYCTL_READ, (unsigned long)KEY_SPEC_SESSION_KEYRING, (unsigned long)members, sizeof(members),
			   0);
	int found = 0;

	CHECK(size >= 0 && (size_t)size <= sizeof(members));
	for (size_t i = 0; i < (size_t)size / sizeof(members[0]); i++) {
		char text[256] = "";

		if (keyctl(KEYCTL_DESCRIBE, (unsigned long)members[i], (unsigned long)text, sizeof(text) - 1, 0) > 0 &&
		    strstr(text, PREFIX))
			ret[found++] = members[i];
	}
	return found;
}

static int32_t only_stash(void)
{
	int32_t found[MEMBERS_MAX];

	CHECK(find_stashes(found) == 1);
	return found[0];
}

/* In a child that stays in this session. */
static void as_user(uid_t uid, int (*work)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
		_exit(work());
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* ---- in and out ---- */

static int keeps_a_key(void)
{
	prepare();
	is_absent();
	CHECK(remaining() == 0 && tz_keystash_forget() == 0);
	must_store(UUID, LONG);
	is_there();
	is_there();
	CHECK(remaining() > LONG - 60 && remaining() <= LONG);
	CHECK(tz_keystash_forget() == 1 && tz_keystash_forget() == 0);
	is_absent();
	CHECK(remaining() == 0);
	return 0;
}

static int keeps_keys_of_any_size_and_no_other(void)
{
	prepare();
	CHECK_CODE(store(UUID, 32, LONG), 0, &err);
	CHECK_CODE(fetch(CALLER, UUID, 32), 0, &err);
	CHECK_CODE(store(UUID, 1, LONG), 0, &err);
	CHECK_CODE(fetch(CALLER, UUID, 1), 0, &err);
	CHECK_CODE(store(UUID, TZ_VOLUME_KEY_MAX + 1, LONG), -EINVAL, &err);
	CHECK_CODE(fetch(CALLER, UUID, 1), 0, &err);
	return 0;
}

static int keeps_nothing_without_time_user_or_vault(void)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	int32_t found[MEMBERS_MAX];

	prepare();
	make_volume_key(&key, 64);
	CHECK_CODE(store(UUID, 64, 0), -EINVAL, &err);
	CHECK_CODE(tz_keystash_store(0, UUID, &key, LONG, &err), -EINVAL, &err);
	CHECK_CODE(store("not:a:uuid", 64, LONG), -EINVAL, &err);
	CHECK_CODE(store("", 64, LONG), -EINVAL, &err);
	CHECK(find_stashes(found) == 0);
	return 0;
}

static int a_newer_one_replaces_the_older(void)
{
	prepare();
	must_store(UUID, LONG);
	must_store(UUID, 30);
	(void)only_stash();
	CHECK(remaining() <= 30);
	is_there();
	return 0;
}

static int each_vault_has_its_own(void)
{
	int32_t found[MEMBERS_MAX];

	prepare();
	must_store(UUID, LONG);
	CHECK_CODE(fetch(CALLER, UUID_2, 64), -ENOKEY, &err);
	CHECK_CODE(store(UUID_2, 32, LONG), 0, &err);
	is_there();
	CHECK_CODE(fetch(CALLER, UUID_2, 32), 0, &err);
	CHECK(find_stashes(found) == 2 && tz_keystash_forget() == 1 && find_stashes(found) == 0);
	return 0;
}

/* ---- whose it is ---- */

static int is_not_another_caller_s(void)
{
	int32_t serial;

	prepare();
	must_store(UUID, LONG);
	serial = only_stash();
	CHECK_CODE(fetch(OTHER, UUID, 64), -ENOKEY, &err);
	CHECK_CONTAINS(err.message, "belongs to uid 54321, not to uid 54322");
	/* even when root, by mistake, carries it into his session: it is wrapped for its caller */
	CHECK(keyctl(KEYCTL_LINK, (unsigned long)serial, (unsigned long)KEY_SPEC_THREAD_KEYRING, 0, 0) == 0);
	join_session(OTHER, NULL);
	CHECK(keyctl(KEYCTL_LINK, (unsigned long)serial, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0) == 0);
	(void)only_stash();
	CHECK_CODE(fetch(OTHER, UUID, 64), -ENOKEY, &err);
	return 0;
}

static int is_not_another_session_s(void)
{
	prepare();
	must_store(UUID, LONG);
	join_session(CALLER, NULL);
	is_absent();
	CHECK(remaining() == 0 && tz_keystash_forget() == 0);
	return 0;
}

static int needs_a_session_of_the_caller_s_own(void)
{
	prepare();
	CHECK_CODE(tz_keystash_session(CALLER, &err), 0, &err);
	/* as the processes of a container have one */
	join_session(CALLER, "a-container");
	CHECK_CODE(tz_keystash_session(CALLER, &err), -ENOKEY, &err);
	CHECK_CONTAINS(err.message, "no session keyring of its own");
	CHECK_CODE(store(UUID, 64, LONG), -ENOKEY, &err);
	is_absent();
	CHECK(tz_keystash_forget() == 0);
	/* sudo -s, say: the session is another user's */
	join_session(OTHER, NULL);
	CHECK_CODE(store(UUID, 64, LONG), -ENOKEY, &err);
	CHECK_CONTAINS(err.message, "belongs to uid 54322");
	return 0;
}

static int a_new_session_is_one_of_its_own(void)
{
	prepare();
	must_store(UUID, LONG);
	/* as the processes of a container have one */
	join_session(CALLER, "a-container");
	CHECK(setresuid(CALLER, 0, 0) == 0);
	CHECK_CODE(tz_keystash_new_session(&err), 0, &err);
	CHECK(setresuid(0, 0, 0) == 0);
	CHECK_CODE(tz_keystash_session(CALLER, &err), 0, &err);
	is_absent();
	return 0;
}

/* Where nobody made a session, the kernel gives all processes of a user the same one. */
static int refuses_the_keyring_that_all_sessions_share(void)
{
	long shared;

	prepare();
	CHECK(setresuid(CALLER, 0, 0) == 0);
	shared = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_USER_SESSION_KEYRING, 1, 0, 0);
	CHECK(shared > 0 && keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)"_uid_ses.54321", 0, 0, 0) > 0);
	CHECK(setresuid(0, 0, 0) == 0);
	CHECK_CODE(tz_keystash_session(CALLER, &err), -ENOKEY, &err);
	CHECK_CODE(store(UUID, 64, LONG), -ENOKEY, &err);
	return 0;
}

/* ---- what its possessor can do ---- */

static bool forbidden(int operation, int32_t serial, unsigned long two, unsigned long three)
{
	return keyctl(operation, (unsigned long)serial, two, three, 0) < 0 && (errno == EACCES || errno == EPERM);
}

static int user_only_sees_it(void)
{
	static char text[128];
	int32_t serial = only_stash();

	CHECK(remaining() > 0);
	CHECK(keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, (unsigned long)text, sizeof(text) - 1, 0) > 0);
	CHECK(forbidden(KEYCTL_READ, serial, (unsigned long)text, sizeof(text)));
	CHECK(forbidden(KEYCTL_UPDATE, serial, (unsigned long)"x", 1));
	CHECK(forbidden(KEYCTL_SET_TIMEOUT, serial, 100000, 0));
	CHECK(forbidden(KEYCTL_SETPERM, serial, 0x3f3f3f3f, 0));
	CHECK(forbidden(KEYCTL_CHOWN, serial, CALLER, (unsigned long)-1));
	CHECK(forbidden(KEYCTL_LINK, serial, (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0));
	CHECK(forbidden(KEYCTL_REVOKE, serial, 0, 0));
	/* what he may do: forget it */
	return tz_keystash_forget() == 1 && remaining() == 0 ? 0 : 1;
}

static void has_permission(int32_t serial)
{
	char text[256] = "";
	unsigned int perm = 0;

	CHECK(keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, (unsigned long)text, sizeof(text) - 1, 0) > 0);
	CHECK(sscanf(text, "user;0;0;%x;", &perm) == 1 && perm == STASH_PERM);
}

static int is_only_seen_by_its_possessor(void)
{
	prepare();
	must_store(UUID, LONG);
	has_permission(only_stash());
	as_user(CALLER, user_only_sees_it);
	is_absent();
	return 0;
}

static int user_cannot_fetch(void)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;

	return tz_keystash_fetch(CALLER, UUID, &key, NULL) < 0 && key.data == NULL ? 0 : 1;
}

static int only_root_fetches_it(void)
{
	prepare();
	must_store(UUID, LONG);
	as_user(CALLER, user_cannot_fetch);
	is_there();
	return 0;
}

/* Root of another container, on the same kernel, could read it: it does not hold the volume key. */
static int holds_no_key_in_the_clear(void)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	char payload[256];
	long size;

	prepare();
	must_store(UUID, LONG);
	make_volume_key(&key, 64);
	size = keyctl(KEYCTL_READ, (unsigned long)only_stash(), (unsigned long)payload, sizeof(payload), 0);
	CHECK(size > 64 && (size_t)size <= sizeof(payload));
	for (size_t at = 0; at < 64; at += 8)
		CHECK(!memmem(payload, (size_t)size, key.data + at, 8));
	return 0;
}

/* ---- the key that wraps it ---- */

static int the_wrapping_key_is_private_and_kept(void)
{
	struct stat first, second;

	prepare();
	must_store(UUID, LONG);
	CHECK(stat(KEK, &first) == 0 && first.st_mode == (S_IFREG | 0600) && first.st_uid == 0 && first.st_size == 32);
	must_store(UUID, LONG);
	CHECK(stat(KEK, &second) == 0 && second.st_ino == first.st_ino && second.st_nlink == 1);
	CHECK(access(KEK ".tmp", F_OK) < 0);
	/* without it, or with another, nothing is unwrapped */
	CHECK(rename(KEK, KEK ".kept") == 0);
	is_absent();
	CHECK_CODE(store(UUID_2, 64, LONG), 0, &err);
	is_absent();
	CHECK(rename(KEK ".kept", KEK) == 0);
	is_there();
	return 0;
}

static int an_untrusted_wrapping_key_is_refused(void)
{
	prepare();
	must_store(UUID, LONG);
	CHECK(chmod(KEK, 0644) == 0);
	CHECK_CODE(fetch(CALLER, UUID, 64), -EPERM, &err);
	CHECK_CONTAINS(err.message, KEK);
	CHECK_CODE(store(UUID, 64, LONG), -EPERM, &err);
	CHECK(chmod(KEK, 0600) == 0 && chown(KEK, OTHER, 0) == 0);
	CHECK_CODE(fetch(CALLER, UUID, 64), -EPERM, &err);
	CHECK(chown(KEK, 0, 0) == 0 && truncate(KEK, 31) == 0);
	CHECK_CODE(fetch(CALLER, UUID, 64), -EPERM, &err);
	CHECK(unlink(KEK) == 0 && symlink("/dev/zero", KEK) == 0);
	CHECK_CODE(store(UUID, 64, LONG), -ELOOP, &err);
	return 0;
}

static int needs_the_lock_switch(void)
{
	prepare();
	must_store(UUID, LONG);
	CHECK(unlink(TZ_RUN_DIR "/lock") == 0);
	is_absent();
	CHECK(remaining() == 0);
	CHECK_CODE(store(UUID, 64, LONG), -ENOENT, &err);
	CHECK_CONTAINS(err.message, "no lock switch");
	return 0;
}

/* ---- the end of it ---- */

static int a_lock_makes_it_void(void)
{
	prepare();
	must_store(UUID, LONG);
	CHECK_CODE(tz_lockswitch_press(&err), 0, &err);
	is_absent();
	CHECK(remaining() == 0);
	/* a void one is still forgotten, and does not hinder the next */
	must_store(UUID, LONG);
	(void)only_stash();
	is_there();
	CHECK_CODE(tz_lockswitch_press(&err), 0, &err);
	CHECK(tz_keystash_forget() == 1);
	return 0;
}

static int runs_out(void)
{
	prepare();
	must_store(UUID, 1);
	CHECK(remaining() == 1 || remaining() == 0);
	CHECK(usleep(2100000) == 0);
	is_absent();
	CHECK(remaining() == 0 && tz_keystash_forget() == 0);
	must_store(UUID, LONG);
	is_there();
	return 0;
}

/* Its end stands in its name, too: not even root's timeout prolongs it. */
static int is_not_prolonged(void)
{
	prepare();
	must_store(UUID, 5);
	CHECK(keyctl(KEYCTL_SET_TIMEOUT, (unsigned long)only_stash(), LONG, 0, 0) == 0);
	is_there();
	CHECK(usleep(5100000) == 0);
	(void)only_stash();
	is_absent();
	CHECK(remaining() == 0);
	return 0;
}

/* ---- what others put there ---- */

static char planted[160];

static int user_plants(void)
{
	static const char payload[93] = { 1 };
	int32_t serial = add_key(planted, payload, sizeof(payload), KEY_SPEC_SESSION_KEYRING);

	CHECK(serial > 0 && keyctl(KEYCTL_SETPERM, (unsigned long)serial, STASH_PERM, 0, 0) == 0);
	CHECK(add_key(PREFIX UUID, "x", 1, KEY_SPEC_SESSION_KEYRING) > 0);
	return 0;
}

static void name_planted(const char *uuid)
{
	uint64_t generation = 0;

	CHECK(tz_lockswitch_generation(&generation) == 0);
	(void)snprintf(planted, sizeof(planted), PREFIX "%s:99999999999:%llu", uuid, (unsigned long long)generation);
}

static int a_planted_one_counts_as_absent(void)
{
	prepare();
	name_planted(UUID);
	as_user(CALLER, user_plants);
	is_absent();
	CHECK(remaining() == 0 && tz_keystash_forget() == 0);
	/* a real one takes its place */
	must_store(UUID, LONG);
	is_there();
	CHECK(remaining() <= LONG);
	return 0;
}

/* Root's own, but not made by us: with another permission, or not wrapped for this. */
static int a_foreign_one_of_root_s_counts_as_absent(void)
{
	static const char payload[93] = { 1 };
	int32_t serial;

	prepare();
	name_planted(UUID);
	serial = add_key(planted, payload, sizeof(payload), KEY_SPEC_SESSION_KEYRING);
	CHECK(serial > 0);
	is_absent();
	CHECK(remaining() == 0);
	CHECK(keyctl(KEYCTL_SETPERM, (unsigned long)serial, STASH_PERM, 0, 0) == 0);
	is_absent();
	return 0;
}

/* In a keyring of the session, such as one that is linked into several sessions, it is not the session's. */
static int only_direct_members_count(void)
{
	int32_t keyring, serial;

	prepare();
	must_store(UUID, LONG);
	serial = only_stash();
	keyring = (int32_t)syscall(SYS_add_key, "keyring", "nested", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	CHECK(keyring > 0);
	CHECK(keyctl(KEYCTL_LINK, (unsigned long)serial, (unsigned long)keyring, 0, 0) == 0);
	CHECK(keyctl(KEYCTL_UNLINK, (unsigned long)serial, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0) == 0);
	is_absent();
	CHECK(remaining() == 0);
	return 0;
}

/* ---- the hand-over ---- */

static int take(pid_t receiver, uint64_t start, const char *uuid)
{
	_cleanup_secret_ struct tz_secret got = TZ_SECRET_INIT, expected = TZ_SECRET_INIT;
	int r;

	err = (struct tz_error){ 0 };
	r = tz_handoff_take(receiver, start, uuid, &got, &err);
	make_volume_key(&expected, 64);
	CHECK(r < 0 ? got.data == NULL : tz_secret_equal(&got, &expected));
	return r;
}

static void hand_over(pid_t receiver)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;

	make_volume_key(&key, 64);
	CHECK_CODE(tz_handoff_store(receiver, 12345, UUID, &key, &err), 0, &err);
}

static int hands_a_key_over_once(void)
{
	pid_t me = getpid();

	prepare();
	hand_over(me);
	/* the process that opens the session has a keyring of its own */
	join_session(CALLER, NULL);
	CHECK_CODE(take(me + 1, 12345, UUID), -ENOKEY, &err);
	CHECK_CODE(take(me, 12346, UUID), -ENOKEY, &err);
	CHECK_CODE(take(me, 12345, UUID_2), -ENOKEY, &err);
	CHECK_CODE(take(me, 12345, UUID), 0, &err);
	CHECK_CODE(take(me, 12345, UUID), -ENOKEY, &err);
	CHECK_CONTAINS(err.message, "no key was handed to this session");
	return 0;
}

static int user_finds_nothing(void)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;

	return tz_handoff_take(getppid(), 12345, UUID, &key, NULL) < 0 && key.data == NULL ? 0 : 1;
}

static int hands_over_to_root_only(void)
{
	prepare();
	hand_over(getpid());
	as_user(CALLER, user_finds_nothing);
	CHECK_CODE(take(getpid(), 12345, UUID), 0, &err);
	return 0;
}

static int of_several_takers_one_gets_it(void)
{
	unsigned int got = 0;
	pid_t me = getpid();
	int go[2], status;

	prepare();
	hand_over(me);
	CHECK(pipe2(go, O_CLOEXEC) == 0);
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		char byte;

		CHECK(pid >= 0);
		if (pid == 0) {
			/* the end of the pipe is the start */
			CHECK(close(go[1]) == 0 && read(go[0], &byte, 1) == 0);
			_exit(take(me, 12345, UUID) == 0 ? 1 : 0);
		}
	}
	CHECK(close(go[1]) == 0);
	while (wait(&status) > 0) {
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		got += WEXITSTATUS(status) == 1;
	}
	CHECK(got == 1);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(keeps_a_key)
TEST(keeps_keys_of_any_size_and_no_other)
TEST(keeps_nothing_without_time_user_or_vault)
TEST(a_newer_one_replaces_the_older)
TEST(each_vault_has_its_own)
TEST(is_not_another_caller_s)
TEST(is_not_another_session_s)
TEST(needs_a_session_of_the_caller_s_own)
TEST(a_new_session_is_one_of_its_own)
TEST(refuses_the_keyring_that_all_sessions_share)
TEST(is_only_seen_by_its_possessor)
TEST(only_root_fetches_it)
TEST(holds_no_key_in_the_clear)
TEST(the_wrapping_key_is_private_and_kept)
TEST(an_untrusted_wrapping_key_is_refused)
TEST(needs_the_lock_switch)
TEST(a_lock_makes_it_void)
TEST(runs_out)
TEST(is_not_prolonged)
TEST(a_planted_one_counts_as_absent)
TEST(a_foreign_one_of_root_s_counts_as_absent)
TEST(only_direct_members_count)
TEST(hands_a_key_over_once)
TEST(hands_over_to_root_only)
TEST(of_several_takers_one_gets_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_a_key),
		cmocka_unit_test(test_keeps_keys_of_any_size_and_no_other),
		cmocka_unit_test(test_keeps_nothing_without_time_user_or_vault),
		cmocka_unit_test(test_a_newer_one_replaces_the_older),
		cmocka_unit_test(test_each_vault_has_its_own),
		cmocka_unit_test(test_is_not_another_caller_s),
		cmocka_unit_test(test_is_not_another_session_s),
		cmocka_unit_test(test_needs_a_session_of_the_caller_s_own),
		cmocka_unit_test(test_a_new_session_is_one_of_its_own),
		cmocka_unit_test(test_refuses_the_keyring_that_all_sessions_share),
		cmocka_unit_test(test_is_only_seen_by_its_possessor),
		cmocka_unit_test(test_only_root_fetches_it),
		cmocka_unit_test(test_holds_no_key_in_the_clear),
		cmocka_unit_test(test_the_wrapping_key_is_private_and_kept),
		cmocka_unit_test(test_an_untrusted_wrapping_key_is_refused),
		cmocka_unit_test(test_needs_the_lock_switch),
		cmocka_unit_test(test_a_lock_makes_it_void),
		cmocka_unit_test(test_runs_out),
		cmocka_unit_test(test_is_not_prolonged),
		cmocka_unit_test(test_a_planted_one_counts_as_absent),
		cmocka_unit_test(test_a_foreign_one_of_root_s_counts_as_absent),
		cmocka_unit_test(test_only_direct_members_count),
		cmocka_unit_test(test_hands_a_key_over_once),
		cmocka_unit_test(test_hands_over_to_root_only),
		cmocka_unit_test(test_of_several_takers_one_gets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
