#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "path.h"

#define OUTPUT_MAX (1024 * 1024)
#define PIECE 4096

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int cli_program_find(const char *name, char ret[static PATH_MAX])
{
	const char *folder = getenv("PATH"), *end;

	if (!folder || !*folder)
		folder = "/usr/local/bin:/usr/bin:/bin";
	for (;; folder = end + 1) {
		end = strchrnul(folder, ':');
		/* a relative one, as an empty one is, would run what a repository brought along */
		if (*folder == '/' && end - folder + strlen(name) + 2 <= PATH_MAX) {
			(void)snprintf(ret, PATH_MAX, "%.*s/%s", (int)(end - folder), folder, name);
			if (is_program(ret))
				return 0;
		}
		if (!*end)
			return -ENOENT;
	}
}

void cli_program_exec(const char *path, char *const words[])
{
	/* main() ignores it for its own writes; it is no one else's choice */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execve(path, words, environ);
}

/* It is not left running on a terminal that nobody there expects it on. */
static _Noreturn void run_child(char *const words[], const int streams[3], pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(126);
	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0 && dup2(streams[i], i) < 0)
			_exit(127);
	cli_program_exec(words[0], words);
	_exit(errno == ENOENT ? 127 : 126);
}

/* streams: for each standard stream a descriptor, or -1 to share this program's. */
static pid_t start(char *const words[], const int streams[3], struct tz_error *err)
{
	pid_t parent = getpid(), pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(words, streams, parent);
	return pid < 0 ? tz_error_set(err, errno, "%s cannot be started: %m", words[0]) : pid;
}

static int wait_for(pid_t pid, const char *name, struct tz_error *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return tz_error_set(err, errno, "%s cannot be waited for: %m", name);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cli_program_run(char *const words[], struct tz_error *err)
{
	pid_t pid = start(words, (const int[]){ -1, -1, -1 }, err);

	return pid < 0 ? pid : wait_for(pid, words[0], err);
}

/* The text is in a file that has no name: it cannot be changed by others, and nobody has to be there to write it. */
static int file_of(const char *text, size_t size, struct tz_error *err)
{
	_cleanup_close_ int fd = memfd_create("input", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : tz_write_all(fd, text, size);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? tz_error_set(err, r, "memory for a file cannot be had: %s", strerrordesc_np(-r)) : tz_steal_fd(&fd);
}

int cli_program_run_with(char *const words[], const char *text, size_t size, struct tz_error *err)
{
	_cleanup_close_ int input = file_of(text, size, err);
	pid_t pid;

	if (input < 0)
		return input;
	pid = start(words, (const int[]){ input, -1, -1 }, err);
	return pid < 0 ? pid : wait_for(pid, words[0], err);
}

int cli_program_run_quietly(char *const words[], struct tz_error *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0)
		return tz_error_set(err, errno, "/dev/null cannot be opened: %m");
	pid = start(words, (const int[]){ null, null, null }, err);
	return pid < 0 ? pid : wait_for(pid, words[0], err);
}

struct stream {
	int fd; /* -1: it has ended */
	char *text;
	size_t used;
};

/* What is beyond the limit is read, so that the program does not wait for it, and dropped. */
static int take(struct stream *stream)
{
	char piece[PIECE];
	ssize_t n = read(stream->fd, piece, sizeof(piece));
	size_t kept = n > 0 ? (size_t)n : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		tz_closep(&stream->fd);
	if (kept > OUTPUT_MAX - stream->used)
		kept = OUTPUT_MAX - stream->used;
	memcpy(stream->text + stream->used, piece, kept);
	stream->used += kept;
	stream->text[stream->used] = '\0';
	return 0;
}

static int collect(struct stream streams[2])
{
	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		struct pollfd watched[2] = { { streams[0].fd, POLLIN, 0 }, { streams[1].fd, POLLIN, 0 } };

		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++) {
			int r = streams[i].fd >= 0 && watched[i].revents ? take(&streams[i]) : 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int capture(char *const words[], struct stream streams[2], struct tz_error *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out = -1, error = -1;
	int pipes[2][2], r, status;
	pid_t pid;

	if (null < 0 || pipe2(pipes[0], O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe to %s: %m", words[0]);
	streams[0].fd = pipes[0][0];
	out = pipes[0][1];
	if (pipe2(pipes[1], O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe to %s: %m", words[0]);
	streams[1].fd = pipes[1][0];
	error = pipes[1][1];
	pid = start(words, (const int[]){ null, out, error }, err);
	if (pid < 0)
		return pid;
	tz_closep(&out);
	tz_closep(&error);
	r = collect(streams);
	status = wait_for(pid, words[0], err);
	return r < 0 ? tz_error_set(err, r, "%s cannot be heard: %s", words[0], strerrordesc_np(-r)) : status;
}

int cli_program_capture(char *const words[], struct cli_program_output *ret, struct tz_error *err)
{
	struct stream streams[2] = { { .fd = -1, .text = calloc(1, OUTPUT_MAX + 1) },
				     { .fd = -1, .text = calloc(1, OUTPUT_MAX + 1) } };
	int r = streams[0].text && streams[1].text ? capture(words, streams, err) :
						     tz_error_set(err, ENOMEM, "out of memory");

	tz_closep(&streams[0].fd);
	tz_closep(&streams[1].fd);
	if (r < 0) {
		free(streams[0].text);
		free(streams[1].text);
		return r;
	}
	while (streams[1].used > 0 && streams[1].text[streams[1].used - 1] == '\n')
		streams[1].text[--streams[1].used] = '\0';
	*ret = (struct cli_program_output){ streams[0].text, streams[1].text, r };
	return 0;
}

void cli_program_output_free(struct cli_program_output *output)
{
	free(output->text);
	free(output->error);
	*output = (struct cli_program_output){ .text = NULL };
}

int cli_program_become(const char *path, char *const words[], struct tz_error *err)
{
	(void)fflush(stdout);
	cli_program_exec(path, words);
	return tz_error_set(err, errno, "%s cannot be run: %m", path);
}
