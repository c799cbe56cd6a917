/*
 * The rules stand in keystash.h. What they lean on, keyrings(7): permission is what the possessor has plus what the
 * owner has; an anonymous session keyring gives its owner's other sessions VIEW and READ only, so that they can neither
 * possess nor link what is in it; linking replaces a key of the same type and description.
 */
#include "keystash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <keyutils.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "lockswitch.h"
#include "path.h"

#define STASH_PREFIX "tazpod:stash:"
/*
 * No right comes from possession: SEARCH would be needed to prove it, and who may search a key that he possesses may
 * read it, too. That a stash is there, and until when, everyone may see.
 */
#define STASH_PERM (KEY_OTH_VIEW | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH | KEY_USR_LINK | KEY_USR_SETATTR)
#define HANDOFF_PERM (KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH | KEY_USR_LINK | KEY_USR_SETATTR)
#define HANDOFF_SECONDS 60
#define SESSION_KEYRING_NAME "_ses"
#define DESCRIPTION_MAX 160
#define MEMBERS_MAX 1024 /* no session has that many: a quota allows an ordinary user 200 keys */

#define KEK_NAME "stash.key"
#define KEK_PATH TZ_RUN_DIR "/" KEK_NAME
#define KEK_SIZE 32

/* What the kernel holds: version, nonce, tag, then the wrapped key. */
#define WRAP_VERSION 1
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define WRAP_OVERHEAD (1 + NONCE_SIZE + TAG_SIZE)

struct wrapped {
	size_t size;
	uint8_t data[WRAP_OVERHEAD + TZ_VOLUME_KEY_MAX];
};

struct key_description {
	char type[16];
	uid_t uid;
	gid_t gid;
	unsigned int perm;
	char text[DESCRIPTION_MAX];
};

struct members {
	unsigned int count;
	key_serial_t serial[MEMBERS_MAX];
};

/* ------------------------------------------------------------------------------------------ the wrapping key */

