#include "place.h"

#include <stdio.h>

#include "enclave_inside.h"

int cli_place_find(struct cli_place *ret, struct tz_error *err)
{
	int r = tz_settings_load(NULL, &ret->settings, err);

	if (r < 0)
		return r;
	ret->secrets[0] = '\0';
	ret->no_ghost = (struct tz_error){ .code = 0 };
	ret->has_ghost = tz_identity_by_name(ret->settings.ghost_user, &ret->ghost, &ret->no_ghost) == 0;
	if (ret->has_ghost)
		(void)snprintf(ret->secrets, sizeof(ret->secrets), "%s/%s", ret->ghost.home, ret->settings.mount);
	ret->inside = ret->has_ghost && tz_enclave_inside(ret->secrets);
	return 0;
}

int cli_place_require_ghost(const struct cli_place *place, struct tz_error *err)
{
	if (place->has_ghost)
		return 0;
	return tz_error_set(err, place->no_ghost.code, "%s; 'tazpod doctor' tells what it must be like",
			    place->no_ghost.message);
}
