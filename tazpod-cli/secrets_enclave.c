#include <errno.h>

#include "here.h"
#include "secrets_here.h"

int cli_secrets_require_enclave(const struct cli_place *place, struct tz_error *err)
{
	int r;

	if (cli_here_is_meant(place))
		return tz_error_set(err, ENOKEY, "the secrets are in the enclave in the project's container: 'tazpod unlock' "
				    "leads you there");
	r = cli_place_require_ghost(place, err);
	if (r == 0 && !place->inside)
		r = tz_error_set(err, ENOKEY, "this shell is not in the enclave; open it with 'tazpod unlock'");
	return r;
}