static int random_bytes(uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = getrandom(data + at, size - at, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int open_run_dir(int *ret, struct tz_error *err)
{
	_cleanup_close_ int dir = tz_path_open(AT_FDCWD, TZ_RUN_DIR, O_RDONLY | O_DIRECTORY, 0);
	int r;

	if (dir < 0)
		return tz_error_set(err, dir, TZ_RUN_DIR " cannot be opened: %s", strerror(-dir));
	r = tz_path_trusted(dir, 0, TZ_RUN_DIR, NULL, err);
	if (r < 0)
		return r;
	*ret = tz_steal_fd(&dir);
	return 0;
}

/* -ENOENT: there is none yet. */
static int read_kek(int dir, struct tz_secret *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret kek = TZ_SECRET_INIT;
	_cleanup_close_ int fd = tz_path_open_beneath(dir, KEK_NAME, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0)
		return tz_error_set(err, fd, KEK_PATH " cannot be opened: %s", strerror(-fd));
	r = tz_path_trusted(fd, 0, KEK_PATH, &st, err);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || st.st_size != KEK_SIZE)
		return tz_error_set(err, EPERM, KEK_PATH " is not a private file of %d bytes: it is not trusted; remove it",
				    KEK_SIZE);
	r = tz_secret_alloc(&kek, KEK_SIZE);
	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for a key: %s", strerror(-r));
	n = pread(fd, kek.data, KEK_SIZE, 0);
	if (n != KEK_SIZE)
		return tz_error_set(err, n < 0 ? errno : EIO, KEK_PATH " cannot be read");
	tz_secret_move(ret, &kek);
	return 0;
}

/* Where the file system has no O_TMPFILE (overlay before 6.x). Left over after a kill, it is replaced by the next. */
static int write_named_kek(int dir, const struct tz_secret *kek)
{
	static const char temporary[] = KEK_NAME ".tmp";
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = tz_path_open_beneath(dir, temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	r = tz_write_all(fd, kek->data, kek->size);
	if (r == 0 && linkat(dir, temporary, dir, KEK_NAME, 0) < 0)
		r = -errno;
	(void)unlinkat(dir, temporary, 0);
	return r;
}

static int write_kek(int dir, const struct tz_secret *kek)
{
	_cleanup_close_ int fd = tz_path_open_beneath(dir, ".", O_WRONLY | O_TMPFILE, 0600);
	char path[TZ_FD_PATH_MAX];
	int r;

	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -ENOENT)
		return write_named_kek(dir, kek);
	if (fd < 0)
		return fd;
	r = tz_write_all(fd, kek->data, kek->size);
	if (r < 0)
		return r;
	return linkat(AT_FDCWD, tz_fd_path(fd, path), dir, KEK_NAME, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Makes the key where it is missing. Of two who do it at once one wins, and both use the winner's. */
static int get_kek(bool create, struct tz_secret *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret kek = TZ_SECRET_INIT;
	_cleanup_close_ int dir = -1;
	int r = open_run_dir(&dir, err);

	if (r < 0)
		return r;
	r = read_kek(dir, ret, err);
	if (r != -ENOENT || !create)
		return r;
	r = tz_secret_alloc(&kek, KEK_SIZE);
	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for a key: %s", strerror(-r));
	r = random_bytes(kek.data, kek.size);
	if (r == 0)
		r = write_kek(dir, &kek);
	if (r < 0 && r != -EEXIST)
		return tz_error_set(err, r, KEK_PATH " cannot be written: %s", strerror(-r));
	return read_kek(dir, ret, err);
}

/* ------------------------------------------------------------------------------------------ wrapping */

static void cipher_freep(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

#define _cleanup_cipher_ tz_cleanup(cipher_freep)

static bool seal(const struct tz_secret *kek, const char *bound, const struct tz_secret *key, struct wrapped *ret)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *nonce = ret->data + 1, *tag = nonce + NONCE_SIZE, *text = tag + TAG_SIZE;
	int n = 0, last = 0;

	return context && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, kek->data, nonce) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &n, (const uint8_t *)bound, (int)strlen(bound)) == 1 &&
	       EVP_EncryptUpdate(context, text, &n, key->data, (int)key->size) == 1 &&
	       EVP_EncryptFinal_ex(context, text + n, &last) == 1 && (size_t)n + (size_t)last == key->size &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) == 1;
}

static bool unseal(const struct tz_secret *kek, const char *bound, const struct wrapped *wrapped,
		   struct tz_secret *key)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	const uint8_t *nonce = wrapped->data + 1, *text = wrapped->data + WRAP_OVERHEAD;
	uint8_t tag[TAG_SIZE];
	int n = 0, last = 0;

	memcpy(tag, nonce + NONCE_SIZE, TAG_SIZE);
	return context && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, kek->data, nonce) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &n, (const uint8_t *)bound, (int)strlen(bound)) == 1 &&
	       EVP_DecryptUpdate(context, key->data, &n, text, (int)key->size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(context, key->data + n, &last) == 1 && (size_t)n + (size_t)last == key->size;
}

static int wrap(const char *bound, const struct tz_secret *key, struct wrapped *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret kek = TZ_SECRET_INIT;
	struct wrapped wrapped = { .size = WRAP_OVERHEAD + key->size };
	int r;

	if (key->size == 0 || key->size > TZ_VOLUME_KEY_MAX)
		return tz_error_set(err, EINVAL, "a volume key of %zu bytes cannot be kept", key->size);
	r = get_kek(true, &kek, err);
	if (r < 0)
		return r;
	wrapped.data[0] = WRAP_VERSION;
	r = random_bytes(wrapped.data + 1, NONCE_SIZE);
	if (r < 0)
		return tz_error_set(err, r, "there is no randomness: %s", strerror(-r));
	if (!seal(&kek, bound, key, &wrapped))
		return tz_error_set(err, EIO, "the volume key cannot be wrapped: OpenSSL refuses AES-256-GCM");
	*ret = wrapped;
	return 0;
}

