#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

#define PLACES_MAX 8

static const char *const directories[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };

static int find_program(const char *name, char *path, size_t size)
{
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		(void)snprintf(path, size, "%s/%s", directories[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int tz_exec_null_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (i == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, i) < 0)
			return -errno;
	if (fd > STDERR_FILENO)
		(void)close(fd);
	return 0;
}

/* First out of each other's way, then into their places; a duplicate's close-on-exec is off. */
int tz_exec_place(const int *from, int first, int count)
{
	int high[PLACES_MAX];

	if (count > PLACES_MAX)
		return -E2BIG;
	for (int i = 0; i < count; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, first + count);
		if (high[i] < 0)
			return -errno;
	}
	for (int i = 0; i < count; i++)
		if (dup2(high[i], first + i) < 0)
			return -errno;
	return close_range((unsigned int)(first + count), ~0U, 0) < 0 ? -errno : 0;
}

static _Noreturn void become(const char *path, const char *const argv[], pid_t parent)
{
	if (tz_exec_null_stdio() < 0 || close_range(3, ~0U, 0) < 0)
		_exit(127);
	/* Whoever kills us means this work too. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	(void)execve(path, (char *const *)argv, (char *const *)environment);
	_exit(127);
}

int tz_exec_wait(const char *const argv[], const char *package, struct tz_error *err)
{
	pid_t child, parent = getpid();
	char path[256];
	int status;

	if (find_program(argv[0], path, sizeof(path)) < 0)
		return tz_error_set(err, ENOENT, "the program %s is missing; install it with 'apt install %s'", argv[0],
				    package);
	child = fork();
	if (child < 0)
		return tz_error_set(err, errno, "%s cannot be started: %m", argv[0]);
	if (child == 0)
		become(path, argv, parent);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return tz_error_set(err, errno, "%s cannot be waited for: %m", argv[0]);
	if (!WIFEXITED(status))
		return tz_error_set(err, EINTR, "%s was ended by signal %d", argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) == 127)
		return tz_error_set(err, ENOEXEC, "%s cannot be run", path);
	return WEXITSTATUS(status);
}
