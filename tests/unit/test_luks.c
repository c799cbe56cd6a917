/* On image files of 20 MiB, with a cheap key derivation but for one test. Needs no privilege. */
#include "cryptsetup.h"
#include "luks_edit.h"
#include "luks_vault.h"

#include <dirent.h>
#include <time.h>

#define HEADER 16384
#define RECOVERY "recover-me-please-1234"
#define WRONG "incorrect horse"

static void expect_slots(unsigned int ordinary, unsigned int recovery)
{
	struct tz_luks_info info;

	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_int_equal(info.slots, ordinary);
	assert_int_equal(info.recovery_slots, recovery);
}

static int add_recovery(const char *current, const char *recovery)
{
	err = (struct tz_error){ 0 };
	return tz_luks_add_recovery(&image, &settings, secret(current), secret(recovery), &err);
}

/* The image from there on, as it was last kept: has nothing changed? */
static bool same_from(off_t from, const char *name)
{
	static uint8_t one[HEADER], other[HEADER];
	int fd = open(unit_path(name), O_RDONLY | O_CLOEXEC);
	bool same = true;

	assert_true(fd >= 0);
	for (off_t at = from; same && at < SIZE; at += (off_t)sizeof(one)) {
		assert_int_equal(pread(image.fd, one, sizeof(one), at), sizeof(one));
		assert_int_equal(pread(fd, other, sizeof(other), at), sizeof(other));
		same = memcmp(one, other, sizeof(one)) == 0;
	}
	assert_int_equal(close(fd), 0);
	return same;
}

static bool same_as(const char *name)
{
	return same_from(0, name);
}

static void overwrite(off_t at, size_t size)
{
	static uint8_t junk[4 * HEADER];

	assert_true(size <= sizeof(junk));
	memset(junk, 0xa5, sizeof(junk));
	assert_int_equal(pwrite(image.fd, junk, size, at), size);
}

/* ---- made, read, opened ---- */

static void a_new_one_is_as_the_design_says(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_image other = TZ_IMAGE_INIT;
	struct tz_luks_info info, second;

	(void)state;
	assert_int_equal(volume_key.size, 64);
	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_string_equal(info.cipher, "aes-xts-plain64");
	assert_int_equal(info.key_size, 64);
	assert_int_equal(info.sector_size, 4096);
	assert_int_equal(info.data_offset + info.data_size, SIZE);
	assert_false(info.fixed_size);
	assert_int_equal(info.iv_offset, 0);
	assert_int_equal(strlen(info.uuid), 36);
	assert_int_equal(info.slots, 1);
	assert_int_equal(info.recovery_slots, 0);
	assert_false(info.reencrypting || info.allow_discards);
	make_vault("other.img", &other, &key);
	assert_int_equal(tz_luks_info(&other, &second, &err), 0);
	assert_string_not_equal(second.uuid, info.uuid);
	assert_false(tz_secret_equal(&key, &volume_key));
	assert_int_equal(tz_luks_verify(&other, &volume_key, &err), -EKEYREJECTED);
	tz_image_close(&other);
}

static void only_its_passphrase_opens_it(void **state)
{
	bool recovery = true;

	(void)state;
	assert_int_equal(opens_with(FIRST, &recovery), 0);
	assert_false(recovery);
	assert_int_equal(opens_with(WRONG, NULL), -EKEYREJECTED);
	assert_string_equal(err.message, "wrong passphrase");
	assert_int_equal(opens_with(FIRST " ", NULL), -EKEYREJECTED);
	assert_int_equal(opens_with("correct horse batter", NULL), -EKEYREJECTED);
}

static void an_empty_passphrase_opens_nothing(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_secret empty = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_luks_unlock(&image, &empty, &key, NULL, &err), -EKEYREJECTED);
	assert_int_equal(opens_with("", NULL), -EKEYREJECTED);
	assert_null(key.data);
}

static void the_longest_passphrase_serves(void **state)
{
	char longest[TZ_PASSPHRASE_MAX + 1], shorter[TZ_PASSPHRASE_MAX];

	(void)state;
	memset(longest, 'x', TZ_PASSPHRASE_MAX);
	longest[TZ_PASSPHRASE_MAX] = '\0';
	(void)snprintf(shorter, sizeof(shorter), "%s", longest);
	assert_int_equal(change(FIRST, longest), 0);
	assert_int_equal(opens_with(longest, NULL), 0);
	assert_int_equal(opens_with(shorter, NULL), -EKEYREJECTED);
}

