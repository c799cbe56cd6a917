/*
 * The table of commands (commands.c), and what is done with it (dispatch.c): finding, listing, running, explaining. What a
 * shell's start waits for has a table of its own (quick.c).
 */
#ifndef TAZPOD_CLI_COMMANDS_H
#define TAZPOD_CLI_COMMANDS_H

#include "cli.h"

/* Ended by NULL, in the order of the list. */
extern const struct cli_command *const cli_commands[];

extern const struct cli_command cli_cmd_init;
extern const struct cli_command cli_cmd_up;
extern const struct cli_command cli_cmd_ssh;
extern const struct cli_command cli_cmd_enter;
extern const struct cli_command cli_cmd_down;
extern const struct cli_command cli_cmd_logs;
extern const struct cli_command cli_cmd_trust;
extern const struct cli_command cli_cmd_unlock;
extern const struct cli_command cli_cmd_lock;
extern const struct cli_command cli_cmd_pull;
extern const struct cli_command cli_cmd_sync;
extern const struct cli_command cli_cmd_env;
extern const struct cli_command cli_cmd_run;
extern const struct cli_command cli_cmd_login;
extern const struct cli_command cli_cmd_status;
extern const struct cli_command cli_cmd_passwd;
extern const struct cli_command cli_cmd_vault;
extern const struct cli_command cli_cmd_doctor;
extern const struct cli_command cli_cmd_version;
extern const struct cli_command cli_cmd_help;

extern const struct cli_command cli_cmd_vault_create;
extern const struct cli_command cli_cmd_vault_info;
extern const struct cli_command cli_cmd_vault_check;
extern const struct cli_command cli_cmd_vault_grow;
extern const struct cli_command cli_cmd_vault_backup_header;
extern const struct cli_command cli_cmd_vault_restore_header;
extern const struct cli_command cli_cmd_vault_add_recovery;
extern const struct cli_command cli_cmd_vault_remove_recovery;

/* The command that is called name; NULL after telling the user, with a suggestion where one is near. */
const struct cli_command *cli_find(const struct cli *cli, const struct cli_command *const *table, const char *name);

/* Finds argv[0] in table and runs it; an exit code. */
int cli_dispatch(struct cli *cli, const struct cli_command *const *table, int argc, char **argv);

/* The help of one command, or with NULL of all, on standard output. */
void cli_show_help(const struct cli_command *command);

#endif
