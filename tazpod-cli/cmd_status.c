/*
 * What is open, by whom, and for how long a key is kept. With --json:
 *   vault
 *     path         where the image is, or would be
 *     state        "ready": a LUKS2 image; "absent"; "unusable", and reason says why; "unknown": only root can look
 *     open         true, false, or null where it cannot be told
 *     uuid, size_bytes, reason    or null
 *   driver
 *     setting      as in the settings: "auto", "dm-crypt", "fuse"
 *     in_use       that of the open sessions, or null
 *   enclave
 *     inside       is this shell in one?
 *     mount        where the vault is mounted in it
 *     size_bytes, used_bytes, free_bytes   of the file system in the vault; null outside
 *   sessions       list, each as output.h says; from within an enclave only its own is seen; null: cannot be seen
 *   stash
 *     seconds_left how long this login gets in without a passphrase; null: no key is kept for it
 *   variables      the names of those that secrets.yml makes of what is in the vault; null outside, or where it is wrong
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "commands.h"
#include "driver.h"
#include "here.h"
#include "host_status.h"
#include "image.h"
#include "keystash.h"
#include "luks.h"
#include "options.h"
#include "output.h"
#include "place.h"
#include "report.h"
#include "secrets_here.h"
#include "sessions.h"
#include "size.h"
#include "status_brief.h"

struct vault_status {
	const char *state;
	int open; /* 1, 0, or negative: cannot be told */
	char uuid[TZ_UUID_TEXT];
	uint64_t size;
	struct tz_error reason;
};

struct status {
	struct cli_place place;
	struct vault_status vault;
	struct tz_session sessions[TZ_SESSIONS_MAX];
	int count; /* negative: they cannot be seen, and sessions_error says why */
	struct tz_error sessions_error;
	struct statvfs space;
	bool has_space;
	unsigned int stash_seconds; /* 0: none */
	struct tz_variables variables;
	struct tz_error variables_error; /* code 0: they are there */
};

/* ------------------------------------------------------------------------------------------ looking */

/* Root sees the image itself. */
static void look_at_vault(const struct tz_settings *settings, struct vault_status *vault)
{
	_cleanup_image_ struct tz_image image = TZ_IMAGE_INIT;
	struct tz_luks_info luks;
	int r = tz_image_open(settings->vault, &image, &vault->reason);

	vault->open = 0;
	if (r == -ENOENT || (r == 0 && image.fd < 0)) {
		vault->state = "absent";
		return;
	}
	if (r == 0)
		r = tz_luks_info(&image, &luks, &vault->reason);
	if (r < 0) {
		vault->state = "unusable";
		return;
	}
	vault->state = "ready";
	vault->open = tz_driver_find_open(&image, &luks, NULL);
	vault->size = image.size;
	(void)snprintf(vault->uuid, sizeof(vault->uuid), "%s", luks.uuid);
}

/* Others go by the sessions. */
static void infer_vault(const struct status *status, struct vault_status *vault)
{
	vault->state = "unknown";
	vault->open = status->count > 0 || status->place.inside ? 1 : status->count;
	if (status->count <= 0)
		return;
	vault->state = "ready";
	(void)snprintf(vault->uuid, sizeof(vault->uuid), "%s", status->sessions[0].vault);
}

/* Within an enclave the login's keyring is not seen. */
static unsigned int stash_seconds(void)
{
	unsigned int seconds;

	return tz_keystash_remaining(&seconds) == 0 ? seconds : cli_status_key_seconds();
}

static void look(struct status *status)
{
	status->count = tz_sessions_list(status->sessions, TZ_SESSIONS_MAX, &status->sessions_error);
	if (getuid() == 0)
		look_at_vault(&status->place.settings, &status->vault);
	else
		infer_vault(status, &status->vault);
	status->has_space = status->place.inside && statvfs(status->place.secrets, &status->space) == 0;
	status->stash_seconds = stash_seconds();
	if (status->place.inside)
		(void)cli_secrets_variables(&status->place, &status->variables, &status->variables_error);
}

