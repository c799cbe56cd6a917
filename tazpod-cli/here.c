#include "here.h"

#include <errno.h>

#include "inside.h"
#include "report.h"

bool cli_here_is_meant(const struct cli_place *place)
{
	char folder[TZ_PROJECT_PATH];
	struct tz_error err;
	int r;

	if (place->inside || tz_inside_container())
		return false;
	r = tz_project_find(".", folder, &err);
	if (r == -EPERM)
		cli_warn(NULL, err.message);
	return r == 0;
}

int cli_here_find(struct cli_here *ret, struct tz_error *err)
{
	char folder[TZ_PROJECT_PATH];
	int r;

	if (tz_inside_container())
		return tz_error_set(err, EXDEV, "this is for the host: here you are in the project's container");
	r = tz_project_find(".", folder, err);
	if (r == 0)
		r = tz_project_load(folder, &ret->project, cli_warn, NULL, err);
	return r < 0 ? r : cli_engine_choose(ret->project.engine, &ret->use, err);
}

int cli_here_send_root(struct tz_error *err)
{
	struct cli_place place;
	struct cli_here here;
	int r = cli_place_find(&place, err);

	if (r < 0 || !cli_here_is_meant(&place))
		return r;
	r = cli_here_find(&here, err);
	return r < 0 ? r : tz_error_set(err, EXDEV, "this is for root in the project's container: '%s exec -it --user root %s tazpod "
					"...'", here.use.engine->name, here.project.container_name);
}

int cli_here_container(struct cli_here *here, struct cli_container *ret, struct tz_error *err)
{
	int r = cli_here_find(here, err);

	if (r == 0)
		r = cli_engine_check(&here->use, err);
	return r < 0 ? r : cli_container_find(&here->use, &here->project, ret, err);
}

int cli_here_running(struct cli_here *here, struct cli_container *ret, struct tz_error *err)
{
	_cleanup_container_ struct cli_container container = CLI_CONTAINER_INIT;
	int r = cli_here_container(here, &container, err);

	if (r < 0)
		return r;
	if (!container.running)
		return tz_error_set(err, ENOTCONN, "the project's container does not run: start it with 'tazpod up'");
	*ret = container;
	container.inspected = NULL;
	return 0;
}
