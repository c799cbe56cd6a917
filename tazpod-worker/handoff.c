#include "handoff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keystash.h"
#include "sessions.h"

struct parent {
	pid_t pid;
	uint64_t start_time;
};

/* Parent and effective uid of a process, as /proc/PID/status has them. */
static int read_status(pid_t pid, pid_t *ret_parent, uid_t *ret_uid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[48], line[256];
	int found = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (found < 2 && fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", ret_parent) == 1 || sscanf(line, "Uid: %*u %u", ret_uid) == 1)
			found++;
	return found == 2 ? 0 : -EBADMSG;
}

static int same_program(pid_t a, pid_t b)
{
	struct stat one, other;
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)a);
	if (stat(path, &one) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)b);
	if (stat(path, &other) < 0)
		return -errno;
	return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* 1 and *ret when the application was forked from the same program, both root; 0 when not. */
static int receiving_parent(pid_t app, struct parent *ret)
{
	pid_t parent = 0, grandparent;
	uid_t uid = 1, parent_uid = 1;

	if (read_status(app, &parent, &uid) < 0 || parent <= 1 || uid != 0)
		return 0;
	if (read_status(parent, &grandparent, &parent_uid) < 0 || parent_uid != 0)
		return 0;
	if (same_program(app, parent) != 1)
		return 0;
	ret->pid = parent;
	return tz_process_start_time(parent, &ret->start_time) < 0 ? 0 : 1;
}

int tz_worker_handoff_leave(struct tz_worker *worker, struct tz_error *err)
{
	struct parent parent;
	int r;

	if (worker->caller != 0 || receiving_parent(worker->app, &parent) != 1)
		return 0;
	r = tz_handoff_store(parent.pid, parent.start_time, worker->luks.uuid, &worker->key, err);
	worker->handed_off = r == 0;
	return r;
}

void tz_worker_handoff_withdraw(struct tz_worker *worker)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct parent parent;

	if (!worker->handed_off || receiving_parent(worker->app, &parent) != 1)
		return;
	if (tz_handoff_take(parent.pid, parent.start_time, worker->luks.uuid, &key, NULL) == 0)
		worker->handed_off = false;
}
