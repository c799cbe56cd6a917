/* The directory of the image is root's alone, so each test has a private /mnt. */
#include "private_ns.h"

#include <sys/sysmacros.h>

#include "libtazpod/image.h"
#include "libtazpod/luks.h"

#define GATE SCRATCH "/gate"
#define IMAGE GATE "/vault.img"
#define MIB (1024 * 1024)
#define SIZE (20 * MIB)
/* Two copies of 16 KiB, as cryptsetup and we make them. */
#define HEADERS 32768

static struct tz_error err;

static void open_as(const char *path, int wanted, struct tz_image *ret)
{
	*ret = (struct tz_image)TZ_IMAGE_INIT;
	err = (struct tz_error){ 0 };
	CHECK_CODE(tz_image_open(path, ret, &err), wanted, &err);
	CHECK(wanted == 0 || (ret->fd == -1 && ret->dir == -1));
}

static void refuses(const char *path, int wanted, const char *part)
{
	struct tz_image image;

	open_as(path, wanted, &image);
	CHECK_CONTAINS(err.message, part);
}

static void make_gate(void)
{
	make_dir(GATE, 0, 0700);
}

/* FNV-1a over what the file holds, its times and its mode. */
static uint64_t fingerprint(const char *path)
{
	static uint8_t block[65536];
	uint64_t hash = 0xcbf29ce484222325ULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOATIME | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	while ((n = read(fd, block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ block[i]) * 0x100000001b3ULL;
	CHECK(n == 0 && close(fd) == 0);
	hash = (hash ^ (uint64_t)st.st_size) * 0x100000001b3ULL;
	hash = (hash ^ (uint64_t)st.st_mtim.tv_nsec) * 0x100000001b3ULL;
	return (hash ^ st.st_mode) * 0x100000001b3ULL;
}

static void make_vault(void)
{
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT, key = TZ_SECRET_INIT;
	struct tz_settings settings;
	int fd = open(IMAGE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	tz_settings_defaults(&settings);
	settings.kdf_iterations = 4;
	settings.kdf_memory = 32;
	CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
	CHECK(tz_secret_copy(&passphrase, "right horse", 11) == 0);
	CHECK_CODE(tz_luks_format(fd, &settings, &passphrase, &key, &err), 0, &err);
	CHECK(close(fd) == 0);
}

/* Whatever is asked of it is refused with the same sentence, and nothing in it changes. */
static void is_no_vault(enum tz_image_kind wanted, const char *part)
{
	_cleanup_secret_ struct tz_secret one = TZ_SECRET_INIT, other = TZ_SECRET_INIT, key = TZ_SECRET_INIT;
	struct tz_settings settings;
	struct tz_luks_info info;
	struct tz_image image;
	enum tz_image_kind kind;
	uint64_t before = fingerprint(IMAGE);

	tz_settings_defaults(&settings);
	CHECK(tz_secret_copy(&one, "right horse", 11) == 0 && tz_secret_copy(&other, "other horse", 11) == 0);
	open_as(IMAGE, 0, &image);
	CHECK(image.fd >= 0);
	CHECK_CODE(tz_image_identify(&image, &kind, &err), 0, &err);
	CHECK(kind == wanted);
	CHECK_CODE(tz_image_require_luks2(&image, &err), -EUCLEAN, &err);
	CHECK_CONTAINS(err.message, part);
	CHECK_CONTAINS(err.message, IMAGE);
	CHECK(tz_luks_info(&image, &info, &err) == -EUCLEAN);
	CHECK_CONTAINS(err.message, part);
	CHECK(tz_luks_unlock(&image, &one, &key, NULL, &err) == -EUCLEAN && key.data == NULL);
	CHECK_CONTAINS(err.message, part);
	CHECK(tz_luks_verify(&image, &one, NULL) == -EUCLEAN);
	CHECK(tz_luks_change(&image, &settings, &one, &other, NULL) == -EUCLEAN);
	CHECK(tz_luks_add_recovery(&image, &settings, &one, &other, NULL) == -EUCLEAN);
	CHECK(tz_luks_remove_recovery(&image, NULL) == -EUCLEAN);
	CHECK(tz_luks_backup_header(&image, GATE "/backup", NULL) == -EUCLEAN && access(GATE "/backup", F_OK) < 0);
	tz_image_close(&image);
	CHECK(fingerprint(IMAGE) == before);
}

static void write_image(const void *data, size_t size, off_t length)
{
	int fd = open(IMAGE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && ftruncate(fd, length) == 0 && close(fd) == 0);
}

/* ---- what is in it ---- */

static int knows_its_own(void)
{
	struct tz_image image;
	enum tz_image_kind kind;
	struct stat st;

	make_gate();
	make_vault();
	open_as(IMAGE, 0, &image);
	CHECK(stat(IMAGE, &st) == 0);
	CHECK(image.dev == st.st_dev && image.ino == st.st_ino && image.size == SIZE);
	CHECK(strcmp(image.path, IMAGE) == 0 && strcmp(image.name, "vault.img") == 0);
	CHECK((fcntl(image.fd, F_GETFD) & FD_CLOEXEC) && (fcntl(image.dir, F_GETFD) & FD_CLOEXEC));
	CHECK((fcntl(image.fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(tz_image_identify(&image, &kind, &err) == 0 && kind == TZ_IMAGE_LUKS2);
	CHECK(tz_image_require_luks2(&image, &err) == 0);
	tz_image_close(&image);
	CHECK(image.fd == -1 && image.dir == -1);
	tz_image_close(&image);
	tz_image_close(NULL);
	return 0;
}

static int none_yet(void)
{
	struct tz_image image;

	make_gate();
	open_as(IMAGE, 0, &image);
	CHECK(image.fd == -1 && image.dir >= 0);
	tz_image_close(&image);
	return 0;
}

static int tells_an_empty_one(void)
{
	make_gate();
	write_image("", 0, 0);
	is_no_vault(TZ_IMAGE_EMPTY, "there but empty");
	write_image("", 0, 1);
	is_no_vault(TZ_IMAGE_EMPTY, "there but empty");
	write_image("", 0, SIZE);
	is_no_vault(TZ_IMAGE_EMPTY, "there but empty");
	return 0;
}

static int tells_garbage(void)
{
	static const uint8_t newer[8] = { 'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 3 };
	uint8_t junk[70000];

	make_gate();
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 31 + (i >> 8) * 17 + 5);
	write_image(junk, sizeof(junk), SIZE);
	is_no_vault(TZ_IMAGE_UNKNOWN, "not a LUKS2 image");
	write_image(junk, 3, 3);
	is_no_vault(TZ_IMAGE_UNKNOWN, "not a LUKS2 image");
	/* the right magic, a version that there is not yet */
	memcpy(junk, newer, sizeof(newer));
	write_image(junk, sizeof(junk), SIZE);
	is_no_vault(TZ_IMAGE_UNKNOWN, "not a LUKS2 image");
	return 0;
}

static int tells_a_truncated_one(void)
{
	static const off_t lengths[] = { 6, 8, 15, 16, 512, 4095, 4096, 16383, 16384, 20000, HEADERS - 1 };

	make_gate();
	make_vault();
	for (size_t i = sizeof(lengths) / sizeof(lengths[0]); i-- > 0;) {
		CHECK(truncate(IMAGE, lengths[i]) == 0);
		is_no_vault(TZ_IMAGE_TRUNCATED, "truncated: it ends within its LUKS2 header");
	}
	return 0;
}

/* Its headers are whole: it is told when they are read. */
static int tells_one_that_ends_before_its_data(void)
{
	static const off_t lengths[] = { HEADERS, HEADERS + 4096, MIB, 16 * MIB - 1, 16 * MIB };

	make_gate();
	make_vault();
	for (size_t i = sizeof(lengths) / sizeof(lengths[0]); i-- > 0;) {
		struct tz_luks_info info = { .key_size = 77 };
		struct tz_image image;
		uint64_t before;

		CHECK(truncate(IMAGE, lengths[i]) == 0);
		before = fingerprint(IMAGE);
		open_as(IMAGE, 0, &image);
		CHECK_CODE(tz_luks_info(&image, &info, &err), -EUCLEAN, &err);
		CHECK_CONTAINS(err.message, "is truncated: its header says that data starts at byte 16777216");
		CHECK(info.key_size == 77);
		tz_image_close(&image);
		CHECK(fingerprint(IMAGE) == before);
	}
	return 0;
}

static int tells_luks1(void)
{
	const char *const argv[] = { "cryptsetup", "luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations",
				     "1000", "--key-file", GATE "/key", IMAGE, NULL };

	if (access("/sbin/cryptsetup", X_OK) < 0)
		return EXIT_SKIP;
	make_gate();
	make_file(GATE "/key", 0);
	write_image("", 0, SIZE);
	CHECK(run_program("/sbin/cryptsetup", argv) == 0);
	is_no_vault(TZ_IMAGE_LUKS1, "old LUKS1 format");
	CHECK_CONTAINS(err.message, "cryptsetup convert --type luks2");
	return 0;
}

/* Either copy of the header makes it a vault: a damaged one is repaired, not taken for garbage. */
static int one_header_is_enough(void)
{
	const uint8_t junk[8] = "junkjunk";
	struct tz_image image;
	enum tz_image_kind kind;
	int fd;

	make_gate();
	make_vault();
	fd = open(IMAGE, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, junk, sizeof(junk), 0) == (ssize_t)sizeof(junk));
	open_as(IMAGE, 0, &image);
	CHECK(tz_image_identify(&image, &kind, &err) == 0 && kind == TZ_IMAGE_LUKS2);
	/* magic whole, version not */
	CHECK(pwrite(fd, "LUKS\xba\xbe\xff\xff", 8, 0) == 8);
	CHECK(tz_image_identify(&image, &kind, &err) == 0 && kind == TZ_IMAGE_LUKS2);
	CHECK(pwrite(fd, junk, sizeof(junk), 16384) == (ssize_t)sizeof(junk));
	CHECK(tz_image_identify(&image, &kind, &err) == 0 && kind == TZ_IMAGE_UNKNOWN);
	tz_image_close(&image);
	return close(fd);
}

/* ---- what is in its place ---- */

static int refuses_what_is_no_file(void)
{
	make_gate();
	make_dir(GATE "/d", 0, 0700);
	refuses(GATE "/d", -EINVAL, "not a regular file");
	CHECK(mkfifo(GATE "/fifo", 0600) == 0);
	refuses(GATE "/fifo", -EINVAL, "not a regular file");
	CHECK(mknod(GATE "/null", S_IFCHR | 0600, makedev(1, 3)) == 0);
	refuses(GATE "/null", -EINVAL, "not a regular file");
	CHECK(mknod(GATE "/block", S_IFBLK | 0600, makedev(0, 0)) == 0);
	refuses(GATE "/block", -EINVAL, "not a regular file");
	CHECK(mknod(GATE "/socket", S_IFSOCK | 0600, 0) == 0);
	refuses(GATE "/socket", -EINVAL, "not a regular file");
	return 0;
}

static int refuses_symlinks(void)
{
	make_gate();
	make_vault();
	CHECK(symlink("vault.img", GATE "/link") == 0 && symlink("nowhere", GATE "/dangling") == 0);
	refuses(GATE "/link", -ELOOP, "is a symbolic link");
	refuses(GATE "/dangling", -ELOOP, "is a symbolic link");
	CHECK(symlink(GATE, SCRATCH "/way") == 0);
	refuses(SCRATCH "/way/vault.img", -ELOOP, SCRATCH "/way is a symbolic link");
	return 0;
}

static int refuses_names_that_are_no_path(void)
{
	char longest[TZ_PATH_TEXT + 8];

	refuses("vault.img", -EINVAL, "not the absolute path");
	refuses("", -EINVAL, "not the absolute path");
	refuses("/", -EINVAL, "not the absolute path");
	refuses(GATE "/", -EINVAL, "not the absolute path");
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	refuses(longest, -EINVAL, "not the absolute path");
	make_gate();
	refuses(GATE "/../gate/vault.img", -EXDEV, "cannot be opened");
	return 0;
}

static int names_the_directory_that_is_missing(void)
{
	refuses(SCRATCH "/no/such/vault.img", -ENOENT, SCRATCH "/no, in which the vault is kept");
	CHECK_CONTAINS(err.message, "install -d -m 0700 " SCRATCH "/no");
	make_file(SCRATCH "/file", 0);
	refuses(SCRATCH "/file/vault.img", -ENOTDIR, SCRATCH "/file cannot be opened");
	return 0;
}

/* ---- who may get there ---- */

static int refuses_a_way_that_others_may_write(void)
{
	static const struct {
		uid_t owner;
		mode_t mode;
	} cases[] = { { 0, 0777 }, { 0, 01777 }, { 0, 0775 }, { 0, 0702 }, { 54321, 0755 }, { 54321, 0700 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_dir(SCRATCH "/open", cases[i].owner, cases[i].mode);
		make_dir(SCRATCH "/open/gate", 0, 0700);
		make_file(SCRATCH "/open/gate/vault.img", 0);
		CHECK(chmod(SCRATCH "/open/gate/vault.img", 0600) == 0);
		refuses(SCRATCH "/open/gate/vault.img", -EPERM, SCRATCH "/open");
		CHECK(unlink(SCRATCH "/open/gate/vault.img") == 0 && rmdir(SCRATCH "/open/gate") == 0);
		refuses(SCRATCH "/open/vault.img", -EPERM, SCRATCH "/open");
		CHECK(rmdir(SCRATCH "/open") == 0);
	}
	return 0;
}

/* Below it no one else gets, so nothing there is judged: a volume of a container may be anyone's. */
static int nothing_is_judged_below_the_gate(void)
{
	struct tz_image image;

	make_gate();
	make_dir(GATE "/deep", 54321, 0777);
	make_file(GATE "/deep/vault.img", 54321);
	CHECK(chmod(GATE "/deep/vault.img", 0666) == 0);
	open_as(GATE "/deep/vault.img", 0, &image);
	CHECK(image.fd >= 0);
	tz_image_close(&image);
	return 0;
}

static int without_a_gate_the_file_is_judged(void)
{
	struct tz_image image;

	make_dir(SCRATCH "/seen", 0, 0755);
	make_file(SCRATCH "/seen/vault.img", 0);
	refuses(SCRATCH "/seen/vault.img", -EPERM, "can be reached by others");
	CHECK(chmod(SCRATCH "/seen/vault.img", 0640) == 0);
	refuses(SCRATCH "/seen/vault.img", -EPERM, "can be reached by others");
	CHECK(chmod(SCRATCH "/seen/vault.img", 0600) == 0);
	open_as(SCRATCH "/seen/vault.img", 0, &image);
	CHECK(image.fd >= 0);
	tz_image_close(&image);
	CHECK(chown(SCRATCH "/seen/vault.img", 54321, 0) == 0);
	refuses(SCRATCH "/seen/vault.img", -EPERM, "can be reached by others");
	return 0;
}

/* Between opening it and having the lock, another process may grow or replace it. */
static int sees_what_became_of_it(void)
{
	struct tz_image image;

	make_gate();
	make_vault();
	open_as(IMAGE, 0, &image);
	CHECK(truncate(IMAGE, SIZE + MIB) == 0);
	CHECK_CODE(tz_image_refresh(&image, &err), 0, &err);
	CHECK(image.size == SIZE + MIB);
	CHECK(rename(IMAGE, GATE "/aside") == 0);
	CHECK_CODE(tz_image_refresh(&image, &err), -ESTALE, &err);
	CHECK_CONTAINS(err.message, IMAGE " was replaced or removed meanwhile");
	make_file(IMAGE, 0);
	CHECK_CODE(tz_image_refresh(&image, &err), -ESTALE, &err);
	/* the same file, by way of a symbolic link */
	CHECK(unlink(IMAGE) == 0 && symlink("aside", IMAGE) == 0);
	CHECK_CODE(tz_image_refresh(&image, &err), -ESTALE, &err);
	CHECK(rename(GATE "/aside", IMAGE) == 0);
	CHECK_CODE(tz_image_refresh(&image, &err), 0, &err);
	tz_image_close(&image);
	return 0;
}

static int refuses_a_read_only_disk(void)
{
	make_gate();
	make_vault();
	CHECK(mount(NULL, SCRATCH, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	refuses(IMAGE, -EROFS, "cannot be opened for writing");
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(knows_its_own)
TEST(none_yet)
TEST(tells_an_empty_one)
TEST(tells_garbage)
TEST(tells_a_truncated_one)
TEST(tells_one_that_ends_before_its_data)
TEST(tells_luks1)
TEST(one_header_is_enough)
TEST(refuses_what_is_no_file)
TEST(refuses_symlinks)
TEST(refuses_names_that_are_no_path)
TEST(names_the_directory_that_is_missing)
TEST(refuses_a_way_that_others_may_write)
TEST(nothing_is_judged_below_the_gate)
TEST(without_a_gate_the_file_is_judged)
TEST(sees_what_became_of_it)
TEST(refuses_a_read_only_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knows_its_own),
		cmocka_unit_test(test_none_yet),
		cmocka_unit_test(test_tells_an_empty_one),
		cmocka_unit_test(test_tells_garbage),
		cmocka_unit_test(test_tells_a_truncated_one),
		cmocka_unit_test(test_tells_one_that_ends_before_its_data),
		cmocka_unit_test(test_tells_luks1),
		cmocka_unit_test(test_one_header_is_enough),
		cmocka_unit_test(test_refuses_what_is_no_file),
		cmocka_unit_test(test_refuses_symlinks),
		cmocka_unit_test(test_refuses_names_that_are_no_path),
		cmocka_unit_test(test_names_the_directory_that_is_missing),
		cmocka_unit_test(test_refuses_a_way_that_others_may_write),
		cmocka_unit_test(test_nothing_is_judged_below_the_gate),
		cmocka_unit_test(test_without_a_gate_the_file_is_judged),
		cmocka_unit_test(test_sees_what_became_of_it),
		cmocka_unit_test(test_refuses_a_read_only_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
