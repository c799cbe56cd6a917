#include "infisical.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "said.h"

int cli_infisical_find(char ret[static PATH_MAX], struct tz_error *err)
{
	if (cli_program_find(CLI_INFISICAL, ret) == 0)
		return 0;
	return tz_error_set(err, ENOENT, "the CLI of Infisical is not installed; https://infisical.com/docs/cli/overview says how, "
			    "and 'provider:' in secrets.yml what else secrets can come from");
}

/* Without what the CLI adds by itself. */
static size_t address_size(const char *address)
{
	size_t size = strlen(address);

	while (size > 0 && address[size - 1] == '/')
		size--;
	if (size > 4 && strncmp(address + size - 4, "/api", 4) == 0)
		size -= 4;
	while (size > 0 && address[size - 1] == '/')
		size--;
	return size;
}

static bool same_address(const char *a, const char *b)
{
	size_t size = address_size(a);

	return size == address_size(b) && strncmp(a, b, size) == 0;
}

/* Its variables for the server, the one that it prefers first. */
static const char *environment_address(const char **ret_name)
{
	static const char *const names[] = { "INFISICAL_DOMAIN", "INFISICAL_API_URL", NULL };

	for (const char *const *name = names; *name; name++) {
		const char *address = getenv(*name);

		if (address && *address) {
			*ret_name = *name;
			return address;
		}
	}
	return NULL;
}

int cli_infisical_server(const struct tz_secrets_map *map, struct cli_infisical_server *ret, struct tz_error *err)
{
	const char *name, *address = environment_address(&name);
	char shown[128];

	ret->domain[0] = ret->address[0] = '\0';
	if (!map->infisical_url[0])
		return 0;
	if (address && !same_address(address, map->infisical_url)) {
		cli_printable_copy(address, strlen(address), shown, sizeof(shown));
		return tz_error_set(err, EINVAL, "secrets.yml has the server %.128s ('infisical_url'), but %s in the environment is %s; "
				    "a login for the one is not sent to the other: unset %s, or make them the same",
				    map->infisical_url, name, shown, name);
	}
	(void)snprintf(ret->domain, sizeof(ret->domain), "INFISICAL_DOMAIN=%s", map->infisical_url);
	(void)snprintf(ret->address, sizeof(ret->address), "INFISICAL_API_URL=%s", map->infisical_url);
	return 0;
}
