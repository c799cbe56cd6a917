/* What every file of the command line shares: exit codes, the command table's rows, the running command. */
#ifndef TAZPOD_CLI_H
#define TAZPOD_CLI_H

#include <stdbool.h>

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_LOCKED = 3, /* locked, or not in an enclave */
	CLI_WRONG_PASSPHRASE = 4,
	CLI_INTERRUPTED = 130, /* as shells give it for SIGINT */
};

struct cli;

struct cli_command {
	const char *name;    /* as typed: "create" */
	const char *path;    /* with what stands before it: "vault create" */
	const char *summary; /* one line for the list */
	const char *usage;   /* the whole help, less the options that every command has */
	int (*run)(struct cli *cli, int argc, char **argv); /* an exit code; NULL where there are subcommands */
	const struct cli_command *const *subcommands;       /* NULL, or ended by NULL */
};

struct cli {
	const struct cli_command *command; /* NULL before one is found */
	char **argv;                       /* the program's own, whole */
	bool verbose;
};

#endif
