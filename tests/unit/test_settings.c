#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/settings.h"

static struct tz_settings parse(const char *text)
{
	struct tz_settings settings;
	struct tz_error err = { 0 };

	if (tz_settings_parse(text, strlen(text), "f", &settings, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return settings;
}

static void refuse(const char *text, const char *message)
{
	struct tz_settings settings, before;
	struct tz_error err = { 0 };
	int r;

	memset(&settings, 0x5a, sizeof(settings));
	before = settings;
	r = tz_settings_parse(text, strlen(text), "f", &settings, &err);
	if (r == 0)
		fail_msg("'%s' was accepted instead of: %s", text, message);
	assert_int_equal(r, -EINVAL);
	assert_memory_equal(&settings, &before, sizeof(before));
	assert_contains(err.message, message);
	assert_int_equal(tz_settings_parse(text, strlen(text), "f", &settings, NULL), -EINVAL);
}

static void test_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "{}", "---\n" };
	struct tz_settings d;

	(void)state;
	memset(&d, 0x5a, sizeof(d));
	tz_settings_defaults(&d);
	assert_string_equal(d.ghost_user, "tazpod-ghost");
	assert_string_equal(d.public_user, "tazpod");
	assert_string_equal(d.vault, "/var/lib/tazpod/vault/vault.img");
	assert_string_equal(d.mount, "secrets");
	assert_string_equal(d.workspace, "/workspace");
	assert_string_equal(d.shell, "/bin/bash");
	assert_int_equal(d.driver, TZ_DRIVER_AUTO);
	assert_int_equal(d.vault_size, 512 * 1024 * 1024);
	assert_int_equal(d.key_timeout, 900);
	assert_int_equal(d.passphrase_min, 10);
	assert_int_equal(d.kdf_memory, 256 * 1024);
	assert_int_equal(d.kdf_time, 2000);
	assert_int_equal(d.kdf_iterations, 0);
	assert_int_equal(d.bridge_count, 2);
	assert_string_equal(d.bridges[0].vault, ".infisical-vault");
	assert_string_equal(d.bridges[0].home, ".infisical");
	assert_string_equal(d.bridges[1].vault, ".infisical-keyring");
	assert_string_equal(d.bridges[1].home, "infisical-keyring");
	assert_int_equal(d.service_count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		struct tz_settings s = parse(texts[i]);

		assert_memory_equal(&s, &d, sizeof(d));
	}
}

static void test_everything(void **state)
{
	struct tz_settings s = parse("ghost_user: ghost\n"
				     "public_user: dev\n"
				     "vault: /srv/v.img\n"
				     "mount: vault/open\n"
				     "workspace: /work\n"
				     "shell: /usr/bin/zsh\n"
				     "driver: dm-crypt\n"
				     "vault_size: 2G\n"
				     "key_timeout: 2h\n"
				     "passphrase_min_length: 12\n"
				     "kdf_memory: 64M\n"
				     "kdf_time: 500\n"
				     "kdf_iterations: 4\n"
				     "bridges:\n"
				     "  - {vault: gcloud, home: .config/gcloud}\n"
				     "  - vault: aws\n"
				     "    home: .aws\n"
				     "services: [su-l, xrdp]\n");

	(void)state;
	assert_string_equal(s.ghost_user, "ghost");
	assert_string_equal(s.public_user, "dev");
	assert_string_equal(s.vault, "/srv/v.img");
	assert_string_equal(s.mount, "vault/open");
	assert_string_equal(s.workspace, "/work");
	assert_string_equal(s.shell, "/usr/bin/zsh");
	assert_int_equal(s.driver, TZ_DRIVER_DM_CRYPT);
	assert_true(s.vault_size == 2048ULL * 1024 * 1024);
	assert_int_equal(s.key_timeout, 7200);
	assert_int_equal(s.passphrase_min, 12);
	assert_int_equal(s.kdf_memory, 65536);
	assert_int_equal(s.kdf_time, 500);
	assert_int_equal(s.kdf_iterations, 4);
	assert_int_equal(s.bridge_count, 2);
	assert_string_equal(s.bridges[0].vault, "gcloud");
	assert_string_equal(s.bridges[0].home, ".config/gcloud");
	assert_string_equal(s.bridges[1].vault, "aws");
	assert_string_equal(s.bridges[1].home, ".aws");
	assert_int_equal(s.service_count, 2);
	assert_true(tz_settings_service_allowed(&s, "su-l"));
	assert_true(tz_settings_service_allowed(&s, "xrdp"));
	assert_false(tz_settings_service_allowed(&s, "sshd"));
}

