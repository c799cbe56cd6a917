#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "path.h"
#include "yaml.h"
#include "yamlvalue.h"

#define FILE_SIZE_MAX (64 * 1024)

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* LUKS2 takes 16 MiB for its header; ext4 with a journal wants as much again. */
#define VAULT_SIZE_LEAST (32 * MIB)
/* where ext4 with 4 KiB blocks and 32-bit block numbers ends */
#define VAULT_SIZE_MOST (16384 * GIB)
#define VAULT_SIZE_UNIT 4096
#define KEY_TIMEOUT_MOST (24 * 60 * 60)
/* what libcryptsetup takes for Argon2 */
#define KDF_MEMORY_LEAST (32 * KIB)
#define KDF_MEMORY_MOST (4 * GIB)
#define KDF_ITERATIONS_LEAST 4

static const char *const driver_names[] = {
	[TZ_DRIVER_AUTO] = "auto",
	[TZ_DRIVER_DM_CRYPT] = "dm-crypt",
	[TZ_DRIVER_FUSE] = "fuse",
	NULL,
};

static const struct tz_settings defaults = {
	.ghost_user = "tazpod-ghost",
	.public_user = "tazpod",
	.vault = "/var/lib/tazpod/vault/vault.img",
	.mount = "secrets",
	.workspace = "/workspace",
	.shell = "/bin/bash",
	.driver = TZ_DRIVER_AUTO,
	.vault_size = 512 * MIB,
	.key_timeout = 15 * 60,
	.passphrase_min = 10,
	.kdf_memory = 256 * 1024,
	.kdf_time = 2000,
	.kdf_iterations = 0,
	.bridge_count = 2,
	.bridges = {
		{ .vault = ".infisical-vault", .home = ".infisical" },
		{ .vault = ".infisical-keyring", .home = "infisical-keyring" },
	},
	.service_count = 4,
	.services = { "su-l", "sshd", "login", "tazpod" },
};

struct suffix {
	char letter;
	uint64_t factor;
};

static const struct suffix size_suffixes[] = { { 'K', KIB }, { 'M', MIB }, { 'G', GIB }, { 0, 0 } };
static const struct suffix time_suffixes[] = { { 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 0, 0 } };

/* Digits and at most one suffix. False for anything else, and for what does not fit. */
static bool parse_scaled(const char *text, const struct suffix *suffixes, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
			return false;
	if (p == text || (*text == '0' && p > text + 1))
		return false;
	if (*p) {
		while (suffixes->letter && suffixes->letter != *p)
			suffixes++;
		if (!suffixes->letter || p[1] || __builtin_mul_overflow(value, suffixes->factor, &value))
			return false;
	}
	*ret = value;
	return true;
}

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* Components without "", "." and "..", from 1 to most of them. */
static bool is_clean_relative(const char *path, unsigned int most)
{
	unsigned int components = 0;

	if (!is_visible(path))
		return false;
	for (;;) {
		size_t size = strcspn(path, "/");

		if (size == 0 || size > NAME_MAX || ++components > most)
			return false;
		if (path[0] == '.' && (size == 1 || (size == 2 && path[1] == '.')))
			return false;
		if (!path[size])
			return true;
		path += size + 1;
	}
}

static bool is_clean_absolute(const char *path)
{
	return path[0] == '/' && is_clean_relative(path + 1, TZ_PATH_TEXT);
}

static bool is_user_name(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return size > 0 && size <= 32 && !name[size] && !strchr("0123456789.-", name[0]);
}

