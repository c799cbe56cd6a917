#include <errno.h>

#include "engine.h"

static int judge(struct json_object *info, const char *said, struct tz_error *err)
{
	/* the first spelling is that of its JSON, the second that of its Go fields, which older ones give */
	struct json_object *rootless = cli_json_at(info, CLI_KEYS("host", "security", "rootless"));

	if (!rootless)
		rootless = cli_json_at(info, CLI_KEYS("Host", "Security", "Rootless"));
	if (!rootless)
		return tz_error_set(err, EIO, "podman cannot be used: %s", said[0] ? said : "it says nothing");
	if (json_object_get_boolean(rootless))
		return tz_error_set(err, EOPNOTSUPP, "podman runs without root here, where no vault can be mounted: run it as root "
				    "('sudo tazpod up'), or use docker");
	return 0;
}

const struct cli_engine cli_engine_podman = {
	.name = "podman",
	.package = "podman",
	.no_image = "image not known",
	.judge = judge,
};
