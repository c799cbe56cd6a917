/* What this kernel and this container can do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "devnode.h"
#include "doctor.h"
#include "driver.h"
#include "idmap.h"
#include "path.h"

/* LOOP_CTRL_MINOR of the kernel's miscdevice.h */
#define LOOP_CONTROL_MINOR 237

void doctor_check_kernel(struct doctor *doctor)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
		doctor_add(doctor, DOCTOR_WARN, "kernel", "its version cannot be told");
		return;
	}
	if (major < 5 || (major == 5 && minor < 9))
		doctor_add(doctor, DOCTOR_FAIL, "kernel", "Linux %s is too old: 5.9 is the least, 5.12 is better",
			   name.release);
	else if (major == 5 && minor < 12)
		doctor_add(doctor, DOCTOR_WARN, "kernel", "Linux %s has no idmapped mounts; from 5.12 on there are",
			   name.release);
	else
		doctor_add(doctor, DOCTOR_OK, "kernel", "Linux %s", name.release);
}

static bool is_wanted(const struct doctor *doctor, const struct tz_driver *driver)
{
	return doctor->settings.driver == TZ_DRIVER_AUTO ||
	       strcmp(tz_driver_choice_name(doctor->settings.driver), driver->name) == 0;
}

/* One driver is enough, unless the settings want a certain one: then that one has to serve. */
void doctor_check_drivers(struct doctor *doctor)
{
	const struct tz_driver *chosen = NULL;
	struct tz_error error = { 0 };
	bool told = false;

	if (!doctor_needs_root(doctor, "driver"))
		return;
	if (tz_driver_choose(doctor->settings.driver, &chosen, &error) == 0)
		doctor_add(doctor, DOCTOR_OK, "driver", "%s can be used", chosen->name);
	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++) {
		struct tz_error reason = { 0 };
		bool fails = !chosen && is_wanted(doctor, *driver);

		if (*driver == chosen || (*driver)->usable(&reason) == 0)
			continue;
		doctor_add(doctor, fails ? DOCTOR_FAIL : DOCTOR_INFO, "driver", "%s: %s", (*driver)->name, reason.message);
		told = told || fails;
	}
	/* a driver that the settings want and this build does not have */
	if (!chosen && !told)
		doctor_add(doctor, DOCTOR_FAIL, "driver", "%s", error.message);
}

static int try_loop(const struct doctor *doctor, struct tz_error *err)
{
	_cleanup_close_ int control = tz_devnode_open(S_IFCHR, makedev(TZ_MISC_MAJOR, LOOP_CONTROL_MINOR), O_RDWR);
	_cleanup_close_ int device = -1;
	int number;

	(void)doctor;
	if (control < 0)
		return tz_error_set(err, control, "%s", control == -EPERM || control == -EACCES ?
				    "they may not be used here: the container needs --device /dev/loop-control and "
				    "--device-cgroup-rule 'b 7:* rmw' ('tazpod up' gives them)" :
				    "this kernel has none; load them on the host with 'modprobe loop'");
	number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return tz_error_set(err, errno, "no free one can be had: %m");
	device = tz_devnode_open(S_IFBLK, makedev(TZ_LOOP_MAJOR, (unsigned int)number), O_RDWR);
	if (device < 0)
		return tz_error_set(err, device, "a free one cannot be opened (%s): the container needs "
				    "--device-cgroup-rule 'b 7:* rmw'", strerror(-device));
	return 0;
}

void doctor_check_loop(struct doctor *doctor)
{
	struct tz_error error = { 0 };

	if (!doctor_needs_root(doctor, "loop devices"))
		return;
	if (doctor_try(try_loop, doctor, &error) < 0)
		doctor_add(doctor, DOCTOR_FAIL, "loop devices", "%s", error.message);
	else
		doctor_add(doctor, DOCTOR_OK, "loop devices", "there are free ones");
}

static bool file_has(const char *path, const char *part)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0)
		if (strstr(line, part))
			return true;
	return false;
}

void doctor_check_ext4(struct doctor *doctor)
{
	struct utsname name;
	char path[sizeof(name.release) + 64];

	if (file_has("/proc/filesystems", "\text4\n")) {
		doctor_add(doctor, DOCTOR_OK, "ext4", "the kernel has it");
		return;
	}
	(void)uname(&name);
	(void)snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	if (file_has(path, "/ext4.ko"))
		doctor_add(doctor, DOCTOR_OK, "ext4", "its module is loaded with the first vault");
	else
		doctor_add(doctor, DOCTOR_WARN, "ext4", "it is not loaded, and its module is not in sight; on the host, run "
			   "'modprobe ext4'");
}

static int try_namespaces(const struct doctor *doctor, struct tz_error *err)
{
	(void)doctor;
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID) < 0)
		return tz_error_set(err, errno, "they cannot be made: %m%s", errno == EPERM ?
				    "; the container needs CAP_SYS_ADMIN, and a seccomp profile that allows unshare "
				    "('tazpod up' makes one that has it)" : "");
	return 0;
}

void doctor_check_namespaces(struct doctor *doctor)
{
	static const char *const needed[] = { "mnt", "ipc", "pid", "user" };
	struct tz_error error = { 0 };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", needed[i]);
		if (access(path, F_OK) < 0) {
			doctor_add(doctor, DOCTOR_FAIL, "namespaces", "this kernel has no %s namespaces", needed[i]);
			return;
		}
	}
	if (!doctor_needs_root(doctor, "namespaces"))
		return;
	if (doctor_try(try_namespaces, doctor, &error) < 0)
		doctor_add(doctor, DOCTOR_FAIL, "namespaces", "%s", error.message);
	else
		doctor_add(doctor, DOCTOR_OK, "namespaces", "those for mounts, IPC and processes can be made");
}

static int try_idmap(const struct doctor *doctor, struct tz_error *err)
{
	_cleanup_close_ int workspace = tz_path_open(AT_FDCWD, doctor->settings.workspace, O_PATH | O_DIRECTORY, 0);
	_cleanup_close_ int tree = -1;
	const struct tz_idmap map = { doctor->public_user.uid, doctor->ghost.uid, doctor->public_user.gid,
				      doctor->ghost.gid };

	if (workspace < 0)
		return tz_error_set(err, workspace, "%s cannot be opened: %s", doctor->settings.workspace,
				    strerror(-workspace));
	tree = tz_idmap_clone(workspace, &map, err);
	return tree < 0 ? tree : 0;
}

void doctor_check_idmap(struct doctor *doctor)
{
	const char *workspace = doctor->settings.workspace;
	struct tz_error error = { 0 };
	int r;

	if (!workspace[0]) {
		doctor_add(doctor, DOCTOR_INFO, "workspace", "the settings name none");
		return;
	}
	if (!doctor_needs_root(doctor, "workspace"))
		return;
	if (!doctor->has_ghost || !doctor->has_public_user) {
		doctor_add(doctor, DOCTOR_INFO, "workspace", "there are not two users yet who could share %s", workspace);
		return;
	}
	r = doctor_try(try_idmap, doctor, &error);
	if (r == 0)
		doctor_add(doctor, DOCTOR_OK, "workspace", "%s can be shared by an idmapped mount", workspace);
	else if (r == -EOPNOTSUPP)
		doctor_add(doctor, DOCTOR_WARN, "workspace", "%s: %s; give %s and %s a group in common, and %s that group",
			   workspace, error.message, doctor->public_user.name, doctor->ghost.name, workspace);
	else
		doctor_add(doctor, DOCTOR_WARN, "workspace", "it is not shared: %s", error.message);
}