static void test_shape(void **state)
{
	(void)state;
	refuse("vault: /a/b\nmount: x\nvualt: /a\n", "f:3:1: unknown key 'vualt'; did you mean 'vault'?");
	refuse("something: 1\n", "f:1:1: unknown key 'something'");
	refuse("- a\n", "f:1:1: the document must be a map");
	refuse("word\n", "f:1:1: the document must be a map");
	refuse("vault: /a\nvault: /b\n", "f:2:1: key 'vault' is already set on line 1");
	refuse("a: *b\n", "aliases");
	refuse("vault:\n", "f:1:7: 'vault' has no value");
	refuse("vault: [/a]\n", "f:1:8: 'vault' must be a text, not a list");
}

static void test_users(void **state)
{
	static const char *const bad[] = { "''", "1abc", "-x", ".x", "a b", "a/b", "a:b", "ä", "'a\"b'", "$(id)",
					   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char text[128];

	(void)state;
	assert_string_equal(parse("ghost_user: _g.h-1").ghost_user, "_g.h-1");
	assert_string_equal(parse("ghost_user: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").ghost_user,
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "ghost_user: %s\n", bad[i]);
		refuse(text, "f:1:13: 'ghost_user' must be a user's name");
		(void)snprintf(text, sizeof(text), "public_user: %s\n", bad[i]);
		refuse(text, "f:1:14: 'public_user' must be a user's name");
	}
	refuse("ghost_user: root\n", "f:1:13: 'ghost_user' must not be root");
	refuse("ghost_user: a\npublic_user: a\n", "f:1:13: 'ghost_user' must not name the same user as 'public_user'");
	refuse("ghost_user: tazpod\n", "f:1:13: 'ghost_user' must not name the same user as 'public_user'");
	refuse("public_user: tazpod-ghost\n", "f:1:14: 'public_user' must not name the same user as 'ghost_user'");
}

static void test_absolute_paths(void **state)
{
	static const char *const keys[] = { "vault", "shell", "workspace" };
	static const char *const bad[] = { "a", "a/b", "/", "//a", "/a//b", "/a/", "/a/./b", "/a/../b", "/..", "/.",
					   "./a", "../a", "~/a", "\"/a\\nb\"", "\"/a\\x7f\"" };
	char text[128], message[128];

	(void)state;
	assert_string_equal(parse("vault: /a/..b/.c").vault, "/a/..b/.c");
	for (unsigned int k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			(void)snprintf(text, sizeof(text), "%s: %s\n", keys[k], bad[i]);
			(void)snprintf(message, sizeof(message), "'%s' must be an absolute path", keys[k]);
			refuse(text, message);
		}
	refuse("vault: ''\n", "'vault' must be an absolute path");
	refuse("shell: none\n", "'shell' must be an absolute path");
}

static void test_long_paths(void **state)
{
	char text[600] = "vault: /";

	(void)state;
	/* in the field there is room for 255 bytes */
	memset(text + 8, 'a', 127);
	text[8 + 127] = '/';
	memset(text + 8 + 128, 'a', 126);
	text[8 + 254] = '\0';
	assert_int_equal(strlen(parse(text).vault), 255);
	text[8 + 254] = 'a';
	text[8 + 255] = '\0';
	refuse(text, "f:1:8: 'vault' is too long: at most 255 bytes");
	/* one component has at most NAME_MAX bytes */
	memset(text + 8, 'a', 256);
	text[8 + 256] = '\0';
	refuse(text, "absolute path");
}

