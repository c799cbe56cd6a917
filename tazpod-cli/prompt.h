/*
 * Asking for passphrases.
 *
 * 1. A passphrase goes by read() straight into secret memory, never through a buffer of stdio.
 * 2. The terminal is given back as it was on every path, a signal included.
 * 3. From standard input (--stdin, or no terminal there) it is a line each, and not a byte more is taken.
 */
#ifndef TAZPOD_CLI_PROMPT_H
#define TAZPOD_CLI_PROMPT_H

#include <stdbool.h>

#include "error.h"
#include "secret.h"
#include "settings.h"

struct cli_prompt {
	int fd;
	bool terminal; /* a person is there: he is asked, and may try again */
};

#define CLI_PROMPT_INIT { .fd = -1 }

/* Where passphrases come from. -ENXIO where a terminal is wanted and there is none. */
int cli_prompt_open(bool from_stdin, struct cli_prompt *ret, struct tz_error *err);
void cli_prompt_close(struct cli_prompt *prompt);

#define _cleanup_prompt_ tz_cleanup(cli_prompt_close)

/* One that is there already. -EKEYREJECTED: an empty one; -ENODATA: the input ended; -EMSGSIZE; -EINTR: a signal. */
int cli_prompt_present(const struct cli_prompt *prompt, const char *question, struct tz_secret *ret,
		       struct tz_error *err);

/* A new one: good enough (passphrase.h), and twice the same. A person has three attempts. */
int cli_prompt_new(const struct cli_prompt *prompt, const struct tz_settings *settings, const char *question,
		   struct tz_secret *ret, struct tz_error *err);

/* Yes or no, no by default, on the terminal. */
bool cli_prompt_confirm(const struct cli_prompt *prompt, const char *question);

#endif
