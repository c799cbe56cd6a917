/* What the tests of luks.c share: a vault of 20 MiB with a cheap key derivation, anew for each of them. */
#ifndef TAZPOD_UNIT_LUKS_VAULT_H
#define TAZPOD_UNIT_LUKS_VAULT_H

#include "unit.h"

#include "libtazpod/luks.h"

#define SIZE (20 * 1024 * 1024)
#define FIRST "correct horse battery"
#define SECOND "another horse battery"

static struct tz_settings settings;
static struct tz_error err;
static struct tz_image image = TZ_IMAGE_INIT;
static struct tz_secret volume_key = TZ_SECRET_INIT;

static struct tz_secret *secret(const char *text)
{
	static struct tz_secret kept[4];
	static unsigned int next;
	struct tz_secret *one = &kept[next++ % 4];

	tz_secret_free(one);
	assert_int_equal(tz_secret_copy(one, text, strlen(text)), 0);
	return one;
}

static void open_image(const char *name, struct tz_image *ret)
{
	struct stat st;

	(void)snprintf(ret->path, sizeof(ret->path), "%s", unit_path(name));
	ret->fd = open(ret->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(ret->fd >= 0);
	assert_int_equal(fstat(ret->fd, &st), 0);
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->size = (uint64_t)st.st_size;
}

static void make_vault(const char *name, struct tz_image *ret, struct tz_secret *ret_key)
{
	open_image(name, ret);
	assert_int_equal(ftruncate(ret->fd, SIZE), 0);
	ret->size = SIZE;
	assert_int_equal(tz_luks_format(ret->fd, &settings, secret(FIRST), ret_key, &err), 0);
}

static int with_vault(void **state)
{
	if (unit_setup_quick_dir(state) < 0)
		return -1;
	tz_settings_defaults(&settings);
	settings.kdf_iterations = 4;
	settings.kdf_memory = 32;
	err = (struct tz_error){ 0 };
	make_vault("vault.img", &image, &volume_key);
	return 0;
}

static int without_vault(void **state)
{
	tz_image_close(&image);
	tz_secret_free(&volume_key);
	return unit_teardown_dir(state);
}

/* 0, and it is this vault's key; or what tz_luks_unlock() gave. */
static int opens_with(const char *passphrase, bool *ret_recovery)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	int r;

	err = (struct tz_error){ 0 };
	r = tz_luks_unlock(&image, secret(passphrase), &key, ret_recovery, &err);
	if (r == 0)
		assert_true(tz_secret_equal(&key, &volume_key));
	else
		assert_null(key.data);
	return r;
}

static int change(const char *old, const char *new)
{
	err = (struct tz_error){ 0 };
	return tz_luks_change(&image, &settings, secret(old), secret(new), &err);
}

static void copy_file(const char *from, const char *to)
{
	char source[PATH_MAX];
	int in, out;
	ssize_t n;

	(void)snprintf(source, sizeof(source), "%s", unit_path(from));
	in = open(source, O_RDONLY | O_CLOEXEC);
	out = open(unit_path(to), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0);
	do
		n = copy_file_range(in, NULL, out, NULL, SIZE, 0);
	while (n > 0);
	assert_int_equal(n, 0);
	assert_int_equal(close(in), 0);
	assert_int_equal(close(out), 0);
}

#endif
