/*
 * Opens a vault as a session does, mounts it in a private mount namespace, and becomes a command in it: the vault
 * closes when the command ends. For the benchmark, which wants what a session works on without a login around it.
 *
 * usage: open-vault SETTINGS make                  makes the vault that the settings name
 *        open-vault SETTINGS FOLDER COMMAND...     runs COMMAND with the vault mounted at FOLDER
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "enclave.h"
#include "mounts.h"
#include "path.h"
#include "settings.h"
#include "vault.h"

static const char passphrase_text[] = "correct horse battery staple";

static int mount_at(const struct tz_driver *driver, struct tz_device *device, const char *folder, struct tz_error *err)
{
	_cleanup_close_ int target = tz_path_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
	int r = target < 0 ? tz_error_set(err, target, "%s cannot be opened", folder) :
			     tz_mount_ext4(device->path, target, err);

	if (r == 0)
		r = driver->release_when_unused(device, err);
	if (r < 0)
		driver->detach(device);
	return r;
}

static int open_at(const struct tz_settings *settings, const struct tz_secret *passphrase, const char *folder,
		   struct tz_error *err)
{
	_cleanup_image_ struct tz_image image = TZ_IMAGE_INIT;
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_close_ int lock = -1;
	struct tz_device device = TZ_DEVICE_INIT;
	const struct tz_driver *driver;
	struct tz_luks_info luks;
	int r = tz_image_open(settings->vault, &image, err);

	if (r == 0 && image.fd < 0)
		r = tz_error_set(err, ENOENT, "there is no vault at %s", settings->vault);
	if (r == 0)
		r = tz_driver_choose(settings->driver, &driver, err);
	if (r == 0)
		r = tz_image_lock(&image, &lock, err);
	if (r == 0)
		r = tz_luks_info(&image, &luks, err);
	if (r == 0)
		r = tz_luks_unlock(&image, passphrase, &key, NULL, err);
	if (r == 0)
		r = tz_enclave_enter(err);
	if (r == 0)
		r = tz_vault_attach(driver, &image, &luks, &key, &device, err);
	return r < 0 ? r : mount_at(driver, &device, folder, err);
}

int main(int argc, char **argv)
{
	_cleanup_secret_ struct tz_secret passphrase = TZ_SECRET_INIT;
	struct tz_settings settings;
	struct tz_error err = { 0 };
	int r;

	if (argc < 3 || (argc == 3 && strcmp(argv[2], "make") != 0)) {
		(void)fprintf(stderr, "usage: open-vault SETTINGS make | SETTINGS FOLDER COMMAND...\n");
		return 2;
	}
	r = tz_settings_load(argv[1], &settings, &err);
	if (r == 0 && tz_secret_copy(&passphrase, passphrase_text, sizeof(passphrase_text) - 1) < 0)
		r = tz_error_set(&err, ENOMEM, "there is no memory for a passphrase");
	if (r == 0 && argc == 3)
		r = tz_vault_create(&settings, 0, 0, 0, &passphrase, NULL, NULL, NULL, &err);
	else if (r == 0)
		r = open_at(&settings, &passphrase, argv[2], &err);
	if (r < 0) {
		(void)fprintf(stderr, "open-vault: %s\n", err.message);
		return 1;
	}
	if (argc == 3)
		return 0;
	(void)execvp(argv[3], argv + 3);
	(void)fprintf(stderr, "open-vault: %s cannot be started: %m\n", argv[3]);
	return 1;
}