/* -ENOKEY: not wrapped by this machine's key, or for something else. */
static int unwrap(const char *bound, const struct wrapped *wrapped, struct tz_secret *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret kek = TZ_SECRET_INIT, key = TZ_SECRET_INIT;
	int r;

	if (wrapped->size <= WRAP_OVERHEAD || wrapped->size > sizeof(wrapped->data) || wrapped->data[0] != WRAP_VERSION)
		return -ENOKEY;
	r = get_kek(false, &kek, err);
	if (r < 0)
		return r == -ENOENT ? -ENOKEY : r;
	r = tz_secret_alloc(&key, wrapped->size - WRAP_OVERHEAD);
	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for the volume key: %s", strerror(-r));
	if (!unseal(&kek, bound, wrapped, &key))
		return -ENOKEY;
	tz_secret_move(ret, &key);
	return 0;
}

/* ------------------------------------------------------------------------------------------ keyrings */

/* The sentence for a failed key call; what is a verb with its object. */
static int report(struct tz_error *err, int code, const char *what)
{
	switch (code) {
	case ENOSYS:
		return tz_error_set(err, code, "this kernel has no keyrings (CONFIG_KEYS): %s is not possible", what);
	case EPERM:
		return tz_error_set(err, code, "kernel keyrings are forbidden here, as by a container's default seccomp "
				    "profile (allow add_key and keyctl): %s is not possible", what);
	case EDQUOT:
		return tz_error_set(err, code, "the quota for kernel keys is used up: %s is not possible; see /proc/key-users",
				    what);
	case EACCES:
		return tz_error_set(err, code, "the session's keyring does not permit it: %s is not possible", what);
	case EKEYREVOKED:
	case EKEYEXPIRED:
		return tz_error_set(err, code, "the session's keyring was revoked or has expired: %s is not possible", what);
	default:
		return tz_error_set(err, code, "%s failed: %s", what, strerror(code));
	}
}

static int describe(key_serial_t serial, struct key_description *ret)
{
	struct key_description key;
	char text[DESCRIPTION_MAX + 64];
	long size = keyctl_describe(serial, text, sizeof(text));
	int uid, gid, at = 0;

	if (size < 0)
		return -errno;
	/* longer than any of ours: what there is of it is not even terminated */
	if ((size_t)size > sizeof(text))
		return -ENAMETOOLONG;
	if (sscanf(text, "%15[^;];%d;%d;%x;%n", key.type, &uid, &gid, &key.perm, &at) != 4 || at == 0)
		return -EIO;
	key.uid = (uid_t)uid;
	key.gid = (gid_t)gid;
	if ((size_t)snprintf(key.text, sizeof(key.text), "%s", text + at) >= sizeof(key.text))
		return -ENAMETOOLONG;
	*ret = key;
	return 0;
}

/* Is it a key that root made, with just this permission? Whoever may change a key's owner or permission is root. */
static bool is_ours(const struct key_description *key, unsigned int perm)
{
	return strcmp(key->type, "user") == 0 && key->uid == 0 && key->gid == 0 && key->perm == perm;
}

int tz_keystash_session(uid_t caller, struct tz_error *err)
{
	struct key_description keyring;
	key_serial_t serial = keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
	int r;

	if (serial < 0)
		return report(err, errno, "finding the session's keyring");
	r = describe(serial, &keyring);
	if (r < 0)
		return report(err, -r, "examining the session's keyring");
	if (strcmp(keyring.type, "keyring") != 0 || strcmp(keyring.text, SESSION_KEYRING_NAME) != 0)
		return tz_error_set(err, ENOKEY, "this login has no session keyring of its own, only one that other logins "
				    "share; pam_keyinit or 'tazpod ssh' gives it one");
	if (keyring.uid != caller)
		return tz_error_set(err, ENOKEY, "this login's session keyring belongs to uid %u, not to uid %u", keyring.uid,
				    caller);
	return 0;
}

int tz_keystash_new_session(struct tz_error *err)
{
	return keyctl_join_session_keyring(NULL) < 0 ? report(err, errno, "making a session keyring") : 0;
}

static int list_members(key_serial_t keyring, struct members *ret)
{
	long size = keyctl_read(keyring, (char *)ret->serial, sizeof(ret->serial));

	if (size < 0)
		return -errno;
	if ((size_t)size > sizeof(ret->serial))
		return -E2BIG;
	ret->count = (unsigned int)((size_t)size / sizeof(ret->serial[0]));
	return 0;
}

