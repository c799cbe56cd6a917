#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "exec.h"
#include "said.h"
#include "readable.h"

#define PIECE (16 * 1024)
#define REST_MAX 64    /* pieces, more than a pipe holds */
#define LINGER_MS 2000 /* for what it started to let go of its output */
#define GRACE_MS 2000  /* between SIGTERM and SIGKILL */

enum ending {
	RUNNING,
	ENDED,
	OUT_OF_TIME,
	TOO_MUCH,
	HELD,
	ASKING,
	INTERRUPTED,
	STOPPED,
	BROKEN,
};

struct run {
	const struct cli_fetch *fetch;
	pid_t pid;
	int process, out, error, report, signals; /* descriptors, -1 where there is none (any more) */
	int64_t deadline;                         /* in ms, of the monotonic clock */
	bool exited;                              /* and is not waited for yet, so that its number stays its own */
	enum ending ending;
	const char *stopped_at; /* set with STOPPED, over which only failures come */
	int code; /* INTERRUPTED: the signal; BROKEN: a negative errno */
	struct tz_textbuf output;
	size_t said_size;
	char said[CLI_FETCH_SAID + PIECE];
};

/* What a child that could not become the program tells: which step, and why. */
struct failure {
	enum { AT_START, AT_FOLDER, AT_PROGRAM } step;
	int code;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- the child */

static bool is_changed(const char *variable, const char *const *changes)
{
	for (; changes && *changes; changes++) {
		size_t size = strcspn(*changes, "=");

		if (strncmp(variable, *changes, size) == 0 && variable[size] == '=')
			return true;
	}
	return false;
}

/* Of pointers to what is there already. The caller frees it; NULL when memory is out. */
static char **make_environment(const char *const *changes)
{
	size_t count = 0, used = 0;
	char **environment;

	for (char **variable = environ; variable && *variable; variable++)
		count++;
	for (const char *const *change = changes; change && *change; change++)
		count++;
	environment = calloc(count + 1, sizeof(*environment));
	if (!environment)
		return NULL;
	for (char **variable = environ; variable && *variable; variable++)
		if (!is_changed(*variable, changes))
			environment[used++] = *variable;
	for (const char *const *change = changes; change && *change; change++)
		if (strchr(*change, '='))
			environment[used++] = (char *)(uintptr_t)*change;
	return environment;
}

static _Noreturn void fail(int fd, struct failure failure)
{
	/* where this does not arrive, the exit status still says that something failed */
	ssize_t n = write(fd, &failure, sizeof(failure));

	_exit(n == (ssize_t)sizeof(failure) ? 127 : 126);
}

/* streams: standard input, output and error, and where a failure is told. */
static _Noreturn void become(const struct cli_fetch *fetch, char *const *environment, const int streams[4], pid_t parent,
			     const sigset_t *mask)
{
	const int report = STDERR_FILENO + 1;
	int code;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(126);
	if (tz_exec_place(streams, STDIN_FILENO, 4) < 0)
		_exit(126);
	if (fcntl(report, F_SETFD, FD_CLOEXEC) < 0 || setpgid(0, 0) < 0)
		fail(report, (struct failure){ AT_START, errno });
	/* main() ignores it for its own writes */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	if (fetch->folder && chdir(fetch->folder) < 0)
		fail(report, (struct failure){ AT_FOLDER, errno });
	(void)execve(fetch->path, fetch->words, environment);
	code = errno;
	/* it is there, so what it names behind "#!" is not */
	if (code == ENOENT && access(fetch->path, F_OK) == 0)
		code = ELIBACC;
	fail(report, (struct failure){ AT_PROGRAM, code });
}

static int explain_failure(const struct cli_fetch *fetch, const struct failure *failure, struct tz_error *err)
{
	const char *why = strerrordesc_np(failure->code);

	if (failure->step == AT_FOLDER)
		return tz_error_set(err, ENOTDIR, "%s cannot be run in %s: %s", fetch->name, fetch->folder, why);
	if (failure->step == AT_START)
		return tz_error_set(err, failure->code, "%s cannot be started: %s", fetch->name, why);
	switch (failure->code) {
	case ENOENT:
	case ENOTDIR:
		return tz_error_set(err, ENOENT, "%s cannot be run: there is no %s", fetch->name, fetch->path);
	case EACCES:
		return tz_error_set(err, ENOEXEC, "%s cannot be run: %s is not executable", fetch->name, fetch->path);
	case ENOEXEC:
		return tz_error_set(err, ENOEXEC, "%s cannot be run: %s is neither a program of this machine nor a script "
				    "that begins with '#!'", fetch->name, fetch->path);
	case ELIBACC:
		return tz_error_set(err, ENOEXEC, "%s cannot be run: what %s names behind '#!' is not there", fetch->name,
				    fetch->path);
	default:
		return tz_error_set(err, ENOEXEC, "%s cannot be run: %s: %s", fetch->name, fetch->path, why);
	}
}

/* ---------------------------------------------------------------- the start */

/* Which signals are to be passed on: those that end this process, unless whoever started it wants them ignored. */
static void choose_signals(sigset_t *ret)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action;