static void its_key_is_told_from_others(void **state)
{
	_cleanup_secret_ struct tz_secret other = TZ_SECRET_INIT;

	(void)state;
	assert_int_equal(tz_luks_verify(&image, &volume_key, &err), 0);
	assert_int_equal(tz_secret_copy(&other, volume_key.data, volume_key.size), 0);
	other.data[63] ^= 1;
	assert_int_equal(tz_luks_verify(&image, &other, &err), -EKEYREJECTED);
	assert_contains(err.message, "not this vault's key");
	tz_secret_free(&other);
	assert_int_equal(tz_secret_copy(&other, volume_key.data, 32), 0);
	assert_int_equal(tz_luks_verify(&image, &other, &err), -EKEYREJECTED);
}

/* As the settings have it by default, measured on this machine; but for a shorter time. */
static void the_real_derivation_works(void **state)
{
	struct timespec before, after;

	(void)state;
	tz_settings_defaults(&settings);
	settings.kdf_time = 500;
	assert_int_equal(change(FIRST, SECOND), 0);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	/* a derivation worth the name takes its time, a cheap one none */
	assert_in_range((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 100, 60000);
}

/* ---- damage ---- */

/* Each copy is whole again: the other one can go. */
static void expect_repaired(const char *kept)
{
	struct tz_luks_info info;

	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	for (off_t copy = 0; copy <= HEADER; copy += HEADER) {
		overwrite(copy, HEADER);
		assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	}
	assert_int_equal(info.slots, 1);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	assert_true(same_from(2 * HEADER, kept));
}

static void a_damaged_primary_header_is_served_and_repaired(void **state)
{
	static const struct {
		off_t at;
		size_t size;
	} damages[] = { { 0, 8 }, { 0, 512 }, { 0, 4096 }, { 4096, 100 }, { 448, 64 }, { 0, HEADER } };

	(void)state;
	copy_file("vault.img", "kept");
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		overwrite(damages[i].at, damages[i].size);
		expect_repaired("kept");
	}
}

static void a_damaged_second_header_is_repaired(void **state)
{
	(void)state;
	copy_file("vault.img", "kept");
	overwrite(HEADER + 4096, 100);
	expect_repaired("kept");
}

static void a_damaged_primary_header_opens_at_once(void **state)
{
	(void)state;
	overwrite(0, HEADER);
	assert_int_equal(opens_with(FIRST, NULL), 0);
}

static void both_damaged_is_told_and_left_alone(void **state)
{
	struct tz_luks_info info;

	(void)state;
	overwrite(4096, 100);
	overwrite(HEADER + 4096, 100);
	copy_file("vault.img", "kept");
	assert_int_equal(tz_luks_info(&image, &info, &err), -EUCLEAN);
	assert_contains(err.message, "both copies of its LUKS2 header are damaged");
	assert_contains(err.message, "tazpod vault restore-header");
	assert_int_equal(opens_with(FIRST, NULL), -EUCLEAN);
	assert_int_equal(change(FIRST, SECOND), -EUCLEAN);
	assert_true(same_as("kept"));
}

/* ---- the passphrase ---- */