static uint64_t space_of(const struct statvfs *space, fsblkcnt_t blocks)
{
	return (uint64_t)blocks * space->f_frsize;
}

static const char *driver_in_use(const struct status *status)
{
	return status->count > 0 ? status->sessions[0].driver : NULL;
}

/* ------------------------------------------------------------------------------------------ telling */

static void show_vault(const struct tz_settings *settings, const struct vault_status *vault)
{
	static const char *const openness[] = { "closed", "open" };
	const char *open = vault->open < 0 ? "whether it is open cannot be told" : openness[vault->open];
	char size[CLI_SIZE_TEXT];

	(void)printf("vault    %s: ", settings->vault);
	if (strcmp(vault->state, "absent") == 0)
		(void)puts("there is none yet; 'tazpod unlock' makes one");
	else if (strcmp(vault->state, "unusable") == 0)
		(void)printf("cannot be used: %s\n", vault->reason.message);
	else if (vault->size)
		(void)printf("LUKS2, %s, uuid %s; %s\n", cli_size_text(vault->size, size), vault->uuid, open);
	else if (vault->open == 1)
		(void)printf("%s%s%s\n", vault->uuid[0] ? "uuid " : "", vault->uuid, vault->uuid[0] ? "; open" : "open");
	else
		(void)puts("closed, or none yet: only root can look");
}

static void show_enclave(const struct status *status)
{
	char used[CLI_SIZE_TEXT], available[CLI_SIZE_TEXT];
	const struct statvfs *space = &status->space;

	if (!status->place.inside) {
		(void)puts("enclave  this shell is outside; 'tazpod unlock' goes in");
		return;
	}
	(void)printf("enclave  this shell is inside; the vault is at %s", status->place.secrets);
	if (status->has_space)
		(void)printf(", %s used, %s free", cli_size_text(space_of(space, space->f_blocks - space->f_bfree), used),
			     cli_size_text(space_of(space, space->f_bavail), available));
	(void)putchar('\n');
}

static void show_sessions(const struct status *status)
{
	char text[CLI_SESSION_TEXT];

	if (status->count < 0)
		(void)printf("session  cannot be seen: %s\n", status->sessions_error.message);
	if (status->count == 0)
		(void)puts("session  none is open");
	for (int i = 0; i < status->count; i++)
		(void)printf("session  %s, vault %s\n", cli_session_text(&status->sessions[i], text),
			     status->sessions[i].vault);
	if (status->place.inside)
		(void)puts("         (from within an enclave no other one is seen)");
}

static void show_variables(const struct status *status)
{
	const struct tz_variables *variables = &status->variables;

	if (!status->place.inside)
		return;
	(void)printf("secrets  ");
	if (status->variables_error.code)
		(void)printf("no variables: %s", status->variables_error.message);
	else if (variables->count == 0)
		(void)printf("no variables");
	for (unsigned int i = 0; i < variables->count; i++)
		(void)printf("%s%s", i ? ", " : "", variables->list[i].name);
	if (variables->missing)
		(void)printf("; %u of " TZ_SECRETS_MAP_FILE " not pulled yet", variables->missing);
	(void)putchar('\n');
}

static void show(const struct status *status)
{
	const char *driver = driver_in_use(status);

	show_vault(&status->place.settings, &status->vault);
	(void)printf("driver   %s%s%s\n", tz_driver_choice_name(status->place.settings.driver), driver ? ", in use: " : "",
		     driver ? driver : "");
	show_enclave(status);
	show_sessions(status);
	show_variables(status);
	if (status->stash_seconds)
		(void)printf("stash    this login gets in without a passphrase for %u min %02u s\n",
			     status->stash_seconds / 60, status->stash_seconds % 60);
	else
		(void)puts("stash    no key is kept for this login");
}

static struct json_object *vault_json(const struct status *status)
{
	const struct vault_status *vault = &status->vault;
	struct json_object *object = json_object_new_object();

