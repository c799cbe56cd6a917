#include "enclave_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "mountpoint.h"
#include "sessions.h"

/* 1, 0, or -ENOENT where hidepid= keeps it out of sight. */
static int init_is_ours(void)
{
	_cleanup_fclose_ FILE *status = fopen("/proc/1/status", "re");
	char line[256], name[32] = "";
	unsigned int uid[4] = { 1, 1, 1, 1 };

	if (!status)
		return -ENOENT;
	while (fgets(line, sizeof(line), status)) {
		(void)sscanf(line, "Name: %31s", name);
		(void)sscanf(line, "Uid: %u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]);
	}
	return strcmp(name, TZ_INIT_NAME) == 0 && (uid[0] | uid[1] | uid[2] | uid[3]) == 0;
}

/* The last one in the kernel's table is on top. */
static bool proc_is_ours(void)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	bool ours = false;

	if (!table)
		return false;
	while ((entry = getmntent(table)))
		if (strcmp(entry->mnt_dir, "/proc") == 0)
			ours = strcmp(entry->mnt_type, "proc") == 0 && strcmp(entry->mnt_fsname, TZ_ENCLAVE_PROC_SOURCE) == 0;
	(void)endmntent(table);
	return ours;
}

bool tz_enclave_inside(const char *secrets_path)
{
	int r = init_is_ours();

	if (r == -ENOENT)
		r = proc_is_ours();
	return r > 0 && tz_mount_is_root(AT_FDCWD, secrets_path) > 0;
}
