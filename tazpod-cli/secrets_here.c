#include "secrets_here.h"

#include <errno.h>

#include "allowed.h"
#include "report.h"

/* A pull is done with what it puts in place in much less. */
#define STORE_TIMEOUT_MS 10000

int cli_secrets_map(const struct cli_place *place, bool warn, struct tz_secrets_map *ret, struct tz_error *err)
{
	int r = -ENOENT;

	if (place->settings.workspace[0])
		r = tz_secrets_map_load(place->settings.workspace, ret, warn ? cli_warn : NULL, NULL, err);
	if (r == -ENOENT) {
		*ret = (struct tz_secrets_map)TZ_SECRETS_MAP_INIT;
		return 0;
	}
	return r;
}

int cli_secrets_variables(const struct cli_place *place, struct tz_variables *ret, struct tz_error *err)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	_cleanup_store_ struct tz_store *store = NULL;
	int r = cli_secrets_require_enclave(place, err);

	if (r == 0)
		r = cli_secrets_map(place, false, &map, err);
	if (r == 0)
		r = cli_allowed_restrict(place->secrets, &map.allow, err);
	if (r == 0)
		r = tz_store_open(place->secrets, "~/secrets", false, STORE_TIMEOUT_MS, &store, err);
	return r < 0 ? r : tz_variables_load(&map, store, place->secrets, ret, err);
}