	(void)sigemptyset(ret);
	/* tells of a stop */
	(void)sigaddset(ret, SIGCHLD);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (sigaction(all[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(ret, all[i]);
}

static int make_pipe(const char *name, int *ret_read, int *ret_write, struct tz_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe to %s: %m", name);
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int start(struct run *run, const sigset_t *mask, struct tz_error *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out = -1, error = -1, report = -1;
	_cleanup_free_ char **environment = make_environment(run->fetch->changes);
	pid_t parent = getpid();
	int r;

	if (null < 0 || !environment)
		return tz_error_set(err, environment ? errno : ENOMEM, "%s cannot be started: %m", run->fetch->name);
	r = make_pipe(run->fetch->name, &run->out, &out, err);
	if (r == 0)
		r = make_pipe(run->fetch->name, &run->error, &error, err);
	if (r == 0)
		r = make_pipe(run->fetch->name, &run->report, &report, err);
	if (r < 0)
		return r;
	(void)fflush(stdout);
	run->pid = fork();
	if (run->pid == 0)
		become(run->fetch, environment, (const int[]){ null, out, error, report }, parent, mask);
	if (run->pid < 0)
		return tz_error_set(err, errno, "%s cannot be started: %m", run->fetch->name);
	/* by both, so that it is done when either goes on */
	(void)setpgid(run->pid, run->pid);
	run->process = pidfd_open(run->pid, 0);
	return run->process < 0 ? tz_error_set(err, errno, "%s cannot be watched: %m", run->fetch->name) : 0;
}

/* Waits until it is the program; 1 then, 0 where it ended or ran out of time before. */
static int await_program(struct run *run, struct tz_error *err)
{
	int64_t left = run->deadline - now_ms();
	struct failure failure;
	ssize_t n;

	/* chdir() and execve() may wait for a file system that does not answer */
	if (tz_wait_readable(run->report, left > 0 ? (int)left : 0) < 0) {
		run->ending = OUT_OF_TIME;
		return 0;
	}
	n = read(run->report, &failure, sizeof(failure));
	if (n == (ssize_t)sizeof(failure))
		return explain_failure(run->fetch, &failure, err);
	return 1;
}

/* ---------------------------------------------------------------- the run */

static void give_up(struct run *run, enum ending ending, int code)
{
	run->ending = ending;
	run->code = code;
}

static void take_output(struct run *run)
{
	char piece[PIECE];
	ssize_t n = read(run->out, piece, sizeof(piece));
	int r = 0;

	if (n < 0 && errno != EINTR)
		give_up(run, BROKEN, -errno);
	if (n == 0)
		tz_closep(&run->out);
	if (n > 0 && (size_t)n > CLI_FETCH_OUTPUT_MAX - run->output.size)
		give_up(run, TOO_MUCH, 0);
	else if (n > 0)
		r = tz_textbuf_add(&run->output, piece, (size_t)n);
	if (r < 0)
		give_up(run, BROKEN, r);
	explicit_bzero(piece, sizeof(piece));
}

/* Where there are several, the one that the caller names first. */
static void look_for_words(struct run *run)
{
	for (const char *const *words = run->fetch->stop_at; words && *words; words++)
		if (memmem(run->said, run->said_size, *words, strlen(*words))) {
			run->stopped_at = *words;
			give_up(run, STOPPED, 0);
			return;
		}
}

/* Of all that it says, only the end is kept. */
static void take_said(struct run *run)
{
	ssize_t n = read(run->error, run->said + run->said_size, PIECE);

	if (n < 0 && errno != EINTR)
		give_up(run, BROKEN, -errno);
	if (n == 0)
		tz_closep(&run->error);
	if (n <= 0)
		return;
	run->said_size += (size_t)n;
	look_for_words(run);
	if (run->said_size > CLI_FETCH_SAID) {
		memmove(run->said, run->said + run->said_size - CLI_FETCH_SAID, CLI_FETCH_SAID);
		run->said_size = CLI_FETCH_SAID;
	}
}

/* The kernel stops who reads from the terminal, or changes it, from the background. */
static void look_for_stop(struct run *run)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)run->pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == run->pid &&
	    (info.si_status == SIGTTIN || info.si_status == SIGTTOU))
		give_up(run, ASKING, 0);
}

static void take_signal(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		look_for_stop(run);
	else
		give_up(run, INTERRUPTED, (int)info.ssi_signo);
}

static void take_exit(struct run *run)
{
	int64_t last = now_ms() + LINGER_MS;

	run->exited = true;
	if (run->deadline > last)
		run->deadline = last;
}

/* What it had said when it ended; somebody that it started may go on for as long as it likes. */
static void take_rest(struct run *run)
{
	for (int i = 0; i < REST_MAX && run->ending == RUNNING && run->error >= 0; i++) {
		if (tz_wait_readable(run->error, 0) < 0)
			return;
		take_said(run);
	}
}

static void step(struct run *run)
{
	int64_t left = run->deadline - now_ms();
	struct pollfd watched[] = {
		{ .fd = run->out, .events = POLLIN },
		{ .fd = run->error, .events = POLLIN },
		{ .fd = run->exited ? -1 : run->process, .events = POLLIN },
		{ .fd = run->signals, .events = POLLIN },
	};
	int n = left > 0 ? poll(watched, sizeof(watched) / sizeof(watched[0]), (int)left) : 0;

	if (n < 0 && errno != EINTR)
		give_up(run, BROKEN, -errno);
	if (n == 0)
		give_up(run, run->exited ? HELD : OUT_OF_TIME, 0);
	if (n <= 0)
		return;
	if (watched[0].revents)
		take_output(run);
	if (watched[1].revents)
		take_said(run);
	if (watched[2].revents)
		take_exit(run);
	/* the last word */
	if (watched[3].revents)
		take_signal(run);
}

static void follow(struct run *run)
{
	while (run->ending == RUNNING && (run->out >= 0 || !run->exited))
		step(run);
	take_rest(run);
	if (run->ending == RUNNING)
		run->ending = ENDED;
}

/* ---------------------------------------------------------------- the end */

/* All that is in its group; what has left that is not known to be its. */
static void end_group(const struct run *run)
{
	(void)kill(-run->pid, run->ending == INTERRUPTED ? run->code : SIGTERM);
	/* who is stopped heeds nothing */
	(void)kill(-run->pid, SIGCONT);
	(void)tz_wait_readable(run->exited && run->out >= 0 ? run->out : run->process, GRACE_MS);
	(void)kill(-run->pid, SIGKILL);
}

/* Its exit status, or a negative errno with a sentence. */
static int reap(const struct run *run, struct tz_error *err)
{
	const char *name = run->fetch->name, *what;
	int status;

	while (waitpid(run->pid, &status, 0) < 0)
		if (errno != EINTR)
			return tz_error_set(err, errno, "%s cannot be waited for: %m", name);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	what = sigdescr_np(WTERMSIG(status));
	return tz_error_set(err, EIO, "%s was ended by signal %d (%s), so what it printed may not be all", name,
			    WTERMSIG(status), what ? what : "unknown");
}

static int explain_ending(const struct run *run, struct tz_error *err)
{
	const char *name = run->fetch->name;

	switch (run->ending) {
	case OUT_OF_TIME:
		return run->out < 0 ? tz_error_set(err, ETIMEDOUT, "%s closed its output, but had not ended after %u s, and "
						   "was ended", name, run->fetch->seconds) :
				      tz_error_set(err, ETIMEDOUT, "%s had not ended after %u s, and was ended; 'timeout:' in "
						   "the config of secrets.yml may give it longer", name, run->fetch->seconds);
	case TOO_MUCH:
		return tz_error_set(err, EFBIG, "%s prints more than %zu MiB, and was ended", name,
				    CLI_FETCH_OUTPUT_MAX >> 20);
	case HELD:
		return tz_error_set(err, EPIPE, "%s has ended, but something that it started still holds its output, so that "
				    "nobody can tell whether that is all", name);
	case ASKING:
		return tz_error_set(err, ENOTTY, "%s wants to ask for something on the terminal, which it may not here; do "
				    "that (log in, unlock) before", name);
	case INTERRUPTED:
		return tz_error_set(err, EINTR, "interrupted, and %s was ended", name);
	default:
		return tz_error_set(err, run->code, "%s cannot be heard: %s", name, strerrordesc_np(-run->code));
	}
}

/* All but its output, which the caller owns. */
static void release(struct run *run)
{
	tz_closep(&run->process);
	tz_closep(&run->out);
	tz_closep(&run->error);
	tz_closep(&run->report);
	tz_closep(&run->signals);
}

/* Ends it where it has not ended; its exit status, or a negative errno with a sentence. */
static int finish(struct run *run, struct tz_error *err)
{
	int r = 0;

	if (run->ending != ENDED) {
		end_group(run);
		if (run->ending != STOPPED)
			r = explain_ending(run, err);
		/* one that took on another user's rights may not be killed; it is left to whoever adopts it */
		if (tz_wait_readable(run->process, GRACE_MS) == 0)
			(void)reap(run, NULL);
		return r;
	}
	return reap(run, err);
}

static int run_it(struct run *run, const sigset_t *mask, struct tz_error *err)
{
	char lines[256];
	int r = start(run, mask, err);

	if (r == 0)
		r = await_program(run, err);
	if (r < 0) {
		if (run->pid > 0) {
			(void)kill(run->pid, SIGKILL);
			(void)reap(run, NULL);
		}
		return r;
	}
	follow(run);
	r = finish(run, err);
	run->said_size = cli_make_printable(run->said, run->said_size);
	if (r < 0) {
		cli_last_lines(run->said, 3, lines, sizeof(lines));
		if (lines[0])
			(void)tz_error_detail(err, "%s said: %s", run->fetch->name, lines);
	}
	return r;
}

int cli_fetch(const struct cli_fetch *fetch, struct cli_fetch_result *ret, struct tz_error *err)
{
	struct run run = { .fetch = fetch, .pid = -1, .process = -1, .out = -1, .error = -1, .report = -1,
			   .deadline = now_ms() + (int64_t)fetch->seconds * 1000 };
	const struct sigaction told = { .sa_handler = SIG_DFL };
	struct sigaction before;
	sigset_t signals, mask;
	int r;

	choose_signals(&signals);
	run.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run.signals < 0)
		return tz_error_set(err, errno, "signals cannot be watched: %m");
	/* where whoever started us ignores it, nobody can be waited for */
	(void)sigaction(SIGCHLD, &told, &before);
	(void)sigprocmask(SIG_BLOCK, &signals, &mask);
	r = run_it(&run, &mask, err);
	release(&run);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	(void)sigaction(SIGCHLD, &before, NULL);
	if (r < 0) {
		tz_textbuf_free(&run.output);
		return r;
	}
	ret->output = run.output;
	memcpy(ret->said, run.said, run.said_size + 1);
	ret->status = r;
	ret->stopped_at = run.stopped_at;
	return 0;
}

void cli_fetch_result_free(struct cli_fetch_result *result)
{
	tz_textbuf_free(&result->output);
	result->said[0] = '\0';
}
