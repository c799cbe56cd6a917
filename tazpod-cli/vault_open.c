#include "vault_open.h"

#include "driver.h"

int cli_vault_is_open(const struct tz_image *image, const struct tz_luks_info *luks)
{
	int r = 0;

	for (const struct tz_driver *const *driver = tz_drivers; *driver; driver++) {
		int open = (*driver)->is_open(image, luks);

		if (open > 0)
			return open;
		if (open < 0)
			r = open;
	}
	return r;
}
