#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "report.h"
#include "tether.h"

/* the tether gives the login a second, and twice five more */
#define TETHER_END_MS 13000
/* what an engine takes to tell its clients, where it does tell them, that a container has ended */
#define CLIENT_END_MS 2000

struct remote {
	sigset_t signals, before;
	int pipe;                  /* signals to the login are written to it; its end ends the login */
	pid_t login, tether, watch; /* 0: it has ended */
	bool container_ended, killed;
	struct termios terminal;
	bool has_terminal;
};

static _Noreturn void run_client(const struct remote *remote, char *const words[])
{
	(void)sigprocmask(SIG_SETMASK, &remote->before, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execve(words[0], words, environ);
	_exit(127);
}

/* Its session is its own: what the terminal does to this program must not reach it first. input -1: it has none. */
static pid_t start_apart(const struct remote *remote, const struct cli_args *args, int input, struct tz_error *err)
{
	pid_t pid, parent = getpid();
	int null;

	if (cli_args_check(args, err) < 0)
		return -ENOMEM;
	pid = fork();
	if (pid < 0)
		return tz_error_set(err, errno, "%s cannot be started: %m", args->words[0]);
	if (pid > 0)
		return pid;
	/* the tether ends with its input, after its work; nothing else tells the other one that this program was killed */
	if (input < 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(126);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (setsid() < 0 || dup2(input < 0 ? null : input, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		_exit(126);
	run_client(remote, args->words);
}

static int start_tether(const struct cli_here *here, const char *user, const char *word, struct remote *remote, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int ends[2];

	cli_container_exec_args(&here->use, &here->project, user, false, &args);
	cli_args_add_all(&args, CLI_KEYS("tazpod", "ssh", "--tether", word));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe to the container: %m");
	remote->tether = start_apart(remote, &args, ends[0], err);
	(void)close(ends[0]);
	remote->pipe = ends[1];
	return remote->tether < 0 ? remote->tether : 0;
}

/* Some engines do not tell their clients of a container whose end they did not bring about; this one they do. */
static int start_watch(const struct cli_here *here, struct remote *remote, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;

	cli_engine_args(&here->use, &args, CLI_KEYS("wait", here->project.container_name));
	remote->watch = start_apart(remote, &args, -1, err);
	return remote->watch < 0 ? remote->watch : 0;
}

static int start_login(const struct cli_here *here, const char *user, char *const words[], const char *word,
		       struct remote *remote, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_container_exec_args(&here->use, &here->project, user, true, &args);
	cli_args_add_all(&args, CLI_KEYS("tazpod", "ssh", "--tie", word, "--"));
	cli_args_add_all(&args, (const char *const *)words);
	r = cli_args_check(&args, err);
	if (r < 0)
		return r;
	remote->login = fork();
	if (remote->login == 0) {
		/* without a terminal to read from: Ctrl-C is for this program, which passes it on */
		if (!isatty(STDIN_FILENO))
			(void)setpgid(0, 0);
		run_client(remote, args.words);
	}
	return remote->login < 0 ? tz_error_set(err, errno, "%s cannot be started: %m", here->use.program) : 0;
}

/* True when the login has ended, with *ret_status its status as a shell tells it. */
static bool reap(struct remote *remote, int *ret_status)
{
	bool over = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == remote->login) {
			*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			remote->login = 0;
			over = true;
		} else if (pid == remote->tether) {
			remote->tether = 0;
		} else if (pid == remote->watch) {
			remote->watch = 0;
			remote->container_ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
		}
	}
	return over;
}

/* The next signal; -1 after timeout_ms, where that is not negative. */
static int next_signal(const struct remote *remote, int timeout_ms)
{
	const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return timeout_ms < 0 ? sigwaitinfo(&remote->signals, NULL) : sigtimedwait(&remote->signals, NULL, &timeout);
}

static int wait_and_pass_on(struct remote *remote)
{
	int status;

	for (;;) {
		int signal = next_signal(remote, remote->container_ended ? CLIENT_END_MS : -1);
		const unsigned char byte = (unsigned char)signal;

		if (signal > 0 && signal != SIGCHLD)
			(void)!write(remote->pipe, &byte, 1);
		if (reap(remote, &status))
			return status;
		if (signal < 0 && errno == EAGAIN && remote->container_ended) {
			cli_say("the container has ended");
			remote->killed = kill(remote->login, SIGKILL) == 0;
		}
	}
}

/* The login, if it is there still, is hung up; the tether does that, and a client that never hears of its end is killed. */
static void end(struct remote *remote)
{
	int status;

	tz_closep(&remote->pipe);
	if (remote->watch > 0)
		(void)kill(remote->watch, SIGKILL);
	while (remote->tether > 0 && next_signal(remote, TETHER_END_MS) > 0)
		(void)reap(remote, &status);
	if (remote->tether > 0)
		(void)kill(remote->tether, SIGKILL);
	/* a client that was killed leaves it raw; and who is in the background may not touch it without need */
	if (remote->killed && remote->has_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &remote->terminal);
}

int cli_remote_login(const struct cli_here *here, const struct cli_container *container, char *const words[],
		     struct tz_error *err)
{
	const char *user = cli_container_user(container);
	static const int passed_on[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	struct remote remote = { .pipe = -1 };
	char word[CLI_TETHER_WORD];
	int r = cli_tether_word(word, err);

	if (r < 0)
		return r;
	remote.has_terminal = tcgetattr(STDIN_FILENO, &remote.terminal) == 0;
	(void)sigemptyset(&remote.signals);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(&remote.signals, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &remote.signals, &remote.before) < 0)
		return tz_error_set(err, errno, "signals cannot be blocked: %m");
	r = start_tether(here, user, word, &remote, err);
	if (r == 0)
		r = start_login(here, user, words, word, &remote, err);
	if (r == 0)
		r = start_watch(here, &remote, err);
	if (r == 0)
		r = wait_and_pass_on(&remote);
	end(&remote);
	(void)sigprocmask(SIG_SETMASK, &remote.before, NULL);
	return r;
}

int cli_remote_command(struct cli *cli)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	struct tz_error err = { 0 };
	struct cli_here here;
	int r = cli_here_running(&here, &container, &err);

	cli_args_add(&args, "tazpod");
	cli_args_add_all(&args, (const char *const *)cli->argv + 1);
	if (r == 0)
		r = cli_args_check(&args, &err);
	if (r == 0)
		r = cli_remote_login(&here, &container, args.words, &err);
	return r < 0 ? cli_fail(cli, &err) : r;
}
