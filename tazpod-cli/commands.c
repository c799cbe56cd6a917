#include "commands.h"

#include <stddef.h>

const struct cli_command *const cli_commands[] = {
	&cli_cmd_init,
	&cli_cmd_up,
	&cli_cmd_ssh,
	&cli_cmd_enter,
	&cli_cmd_down,
	&cli_cmd_logs,
	&cli_cmd_trust,
	&cli_cmd_unlock,
	&cli_cmd_lock,
	&cli_cmd_pull,
	&cli_cmd_sync,
	&cli_cmd_env,
	&cli_cmd_run,
	&cli_cmd_login,
	&cli_cmd_status,
	&cli_cmd_passwd,
	&cli_cmd_vault,
	&cli_cmd_doctor,
	&cli_cmd_version,
	&cli_cmd_help,
	NULL,
};
