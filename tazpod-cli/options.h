/* The options of a command, from a table. */
#ifndef TAZPOD_CLI_OPTIONS_H
#define TAZPOD_CLI_OPTIONS_H

#include "cli.h"

#define CLI_OPTIONS_MAX 8

struct cli_option {
	const char *name;  /* long name; the table ends with NULL */
	char letter;       /* 0: it has none */
	bool *flag;        /* set when it is given, or */
	const char **text; /* set to its value; points into argv */
};

/* What cli_options() gives back when there is something left to do. */
#define CLI_GO_ON (-1)

/*
 * Reads the options of argv (argv[0] is the command's name); --help and --verbose are every command's. CLI_GO_ON, with
 * *ret_first the index of the first operand; or the exit code, the user having been told.
 */
int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *options, int *ret_first);

/* The same for a command that has no operand. */
/* As cli_options() for what stands before a program's name, the first word that is no option: the rest is the program's. */
int cli_options_before(struct cli *cli, int argc, char **argv, const struct cli_option *options, int *ret_first);

int cli_options_only(struct cli *cli, int argc, char **argv, const struct cli_option *options);

#endif