	cli_json_text(object, "path", status->place.settings.vault);
	cli_json_text(object, "state", vault->state);
	if (vault->open < 0)
		cli_json_text(object, "open", NULL);
	else
		cli_json_flag(object, "open", vault->open);
	cli_json_text(object, "uuid", vault->uuid);
	if (vault->size)
		cli_json_number(object, "size_bytes", vault->size);
	else
		cli_json_text(object, "size_bytes", NULL);
	cli_json_text(object, "reason", strcmp(vault->state, "unusable") == 0 ? vault->reason.message : NULL);
	return object;
}

static struct json_object *enclave_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();
	const struct statvfs *space = &status->space;
	const struct {
		const char *key;
		fsblkcnt_t blocks;
	} sizes[] = {
		{ "size_bytes", space->f_blocks },
		{ "used_bytes", space->f_blocks - space->f_bfree },
		{ "free_bytes", space->f_bavail },
	};

	cli_json_flag(object, "inside", status->place.inside);
	cli_json_text(object, "mount", status->place.secrets);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (status->has_space)
			cli_json_number(object, sizes[i].key, space_of(space, sizes[i].blocks));
		else
			cli_json_text(object, sizes[i].key, NULL);
	}
	return object;
}

static void show_json(const struct status *status)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *driver = json_object_new_object(), *stash = json_object_new_object();
	struct json_object *sessions = status->count < 0 ? NULL : json_object_new_array(), *variables = NULL;

	cli_json_text(driver, "setting", tz_driver_choice_name(status->place.settings.driver));
	cli_json_text(driver, "in_use", driver_in_use(status));
	for (int i = 0; i < status->count; i++)
		(void)json_object_array_add(sessions, cli_session_json(&status->sessions[i]));
	if (status->stash_seconds)
		cli_json_number(stash, "seconds_left", status->stash_seconds);
	else
		cli_json_text(stash, "seconds_left", NULL);
	if (status->place.inside && status->variables_error.code == 0)
		variables = json_object_new_array();
	for (unsigned int i = 0; variables && i < status->variables.count; i++)
		(void)json_object_array_add(variables, json_object_new_string(status->variables.list[i].name));
	(void)json_object_object_add(object, "vault", vault_json(status));
	(void)json_object_object_add(object, "driver", driver);
	(void)json_object_object_add(object, "enclave", enclave_json(status));
	(void)json_object_object_add(object, "sessions", sessions);
	(void)json_object_object_add(object, "stash", stash);
	(void)json_object_object_add(object, "variables", variables);
	cli_json_print(object);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false, quiet = false, brief = false;
	const struct cli_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "quiet", .letter = 'q', .flag = &quiet },
		{ .name = "brief", .letter = 'b', .flag = &brief },
		{ 0 },
	};
	struct status status = { .vault = { .state = "unknown" } };
	struct tz_error error = { 0 };
	int r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = cli_place_find(&status.place, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	if (quiet)
		return status.place.inside ? CLI_DONE : CLI_LOCKED;
	if (cli_here_is_meant(&status.place))
		return cli_host_status(json, &error) < 0 ? cli_fail(cli, &error) : CLI_DONE;
	if (brief) {
		cli_status_brief(&status.place);
		return CLI_DONE;
	}
	look(&status);
	(json ? show_json : show)(&status);
	tz_variables_free(&status.variables);
	return CLI_DONE;
}

const struct cli_command cli_cmd_status = {
	.name = "status",
	.path = "status",
	.summary = "show the vault, its sessions and the kept key",
	.usage = "Usage: tazpod status [--json | --brief | --quiet]\n"
		 "\n"
		 "Shows the vault, whether this shell is in the enclave, the open sessions, and how long this login gets in\n"
		 "without a passphrase. Root sees the vault's image too. On the host, in a project's folder: its container, its\n"
		 "vault and the sessions there. In the enclave: the names of the variables, never their values.\n"
		 "\n"
		 "      --json       show it as JSON\n"
		 "  -b, --brief      show one line, as a ghost shell does at its start\n"
		 "  -q, --quiet      show nothing: exit status 0 in the enclave, 3 outside\n",
	.run = run,
};