static void test_workspace(void **state)
{
	(void)state;
	assert_string_equal(parse("workspace: none").workspace, "");
	assert_string_equal(parse("workspace: ''").workspace, "");
	assert_string_equal(parse("workspace: /w").workspace, "/w");
	refuse("workspace:\n", "has no value");
	refuse("workspace: ~\n", "has no value");
	refuse("workspace: []\n", "must be a text");
	refuse("workspace: nowhere\n", "or none");
}

static void test_mount(void **state)
{
	static const char *const bad[] = { "''", "/a", "a/b/c", "a//b", "a/", "..", ".", "a/..", "./a", "\"a\\tb\"" };
	char text[128];

	(void)state;
	assert_string_equal(parse("mount: .s/x").mount, ".s/x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "mount: %s\n", bad[i]);
		refuse(text, "f:1:8: 'mount' must be a name in the ghost user's home");
	}
}

static void test_driver(void **state)
{
	(void)state;
	assert_int_equal(parse("driver: auto").driver, TZ_DRIVER_AUTO);
	assert_int_equal(parse("driver: fuse").driver, TZ_DRIVER_FUSE);
	refuse("driver: dmcrypt\n", "f:1:9: 'driver' must be auto, dm-crypt or fuse; did you mean 'dm-crypt'?");
	refuse("driver: zfs\n", "'driver' must be auto, dm-crypt or fuse");
	refuse("driver: FUSE\n", "did you mean 'fuse'?");
	refuse("driver: [auto]\n", "must be a text");
	assert_string_equal(tz_driver_choice_name(TZ_DRIVER_AUTO), "auto");
	assert_string_equal(tz_driver_choice_name(TZ_DRIVER_DM_CRYPT), "dm-crypt");
	assert_string_equal(tz_driver_choice_name(TZ_DRIVER_FUSE), "fuse");
	assert_string_equal(tz_driver_choice_name((enum tz_driver_choice)99), "unknown");
}

static void test_vault_size(void **state)
{
	static const char *const bad[] = { "0", "31M", "33554431", "16385G", "1T", "512m", "512MB", "512 M", "-1G", "1.5G",
					   "M", "''", "0512M", "18446744073709551616", "18446744073709551615G",
					   "99999999999999999999999", "17179869184G", "0x20000000", "+512M" };
	char text[128];

	(void)state;
	assert_true(parse("vault_size: 32M").vault_size == 32ULL << 20);
	assert_true(parse("vault_size: 33554432").vault_size == 32ULL << 20);
	assert_true(parse("vault_size: '65536K'").vault_size == 64ULL << 20);
	assert_true(parse("vault_size: 16384G").vault_size == 16384ULL << 30);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "vault_size: %s\n", bad[i]);
		refuse(text, "f:1:13: 'vault_size' must be a size from 32M to 16384G");
	}
	refuse("vault_size: 33554433\n", "must be a multiple of 4096 bytes");
	refuse("vault_size: {}\n", "must be a text");
}

static void test_key_timeout(void **state)
{
	static const char *const bad[] = { "25h", "1441m", "86401", "1d", "-1", "1h30m", "15 m", "18446744073709551615h" };
	char text[128];

	(void)state;
	assert_int_equal(parse("key_timeout: 0").key_timeout, 0);
	assert_int_equal(parse("key_timeout: 30").key_timeout, 30);
	assert_int_equal(parse("key_timeout: 30s").key_timeout, 30);
	assert_int_equal(parse("key_timeout: 15m").key_timeout, 900);
	assert_int_equal(parse("key_timeout: 24h").key_timeout, 86400);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "key_timeout: %s\n", bad[i]);
		refuse(text, "f:1:14: 'key_timeout' must be a time of at most 24h");
	}
}