/* The name of a file in /etc/pam.d. */
static bool is_service_name(const char *name)
{
	return is_clean_relative(name, 1) &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

static int read_scaled(const struct tz_yaml_node *node, const struct suffix *suffixes, uint64_t least, uint64_t most,
		       const char *rule, uint64_t *ret, struct tz_error *err)
{
	const char *text;
	uint64_t value;
	int r = tz_yaml_string(node, &text, err);

	if (r < 0)
		return r;
	if (!parse_scaled(text, suffixes, &value) || value < least || value > most)
		return tz_yaml_error(node, err, "must be %s", rule);
	*ret = value;
	return 0;
}

static int read_count(const struct tz_yaml_node *node, unsigned int least, unsigned int most, unsigned int *field,
		      struct tz_error *err)
{
	int64_t value;
	int r = tz_yaml_integer(node, least, most, &value, err);

	if (r < 0)
		return r;
	*field = (unsigned int)value;
	return 0;
}

/* One function for each kind of value; field points to where it belongs in struct tz_settings. */

static int read_user(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return tz_yaml_text_into(node, field, TZ_NAME_MAX, is_user_name,
				 "a user's name: at most 32 letters, digits, '_', '-' and '.', a letter or '_' first", err);
}

static int read_absolute(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return tz_yaml_text_into(node, field, TZ_PATH_TEXT, is_clean_absolute,
				 "an absolute path without '.', '..', '//' and a '/' at its end", err);
}

static bool is_home_path(const char *path)
{
	return is_clean_relative(path, 2);
}

static int read_in_home(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return tz_yaml_text_into(node, field, TZ_PATH_TEXT, is_home_path,
				 "a name in the ghost user's home, or 'folder/name': no '/' in front, no '.' and '..'", err);
}

static bool is_vault_name(const char *name)
{
	return is_clean_relative(name, 1) && strcmp(name, "lost+found") != 0;
}

static int read_in_vault(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return tz_yaml_text_into(node, field, TZ_PATH_TEXT, is_vault_name, "one name in the vault's root, without '/'", err);
}

static int read_workspace(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	const char *text = tz_yaml_text(node);
	char *workspace = field;

	if (text && !tz_yaml_is_null(node) && (text[0] == '\0' || strcmp(text, "none") == 0)) {
		workspace[0] = '\0';
		return 0;
	}
	return tz_yaml_text_into(node, field, TZ_PATH_TEXT, is_clean_absolute,
				 "an absolute path without '.', '..', '//' and a '/' at its end, or none", err);
}

static int read_driver(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	int r = tz_yaml_choice(node, driver_names, "auto, dm-crypt or fuse", err);

	if (r < 0)
		return r;
	*(enum tz_driver_choice *)field = (enum tz_driver_choice)r;
	return 0;
}

static int read_vault_size(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	uint64_t value;
	int r = read_scaled(node, size_suffixes, VAULT_SIZE_LEAST, VAULT_SIZE_MOST,
			    "a size from 32M to 16384G: a number of bytes, or with a suffix K, M or G", &value, err);

	if (r < 0)
		return r;
	if (value % VAULT_SIZE_UNIT != 0)
		return tz_yaml_error(node, err, "must be a multiple of %d bytes", VAULT_SIZE_UNIT);
	*(uint64_t *)field = value;
	return 0;
}

static int read_key_timeout(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	uint64_t value;
	int r = read_scaled(node, time_suffixes, 0, KEY_TIMEOUT_MOST,
			    "a time of at most 24h: a number of seconds, or with a suffix s, m or h; 0 keeps no key",
			    &value, err);

	if (r < 0)
		return r;
	*(unsigned int *)field = (unsigned int)value;
	return 0;
}

static int read_kdf_memory(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	uint64_t value;
	int r = read_scaled(node, size_suffixes, KDF_MEMORY_LEAST, KDF_MEMORY_MOST,
			    "a size from 32K to 4G: a number of bytes, or with a suffix K, M or G", &value, err);

	if (r < 0)
		return r;
	if (value % KIB != 0)
		return tz_yaml_error(node, err, "must be a multiple of 1K");
	*(unsigned int *)field = (unsigned int)(value / KIB);
	return 0;
}

static int read_passphrase_min(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return read_count(node, 8, 128, field, err);
}

static int read_kdf_time(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	return read_count(node, 10, 60000, field, err);
}

static int read_kdf_iterations(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	unsigned int value;
	int r = read_count(node, 0, UINT32_MAX, &value, err);

	if (r < 0)
		return r;
	if (value > 0 && value < KDF_ITERATIONS_LEAST)
		return tz_yaml_error(node, err, "must be 0 (measured by kdf_time) or at least %d",
				     KDF_ITERATIONS_LEAST);
	*(unsigned int *)field = value;
	return 0;
}

static int read_bridge(const struct tz_yaml_node *node, struct tz_bridge_setting *ret, struct tz_error *err)
{
	static const char *const known[] = { "vault", "home", NULL };
	const struct tz_yaml_node *vault, *home, *unknown;
	int r = tz_yaml_expect(node, TZ_YAML_MAP, err);

	if (r < 0)
		return r;
	unknown = tz_yaml_next_unknown(node, NULL, known);
	if (unknown)
		return tz_yaml_unknown_error(unknown, known, err);
	vault = tz_yaml_find(node, "vault");
	home = tz_yaml_find(node, "home");
	if (!vault || !home)
		return tz_yaml_error(node, err, "must have both 'vault' and 'home'");
	r = read_in_vault(vault, ret->vault, err);
	return r < 0 ? r : read_in_home(home, ret->home, err);
}

/* field is the whole struct tz_settings here and below: a list and its count belong together. */
static int read_bridges(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	struct tz_settings *settings = field;
	int r = tz_yaml_expect(node, TZ_YAML_LIST, err);

	if (r < 0)
		return r;
	if (tz_yaml_count(node) > TZ_BRIDGES_MAX)
		return tz_yaml_error(node, err, "may have at most %d items", TZ_BRIDGES_MAX);
	settings->bridge_count = 0;
	for (const struct tz_yaml_node *item = tz_yaml_first(node); item; item = tz_yaml_next(item)) {
		r = read_bridge(item, &settings->bridges[settings->bridge_count], err);
		if (r < 0)
			return r;
		settings->bridge_count++;
	}
	return 0;
}

static int read_services(const struct tz_yaml_node *node, void *field, struct tz_error *err)
{
	struct tz_settings *settings = field;
	int r = tz_yaml_expect(node, TZ_YAML_LIST, err);

	if (r < 0)
		return r;
	if (tz_yaml_count(node) > TZ_SERVICES_MAX)
		return tz_yaml_error(node, err, "may have at most %d items", TZ_SERVICES_MAX);
	settings->service_count = 0;
	for (const struct tz_yaml_node *item = tz_yaml_first(node); item; item = tz_yaml_next(item)) {
		r = tz_yaml_text_into(item, settings->services[settings->service_count], TZ_NAME_MAX, is_service_name,
				      "the name of a PAM service: letters, digits, '_', '-' and '.'", err);
		if (r < 0)
			return r;
		settings->service_count++;
	}
	return 0;
}

#define FIELD(name, read) { #name, offsetof(struct tz_settings, name), read }

static const struct setting {
	const char *key;
	size_t offset;
	int (*read)(const struct tz_yaml_node *node, void *field, struct tz_error *err);
} table[] = {
	FIELD(ghost_user, read_user),
	FIELD(public_user, read_user),
	FIELD(vault, read_absolute),
	FIELD(mount, read_in_home),
	FIELD(workspace, read_workspace),
	FIELD(shell, read_absolute),
	FIELD(driver, read_driver),
	FIELD(vault_size, read_vault_size),
	FIELD(key_timeout, read_key_timeout),
	{ "passphrase_min_length", offsetof(struct tz_settings, passphrase_min), read_passphrase_min },
	FIELD(kdf_memory, read_kdf_memory),
	FIELD(kdf_time, read_kdf_time),
	FIELD(kdf_iterations, read_kdf_iterations),
	{ "bridges", 0, read_bridges },
	{ "services", 0, read_services },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

static int refuse_unknown(const struct tz_yaml_node *map, struct tz_error *err)
{
	const char *known[TABLE_SIZE + 1] = { NULL };
	const struct tz_yaml_node *unknown;

	for (size_t i = 0; i < TABLE_SIZE; i++)
		known[i] = table[i].key;
	unknown = tz_yaml_next_unknown(map, NULL, known);
	return unknown ? tz_yaml_unknown_error(unknown, known, err) : 0;
}

/* The same place, or one within the other? */
static bool collide(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);
	size_t size = a_size < b_size ? a_size : b_size;

	return strncmp(a, b, size) == 0 && (a_size == b_size || (a_size < b_size ? b : a)[size] == '/');
}

/* The value to blame: one of the two keys was set, for the defaults agree with each other. */
static const struct tz_yaml_node *either(const struct tz_yaml_node *map, const char *key, const char *other)
{
	const struct tz_yaml_node *node = tz_yaml_find(map, key);

	if (!node)
		node = tz_yaml_find(map, other);
	return node ? node : map;
}

static int check_bridges(const struct tz_settings *settings, const struct tz_yaml_node *map, struct tz_error *err)
{
	const struct tz_yaml_node *blamed = either(map, "bridges", "mount");

	for (unsigned int i = 0; i < settings->bridge_count; i++) {
		const struct tz_bridge_setting *a = &settings->bridges[i];

		if (collide(a->home, settings->mount))
			return tz_yaml_error(blamed, err, "makes the bridge '%s' and the mount '%s' collide", a->home,
					     settings->mount);
		for (unsigned int j = 0; j < i; j++) {
			const struct tz_bridge_setting *b = &settings->bridges[j];

			if (collide(a->home, b->home))
				return tz_yaml_error(blamed, err, "has bridges that collide: '%s' and '%s'", b->home,
						     a->home);
			if (strcmp(a->vault, b->vault) == 0)
				return tz_yaml_error(blamed, err, "has two bridges from '%s'", a->vault);
		}
	}
	return 0;
}

/* What no value can tell on its own. */
static int check_together(const struct tz_settings *settings, const struct tz_yaml_node *map, struct tz_error *err)
{
	if (strcmp(settings->ghost_user, "root") == 0)
		return tz_yaml_error(either(map, "ghost_user", "ghost_user"), err, "must not be root");
	if (strcmp(settings->ghost_user, settings->public_user) == 0)
		return tz_yaml_error(either(map, "ghost_user", "public_user"), err,
				     "must not name the same user as '%s'",
				     tz_yaml_find(map, "ghost_user") ? "public_user" : "ghost_user");
	return check_bridges(settings, map, err);
}

static int read_map(const struct tz_yaml_node *map, struct tz_settings *settings, struct tz_error *err)
{
	int r = tz_yaml_expect(map, TZ_YAML_MAP, err);

	if (r == 0)
		r = refuse_unknown(map, err);
	for (size_t i = 0; i < TABLE_SIZE && r == 0; i++) {
		const struct tz_yaml_node *node = tz_yaml_find(map, table[i].key);

		if (node)
			r = table[i].read(node, (char *)settings + table[i].offset, err);
	}
	return r < 0 ? r : check_together(settings, map, err);
}

void tz_settings_defaults(struct tz_settings *ret)
{
	*ret = defaults;
}

int tz_settings_parse(const char *text, size_t size, const char *name, struct tz_settings *ret, struct tz_error *err)
{
	_cleanup_yaml_ struct tz_yaml *document = NULL;
	struct tz_settings settings = defaults;
	int r = tz_yaml_parse(text, size, name, &document, err);

	if (r < 0)
		return r;
	if (tz_yaml_root(document))
		r = read_map(tz_yaml_root(document), &settings, err);
	if (r < 0)
		return r;
	*ret = settings;
	return 0;
}

static int explain_open(int code, const char *path, struct tz_error *err)
{
	if (code == -ELOOP)
		return tz_error_set(err, ELOOP,
				    "%s is a symlink, or a folder on the way to it is one; put the file itself there",
				    path);
	errno = -code;
	return tz_error_set(err, code, "%s cannot be opened: %m", path);
}

static int require_trusted_file(int fd, const char *path, struct tz_error *err)
{
	struct stat st;
	int r = tz_path_trusted(fd, 0, path, &st, err);

	if (r < 0)
		return r;
	return S_ISREG(st.st_mode) ? 0 : tz_error_set(err, EINVAL, "%s is not a regular file", path);
}

int tz_settings_load(const char *path, struct tz_settings *ret, struct tz_error *err)
{
	_cleanup_free_ char *text = malloc(FILE_SIZE_MAX + 1);
	_cleanup_close_ int fd = -1;
	ssize_t size;
	int r;

	if (!path)
		path = TZ_SETTINGS_PATH;
	if (!text)
		return tz_error_set(err, ENOMEM, "%s: out of memory", path);
	/* O_NONBLOCK: a FIFO must be refused, not waited for */
	fd = tz_path_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT) {
		*ret = defaults;
		return 0;
	}
	if (fd < 0)
		return explain_open(fd, path, err);
	r = require_trusted_file(fd, path, err);
	if (r < 0)
		return r;
	size = tz_read_all(fd, text, FILE_SIZE_MAX + 1);
	if (size < 0) {
		errno = (int)-size;
		return tz_error_set(err, errno, "%s cannot be read: %m", path);
	}
	if (size > FILE_SIZE_MAX)
		return tz_error_set(err, EINVAL, "%s is larger than %d KiB", path, FILE_SIZE_MAX / 1024);
	return tz_settings_parse(text, (size_t)size, path, ret, err);
}

bool tz_settings_service_allowed(const struct tz_settings *settings, const char *service)
{
	for (unsigned int i = 0; service && i < settings->service_count; i++)
		if (strcmp(settings->services[i], service) == 0)
			return true;
	return false;
}

const char *tz_driver_choice_name(enum tz_driver_choice choice)
{
	switch (choice) {
	case TZ_DRIVER_AUTO:
	case TZ_DRIVER_DM_CRYPT:
	case TZ_DRIVER_FUSE:
		return driver_names[choice];
	}
	return "unknown";
}
