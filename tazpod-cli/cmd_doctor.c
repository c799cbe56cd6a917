/*
 * What this kernel and this container can do, what is missing and how to get it. With --json:
 *   checks     list of findings, in order:
 *     name     what was looked at; several findings may have one name
 *     level    "ok", "warn", "fail", "unknown" (only root can look) or "info"
 *     text     what there is and, where something is missing, how to get it
 *   summary    how many there are of each level
 */
#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "doctor.h"
#include "options.h"
#include "output.h"
#include "report.h"

static void (*const checks[])(struct doctor *doctor) = {
	doctor_check_kernel,
	doctor_check_drivers,
	doctor_check_loop,
	doctor_check_ext4,
	doctor_check_namespaces,
	doctor_check_idmap,
	doctor_check_keyring,
	doctor_check_confinement,
	doctor_check_settings,
	doctor_check_ghost,
	doctor_check_public_user,
	doctor_check_shell,
	doctor_check_worker,
	doctor_check_module,
	doctor_check_services,
	doctor_check_vault,
	doctor_check_tools,
};

static const char *const level_names[DOCTOR_LEVELS] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "fail",
	[DOCTOR_UNKNOWN] = "unknown",
	[DOCTOR_INFO] = "info",
};

static const char *const level_colours[DOCTOR_LEVELS] = {
	[DOCTOR_OK] = "\033[32m",
	[DOCTOR_WARN] = "\033[33m",
	[DOCTOR_FAIL] = "\033[31m",
	[DOCTOR_UNKNOWN] = "\033[33m",
	[DOCTOR_INFO] = "",
};

static void examine(struct doctor *doctor)
{
	doctor->root = geteuid() == 0;
	/* broken settings are a finding, and no reason to look at nothing else */
	if (tz_settings_load(NULL, &doctor->settings, &doctor->settings_error) < 0)
		tz_settings_defaults(&doctor->settings);
	doctor->has_ghost = tz_identity_by_name(doctor->settings.ghost_user, &doctor->ghost, &doctor->ghost_error) == 0;
	doctor->has_public_user = tz_identity_by_name(doctor->settings.public_user, &doctor->public_user, NULL) == 0;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](doctor);
}

static void count_levels(const struct doctor *doctor, unsigned int counts[static DOCTOR_LEVELS])
{
	for (unsigned int i = 0; i < doctor->count; i++)
		counts[doctor->findings[i].level]++;
}

static void show(const struct doctor *doctor, const unsigned int counts[static DOCTOR_LEVELS])
{
	bool colour = cli_has_colour(stdout);

	for (unsigned int i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		(void)printf("%s%-7s%s  %-12s  %s\n", colour ? level_colours[finding->level] : "", level_names[finding->level],
			     colour ? "\033[0m" : "", finding->name, finding->text);
	}
	(void)printf("%u ok, %u to be warned of, %u failed", counts[DOCTOR_OK], counts[DOCTOR_WARN], counts[DOCTOR_FAIL]);
	if (counts[DOCTOR_UNKNOWN])
		(void)printf(", %u unknown: run 'tazpod doctor' as root", counts[DOCTOR_UNKNOWN]);
	(void)putchar('\n');
}

static void show_json(const struct doctor *doctor, const unsigned int counts[static DOCTOR_LEVELS])
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array(), *summary = json_object_new_object();

	for (unsigned int i = 0; i < doctor->count; i++) {
		struct json_object *check = json_object_new_object();

		cli_json_text(check, "name", doctor->findings[i].name);
		cli_json_text(check, "level", level_names[doctor->findings[i].level]);
		cli_json_text(check, "text", doctor->findings[i].text);
		(void)json_object_array_add(list, check);
	}
	for (unsigned int level = 0; level < DOCTOR_LEVELS; level++)
		cli_json_number(summary, level_names[level], counts[level]);
	(void)json_object_object_add(object, "checks", list);
	(void)json_object_object_add(object, "summary", summary);
	cli_json_print(object);
}

static int run(struct cli *cli, int argc, char **argv)
{
	unsigned int counts[DOCTOR_LEVELS] = { 0 };
	struct doctor doctor = { .count = 0 };
	bool json = false;
	const struct cli_option options[] = { { .name = "json", .flag = &json }, { 0 } };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	examine(&doctor);
	count_levels(&doctor, counts);
	if (json)
		show_json(&doctor, counts);
	else
		show(&doctor, counts);
	return counts[DOCTOR_FAIL] ? CLI_FAILED : CLI_DONE;
}

const struct cli_command cli_cmd_doctor = {
	.name = "doctor",
	.path = "doctor",
	.summary = "tell what this container can do, what is missing, and how to get it",
	.usage = "Usage: tazpod doctor [--json]\n"
		 "\n"
		 "Looks at the kernel, the container, the installation and this login, and says what is missing and how to\n"
		 "get it. Changes nothing. As root it tries more. Exit status 1 when something failed.\n"
		 "\n"
		 "      --json       show it as JSON\n",
	.run = run,
};