static void test_passphrase_min(void **state)
{
	(void)state;
	assert_int_equal(parse("passphrase_min_length: 8").passphrase_min, 8);
	assert_int_equal(parse("passphrase_min_length: 128").passphrase_min, 128);
	refuse("passphrase_min_length: 7\n", "must be a whole number from 8 to 128");
	refuse("passphrase_min_length: 129\n", "must be a whole number from 8 to 128");
	refuse("passphrase_min_length: '10'\n", "without quotes");
	refuse("passphrase_min: 10\n", "did you mean 'passphrase_min_length'?");
}

static void test_kdf(void **state)
{
	(void)state;
	assert_int_equal(parse("kdf_memory: 32K").kdf_memory, 32);
	assert_int_equal(parse("kdf_memory: 4G").kdf_memory, 4 * 1024 * 1024);
	refuse("kdf_memory: 31K\n", "'kdf_memory' must be a size from 32K to 4G");
	refuse("kdf_memory: 4194305K\n", "'kdf_memory' must be a size from 32K to 4G");
	refuse("kdf_memory: 32769\n", "'kdf_memory' must be a multiple of 1K");
	refuse("kdf_memory: []\n", "must be a text");
	assert_int_equal(parse("kdf_time: 10").kdf_time, 10);
	refuse("kdf_time: 9\n", "from 10 to 60000");
	refuse("kdf_time: 60001\n", "from 10 to 60000");
	assert_int_equal(parse("kdf_iterations: 0").kdf_iterations, 0);
	assert_true(parse("kdf_iterations: 4294967295").kdf_iterations == 4294967295U);
	refuse("kdf_iterations: 3\n", "must be 0 (measured by kdf_time) or at least 4");
	refuse("kdf_iterations: 4294967296\n", "whole number from 0 to 4294967295");
}

static void test_bridges(void **state)
{
	(void)state;
	assert_int_equal(parse("bridges: []").bridge_count, 0);
	assert_int_equal(parse("bridges:\n- {vault: a, home: x}\n- {vault: b, home: xy}").bridge_count, 2);
	refuse("bridges: {}\n", "f:1:10: 'bridges' must be a list");
	refuse("bridges: [a]\n", "f:1:11: item 1 of 'bridges' must be a map");
	refuse("bridges: [{vault: a}]\n", "f:1:11: item 1 of 'bridges' must have both 'vault' and 'home'");
	refuse("bridges: [{home: a}]\n", "must have both");
	refuse("bridges: [{vault: a, hone: b}]\n", "f:1:22: unknown key 'hone'; did you mean 'home'?");
	refuse("bridges: [{vault: a/b, home: c}]\n", "f:1:19: 'vault' must be one name in the vault's root");
	refuse("bridges: [{vault: .., home: c}]\n", "must be one name in the vault's root");
	refuse("bridges: [{vault: /a, home: c}]\n", "must be one name in the vault's root");
	refuse("bridges: [{vault: lost+found, home: c}]\n", "must be one name in the vault's root");
	refuse("bridges: [{vault: a, home: ../c}]\n", "f:1:28: 'home' must be a name in the ghost user's home");
	refuse("bridges: [{vault: a, home: b/c/d}]\n", "must be a name in the ghost user's home");
	refuse("bridges: [{vault: , home: c}]\n", "has no value");
}

