#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "passphrase.h"
#include "path.h"
#include "report.h"

#define ATTEMPTS 3

int cli_prompt_open(bool from_stdin, struct cli_prompt *ret, struct tz_error *err)
{
	int fd;

	if (from_stdin || !isatty(STDIN_FILENO)) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return tz_error_set(err, errno, "standard input is closed, so there is no passphrase to be had");
		*ret = (struct cli_prompt){ .fd = fd, .terminal = false };
		return 0;
	}
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return tz_error_set(err, ENXIO, "there is no terminal to ask on; give the passphrase on standard input, with "
				    "--stdin");
	*ret = (struct cli_prompt){ .fd = fd, .terminal = true };
	return 0;
}

void cli_prompt_close(struct cli_prompt *prompt)
{
	tz_closep(&prompt->fd);
}

/* ------------------------------------------------------------------------------------------ the terminal */

/*
 * They end the question or stop it. SIGTTOU and SIGTTIN are not among them: a job in the background is to stop before
 * it touches the terminal, which is what they do.
 */
static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define WATCHED (sizeof(watched) / sizeof(watched[0]))

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
	caught = number;
}

struct silence {
	int fd;
	bool changed;
	struct termios before;
	struct sigaction actions[WATCHED];
	sigset_t mask; /* as it was: signals come through while the answer is waited for, and at no other time */
};

static int begin_silence(int fd, struct silence *silence)
{
	struct sigaction action = { .sa_handler = catch_signal };
	struct termios quiet;
	sigset_t blocked;

	silence->fd = fd;
	silence->changed = false;
	caught = 0;
	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaddset(&blocked, watched[i]);
	(void)sigprocmask(SIG_BLOCK, &blocked, &silence->mask);
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaction(watched[i], &action, &silence->actions[i]);
	if (tcgetattr(fd, &silence->before) < 0)
		return -errno;
	quiet = silence->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	/* what was typed ahead was typed in view: it is no passphrase */
	if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0)
		return -errno;
	silence->changed = true;
	return 0;
}

static void end_silence(const struct silence *silence)
{
	if (silence->changed) {
		(void)tcsetattr(silence->fd, TCSADRAIN, &silence->before);
		(void)tz_write_all(silence->fd, "\n", 1);
	}
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaction(watched[i], &silence->actions[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &silence->mask, NULL);
}

/* For as long as there is nothing to read. -EINTR: one of the signals came. */
static int wait_for_answer(const struct silence *silence)
{
	struct pollfd answer = { .fd = silence->fd, .events = POLLIN };
	int n;

	do
		n = ppoll(&answer, 1, NULL, &silence->mask);
	while (n < 0 && errno == EINTR && !caught);
	return n < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------ reading */

/* A line without its newline. By single bytes: the next line is for the next who reads. */
static int read_line(int fd, struct tz_secret *line)
{
	size_t used = 0;

	for (;;) {
		uint8_t *at = &line->data[used < TZ_PASSPHRASE_MAX ? used : TZ_PASSPHRASE_MAX];
		ssize_t n = read(fd, at, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && used == 0)
			return -ENODATA;
		if (n == 0 || *at == '\n') {
			*at = 0;
			break;
		}
		/* a line that is too long is read to its end, so that no rest of it passes for the next */
		used += used <= TZ_PASSPHRASE_MAX;
	}
	if (used > TZ_PASSPHRASE_MAX)
		return -EMSGSIZE;
	line->size = used;
	return 0;
}

static int read_silently(int fd, const char *question, struct tz_secret *line)
{
	struct silence silence;
	int r, number;

	do {
		r = begin_silence(fd, &silence);
		if (r == 0)
			r = tz_write_all(fd, question, strlen(question));
		if (r == 0)
			r = wait_for_answer(&silence);
		/* the terminal gives out whole lines: no waiting from here on */
		if (r == 0)
			r = read_line(fd, line);
		number = caught;
		end_silence(&silence);
		/* stopped here, and asked again when it goes on */
		if (number)
			(void)raise(number);
	} while (r == -EINTR && number == SIGTSTP);
	return r;
}

static int explain(int code, const struct cli_prompt *prompt, struct tz_error *err)
{
	switch (code) {
	case -ENODATA:
		return tz_error_set(err, ENODATA, prompt->terminal ?
				    "no passphrase was given; nothing was done" :
				    "standard input ended where a passphrase was expected, a line each; nothing was done");
	case -EMSGSIZE:
		return tz_error_set(err, EMSGSIZE, "the passphrase is too long: at most %d bytes are allowed",
				    TZ_PASSPHRASE_MAX);
	default:
		return tz_error_set(err, code, "the passphrase cannot be read: %s", strerror(-code));
	}
}

static int ask(const struct cli_prompt *prompt, const char *question, struct tz_secret *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret line = TZ_SECRET_INIT;
	/* one byte more, which tells that a line is too long */
	int r = tz_secret_alloc(&line, TZ_PASSPHRASE_MAX + 1);

	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked for the passphrase: %s", strerror(-r));
	r = prompt->terminal ? read_silently(prompt->fd, question, &line) : read_line(prompt->fd, &line);
	if (r < 0)
		return explain(r, prompt, err);
	tz_secret_move(ret, &line);
	return 0;
}

int cli_prompt_present(const struct cli_prompt *prompt, const char *question, struct tz_secret *ret,
		       struct tz_error *err)
{
	int r = ask(prompt, question, ret, err);

	if (r == 0 && ret->size == 0)
		return tz_error_set(err, EKEYREJECTED, "an empty passphrase opens nothing");
	return r;
}

static int ask_twice(const struct cli_prompt *prompt, const struct tz_settings *settings, const char *question,
		     struct tz_secret *ret, struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret first = TZ_SECRET_INIT, second = TZ_SECRET_INIT;
	int r = ask(prompt, question, &first, err);

	if (r == 0)
		r = tz_passphrase_check(&first, settings->passphrase_min, settings->ghost_user, err);
	if (r == 0)
		r = ask(prompt, "The same once more: ", &second, err);
	if (r < 0)
		return r;
	if (!tz_secret_equal(&first, &second))
		return tz_error_set(err, EINVAL, "the two passphrases differ");
	tz_secret_move(ret, &first);
	return 0;
}

int cli_prompt_new(const struct cli_prompt *prompt, const struct tz_settings *settings, const char *question,
		   struct tz_secret *ret, struct tz_error *err)
{
	for (int attempt = 1;; attempt++) {
		int r = ask_twice(prompt, settings, question, ret, err);

		if (r != -EINVAL || !prompt->terminal || attempt == ATTEMPTS)
			return r;
		cli_say("%s", err->message);
	}
}

bool cli_prompt_confirm(const struct cli_prompt *prompt, const char *question)
{
	char answer[16];
	ssize_t n;

	if (tz_write_all(prompt->fd, question, strlen(question)) < 0)
		return false;
	n = read(prompt->fd, answer, sizeof(answer) - 1);
	if (n <= 0)
		return false;
	answer[n] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