static bool is_member(const struct members *members, key_serial_t serial)
{
	for (unsigned int i = 0; i < members->count; i++)
		if (members->serial[i] == serial)
			return true;
	return false;
}

static int read_payload(key_serial_t serial, struct wrapped *ret)
{
	long size = keyctl_read(serial, (char *)ret->data, sizeof(ret->data));

	if (size < 0)
		return -errno;
	if ((size_t)size > sizeof(ret->data))
		return -EMSGSIZE;
	ret->size = (size_t)size;
	return 0;
}

/*
 * A key that only this thread possesses: it gets its final owner, permission and timeout before anyone else can see
 * it. Unlink it from KEY_SPEC_THREAD_KEYRING when it has its place.
 */
static int make_key(const char *description, const struct wrapped *wrapped, unsigned int perm, unsigned int timeout,
		    key_serial_t *ret)
{
	key_serial_t serial = add_key("user", description, wrapped->data, wrapped->size, KEY_SPEC_THREAD_KEYRING);

	if (serial < 0)
		return -errno;
	if (keyctl_chown(serial, 0, 0) < 0 || keyctl_set_timeout(serial, timeout) < 0 ||
	    keyctl_setperm(serial, perm) < 0) {
		int error = errno;

		(void)keyctl_unlink(serial, KEY_SPEC_THREAD_KEYRING);
		return -error;
	}
	*ret = serial;
	return 0;
}

/* Makes a key and gives it its place in keyring. */
static int place_key(const char *description, const struct wrapped *wrapped, unsigned int perm, unsigned int timeout,
		     key_serial_t keyring, key_serial_t *ret)
{
	key_serial_t serial = -1;
	int r = make_key(description, wrapped, perm, timeout, &serial);

	if (r < 0)
		return r;
	if (keyctl_link(serial, keyring) < 0)
		r = -errno;
	(void)keyctl_unlink(serial, KEY_SPEC_THREAD_KEYRING);
	if (r == 0)
		*ret = serial;
	return r;
}

/* ------------------------------------------------------------------------------------------ the stash */

struct stash_name {
	char uuid[64];
	uint64_t expiry;
	uint64_t generation;
};