static void test_bridges_collide(void **state)
{
	(void)state;
	refuse("bridges: [{vault: a, home: x}, {vault: b, home: x}]\n", "f:1:10: 'bridges' has bridges that collide");
	refuse("bridges: [{vault: a, home: x}, {vault: b, home: x/y}]\n", "collide: 'x' and 'x/y'");
	refuse("bridges: [{vault: a, home: x/y}, {vault: b, home: x}]\n", "collide: 'x/y' and 'x'");
	refuse("bridges: [{vault: a, home: x}, {vault: a, home: y}]\n", "has two bridges from 'a'");
	refuse("bridges: [{vault: a, home: secrets}]\n", "makes the bridge 'secrets' and the mount 'secrets' collide");
	refuse("bridges: [{vault: a, home: secrets/x}]\n", "collide");
	refuse("mount: .infisical/x\n", "f:1:8: 'mount' makes the bridge '.infisical' and the mount");
	assert_int_equal(parse("bridges: [{vault: a, home: x/y}, {vault: b, home: x/z}]").bridge_count, 2);
}

static void test_too_many(void **state)
{
	char text[1024] = "services: [";

	(void)state;
	for (unsigned int i = 0; i < TZ_SERVICES_MAX; i++)
		(void)strcat(text, "abc, ");
	(void)strcat(text, "]");
	assert_int_equal(parse(text).service_count, TZ_SERVICES_MAX);
	text[strlen(text) - 1] = '\0';
	(void)strcat(text, "abc]");
	refuse(text, "'services' may have at most 16 items");
	(void)snprintf(text, sizeof(text), "bridges: [");
	for (unsigned int i = 0; i <= TZ_BRIDGES_MAX; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "{vault: v%u, home: h%u}, ", i, i);
	(void)strcat(text, "]");
	refuse(text, "'bridges' may have at most 16 items");
}

static void test_services(void **state)
{
	struct tz_settings s = parse("services: []");

	(void)state;
	assert_int_equal(s.service_count, 0);
	assert_false(tz_settings_service_allowed(&s, "su-l"));
	tz_settings_defaults(&s);
	assert_true(tz_settings_service_allowed(&s, "su-l"));
	assert_true(tz_settings_service_allowed(&s, "sshd"));
	assert_true(tz_settings_service_allowed(&s, "login"));
	assert_true(tz_settings_service_allowed(&s, "tazpod"));
	assert_false(tz_settings_service_allowed(&s, "su"));
	assert_false(tz_settings_service_allowed(&s, "su-l "));
	assert_false(tz_settings_service_allowed(&s, ""));
	assert_false(tz_settings_service_allowed(&s, NULL));
	refuse("services: su-l\n", "'services' must be a list");
	refuse("services: [su-l, a/b]\n", "f:1:18: item 2 of 'services' must be the name of a PAM service");
	refuse("services: [..]\n", "must be the name of a PAM service");
	refuse("services: ['']\n", "must be the name of a PAM service");
	refuse("services: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", "at most 63 bytes");
}

/* From here on: the file. It must be root's, so most of it needs root. */

static void refuse_file(const char *path, int code, const char *message)
{
	struct tz_settings settings, before;
	struct tz_error err = { 0 };
	int r;

	memset(&settings, 0x5a, sizeof(settings));
	before = settings;
	alarm(10);
	r = tz_settings_load(path, &settings, &err);
	alarm(0);
	assert_int_equal(r, code);
	assert_memory_equal(&settings, &before, sizeof(before));
	assert_contains(err.message, message);
	assert_contains(err.message, path);
}

static void test_load_missing(void **state)
{
	struct tz_settings settings, d;
	struct tz_error err = { 0 };

	(void)state;
	tz_settings_defaults(&d);
	memset(&settings, 0x5a, sizeof(settings));
	assert_int_equal(tz_settings_load(unit_path("none"), &settings, &err), 0);
	assert_memory_equal(&settings, &d, sizeof(d));
	assert_int_equal(err.code, 0);
	assert_int_equal(tz_settings_load(unit_path("none/none"), &settings, NULL), 0);
}

