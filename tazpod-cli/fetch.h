/*
 * Runs the program that has the secrets, and keeps what it prints. It is the user's own or a project's, so nothing is
 * taken for granted but that the kernel ends it when it is told to:
 *
 * 1. Nothing of its standard output MUST ever be in a message.
 * 2. It MUST NOT outlast its time limit, nor this process: the kernel kills it with its parent (the program itself, not
 *    what it started; and not a program that is setuid or setgid, of which the kernel forgets this as it starts).
 * 3. It is in a process group of its own, so that all it started is ended with it, and nobody else. That group is in the
 *    background of the terminal: SIGINT, SIGTERM, SIGHUP and SIGQUIT to this process are passed on to it, and where it
 *    wants to ask for something on /dev/tty the kernel stops it, which ends it here with a sentence: a prompt would be
 *    one that nobody sees.
 * 4. There is no shell: words are what the program gets.
 *
 * What it says on standard error is kept for messages, and not shown as it comes.
 */
#ifndef TAZPOD_CLI_FETCH_H
#define TAZPOD_CLI_FETCH_H

#include <stddef.h>

#include "error.h"
#include "textbuf.h"

#define CLI_FETCH_OUTPUT_MAX ((size_t)32 * 1024 * 1024)
#define CLI_FETCH_SAID (16 * 1024) /* the CLI of Infisical draws boxes that are larger than 4 KiB */

struct cli_fetch {
	const char *path;           /* the program; in folder where it begins with no '/' */
	char *const *words;         /* what it gets, the name it is called by first */
	const char *name;           /* what messages call it */
	const char *folder;         /* where it runs; NULL: here */
	const char *const *changes; /* of its environment: "NAME=value", or "NAME" that is taken away; NULL: none */
	unsigned int seconds;       /* how long it may take */
	const char *const *stop_at; /* it is ended once one of these is in what it says, however much that is; NULL: by nothing */
};

struct cli_fetch_result {
	struct tz_textbuf output;      /* standard output, all of it */
	char said[CLI_FETCH_SAID + 1]; /* the end of standard error, printable */
	int status;                    /* its exit status */
	const char *stopped_at;        /* which of them it said: neither output nor status mean anything; else NULL */
};

#define CLI_FETCH_RESULT_INIT { .status = 0 }

/*
 * 0 when it has ended by itself, whatever its status, or was stopped. Else, with a sentence of its own each: -ENOENT (no
 * such program), -ENOEXEC (it cannot be run), -ENOTDIR (no such folder), -ETIMEDOUT, -EFBIG (it prints too much), -EPIPE
 * (something that it started holds its output), -ENOTTY (it wants to ask on the terminal), -EIO (a signal ended it),
 * -EINTR (this process was sent one: whoever called gives up as well), or what a system call gave. What it said is then
 * the error's detail. *ret is untouched on failure.
 */
int cli_fetch(const struct cli_fetch *fetch, struct cli_fetch_result *ret, struct tz_error *err);

void cli_fetch_result_free(struct cli_fetch_result *result);

#define _cleanup_fetch_result_ tz_cleanup(cli_fetch_result_free)

#endif
