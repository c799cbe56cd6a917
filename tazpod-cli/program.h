/*
 * Programs of the user's, found in his PATH as his shell does it, and run with his environment. What has privilege never
 * does this: see libtazpod/exec.h. One that is waited for gets SIGTERM when this program is gone before it.
 */
#ifndef TAZPOD_CLI_PROGRAM_H
#define TAZPOD_CLI_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "args.h"
#include "error.h"

/* The absolute path of name. -ENOENT without a sentence: there is none in PATH. */
int cli_program_find(const char *name, char ret[static PATH_MAX]);

/* words[0] is the path. Its exit status, 128 + N where signal N ended it; negative when it could not be run. */
int cli_program_run(char *const words[], struct tz_error *err);

/* The same, with size bytes of text as its input. */
int cli_program_run_with(char *const words[], const char *text, size_t size, struct tz_error *err);

/* As cli_program_run(), with the output turned away: where only the status matters. */
int cli_program_run_quietly(char *const words[], struct tz_error *err);

struct cli_program_output {
	char *text;  /* standard output, ended by a NUL; the caller frees it */
	char *error; /* standard error, without the newlines at its end; the caller frees it */
	int status;
};

/* Runs it without standard input and keeps what it says, of each stream a mebibyte at most. */
int cli_program_capture(char *const words[], struct cli_program_output *ret, struct tz_error *err);
void cli_program_output_free(struct cli_program_output *output);

/* execve() with this program's environment and the signals that others expect. Returns, with errno, only when it fails. */
void cli_program_exec(const char *path, char *const words[]);

/* Takes this program's place, words[0] being what it is called by. Returns only a failure. */
int cli_program_become(const char *path, char *const words[], struct tz_error *err);

#define _cleanup_output_ tz_cleanup(cli_program_output_free)

#endif
