#include "provider.h"

static const struct cli_provider *const providers[] = {
	[TZ_PROVIDER_INFISICAL] = &cli_provider_infisical,
	[TZ_PROVIDER_COMMAND] = &cli_provider_command,
};

const struct cli_provider *cli_provider_of(const struct tz_secrets_map *map)
{
	return providers[map->provider];
}

int cli_provider_fetch(const struct cli_provider_request *request, struct cli_fetched *ret, struct tz_error *err)
{
	return cli_provider_of(request->map)->fetch(request, ret, err);
}