static void test_load_refuses_symlinks(void **state)
{
	(void)state;
	unit_write(unit_path("file"), "", 0, 0600);
	assert_int_equal(symlink("file", unit_path("link")), 0);
	refuse_file(unit_path("link"), -ELOOP, "is a symlink");
	assert_int_equal(symlink("nowhere", unit_path("dangling")), 0);
	refuse_file(unit_path("dangling"), -ELOOP, "is a symlink");
	refuse_file(unit_path("file/x"), -ENOTDIR, "cannot be opened: Not a directory");
}

static void test_load_foreign_owner(void **state)
{
	(void)state;
	unit_write(unit_path("file"), "mount: x\n", 9, 0644);
	if (geteuid() == 0)
		assert_int_equal(chown(unit_path("file"), UNIT_NOBODY, UNIT_NOBODY), 0);
	refuse_file(unit_path("file"), -EPERM, "belongs to uid");
}

static void test_load(void **state)
{
	struct tz_settings settings;

	(void)state;
	if (geteuid() != 0)
		unit_skip("only root has files that belong to root");
	unit_write(unit_path("file"), "mount: x\n", 9, 0644);
	assert_int_equal(tz_settings_load(unit_path("file"), &settings, NULL), 0);
	assert_string_equal(settings.mount, "x");
	unit_write(unit_path("file"), "mount: x\nmuont: y\n", 18, 0644);
	refuse_file(unit_path("file"), -EINVAL, ":2:1: unknown key 'muont'; did you mean 'mount'?");
	unit_write(unit_path("file"), "mount: x\n", 9, 0664);
	refuse_file(unit_path("file"), -EPERM, "may be written by others");
	unit_write(unit_path("file"), "mount: x\n", 9, 0646);
	refuse_file(unit_path("file"), -EPERM, "may be written by others");
}

static void test_load_refuses_odd_files(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (geteuid() != 0)
		unit_skip("only root has files that belong to root");
	assert_int_equal(mkfifo(unit_path("fifo"), 0600), 0);
	refuse_file(unit_path("fifo"), -EINVAL, "is not a regular file");
	assert_int_equal(mkdir(unit_path("dir"), 0700), 0);
	refuse_file(unit_path("dir"), -EINVAL, "is not a regular file");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", unit_path("socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	refuse_file(unit_path("socket"), -ENXIO, "cannot be opened");
}

static void test_load_size(void **state)
{
	size_t size = 64 * 1024;
	_cleanup_free_ char *text = malloc(size + 1);
	struct tz_settings settings;

	(void)state;
	if (geteuid() != 0)
		unit_skip("only root has files that belong to root");
	assert_non_null(text);
	memset(text, '#', size + 1);
	unit_write(unit_path("file"), text, size, 0600);
	assert_int_equal(tz_settings_load(unit_path("file"), &settings, NULL), 0);
	unit_write(unit_path("file"), text, size + 1, 0600);
	refuse_file(unit_path("file"), -EINVAL, "is larger than 64 KiB");
}

static int load_default(void *data)
{
	struct tz_settings settings;
	struct tz_error err = { 0 };
	int r = tz_settings_load(NULL, &settings, &err);

	(void)data;
	/* there or not, good or not: an error names the file */
	return r == 0 || strstr(err.message, TZ_SETTINGS_PATH) ? 0 : 1;
}

static void test_load_default_path(void **state)
{
	(void)state;
	assert_int_equal(unit_in_child(load_default, NULL), 0);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, unit_setup_dir, unit_teardown_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_absolute_paths),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_workspace),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_vault_size),
		cmocka_unit_test(test_key_timeout),
		cmocka_unit_test(test_passphrase_min),
		cmocka_unit_test(test_kdf),
		cmocka_unit_test(test_bridges),
		cmocka_unit_test(test_bridges_collide),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_services),
		FILE_TEST(test_load_missing),
		FILE_TEST(test_load_refuses_symlinks),
		FILE_TEST(test_load_foreign_owner),
		FILE_TEST(test_load),
		FILE_TEST(test_load_refuses_odd_files),
		FILE_TEST(test_load_size),
		cmocka_unit_test(test_load_default_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
