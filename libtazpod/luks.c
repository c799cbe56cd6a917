#include "luks.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>

#include "luks_segments.h"
#include "path.h"

#define RECOVERY_TOKEN "tazpod-recovery"
#define CIPHER "aes"
#define CIPHER_MODE "xts-plain64"
#define KEY_SIZE 64
#define SECTOR_SIZE 4096
/* Both copies of the header at their largest, and with the keyslots at theirs. */
#define HEADERS_MAX (8 << 20)
#define HEADERS_AND_SLOTS_MAX (HEADERS_MAX + (128 << 20))

static void device_freep(struct crypt_device **device)
{
	crypt_free(*device);
}

#define _cleanup_crypt_ tz_cleanup(device_freep)

/* libcryptsetup's own words go to the log, never to the user: they name what we do not (device paths, "device"). */
static void keep_log(int level, const char *text, void *data)
{
	struct tz_error *log = data;

	if (level == CRYPT_LOG_ERROR)
		(void)tz_error_detail(log, "%.*s", (int)strcspn(text, "\n"), text);
}

static int open_fd(int fd, struct crypt_device **ret, struct tz_error *log)
{
	char path[TZ_FD_PATH_MAX];
	int r = crypt_init(ret, tz_fd_path(fd, path));

	if (r == 0)
		crypt_set_log_callback(*ret, keep_log, log);
	return r;
}

/* The sentence for a libcryptsetup failure; the library's words become the detail. */
static int report(struct tz_error *err, int code, const struct tz_error *log, const char *what, const char *path)
{
	if (code == -ENOMEM)
		tz_error_set(err, code, "%s: %s: there is not enough memory for the key derivation that this vault asks "
			     "for; free some, or raise the container's memory limit", path, what);
	else
		tz_error_set(err, code, "%s: %s failed: %s", path, what, strerror(-code));
	if (log->detail[0])
		(void)tz_error_detail(err, "%s", log->detail);
	return code;
}

static int truncated(const struct tz_image *image, uint64_t data_offset, struct tz_error *err)
{
	return tz_error_set(err, EUCLEAN, "%s is truncated: its header says that data starts at byte %llu, and it has only "
			    "%llu; restore it from a backup; nothing was changed", image->path,
			    (unsigned long long)data_offset, (unsigned long long)image->size);
}

/*
 * Where the data of a vault starts that libcryptsetup does not load because its file ends before that; 0 when the
 * header itself is at fault. Asked of a copy of the header in a file that is long enough.
 */
static uint64_t missing_data_offset(const struct tz_image *image)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	_cleanup_close_ int copy = memfd_create("header", MFD_CLOEXEC);
	struct tz_error log = { 0 };
	uint64_t offset;
	off_t at = 0;

	while (copy >= 0 && at < HEADERS_MAX)
		if (sendfile(copy, image->fd, &at, (size_t)(HEADERS_MAX - at)) <= 0)
			break;
	if (copy < 0 || ftruncate(copy, HEADERS_AND_SLOTS_MAX) < 0 || open_fd(copy, &device, &log) < 0 ||
	    crypt_load(device, CRYPT_LUKS2, NULL) < 0)
		return 0;
	offset = crypt_get_data_offset(device) * 512;
	return offset > image->size ? offset : 0;
}

static int load(const struct tz_image *image, struct crypt_device **ret, struct tz_error *log, struct tz_error *err)
{
	uint64_t data_offset;
	int r = tz_image_require_luks2(image, err);

	if (r < 0)
		return r;
	r = open_fd(image->fd, ret, log);
	if (r == 0)
		r = crypt_load(*ret, CRYPT_LUKS2, NULL);
	if (r == 0)
		return 0;
	if (r != -EINVAL)
		return report(err, r, log, "reading the LUKS2 header", image->path);
	data_offset = missing_data_offset(image);
	if (data_offset)
		return truncated(image, data_offset, err);
	tz_error_set(err, EUCLEAN, "%s: both copies of its LUKS2 header are damaged; restore it with "
		     "'tazpod vault restore-header'; nothing was changed", image->path);
	return tz_error_detail(err, "%s", log->detail);
}

