/* The arguments of a program, as they grow. Memory that runs out is told once, at the end. */
#ifndef TAZPOD_CLI_ARGS_H
#define TAZPOD_CLI_ARGS_H

#include <stdbool.h>

#include "cleanup.h"
#include "error.h"

struct cli_args {
	char **words; /* ended by NULL; NULL while there is none */
	unsigned int count;
	bool failed;
};

#define CLI_ARGS_INIT { .words = NULL }

/* One word, made like printf() does. */
void cli_args_add(struct cli_args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Each word of a list that NULL ends, as it is. */
void cli_args_add_all(struct cli_args *args, const char *const words[]);
void cli_args_free(struct cli_args *args);

/* 0, or -ENOMEM when a word is missing, or none was added. */
int cli_args_check(const struct cli_args *args, struct tz_error *err);

#define _cleanup_args_ tz_cleanup(cli_args_free)

#endif
