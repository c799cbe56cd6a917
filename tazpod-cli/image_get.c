#include "image_get.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "program.h"
#include "report.h"

#define LOCAL "localhost/"
#define OURS LOCAL "tazpod/"

int cli_image_build_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			 struct tz_error *err)
{
	cli_engine_args(use, ret, CLI_KEYS("build"));
	cli_args_add(ret, "--tag=%s", project->image);
	cli_args_add(ret, "--file=%s/%s", project->folder, project->dockerfile);
	cli_args_add(ret, "%s/%s", project->folder, project->context);
	return cli_args_check(ret, err);
}

/* The engine is sent all of the context, and stops at what its user cannot read: the vault's image, once it is root's. */
static void warn_of_vault(const struct tz_project *project)
{
	char path[TZ_PROJECT_PATH + 32];

	(void)snprintf(path, sizeof(path), "%s/.dockerignore", project->folder);
	if (strcmp(project->context, ".") == 0 && access(path, F_OK) < 0)
		cli_say("warning: the build's context is the whole project, the vault included: keep it out with a file "
			".dockerignore that has the line '.tazpod/vault', or set 'build.context: .tazpod'");
}

static int build(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r = cli_image_build_args(use, project, &args, err);

	if (r < 0)
		return r;
	warn_of_vault(project);
	cli_say("building %s from %s", project->image, project->dockerfile);
	r = cli_program_run(args.words, err);
	if (r > 0)
		return tz_error_set(err, EIO, "%s could not build the image (see above). If it has no image that %s begins with ("
				    "FROM): TazPod's own are built by 'images/build TYPE' in its source", use->engine->name,
				    project->dockerfile);
	return r;
}

static int pull(const struct cli_engine_use *use, const char *image, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r;

	cli_engine_args(use, &args, CLI_KEYS("pull", image));
	r = cli_args_check(&args, err);
	if (r == 0)
		r = cli_program_run(args.words, err);
	return r <= 0 ? r : tz_error_set(err, EIO, "%s could not pull the image %s (see above)", use->engine->name, image);
}

static int refuse_local(const char *image, struct tz_error *err)
{
	char type[64];

	if (strncmp(image, OURS, strlen(OURS)) != 0)
		return tz_error_set(err, ENOENT, "there is no image %s here, and its name says that it is only to be had here: build "
				    "it, or name another one with 'image:' in .tazpod/config.yaml", image);
	(void)snprintf(type, sizeof(type), "%.*s", (int)strcspn(image + strlen(OURS), ":@"), image + strlen(OURS));
	return tz_error_set(err, ENOENT, "there is no image %s here yet: build it with 'images/build %s' in TazPod's source", image,
			    type);
}

int cli_image_get(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err)
{
	_cleanup_json_ struct json_object *image = NULL;
	int r;

	if (project->has_build)
		return build(use, project, err);
	r = cli_engine_inspect(use, "image", project->image, &image, err);
	if (r < 0 || image)
		return r;
	if (strncmp(project->image, LOCAL, strlen(LOCAL)) == 0)
		return refuse_local(project->image, err);
	return pull(use, project->image, err);
}