static bool is_recovery(struct crypt_device *device, int slot)
{
	for (int token = 0; token < TZ_LUKS_SLOTS; token++) {
		const char *type = NULL;
		crypt_token_info info = crypt_token_status(device, token, &type);

		if (info <= CRYPT_TOKEN_INACTIVE || !type || strcmp(type, RECOVERY_TOKEN) != 0)
			continue;
		if (crypt_token_is_assigned(device, token, slot) == 0)
			return true;
	}
	return false;
}

/* Only slots that open the vault count; an unbound one holds no volume key. */
static bool slot_opens(struct crypt_device *device, int slot)
{
	crypt_keyslot_info info = crypt_keyslot_status(device, slot);

	return info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST;
}

/* The only slot of its kind: its number, -ENOENT for none, -E2BIG for several; *ret_count is always set. */
static int only_slot(struct crypt_device *device, bool recovery, unsigned int *ret_count)
{
	int found = -ENOENT;

	*ret_count = 0;
	for (int slot = 0; slot < TZ_LUKS_SLOTS; slot++) {
		if (!slot_opens(device, slot) || is_recovery(device, slot) != recovery)
			continue;
		found = (*ret_count)++ ? -E2BIG : slot;
	}
	return found;
}

static void read_flags(struct crypt_device *device, struct tz_luks_info *info)
{
	uint32_t requirements = 0, activation = 0;

	if (crypt_persistent_flags_get(device, CRYPT_FLAGS_REQUIREMENTS, &requirements) == 0)
		info->reencrypting = requirements != 0;
	if (crypt_persistent_flags_get(device, CRYPT_FLAGS_ACTIVATION, &activation) == 0)
		info->allow_discards = (activation & CRYPT_ACTIVATE_ALLOW_DISCARDS) != 0;
}

static int read_segments(struct crypt_device *device, const struct tz_image *image, uint64_t *ret_size,
			 struct tz_error *err)
{
	const char *json = NULL;
	int r = crypt_dump_json(device, &json, 0);

	if (r < 0)
		return tz_error_set(err, r, "%s: its header cannot be read: %s", image->path, strerrordesc_np(-r));
	return tz_luks_segments(json, image->path, ret_size, err);
}

/* Nobody has looked at it before; it becomes a part of names and messages. */
static int copy_uuid(struct crypt_device *device, const struct tz_image *image, char ret[static TZ_UUID_TEXT],
		     struct tz_error *err)
{
	const char *uuid = crypt_get_uuid(device);

	if (!uuid || strlen(uuid) != 36 || strspn(uuid, "0123456789abcdefABCDEF-") != 36)
		return tz_error_set(err, EUCLEAN, "%s: its header has no proper uuid; give it one with 'cryptsetup luksUUID --uuid' "
				    "(uuidgen makes one), or restore the header; nothing was changed", image->path);
	(void)snprintf(ret, TZ_UUID_TEXT, "%s", uuid);
	return 0;
}

int tz_luks_info(const struct tz_image *image, struct tz_luks_info *ret, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	struct tz_luks_info info = { 0 };
	int r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	/* in the middle of a reencryption there may be any number; that is refused where the vault would be opened */
	read_flags(device, &info);
	if (!info.reencrypting) {
		r = read_segments(device, image, &info.data_size, err);
		if (r < 0)
			return r;
	}
	r = copy_uuid(device, image, info.uuid, err);
	if (r < 0)
		return r;
	(void)snprintf(info.cipher, sizeof(info.cipher), "%s-%s", crypt_get_cipher(device),
		       crypt_get_cipher_mode(device));
	info.key_size = (unsigned int)crypt_get_volume_key_size(device);
	info.sector_size = (unsigned int)crypt_get_sector_size(device);
	info.data_offset = crypt_get_data_offset(device) * 512;
	if (info.data_offset == 0)
		return tz_error_set(err, EOPNOTSUPP, "%s is the header alone of a vault whose data is elsewhere, which TazPod does "
				    "not open", image->path);
	(void)only_slot(device, false, &info.slots);
	(void)only_slot(device, true, &info.recovery_slots);
	if (image->size <= info.data_offset)
		return truncated(image, info.data_offset, err);
	if (image->size - info.data_offset < info.data_size)
		return tz_error_set(err, EUCLEAN, "%s is truncated: its header says that it has %llu bytes, and it has only %llu; "
				    "restore it from a backup; nothing was changed", image->path,
				    (unsigned long long)(info.data_offset + info.data_size),
				    (unsigned long long)image->size);
	info.fixed_size = info.data_size != 0;
	if (!info.fixed_size)
		info.data_size = image->size - info.data_offset;
	*ret = info;
	return 0;
}

