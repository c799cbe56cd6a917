/*
 * 1. What a user can choose (a process name, arguments) proves nothing: only processes whose four uids are root's
 *    count, and only the first process of a PID namespace directly below ours, or of our own.
 * 2. Text out of /proc is cut to its buffer and stripped of all but printable ASCII before anyone shows it.
 * 3. Processes come and go while we look: one that is gone is no error.
 */
#include "sessions.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define PID_LEVELS 32 /* the kernel nests no deeper */
#define CMDLINE_MAX 2048
#define STRAY_POLL_MS 20

struct process {
	pid_t pid;
	char state;
	uid_t uids[4];             /* real, effective, saved, file system */
	unsigned int levels;       /* PID namespaces from that of /proc down to its own */
	pid_t innermost;           /* its pid in its own namespace */
	char name[32];
};

/* Where a field of the arguments lives in struct tz_session. */
static const struct {
	const char *option;
	size_t offset, size;
} arguments[] = {
	{ "--caller=", offsetof(struct tz_session, caller), sizeof(((struct tz_session *)0)->caller) },
	{ "--vault=", offsetof(struct tz_session, vault), sizeof(((struct tz_session *)0)->vault) },
	{ "--image=", offsetof(struct tz_session, image), sizeof(((struct tz_session *)0)->image) },
	{ "--tty=", offsetof(struct tz_session, tty), sizeof(((struct tz_session *)0)->tty) },
	{ "--service=", offsetof(struct tz_session, service), sizeof(((struct tz_session *)0)->service) },
	{ "--driver=", offsetof(struct tz_session, driver), sizeof(((struct tz_session *)0)->driver) },
};
#define ARGUMENTS (sizeof(arguments) / sizeof(arguments[0]))

