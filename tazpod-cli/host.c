#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

#define APPARMOR_ENABLED "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/policy/profiles"
#define DEVICES "/proc/devices"

static bool apparmor_is_active(void)
{
	_cleanup_fclose_ FILE *file = fopen(APPARMOR_ENABLED, "re");

	return file && getc(file) == 'Y';
}

/* The kernel adds ".N" to a profile's name; the list of names in one file is for root alone. */
static bool profile_is_loaded(void)
{
	static const char prefix[] = CLI_APPARMOR_PROFILE ".";
	_cleanup_closedir_ DIR *folder = opendir(APPARMOR_PROFILES);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    strspn(entry->d_name + strlen(prefix), "0123456789") == strlen(entry->d_name + strlen(prefix)))
			return true;
	return false;
}

static unsigned int find_dm_major(void)
{
	_cleanup_fclose_ FILE *file = fopen(DEVICES, "re");
	bool blocks = false;
	char line[128], name[64];
	unsigned int major;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Block devices:", 14) == 0)
			blocks = true;
		else if (blocks && sscanf(line, "%u %63s", &major, name) == 2 && strcmp(name, "device-mapper") == 0)
			return major;
	}
	return 0;
}

/* The first process's bounding set: what no process of this machine, so no engine either, can have more than. */
static bool has_capability(unsigned int number)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/1/status", "re");
	unsigned long long set;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapBnd: %llx", &set) == 1)
			return set >> number & 1;
	return false;
}

struct cli_host cli_host_look(void)
{
	return (struct cli_host){
		.apparmor = apparmor_is_active(),
		.apparmor_profile = profile_is_loaded(),
		.sys_resource = has_capability(CAP_SYS_RESOURCE),
		.dm_major = find_dm_major(),
		.dri = access("/dev/dri", F_OK) == 0,
		.nvidia = access("/dev/nvidiactl", F_OK) == 0,
	};
}

static int require_device(const char *path, const char *module, const char *why, struct tz_error *err)
{
	if (access(path, F_OK) == 0)
		return 0;
	return tz_error_set(err, ENODEV, "this machine has no %s, %s: load it with 'sudo modprobe %s'", path, why, module);
}

/*
 * The daemon binds it as root into a place that only root reaches: it has to be a folder of the project's own, and of
 * whoever asks.
 */
static int check_vault_folder(const struct tz_project *project, struct tz_error *err)
{
	_cleanup_close_ int folder = tz_path_open(AT_FDCWD, project->folder, O_RDONLY | O_DIRECTORY, 0), vault = -1;
	struct stat above, st;

	if (folder < 0 || fstat(folder, &above) < 0)
		return tz_error_set(err, folder < 0 ? folder : errno, "%s cannot be opened", project->folder);
	if (mkdirat(folder, ".tazpod/vault", 0700) < 0 && errno != EEXIST)
		return tz_error_set(err, errno, "%s/.tazpod/vault cannot be made: %m", project->folder);
	vault = tz_path_open_beneath(folder, ".tazpod/vault", O_PATH | O_DIRECTORY, 0);
	if (vault == -ELOOP || vault == -ENOTDIR)
		return tz_error_set(err, vault, "%s/.tazpod/vault must be a folder, without symbolic links on the way to it",
				    project->folder);
	if (vault < 0 || fstat(vault, &st) < 0)
		return tz_error_set(err, vault < 0 ? vault : errno, "%s/.tazpod/vault cannot be opened", project->folder);
	if (st.st_uid != 0 && st.st_uid != above.st_uid)
		return tz_error_set(err, EPERM, "%s/.tazpod/vault belongs to uid %u, the project to uid %u: a vault is kept by its "
				    "project's owner", project->folder, st.st_uid, above.st_uid);
	if (st.st_mode & 022)
		return tz_error_set(err, EPERM, "%s/.tazpod/vault can be written by others: 'chmod 0700' it", project->folder);
	return 0;
}

int cli_host_check(const struct cli_host *host, const struct tz_project *project, struct tz_error *err)
{
	int r = require_device("/dev/loop-control", "loop", "which vaults are mounted with", err);

	if (r == 0 && project->driver == TZ_DRIVER_DM_CRYPT && host->dm_major == 0)
		r = tz_error_set(err, ENODEV, "this machine has no device-mapper, which 'driver: dm-crypt' needs: load it with 'sudo "
				 "modprobe dm-crypt', or take 'driver: fuse'");
	if (r == 0 && project->driver != TZ_DRIVER_DM_CRYPT)
		r = require_device("/dev/fuse", "fuse", "which the driver 'fuse' serves vaults with", err);
	if (r == 0 && access(CLI_SECCOMP_PROFILE, R_OK) < 0)
		r = tz_error_set(err, errno, CLI_SECCOMP_PROFILE " cannot be read: %m; is TazPod installed as a whole?");
	return r < 0 ? r : check_vault_folder(project, err);
}