static void derivation(const struct tz_settings *settings, struct crypt_pbkdf_type *ret)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*ret = (struct crypt_pbkdf_type){
		.type = CRYPT_KDF_ARGON2ID,
		.hash = "sha256",
		.time_ms = settings->kdf_time,
		.max_memory_kb = settings->kdf_memory,
		.parallel_threads = processors >= 4 ? 4 : processors > 1 ? (uint32_t)processors : 1,
	};
	if (settings->kdf_iterations) {
		ret->iterations = settings->kdf_iterations;
		ret->flags = CRYPT_PBKDF_NO_BENCHMARK;
	}
}

static int random_key(struct tz_secret *ret)
{
	int r = tz_secret_alloc(ret, KEY_SIZE);

	if (r < 0)
		return r;
	for (size_t at = 0; at < KEY_SIZE;) {
		ssize_t n = getrandom(ret->data + at, KEY_SIZE - at, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int format_device(struct crypt_device *device, const struct tz_settings *settings,
			 const struct tz_secret *passphrase, const struct tz_secret *key)
{
	struct crypt_pbkdf_type pbkdf;
	struct crypt_params_luks2 params = { .pbkdf = &pbkdf, .sector_size = SECTOR_SIZE, .label = "tazpod" };
	int r;

	derivation(settings, &pbkdf);
	r = crypt_format(device, CRYPT_LUKS2, CIPHER, CIPHER_MODE, NULL, (const char *)key->data, key->size, &params);
	if (r < 0)
		return r;
	r = crypt_keyslot_add_by_volume_key(device, CRYPT_ANY_SLOT, (const char *)key->data, key->size,
					    (const char *)passphrase->data, passphrase->size);
	return r < 0 ? r : 0;
}

int tz_luks_format(int fd, const struct tz_settings *settings, const struct tz_secret *passphrase,
		   struct tz_secret *ret_volume_key, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_error log = { 0 };
	int r = random_key(&key);

	if (r < 0)
		return tz_error_set(err, r, "no locked memory for the volume key: %s", strerror(-r));
	r = open_fd(fd, &device, &log);
	if (r == 0)
		r = format_device(device, settings, passphrase, &key);
	if (r < 0)
		return report(err, r, &log, "writing the LUKS2 header", "the new vault");
	tz_secret_move(ret_volume_key, &key);
	return 0;
}

/* The slot that passphrase opens, and the volume key. */
static int unlock(struct crypt_device *device, const struct tz_image *image, const struct tz_secret *passphrase,
		  struct tz_secret *ret_key, const struct tz_error *log, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	int key_size = crypt_get_volume_key_size(device);
	size_t size;
	int r;

	if (key_size <= 0 || key_size > TZ_VOLUME_KEY_MAX)
		return tz_error_set(err, EOPNOTSUPP, "%s has a volume key of %d bytes; at most %d are supported",
				    image->path, key_size, TZ_VOLUME_KEY_MAX);
	r = tz_secret_alloc(&key, (size_t)key_size);
	if (r < 0)
		return tz_error_set(err, r, "no locked memory for the volume key: %s", strerror(-r));
	size = (size_t)key_size;
	/* without a passphrase it would look for tokens; an empty one is a passphrase, and most likely a wrong one */
	r = crypt_volume_key_get(device, CRYPT_ANY_SLOT, (char *)key.data, &size,
				 passphrase->data ? (const char *)passphrase->data : "", passphrase->size);
	if (r == -EPERM)
		return tz_error_set(err, EKEYREJECTED, "wrong passphrase");
	if (r == -ENOENT)
		return tz_error_set(err, EUCLEAN, "%s has no keyslot left: no passphrase can open it; restore its header "
				    "with 'tazpod vault restore-header'", image->path);
	if (r < 0)
		return report(err, r, log, "unlocking", image->path);
	tz_secret_move(ret_key, &key);
	return r;
}

int tz_luks_unlock(const struct tz_image *image, const struct tz_secret *passphrase,
		   struct tz_secret *ret_volume_key, bool *ret_recovery, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	int r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	r = unlock(device, image, passphrase, ret_volume_key, &log, err);
	if (r < 0)
		return r;
	if (ret_recovery)
		*ret_recovery = is_recovery(device, r);
	return 0;
}

int tz_luks_verify(const struct tz_image *image, const struct tz_secret *volume_key, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	int r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	if (crypt_volume_key_verify(device, (const char *)volume_key->data, volume_key->size) < 0)
		return tz_error_set(err, EKEYREJECTED, "%s: the kept key is not this vault's key", image->path);
	return 0;
}

static int add_slot(struct crypt_device *device, const struct tz_settings *settings, const struct tz_secret *key,
		    const struct tz_secret *passphrase)
{
	struct crypt_pbkdf_type pbkdf;
	int r;

	derivation(settings, &pbkdf);
	r = crypt_set_pbkdf_type(device, &pbkdf);
	if (r < 0)
		return r;
	return crypt_keyslot_add_by_volume_key(device, CRYPT_ANY_SLOT, (const char *)key->data, key->size,
					       (const char *)passphrase->data, passphrase->size);
}

int tz_luks_change(const struct tz_image *image, const struct tz_settings *settings, const struct tz_secret *old,
		   const struct tz_secret *new, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_error log = { 0 };
	unsigned int count;
	int replaced, added, r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	if (tz_secret_equal(old, new))
		return tz_error_set(err, EINVAL, "the new passphrase is the same as the old one; nothing was changed");
	replaced = unlock(device, image, old, &key, &log, err);
	if (replaced < 0)
		return replaced;
	if (is_recovery(device, replaced))
		replaced = only_slot(device, false, &count);
	added = add_slot(device, settings, &key, new);
	if (added < 0)
		return report(err, added, &log, "adding the new passphrase (the old one is still valid)", image->path);
	if (replaced == -E2BIG)
		return tz_error_set(err, E2BIG, "the new passphrase was added, but which of several others it replaces "
				    "cannot be told from the recovery passphrase: all still open the vault; remove one "
				    "with 'cryptsetup luksRemoveKey %s'", image->path);
	if (replaced < 0)
		return 0;
	r = crypt_keyslot_destroy(device, replaced);
	if (r < 0)
		return report(err, r, &log, "removing the old passphrase (the new one is valid, and so is the old)",
			      image->path);
	return 0;
}

static int mark_recovery(struct crypt_device *device, int slot)
{
	char json[96];

	(void)snprintf(json, sizeof(json), "{\"type\":\"" RECOVERY_TOKEN "\",\"keyslots\":[\"%d\"]}", slot);
	return crypt_token_json_set(device, CRYPT_ANY_TOKEN, json);
}

int tz_luks_add_recovery(const struct tz_image *image, const struct tz_settings *settings,
			 const struct tz_secret *current, const struct tz_secret *recovery, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT, known = TZ_SECRET_INIT;
	struct tz_error log = { 0 };
	unsigned int count;
	int slot, r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	if (only_slot(device, true, &count) != -ENOENT)
		return tz_error_set(err, EEXIST, "there is a recovery passphrase already; remove it first with "
				    "'tazpod vault remove-recovery'");
	r = unlock(device, image, current, &key, &log, err);
	if (r < 0)
		return r;
	if (unlock(device, image, recovery, &known, &log, NULL) >= 0)
		return tz_error_set(err, EINVAL, "the recovery passphrase must differ from those that open the vault "
				    "already; nothing was changed");
	slot = add_slot(device, settings, &key, recovery);
	if (slot < 0)
		return report(err, slot, &log, "adding the recovery passphrase", image->path);
	r = mark_recovery(device, slot);
	if (r < 0) {
		(void)crypt_keyslot_destroy(device, slot);
		return report(err, r, &log, "marking the recovery passphrase", image->path);
	}
	return 0;
}

static int drop_recovery_tokens(struct crypt_device *device)
{
	for (int token = 0; token < TZ_LUKS_SLOTS; token++) {
		const char *type = NULL;
		int r;

		if (crypt_token_status(device, token, &type) <= CRYPT_TOKEN_INACTIVE || !type ||
		    strcmp(type, RECOVERY_TOKEN) != 0)
			continue;
		r = crypt_token_json_set(device, token, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

int tz_luks_remove_recovery(const struct tz_image *image, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	unsigned int ordinary, recovery;
	int r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	(void)only_slot(device, false, &ordinary);
	if (only_slot(device, true, &recovery) == -ENOENT)
		return tz_error_set(err, ENOENT, "this vault has no recovery passphrase");
	if (ordinary == 0)
		return tz_error_set(err, EPERM, "the recovery passphrase is the only one that opens this vault; set an "
				    "ordinary one first ('tazpod passwd')");
	for (int slot = 0; slot < TZ_LUKS_SLOTS; slot++) {
		if (!slot_opens(device, slot) || !is_recovery(device, slot))
			continue;
		r = crypt_keyslot_destroy(device, slot);
		if (r < 0)
			return report(err, r, &log, "removing the recovery passphrase", image->path);
	}
	r = drop_recovery_tokens(device);
	return r < 0 ? report(err, r, &log, "removing the recovery mark", image->path) : 0;
}

/* Flushes what libcryptsetup wrote under a temporary name and gives it its own, which must be free. */
static int name_backup(const char *temporary, const char *path, struct tz_error *err)
{
	/* a name of root's own choosing: a symlink on the way is his */
	_cleanup_close_ int fd = open(temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fchmod(fd, 0600) < 0 || fsync(fd) < 0)
		return tz_error_set(err, errno, "%s cannot be flushed to disk: %m", temporary);
	if (link(temporary, path) < 0)
		return tz_error_set(err, errno, "%s: %s", path,
				    errno == EEXIST ? "there is a file of this name; it was not touched" : strerror(errno));
	return 0;
}

/* libcryptsetup has one error, EINVAL, for every reason why a file cannot be made; ours is the real one. */
static int require_creatable(const char *temporary, const char *path, struct tz_error *err)
{
	_cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || unlink(temporary) < 0)
		return tz_error_set(err, errno, "%s cannot be written: %m", path);
	return 0;
}

int tz_luks_backup_header(const struct tz_image *image, const char *path, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	char temporary[PATH_MAX];
	int n, r = load(image, &device, &log, err);

	if (r < 0)
		return r;
	if (access(path, F_OK) == 0)
		return tz_error_set(err, EEXIST, "%s: there is a file of this name; it was not touched", path);
	n = snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return tz_error_set(err, ENAMETOOLONG, "the name of the backup is too long");
	r = require_creatable(temporary, path, err);
	if (r < 0)
		return r;
	r = crypt_header_backup(device, CRYPT_LUKS2, temporary);
	if (r < 0)
		return report(err, r, &log, "writing the header backup", path);
	r = name_backup(temporary, path, err);
	(void)unlink(temporary);
	return r;
}

static int backup_uuid(const char *path, char uuid[static TZ_UUID_TEXT], struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	int r;

	if (access(path, R_OK) < 0)
		return tz_error_set(err, errno, "%s cannot be read: %m", path);
	r = crypt_init(&device, path);
	if (r == 0) {
		crypt_set_log_callback(device, keep_log, &log);
		r = crypt_load(device, CRYPT_LUKS2, NULL);
	}
	if (r < 0) {
		tz_error_set(err, EINVAL, "%s is not a backup of a LUKS2 header; nothing was changed", path);
		return tz_error_detail(err, "%s", log.detail);
	}
	(void)snprintf(uuid, TZ_UUID_TEXT, "%s", crypt_get_uuid(device));
	return 0;
}

int tz_luks_restore_header(const struct tz_image *image, const char *path, struct tz_error *err)
{
	_cleanup_crypt_ struct crypt_device *device = NULL;
	struct tz_error log = { 0 };
	struct tz_luks_info info;
	char uuid[TZ_UUID_TEXT];
	int r = backup_uuid(path, uuid, err);

	if (r < 0)
		return r;
	if (tz_luks_info(image, &info, NULL) == 0 && strcmp(info.uuid, uuid) != 0)
		return tz_error_set(err, EXDEV, "%s is the header of another vault (%s, this one is %s); nothing was "
				    "changed", path, uuid, info.uuid);
	r = open_fd(image->fd, &device, &log);
	if (r == 0)
		r = crypt_header_restore(device, CRYPT_LUKS2, path);
	if (r == 0 && fsync(image->fd) < 0)
		r = -errno;
	return r < 0 ? report(err, r, &log, "restoring the header", image->path) : 0;
}