static int open_proc(pid_t pid, const char *file)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Up to size - 1 bytes and a NUL; the number of bytes, or a negative errno. */
static ssize_t read_proc(pid_t pid, const char *file, char *buffer, size_t size)
{
	_cleanup_close_ int fd = open_proc(pid, file);
	size_t used = 0;

	if (fd < 0)
		return fd;
	while (used < size - 1) {
		ssize_t n = read(fd, buffer + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buffer[used] = '\0';
	return (ssize_t)used;
}

static void parse_ns_pids(const char *text, struct process *process)
{
	char *end;

	for (process->levels = 0; process->levels < PID_LEVELS; process->levels++) {
		long pid = strtol(text, &end, 10);

		if (end == text)
			return;
		process->innermost = (pid_t)pid;
		text = end;
	}
}

/* One line of /proc/PID/status. The kernel escapes newlines in the name, so no name can pass for another line. */
static void parse_status_line(const char *line, struct process *process, bool *ret_uids)
{
	uid_t *u = process->uids;

	if (strncmp(line, "Name:\t", 6) == 0)
		(void)snprintf(process->name, sizeof(process->name), "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
	else if (strncmp(line, "State:\t", 7) == 0)
		process->state = line[7];
	else if (strncmp(line, "Uid:", 4) == 0)
		*ret_uids = sscanf(line + 4, "%u %u %u %u", &u[0], &u[1], &u[2], &u[3]) == 4;
	else if (strncmp(line, "NSpid:", 6) == 0)
		parse_ns_pids(line + 6, process);
}

/* By lines, because the one of the groups has no useful limit and stands in front of what we want. */
static int read_process(pid_t pid, struct process *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	struct process process = { .pid = pid };
	bool uids = false;
	size_t size = 0;
	int fd = open_proc(pid, "status");

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (getline(&line, &size, file) > 0)
		parse_status_line(line, &process, &uids);
	if (ferror(file) || !uids || process.levels == 0)
		return -ESRCH;
	*ret = process;
	return 0;
}

static bool is_dead(const struct process *process)
{
	return process->state == 'Z' || process->state == 'X' || process->state == 'x';
}

static bool is_session_init(const struct process *process, unsigned int own_levels)
{
	for (unsigned int i = 0; i < 4; i++)
		if (process->uids[i] != 0)
			return false;
	return !is_dead(process) && strcmp(process->name, TZ_INIT_NAME) == 0 && process->innermost == 1 &&
	       (process->levels == own_levels || process->levels == own_levels + 1);
}

static void copy_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = from[i] > 0x20 && from[i] < 0x7f ? from[i] : '?';
	to[i] = '\0';
}

static void parse_argument(const char *argument, struct tz_session *session)
{
	for (size_t i = 0; i < ARGUMENTS; i++) {
		size_t length = strlen(arguments[i].option);

		if (strncmp(argument, arguments[i].option, length) == 0)
			copy_printable((char *)session + arguments[i].offset, arguments[i].size, argument + length);
	}
}

static time_t wall_clock_of(uint64_t start_ticks)
{
	struct timespec wall, boot;
	long ticks = sysconf(_SC_CLK_TCK);

	if (ticks <= 0 || clock_gettime(CLOCK_REALTIME, &wall) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	return wall.tv_sec - boot.tv_sec + (time_t)(start_ticks / (uint64_t)ticks);
}

static int read_session(pid_t pid, struct tz_session *ret)
{
	struct tz_session session = { .init = pid };
	char cmdline[CMDLINE_MAX];
	ssize_t size = read_proc(pid, "cmdline", cmdline, sizeof(cmdline));
	int r;

	if (size <= 0)
		return size < 0 ? (int)size : -ESRCH;
	r = tz_process_start_time(pid, &session.start_time);
	if (r < 0)
		return r;
	for (const char *at = cmdline; at < cmdline + size; at += strlen(at) + 1)
		parse_argument(at, &session);
	session.started = wall_clock_of(session.start_time);
	*ret = session;
	return 0;
}

/* The next process of /proc; 0 at the end. */
static pid_t next_pid(DIR *proc)
{
	struct dirent *entry;

	while ((entry = readdir(proc))) {
		char *end;
		long pid;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = strtol(entry->d_name, &end, 10);
		if (*end == '\0' && pid > 0 && pid <= INT_MAX)
			return (pid_t)pid;
	}
	return 0;
}

/* *ret_levels: how deep below /proc's PID namespace we are ourselves; 1 for the same. */
static int open_processes(DIR **ret, unsigned int *ret_levels, struct tz_error *err)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct process self;
	int r;

	if (!proc)
		return tz_error_set(err, errno, "/proc cannot be read: %m");
	r = read_process(getpid(), &self);
	if (r < 0)
		return tz_error_set(err, r, "/proc does not show this process: it belongs to another PID namespace, or the "
				    "kernel is older than 4.1");
	/* the first process is always there, unless others' processes are hidden */
	if (access("/proc/1/status", R_OK) < 0)
		return tz_error_set(err, EPERM, "/proc hides other users' processes (hidepid), so open sessions cannot be "
				    "seen; ask as root");
	*ret_levels = self.levels;
	*ret = tz_steal(proc);
	return 0;
}

int tz_sessions_list(struct tz_session *ret, unsigned int max, struct tz_error *err)
{
	_cleanup_closedir_ DIR *proc = NULL;
	unsigned int levels, count = 0;
	pid_t pid;
	int r = open_processes(&proc, &levels, err);

	if (r < 0)
		return r;
	while (count < max && (pid = next_pid(proc))) {
		struct process process;

		if (read_process(pid, &process) == 0 && is_session_init(&process, levels) &&
		    read_session(pid, &ret[count]) == 0)
			count++;
	}
	return (int)count;
}

void tz_sessions_init_args(const struct tz_session *session, struct tz_init_args *ret)
{
	_Static_assert(ARGUMENTS + 1 <= TZ_INIT_ARGS, "room for the name and every argument");
	unsigned int count = 0;

	(void)snprintf(ret->text[count++], sizeof(ret->text[0]), "%s", TZ_INIT_NAME);
	for (size_t i = 0; i < ARGUMENTS; i++) {
		const char *value = (const char *)session + arguments[i].offset;
		char printable[sizeof(ret->text[0])];

		copy_printable(printable, arguments[i].size, value);
		(void)snprintf(ret->text[count++], sizeof(ret->text[0]), "%s%s", arguments[i].option, printable);
	}
	for (unsigned int i = 0; i < count; i++)
		ret->argv[i] = ret->text[i];
	ret->argv[count] = NULL;
}

/*
 * Outside an enclave is: in our PID namespace; or the first process of one directly below it, because an enclave's
 * first process is root's: the uid made that namespace itself, out here.
 */
static bool is_stray(const struct process *process, uid_t uid, unsigned int own_levels)
{
	const uid_t *u = process->uids;

	if (is_dead(process) || process->pid == getpid() || (u[0] != uid && u[1] != uid && u[2] != uid && u[3] != uid))
		return false;
	return process->levels <= own_levels || (process->levels == own_levels + 1 && process->innermost == 1);
}

/* Has it the way back to root, as a login has that takes on the uid for a moment, and no process of the user's own? */
static bool is_on_loan(const struct process *process)
{
	return process->uids[2] == 0;
}

/* One of the user's own rather than one on loan. */
static bool find_stray(DIR *proc, uid_t uid, unsigned int own_levels, struct process *ret)
{
	bool found = false;
	pid_t pid;

	while ((pid = next_pid(proc))) {
		struct process process;

		if (read_process(pid, &process) < 0 || !is_stray(&process, uid, own_levels))
			continue;
		*ret = process;
		found = true;
		if (!is_on_loan(ret))
			break;
	}
	return found;
}

int tz_sessions_stray(uid_t uid, struct tz_error *err)
{
	const struct timespec pause = { .tv_nsec = STRAY_POLL_MS * 1000000L };
	_cleanup_closedir_ DIR *proc = NULL;
	struct process first, stray;
	unsigned int levels;
	int r = open_processes(&proc, &levels, err);

	if (r < 0)
		return r;
	/* A session opened within another one: everything in view is in an enclave, and was alone when that opened. */
	if (read_process(1, &first) == 0 && is_session_init(&first, levels) && first.levels == levels)
		return 0;
	for (int waited = 0; find_stray(proc, uid, levels, &stray); waited += STRAY_POLL_MS) {
		if (!is_on_loan(&stray) || waited >= TZ_STRAY_MS)
			return stray.pid;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		rewinddir(proc);
	}
	return 0;
}

int tz_process_start_time(pid_t pid, uint64_t *ret)
{
	char text[1024];
	ssize_t size = read_proc(pid, "stat", text, sizeof(text));
	const char *at;
	uint64_t start;

	if (size < 0)
		return (int)size;
	/* the name in parentheses may hold anything, but what follows the last one is the kernel's */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
			  &start) != 1)
		return -EIO;
	*ret = start;
	return 0;
}
