#include "tether.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "readable.h"

#define MEET_MS 15000
#define POLL_MS 20
#define HANG_UP_MS 1000
#define GRACE_MS 5000

int cli_tether_word(char ret[static CLI_TETHER_WORD], struct tz_error *err)
{
	unsigned char bytes[(CLI_TETHER_WORD - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return tz_error_set(err, errno, "no random bytes: %m");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* An abstract one: no file that could be left behind. Gives its size. */
static socklen_t make_address(const char *word, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "tazpod-login-%s", word);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(ret->sun_path + 1));
}

static int make_socket(struct tz_error *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? tz_error_set(err, errno, "no socket for the login: %m") : fd;
}

/* The other one's pid and user, as they were when the connection was made. */
static int require_own(int fd, struct ucred *ret, struct tz_error *err)
{
	socklen_t size = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) < 0)
		return tz_error_set(err, errno, "who the login is cannot be told: %m");
	return ret->uid == getuid() ? 0 : tz_error_set(err, EPERM, "the login is another user's");
}

int cli_tether_tie(const char *word, struct tz_error *err)
{
	struct sockaddr_un address;
	socklen_t size = make_address(word, &address);
	_cleanup_close_ int fd = make_socket(err), tether = -1;
	struct ucred peer;
	char held;
	int r;

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, 1) < 0)
		return tz_error_set(err, errno, "the login cannot be tied to its terminal: %m");
	r = tz_wait_readable(fd, MEET_MS);
	if (r < 0)
		return tz_error_set(err, r, "the login could not be tied to its terminal in time");
	tether = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (tether < 0)
		return tz_error_set(err, errno, "the login cannot be tied to its terminal: %m");
	r = require_own(tether, &peer, err);
	if (r == 0 && (tz_wait_readable(tether, MEET_MS) < 0 || recv(tether, &held, 1, 0) != 1))
		r = tz_error_set(err, EPIPE, "the login is not held by its terminal");
	return r;
}

/* The login may be about to start: the engine starts the two in no particular order. */
static int meet(const char *word, struct tz_error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct sockaddr_un address;
	socklen_t size = make_address(word, &address);
	_cleanup_close_ int fd = make_socket(err);

	if (fd < 0)
		return fd;
	for (int waited = 0; connect(fd, (const struct sockaddr *)&address, size) < 0; waited += POLL_MS) {
		if (errno != ECONNREFUSED)
			return tz_error_set(err, errno, "the login cannot be reached: %m");
		if (waited >= MEET_MS)
			return tz_error_set(err, ETIMEDOUT, "no login came");
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return tz_steal_fd(&fd);
}

/*
 * The login's session, which is its own: the engine makes one for each program that it starts. The login waits to be told
 * that it is held, so that its number is its own until then.
 */
static pid_t take_hold(const char *word, struct tz_error *err)
{
	_cleanup_close_ int fd = meet(word, err);
	struct ucred peer;
	int r = fd < 0 ? fd : require_own(fd, &peer, err);
	pid_t session;

	if (r < 0)
		return r;
	session = getsid(peer.pid);
	if (session < 0 || send(fd, "h", 1, MSG_NOSIGNAL) != 1)
		return tz_error_set(err, errno, "the login cannot be held: %m");
	return session;
}

/* Field 6 of stat, behind a name that may have anything in it; 0 for a process that is gone, or only not waited for. */
static pid_t session_of(const char *pid)
{
	char path[NAME_MAX + 16], text[1024];
	_cleanup_close_ int fd = -1;
	const char *behind;
	int session = 0;
	char state;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = '\0';
	behind = strrchr(text, ')');
	return behind && sscanf(behind, ") %c %*d %*d %d", &state, &session) == 2 && state != 'Z' ? session : 0;
}

/*
 * Sends it to every process of the session that may be signalled, and counts them. What su runs as the ghost user may not,
 * but su may: it has the caller's real uid.
 */
static int signal_session(pid_t session, int signal)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || pid == getpid() || session_of(entry->d_name) != session || kill(pid, signal) < 0)
			continue;
		/* who is stopped heeds nothing */
		if (signal != 0 && signal != SIGSTOP && signal != SIGTSTP)
			(void)kill(pid, SIGCONT);
		count++;
	}
	return count;
}

static bool end_session(pid_t session, int signal, int grace_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int left = signal_session(session, signal);

	for (int waited = 0; left > 0 && waited < grace_ms; waited += POLL_MS) {
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		left = signal_session(session, 0);
	}
	return left == 0;
}

/*
 * As kill(1) would from outside, which is for the program alone: what it makes of it is its own affair. Those that a
 * terminal sends, it sends to all that run before it: a shell that waits for another program leaves it to that one to end.
 */
static void pass_on(pid_t session, int signal)
{
	pid_t whom = signal == SIGINT || signal == SIGQUIT ? -session : session;

	if (kill(whom, signal) == 0 && signal != SIGSTOP && signal != SIGTSTP)
		(void)kill(whom, SIGCONT);
}

int cli_tether_hold(const char *word, struct tz_error *err)
{
	pid_t session = take_hold(word, err);
	unsigned char signal;
	ssize_t n;

	if (session < 0)
		return session;
	while ((n = read(STDIN_FILENO, &signal, 1)) == 1 || (n < 0 && errno == EINTR))
		if (n == 1)
			pass_on(session, signal);
	/* as a terminal that hangs up; su does not heed that, but ends its session in order when it is asked to */
	if (!end_session(session, SIGHUP, HANG_UP_MS) && !end_session(session, SIGTERM, GRACE_MS))
		(void)end_session(session, SIGKILL, GRACE_MS);
	return 0;
}
