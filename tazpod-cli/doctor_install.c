/* What has to be installed, and where the vault is kept. */
#include <stdio.h>
#include <unistd.h>

#include "doctor.h"
#include "image.h"

void doctor_check_worker(struct doctor *doctor)
{
	if (doctor_check_file(doctor, "worker", TZ_WORKER_PATH))
		doctor_add(doctor, DOCTOR_OK, "worker", "%s", TZ_WORKER_PATH);
}

void doctor_check_vault(struct doctor *doctor)
{
	_cleanup_image_ struct tz_image image = TZ_IMAGE_INIT;
	struct tz_error error = { 0 };
	int r;

	if (!doctor_needs_root(doctor, "vault"))
		return;
	r = tz_image_open(doctor->settings.vault, &image, &error);
	if (r == 0 && image.fd < 0) {
		doctor_add(doctor, DOCTOR_OK, "vault", "there is none yet at %s", image.path);
		return;
	}
	if (r == 0)
		r = tz_image_require_luks2(&image, &error);
	if (r < 0)
		doctor_add(doctor, DOCTOR_FAIL, "vault", "%s", error.message);
	else
		doctor_add(doctor, DOCTOR_OK, "vault", "%s is a LUKS2 image that only root can reach", image.path);
}

static bool is_installed(const char *program)
{
	static const char *const directories[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/%s", directories[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void doctor_check_tools(struct doctor *doctor)
{
	static const struct {
		const char *program, *package, *use;
	} tools[] = {
		{ "su", "util-linux", "opens the vault" },
		{ "passwd", "passwd", "changes the passphrase" },
		{ "mke2fs", "e2fsprogs", "makes the file system of a new vault" },
		{ "e2fsck", "e2fsprogs", "checks the vault's file system" },
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (is_installed(tools[i].program))
			doctor_add(doctor, DOCTOR_OK, tools[i].program, "%s", tools[i].use);
		else
			doctor_add(doctor, DOCTOR_FAIL, tools[i].program, "it is missing (it %s); install it with 'apt install "
				   "%s'", tools[i].use, tools[i].package);
	}
}
