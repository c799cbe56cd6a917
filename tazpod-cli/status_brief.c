#include "status_brief.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

#include "secrets_here.h"
#include "size.h"

unsigned int cli_status_key_seconds(void)
{
	const char *until = getenv("TAZPOD_KEY_UNTIL");
	long long left = until ? strtoll(until, NULL, 10) - (long long)time(NULL) : 0;

	return left > 0 && left < UINT_MAX ? (unsigned int)left : 0;
}

static void show_space(const char *path)
{
	char used[CLI_SIZE_TEXT], size[CLI_SIZE_TEXT];
	struct statvfs space;

	if (statvfs(path, &space) < 0)
		return;
	(void)printf(", %s of %s used", cli_size_text((uint64_t)(space.f_blocks - space.f_bfree) * space.f_frsize, used),
		     cli_size_text((uint64_t)space.f_blocks * space.f_frsize, size));
}

void cli_status_brief(const struct cli_place *place)
{
	_cleanup_variables_ struct tz_variables variables = TZ_VARIABLES_INIT;
	struct tz_error error = { 0 };
	unsigned int seconds = cli_status_key_seconds();

	if (!place->inside) {
		(void)puts("the vault is closed here; 'tazpod unlock' opens it");
		return;
	}
	(void)printf("vault open");
	show_space(place->secrets);
	if (cli_secrets_variables(place, &variables, &error) < 0)
		(void)printf("; no variables: %s", error.message);
	else
		(void)printf("; %u variable%s", variables.count, variables.count == 1 ? "" : "s");
	if (variables.missing)
		(void)printf(" (%u not pulled yet)", variables.missing);
	if (variables.refused)
		(void)printf(" (%u not agreed to)", variables.refused);
	if (seconds)
		(void)printf("; this login needs no passphrase for %u min", (seconds + 59) / 60);
	(void)putchar('\n');
}
