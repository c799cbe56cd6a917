#include "vault_target.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmenv.h"
#include "driver.h"
#include "here.h"
#include "secret.h"

int vault_begin(const struct cli *cli, struct vault_target *target, struct tz_error *err)
{
	int r = cli_here_send_root(err);

	if (r < 0)
		return r;
	if (getuid() != 0 || geteuid() != 0)
		return tz_error_set(err, EPERM, "this needs root: nobody else can reach the vault's image; run it in a "
				    "root shell of this container");
	r = tz_dmenv_ensure(cli->argv);
	if (r == 0)
		r = tz_secret_harden_process();
	if (r < 0)
		return tz_error_set(err, r, "this process cannot be made fit to hold a passphrase: %s", strerror(-r));
	(void)umask(077);
	return tz_settings_load(NULL, &target->settings, err);
}

int vault_find(struct vault_target *target, struct tz_error *err)
{
	int r = tz_image_open(target->settings.vault, &target->image, err);

	if (r == 0 && target->image.fd < 0)
		return tz_error_set(err, ENOENT, "there is no vault at %s yet; 'tazpod vault create' makes one, and so does "
				    "the first 'tazpod unlock'", target->settings.vault);
	return r;
}

int vault_read(struct vault_target *target, struct tz_error *err)
{
	int r = vault_find(target, err);

	return r < 0 ? r : tz_luks_info(&target->image, &target->luks, err);
}

int vault_require_closed(const struct vault_target *target, struct tz_error *err)
{
	int r = tz_driver_find_open(&target->image, &target->luks, NULL);

	if (r > 0)
		return tz_error_set(err, EBUSY, "the vault is open; end its sessions first with 'tazpod lock'");
	if (r < 0)
		return tz_error_set(err, r, "whether the vault is open cannot be told (%s), so it is left alone",
				    strerror(-r));
	return 0;
}

int vault_require_driver(const struct vault_target *target, struct tz_error *err)
{
	const struct tz_driver *driver;

	return tz_driver_choose(target->settings.driver, &driver, err);
}

int vault_lock(struct vault_target *target, struct tz_error *err)
{
	return tz_image_lock(&target->image, &target->lock, err);
}

void vault_release(struct vault_target *target)
{
	tz_closep(&target->lock);
	tz_image_close(&target->image);
}