static void a_change_makes_the_old_one_useless(void **state)
{
	(void)state;
	assert_int_equal(change(FIRST, SECOND), 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	assert_int_equal(opens_with(FIRST, NULL), -EKEYREJECTED);
	expect_slots(1, 0);
	assert_int_equal(change(SECOND, FIRST), 0);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	expect_slots(1, 0);
}

static void a_change_that_is_none_is_refused(void **state)
{
	(void)state;
	copy_file("vault.img", "kept");
	assert_int_equal(change(FIRST, FIRST), -EINVAL);
	assert_contains(err.message, "same as the old one");
	assert_int_equal(change(WRONG, SECOND), -EKEYREJECTED);
	assert_true(same_as("kept"));
}

static void many_changes_leave_one_passphrase(void **state)
{
	char old[32] = FIRST, new[32];

	(void)state;
	/* more than there are keyslots */
	for (int i = 0; i < TZ_LUKS_SLOTS + 3; i++) {
		(void)snprintf(new, sizeof(new), "passphrase number %d", i);
		assert_int_equal(change(old, new), 0);
		memcpy(old, new, sizeof(old));
	}
	assert_int_equal(opens_with(old, NULL), 0);
	expect_slots(1, 0);
}

/* ---- recovery ---- */

static void a_recovery_passphrase_opens_it_and_says_so(void **state)
{
	bool recovery = false;

	(void)state;
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	expect_slots(1, 1);
	assert_int_equal(opens_with(RECOVERY, &recovery), 0);
	assert_true(recovery);
	assert_int_equal(opens_with(FIRST, &recovery), 0);
	assert_false(recovery);
}

static void there_is_only_one_recovery_passphrase(void **state)
{
	(void)state;
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	copy_file("vault.img", "kept");
	assert_int_equal(add_recovery(FIRST, "yet another recovery"), -EEXIST);
	assert_contains(err.message, "tazpod vault remove-recovery");
	assert_true(same_as("kept"));
}

static void it_must_be_another_and_the_current_one_right(void **state)
{
	(void)state;
	copy_file("vault.img", "kept");
	assert_int_equal(add_recovery(FIRST, FIRST), -EINVAL);
	assert_contains(err.message, "must differ");
	assert_int_equal(add_recovery(WRONG, RECOVERY), -EKEYREJECTED);
	assert_int_equal(add_recovery(WRONG, WRONG), -EKEYREJECTED);
	assert_true(same_as("kept"));
	expect_slots(1, 0);
}

static void a_change_keeps_the_recovery_passphrase(void **state)
{
	bool recovery = false;

	(void)state;
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	assert_int_equal(change(FIRST, SECOND), 0);
	assert_int_equal(opens_with(RECOVERY, &recovery), 0);
	assert_true(recovery);
	assert_int_equal(opens_with(SECOND, &recovery), 0);
	assert_false(recovery);
	assert_int_equal(opens_with(FIRST, NULL), -EKEYREJECTED);
	expect_slots(1, 1);
}

/* Who forgot the passphrase sets a new one by it, and still has it. */
static void a_change_by_the_recovery_passphrase_keeps_it(void **state)
{
	bool recovery = false;

	(void)state;
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	assert_int_equal(change(RECOVERY, SECOND), 0);
	assert_int_equal(opens_with(SECOND, &recovery), 0);
	assert_false(recovery);
	assert_int_equal(opens_with(RECOVERY, &recovery), 0);
	assert_true(recovery);
	assert_int_equal(opens_with(FIRST, NULL), -EKEYREJECTED);
	expect_slots(1, 1);
}

static void it_can_be_added_after_a_change_and_again(void **state)
{
	(void)state;
	assert_int_equal(change(FIRST, SECOND), 0);
	assert_int_equal(add_recovery(SECOND, RECOVERY), 0);
	assert_int_equal(tz_luks_remove_recovery(&image, &err), 0);
	assert_int_equal(opens_with(RECOVERY, NULL), -EKEYREJECTED);
	expect_slots(1, 0);
	assert_int_equal(change(SECOND, FIRST), 0);
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	assert_int_equal(opens_with(RECOVERY, NULL), 0);
	expect_slots(1, 1);
}

/* After its keyslot was reused, the mark of a removed one must not make an ordinary passphrase a recovery one. */
static void a_removed_one_leaves_no_mark(void **state)
{
	bool recovery = true;

	(void)state;
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	assert_int_equal(tz_luks_remove_recovery(&image, &err), 0);
	assert_int_equal(change(FIRST, SECOND), 0);
	assert_int_equal(opens_with(SECOND, &recovery), 0);
	assert_false(recovery);
	assert_int_equal(tz_luks_remove_recovery(&image, &err), -ENOENT);
	assert_contains(err.message, "has no recovery passphrase");
}

/* There is room for as many marks as there are keyslots. */
static void it_can_be_replaced_for_ever(void **state)
{
	(void)state;
	for (int i = 0; i < TZ_LUKS_SLOTS + 2; i++) {
		assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
		assert_int_equal(tz_luks_remove_recovery(&image, &err), 0);
	}
	expect_slots(1, 0);
}

/* As cryptsetup does it: input is a file with the passphrase. */
static const char *key_file(const char *name, const char *passphrase)
{
	static char paths[2][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 2];

	(void)snprintf(path, PATH_MAX, "%s", unit_path(name));
	unit_write(path, passphrase, strlen(passphrase), 0600);
	return path;
}

static void the_last_keyslot_is_not_removed(void **state)
{
	const char *argv[] = { "cryptsetup", "luksRemoveKey", "-q", image.path, NULL, NULL };

	(void)state;
	NEEDS_CRYPTSETUP();
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	argv[4] = key_file("first", FIRST);
	run_cryptsetup(argv);
	assert_int_equal(opens_with(FIRST, NULL), -EKEYREJECTED);
	expect_slots(0, 1);
	copy_file("vault.img", "kept");
	assert_int_equal(tz_luks_remove_recovery(&image, &err), -EPERM);
	assert_contains(err.message, "the only one that opens this vault");
	assert_true(same_as("kept"));
	/* and it still lets an ordinary one be set */
	assert_int_equal(change(RECOVERY, SECOND), 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	expect_slots(1, 1);
}

/* Which of two others the recovery passphrase is to replace cannot be known: none is lost. */
static void several_passphrases_are_all_kept(void **state)
{
	const char *argv[] = { "cryptsetup", "luksAddKey", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
			       "--key-file", NULL, image.path, NULL, NULL };

	(void)state;
	NEEDS_CRYPTSETUP();
	argv[8] = key_file("first", FIRST);
	argv[10] = key_file("second", SECOND);
	run_cryptsetup(argv);
	expect_slots(2, 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	assert_int_equal(add_recovery(SECOND, RECOVERY), 0);
	assert_int_equal(change(RECOVERY, "a third passphrase"), -E2BIG);
	assert_contains(err.message, "cryptsetup luksRemoveKey");
	assert_int_equal(opens_with("a third passphrase", NULL), 0);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	assert_int_equal(opens_with(SECOND, NULL), 0);
	/* an ordinary one replaces itself */
	assert_int_equal(change(SECOND, "a fourth passphrase"), 0);
	assert_int_equal(opens_with(SECOND, NULL), -EKEYREJECTED);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	expect_slots(3, 1);
}

static void what_cryptsetup_made_opens(void **state)
{
	const char *argv[] = { "cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2",
			       "--pbkdf-force-iterations", "1000", "--sector-size", "512", "--key-size", "256",
			       image.path, NULL, NULL };
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_luks_info info;

	(void)state;
	NEEDS_CRYPTSETUP();
	argv[14] = key_file("second", SECOND);
	run_cryptsetup(argv);
	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_int_equal(info.sector_size, 512);
	assert_int_equal(info.key_size, 32);
	assert_int_equal(tz_luks_unlock(&image, secret(SECOND), &key, NULL, &err), 0);
	assert_int_equal(key.size, 32);
	assert_int_equal(tz_luks_verify(&image, &key, &err), 0);
	assert_int_equal(change(SECOND, FIRST), 0);
	assert_int_equal(add_recovery(FIRST, RECOVERY), 0);
	assert_int_equal(tz_luks_verify(&image, &key, &err), 0);
}

/* ---- data segments ---- */

#define DYNAMIC "\"size\":\"dynamic\""
#define DATA (16 << 20) /* where it begins */

static void a_header_can_say_where_its_data_ends(void **state)
{
	struct tz_luks_info info;

	(void)state;
	edit_header(image.fd, DYNAMIC, "\"size\":\"2097152\"");
	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_true(info.fixed_size);
	assert_int_equal(info.data_offset, DATA);
	assert_int_equal(info.data_size, 2097152);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	edit_header(image.fd, "\"size\":\"2097152\"", "\"size\":\"4194304\"");
	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_true(info.fixed_size);
	assert_int_equal(info.data_offset + info.data_size, SIZE);
	/* it is not what follows from the image's size */
	image.size = 2 * SIZE;
	assert_int_equal(tz_luks_info(&image, &info, &err), 0);
	assert_int_equal(info.data_size, 4194304);
}

static void a_header_that_says_more_than_there_is_is_told(void **state)
{
	struct tz_luks_info info = { .key_size = 77 };

	(void)state;
	edit_header(image.fd, DYNAMIC, "\"size\":\"4198400\"");
	assert_int_equal(tz_luks_info(&image, &info, &err), -EUCLEAN);
	assert_contains(err.message, "truncated");
	assert_int_equal(info.key_size, 77);
}

static void sectors_that_are_numbered_from_elsewhere_are_refused(void **state)
{
	struct tz_luks_info info = { .key_size = 77 };

	(void)state;
	edit_header(image.fd, "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"4096\"");
	assert_int_equal(tz_luks_info(&image, &info, &err), -EOPNOTSUPP);
	assert_contains(err.message, "not numbered from 0 on (iv_tweak '4096')");
	assert_int_equal(info.key_size, 77);
}

static void several_segments_are_refused(void **state)
{
	struct tz_luks_info info = { .key_size = 77 };

	(void)state;
	edit_header(image.fd, DYNAMIC, "\"size\":\"2097152\"");
	edit_header(image.fd, "\"sector_size\":4096}", "\"sector_size\":4096},\"1\":{\"type\":\"crypt\",\"offset\":\"18874368\","
		    "\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":4096}");
	edit_header(image.fd, "\"segments\":[\"0\"]", "\"segments\":[\"0\",\"1\"]");
	assert_int_equal(tz_luks_info(&image, &info, &err), -EOPNOTSUPP);
	assert_contains(err.message, "has 2 data segments; TazPod opens vaults with one");
	assert_contains(err.message, image.path);
	assert_int_equal(info.key_size, 77);
}

/* As cryptsetup leaves it when it is stopped: read, but told apart. */
static void one_in_the_middle_of_a_reencryption_is_told_apart(void **state)
{
	const char *argv[] = { "cryptsetup", "reencrypt", "-q", "--encrypt", "--init-only", "--type", "luks2", "--disable-locks",
			       "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--reduce-device-size", "32M",
			       "--key-file", NULL, NULL, NULL };
	struct tz_image other = TZ_IMAGE_INIT;
	struct tz_luks_info info;

	(void)state;
	NEEDS_CRYPTSETUP();
	unit_write(unit_path("other.img"), "", 0, 0600);
	assert_int_equal(truncate(unit_path("other.img"), 48 << 20), 0);
	open_image("other.img", &other);
	argv[15] = key_file("first", FIRST);
	argv[16] = other.path;
	run_cryptsetup(argv);
	assert_int_equal(tz_luks_info(&other, &info, &err), 0);
	assert_true(info.reencrypting);
	tz_image_close(&other);
}

/* ---- header backups ---- */

static void backup(const char *name, int wanted)
{
	err = (struct tz_error){ 0 };
	assert_int_equal(tz_luks_backup_header(&image, unit_path(name), &err), wanted);
}

static int restore(const char *name)
{
	err = (struct tz_error){ 0 };
	return tz_luks_restore_header(&image, unit_path(name), &err);
}

static unsigned int count_files(void)
{
	DIR *directory = opendir(unit_dir);
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	assert_int_equal(closedir(directory), 0);
	return count - 2;
}

static void a_backup_is_private_and_overwrites_nothing(void **state)
{
	struct stat st;

	(void)state;
	(void)umask(0);
	backup("backup", 0);
	(void)umask(022);
	assert_int_equal(stat(unit_path("backup"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_true(st.st_size >= 2 * HEADER);
	unit_write(unit_path("taken"), "precious", 8, 0644);
	backup("taken", -EEXIST);
	assert_contains(err.message, "it was not touched");
	assert_int_equal(stat(unit_path("taken"), &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(symlink("nowhere", unit_path("dangling")), 0);
	backup("dangling", -EEXIST);
	assert_int_equal(access(unit_path("nowhere"), F_OK), -1);
	backup("no/such/folder", -ENOENT);
	/* vault.img, backup, taken, dangling: nothing temporary is left */
	assert_int_equal(count_files(), 4);
}

static void a_backup_brings_the_vault_back(void **state)
{
	(void)state;
	backup("backup", 0);
	assert_int_equal(change(FIRST, SECOND), 0);
	/* over a whole header: the old passphrase is back */
	assert_int_equal(restore("backup"), 0);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	assert_int_equal(opens_with(SECOND, NULL), -EKEYREJECTED);
	/* over nothing at all */
	overwrite(0, 2 * HEADER);
	assert_int_equal(opens_with(FIRST, NULL), -EUCLEAN);
	assert_int_equal(restore("backup"), 0);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	/* and over two damaged copies that are still seen as headers */
	overwrite(4096, 100);
	overwrite(HEADER + 4096, 100);
	assert_int_equal(restore("backup"), 0);
	assert_int_equal(opens_with(FIRST, NULL), 0);
	expect_slots(1, 0);
}

static void what_is_no_backup_is_refused(void **state)
{
	(void)state;
	copy_file("vault.img", "kept");
	unit_write(unit_path("garbage"), "garbage", 7, 0600);
	assert_int_equal(restore("garbage"), -EINVAL);
	assert_contains(err.message, "not a backup of a LUKS2 header");
	unit_write(unit_path("empty"), "", 0, 0600);
	assert_int_equal(restore("empty"), -EINVAL);
	assert_int_equal(restore("missing"), -ENOENT);
	backup("cut", 0);
	assert_int_equal(truncate(unit_path("cut"), 2 * HEADER), 0);
	assert_true(restore("cut") < 0);
	assert_int_equal(truncate(unit_path("cut"), 4096), 0);
	assert_true(restore("cut") < 0);
	assert_true(same_as("kept"));
}

static void another_vault_s_backup_is_refused(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_image other = TZ_IMAGE_INIT;

	(void)state;
	make_vault("other.img", &other, &key);
	assert_int_equal(tz_luks_backup_header(&other, unit_path("others"), &err), 0);
	copy_file("vault.img", "kept");
	assert_int_equal(restore("others"), -EXDEV);
	assert_contains(err.message, "the header of another vault");
	assert_true(same_as("kept"));
	assert_int_equal(opens_with(FIRST, NULL), 0);
	tz_image_close(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_vault, without_vault)
	const struct CMUnitTest tests[] = {
		TEST(a_new_one_is_as_the_design_says),
		TEST(only_its_passphrase_opens_it),
		TEST(an_empty_passphrase_opens_nothing),
		TEST(the_longest_passphrase_serves),
		TEST(its_key_is_told_from_others),
		TEST(the_real_derivation_works),
		TEST(a_damaged_primary_header_is_served_and_repaired),
		TEST(a_damaged_second_header_is_repaired),
		TEST(a_damaged_primary_header_opens_at_once),
		TEST(both_damaged_is_told_and_left_alone),
		TEST(a_change_makes_the_old_one_useless),
		TEST(a_change_that_is_none_is_refused),
		TEST(many_changes_leave_one_passphrase),
		TEST(a_recovery_passphrase_opens_it_and_says_so),
		TEST(there_is_only_one_recovery_passphrase),
		TEST(it_must_be_another_and_the_current_one_right),
		TEST(a_change_keeps_the_recovery_passphrase),
		TEST(a_change_by_the_recovery_passphrase_keeps_it),
		TEST(it_can_be_added_after_a_change_and_again),
		TEST(a_removed_one_leaves_no_mark),
		TEST(it_can_be_replaced_for_ever),
		TEST(the_last_keyslot_is_not_removed),
		TEST(several_passphrases_are_all_kept),
		TEST(what_cryptsetup_made_opens),
		TEST(a_header_can_say_where_its_data_ends),
		TEST(a_header_that_says_more_than_there_is_is_told),
		TEST(sectors_that_are_numbered_from_elsewhere_are_refused),
		TEST(several_segments_are_refused),
		TEST(one_in_the_middle_of_a_reencryption_is_told_apart),
		TEST(a_backup_is_private_and_overwrites_nothing),
		TEST(a_backup_brings_the_vault_back),
		TEST(what_is_no_backup_is_refused),
		TEST(another_vault_s_backup_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
