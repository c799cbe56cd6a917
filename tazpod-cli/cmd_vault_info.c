/*
 * What the vault's header says. With --json:
 *   path, uuid, cipher     texts
 *   key_bits               of the volume key
 *   sector_bytes, size_bytes, data_bytes   size_bytes is the image's, data_bytes that of what it holds
 *   passphrases            how many open it, recovery not counted
 *   recovery               is there a recovery passphrase?
 *   reencrypting           was a reencryption left in the middle?
 *   open                   true, false, or null where it cannot be told
 */
#include <stdio.h>

#include "commands.h"
#include "driver.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "size.h"
#include "vault_target.h"

static void show_json(const struct vault_target *target, int open)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	const struct tz_luks_info *luks = &target->luks;

	cli_json_text(object, "path", target->image.path);
	cli_json_text(object, "uuid", luks->uuid);
	cli_json_text(object, "cipher", luks->cipher);
	cli_json_number(object, "key_bits", luks->key_size * 8);
	cli_json_number(object, "sector_bytes", luks->sector_size);
	cli_json_number(object, "size_bytes", target->image.size);
	cli_json_number(object, "data_bytes", luks->data_size);
	cli_json_number(object, "passphrases", luks->slots);
	cli_json_flag(object, "recovery", luks->recovery_slots > 0);
	cli_json_flag(object, "reencrypting", luks->reencrypting);
	if (open < 0)
		cli_json_text(object, "open", NULL);
	else
		cli_json_flag(object, "open", open);
	cli_json_print(object);
}

static void show(const struct vault_target *target, int open)
{
	const struct tz_luks_info *luks = &target->luks;
	char size[CLI_SIZE_TEXT], data[CLI_SIZE_TEXT];

	(void)printf("image        %s\n", target->image.path);
	(void)printf("uuid         %s\n", luks->uuid);
	(void)printf("cipher       %s, key of %u bits, sectors of %u bytes\n", luks->cipher, luks->key_size * 8,
		     luks->sector_size);
	(void)printf("size         %s, of which %s hold data\n", cli_size_text(target->image.size, size),
		     cli_size_text(luks->data_size, data));
	(void)printf("passphrases  %u\n", luks->slots);
	(void)printf("recovery     %s\n", luks->recovery_slots ? "yes" : "no");
	(void)printf("open         %s\n", open < 0 ? "cannot be told" : open ? "yes" : "no");
	if (luks->reencrypting)
		(void)puts("attention    a reencryption was left in the middle; finish it with 'cryptsetup reencrypt "
			   "--resume-only'");
}

static int run(struct cli *cli, int argc, char **argv)
{
	_cleanup_vault_ struct vault_target target = VAULT_TARGET_INIT;
	bool json = false;
	const struct cli_option options[] = { { .name = "json", .flag = &json }, { 0 } };
	struct tz_error error = { 0 };
	int open, r = cli_options_only(cli, argc, argv, options);

	if (r != CLI_GO_ON)
		return r;
	r = vault_begin(cli, &target, &error);
	if (r == 0)
		r = vault_read(&target, &error);
	if (r < 0)
		return cli_fail(cli, &error);
	open = tz_driver_find_open(&target.image, &target.luks, NULL);
	if (json)
		show_json(&target, open);
	else
		show(&target, open);
	return CLI_DONE;
}

const struct cli_command cli_cmd_vault_info = {
	.name = "info",
	.path = "vault info",
	.summary = "show what the vault's header says",
	.usage = "Usage: tazpod vault info [--json]\n"
		 "\n"
		 "Shows the vault's uuid, cipher, sizes and how many passphrases open it. Needs root, and no passphrase.\n"
		 "\n"
		 "      --json       show it as JSON\n",
	.run = run,
};