static uint64_t boot_seconds(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

static bool parse_name(const char *text, struct stash_name *ret)
{
	int end = 0;

	return sscanf(text, STASH_PREFIX "%63[0-9a-zA-Z-]:%" SCNu64 ":%" SCNu64 "%n", ret->uuid, &ret->expiry,
		      &ret->generation, &end) == 3 && end > 0 && text[end] == '\0';
}

/* Neither run out nor made void by a lock. */
static bool is_valid(const struct stash_name *name)
{
	uint64_t generation;

	return name->expiry > boot_seconds() && tz_lockswitch_generation(&generation) == 0 &&
	       generation == name->generation;
}

static void bind_to(uid_t caller, const char *description, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s caller=%u", description, caller);
}

/* Is member i ours, and of this vault (NULL: of any)? */
static bool is_stash(key_serial_t serial, const char *uuid, struct key_description *ret, struct stash_name *ret_name)
{
	return describe(serial, ret) == 0 && is_ours(ret, STASH_PERM) && parse_name(ret->text, ret_name) &&
	       (!uuid || strcmp(ret_name->uuid, uuid) == 0);
}

/* What was stashed before for this vault, and what was planted in its place: an older one must not outlive the newer. */
static int drop_others(const char *uuid, key_serial_t kept)
{
	struct members members;
	char prefix[DESCRIPTION_MAX];
	int r = list_members(KEY_SPEC_SESSION_KEYRING, &members);

	if (r < 0)
		return r;
	(void)snprintf(prefix, sizeof(prefix), STASH_PREFIX "%s:", uuid);
	for (unsigned int i = 0; i < members.count; i++) {
		struct key_description key;

		if (members.serial[i] == kept || describe(members.serial[i], &key) < 0 || strcmp(key.type, "user") != 0 ||
		    strncmp(key.text, prefix, strlen(prefix)) != 0)
			continue;
		if (keyctl_unlink(members.serial[i], KEY_SPEC_SESSION_KEYRING) < 0 && errno != ENOENT && errno != ENOKEY)
			return -errno;
	}
	return 0;
}

/* The caller's processes run on while we work, and the keyring is theirs: is what we put there really there? */
static int verify_placed(key_serial_t serial, const char *description)
{
	struct key_description key;
	struct members members;
	int r = list_members(KEY_SPEC_SESSION_KEYRING, &members);

	if (r == 0)
		r = describe(serial, &key);
	if (r < 0)
		return r;
	return is_member(&members, serial) && is_ours(&key, STASH_PERM) && strcmp(key.text, description) == 0 ? 0 : -ESTALE;
}

static int name_stash(const char *uuid, unsigned int timeout, char *ret, size_t size, struct tz_error *err)
{
	struct stash_name name;
	uint64_t generation;
	int r = tz_lockswitch_generation(&generation);

	if (r < 0)
		return tz_error_set(err, r, "there is no lock switch, so nothing is kept: %s", strerror(-r));
	(void)snprintf(ret, size, STASH_PREFIX "%s:%" PRIu64 ":%" PRIu64, uuid, boot_seconds() + timeout, generation);
	if (!parse_name(ret, &name) || strcmp(name.uuid, uuid) != 0)
		return tz_error_set(err, EINVAL, "the vault's uuid is malformed, so nothing is kept");
	return 0;
}

int tz_keystash_store(uid_t caller, const char *uuid, const struct tz_secret *volume_key, unsigned int timeout,
		      struct tz_error *err)
{
	char description[DESCRIPTION_MAX], bound[DESCRIPTION_MAX + 32];
	struct wrapped wrapped;
	key_serial_t serial = 0;
	int r = timeout == 0 || caller == 0 ? tz_error_set(err, EINVAL, "nothing is kept: no time, or no user to keep it for")
					    : tz_keystash_session(caller, err);

	if (r == 0)
		r = name_stash(uuid, timeout, description, sizeof(description), err);
	if (r < 0)
		return r;
	bind_to(caller, description, bound, sizeof(bound));
	r = wrap(bound, volume_key, &wrapped, err);
	if (r < 0)
		return r;
	r = place_key(description, &wrapped, STASH_PERM, timeout, KEY_SPEC_SESSION_KEYRING, &serial);
	if (r == 0)
		r = drop_others(uuid, serial);
	if (r == 0)
		r = verify_placed(serial, description);
	if (r == 0)
		return 0;
	if (serial > 0)
		(void)keyctl_revoke(serial);
	return report(err, -r, "keeping the volume key for this session");
}

/* -ENOKEY: this one does not serve. */
static int open_stash(key_serial_t serial, uid_t caller, const char *description, struct tz_secret *ret,
		      struct tz_error *err)
{
	char bound[DESCRIPTION_MAX + 32];
	struct wrapped wrapped;

	if (read_payload(serial, &wrapped) < 0)
		return -ENOKEY;
	bind_to(caller, description, bound, sizeof(bound));
	return unwrap(bound, &wrapped, ret, err);
}

int tz_keystash_fetch(uid_t caller, const char *uuid, struct tz_secret *ret_volume_key, struct tz_error *err)
{
	struct members members;
	int r = tz_keystash_session(caller, err);

	if (r < 0)
		return r;
	r = list_members(KEY_SPEC_SESSION_KEYRING, &members);
	if (r < 0)
		return report(err, -r, "reading the session's keyring");
	for (unsigned int i = 0; i < members.count; i++) {
		struct key_description key;
		struct stash_name name;

		if (!is_stash(members.serial[i], uuid, &key, &name) || !is_valid(&name))
			continue;
		r = open_stash(members.serial[i], caller, key.text, ret_volume_key, err);
		if (r != -ENOKEY)
			return r;
	}
	return tz_error_set(err, ENOKEY, "no key of this vault is kept for this session");
}

int tz_keystash_remaining(unsigned int *ret_seconds)
{
	uint64_t most = 0, now = boot_seconds();
	struct members members;
	int r = list_members(KEY_SPEC_SESSION_KEYRING, &members);

	/* whose session it is does not matter here: su leaves the caller's to the ghost user's shell */
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < members.count; i++) {
		struct key_description key;
		struct stash_name name;

		if (is_stash(members.serial[i], NULL, &key, &name) && is_valid(&name) && name.expiry > now + most)
			most = name.expiry - now;
	}
	if (most == 0)
		return -ENOKEY;
	*ret_seconds = most > UINT_MAX ? UINT_MAX : (unsigned int)most;
	return 0;
}

/* Also from a shared keyring, and also one that is void: whatever looks like a stash goes. */
int tz_keystash_forget(void)
{
	struct members members;
	int found = 0, r = list_members(KEY_SPEC_SESSION_KEYRING, &members);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < members.count; i++) {
		struct key_description key;
		struct stash_name name;

		if (!is_stash(members.serial[i], NULL, &key, &name))
			continue;
		if (keyctl_unlink(members.serial[i], KEY_SPEC_SESSION_KEYRING) < 0) {
			if (errno != ENOENT && errno != ENOKEY)
				return -errno;
			continue;
		}
		found = 1;
	}
	return found;
}

/* ------------------------------------------------------------------------------------------ the hand-over */

static void name_handoff(pid_t receiver, uint64_t start_time, const char *uuid, char *ret, size_t size)
{
	(void)snprintf(ret, size, "tazpod:handoff:%d:%" PRIu64 ":%s", (int)receiver, start_time, uuid);
}

int tz_handoff_store(pid_t receiver, uint64_t start_time, const char *uuid, const struct tz_secret *volume_key,
		     struct tz_error *err)
{
	char description[DESCRIPTION_MAX];
	struct wrapped wrapped;
	key_serial_t serial;
	int r;

	name_handoff(receiver, start_time, uuid, description, sizeof(description));
	r = wrap(description, volume_key, &wrapped, err);
	if (r < 0)
		return r;
	r = place_key(description, &wrapped, HANDOFF_PERM, HANDOFF_SECONDS, KEY_SPEC_USER_KEYRING, &serial);
	return r < 0 ? report(err, -r, "handing the volume key to the process that opens the session") : 0;
}

/*
 * Looked up among the members and read as its owner, because a process need not possess its user keyring: a search
 * would then depend on how the application was started.
 */
static int find_handoff(const char *description, key_serial_t *ret)
{
	struct members members;
	int r = list_members(KEY_SPEC_USER_KEYRING, &members);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < members.count; i++) {
		struct key_description key;

		if (describe(members.serial[i], &key) == 0 && is_ours(&key, HANDOFF_PERM) &&
		    strcmp(key.text, description) == 0) {
			*ret = members.serial[i];
			return 0;
		}
	}
	return -ENOKEY;
}

int tz_handoff_take(pid_t receiver, uint64_t start_time, const char *uuid, struct tz_secret *ret_volume_key,
		    struct tz_error *err)
{
	char description[DESCRIPTION_MAX];
	struct wrapped wrapped;
	key_serial_t serial;
	int r;

	name_handoff(receiver, start_time, uuid, description, sizeof(description));
	r = find_handoff(description, &serial);
	if (r == 0)
		r = read_payload(serial, &wrapped);
	/* who unlinks it has it: of two takers one finds it gone */
	if (r == 0 && keyctl_unlink(serial, KEY_SPEC_USER_KEYRING) < 0)
		r = errno == ENOENT ? -ENOKEY : -errno;
	if (r == 0) {
		(void)keyctl_revoke(serial);
		r = unwrap(description, &wrapped, ret_volume_key, err);
		if (r != -ENOKEY)
			return r;
	}
	if (r == -ENOKEY || r == -EKEYEXPIRED || r == -EKEYREVOKED)
		return tz_error_set(err, ENOKEY, "no key was handed to this session");
	return report(err, -r, "taking the volume key from the process that authenticated");
}
