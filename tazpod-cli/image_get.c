#include "image_get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "output.h"
#include "path.h"
#include "program.h"
#include "report.h"
#include "smallfile.h"

#define LOCAL "localhost/"
#define OURS LOCAL "tazpod/"
#define IGNORE_SIZE_MAX (64 * 1024)

int cli_image_build_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			 struct tz_error *err)
{
	cli_engine_args(use, ret, CLI_KEYS("build"));
	cli_args_add(ret, "--tag=%s", project->image);
	/* the text that was trusted: the file may be another one by now */
	cli_args_add(ret, "--file=-");
	cli_args_add(ret, "%s/%s", project->folder, project->context);
	return cli_args_check(ret, err);
}

/* Does name, in the build's context, keep the vault out? As the engines do it, but for patterns that are written oddly. */
static bool file_ignores_vault(int folder, const struct tz_project *project, const char *name)
{
	static const char *const whole[] = { ".tazpod/vault", ".tazpod", ".tazpod/*", ".tazpod/**", "*", "**", "**/vault", NULL };
	static const char *const own[] = { "vault", "*", "**", "**/vault", NULL };
	_cleanup_free_ char *text = NULL;
	char path[TZ_PROJECT_PATH + 32];
	char *rest, *line;
	bool ignores = false;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s", project->context, name);
	if (tz_smallfile_read(folder, path, path, IGNORE_SIZE_MAX, &text, &size, NULL) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		bool but = *line == '!';

		line += but;
		line += *line == '/';
		line[strcspn(line, "\r")] = '\0';
		if (*line && line[strlen(line) - 1] == '/')
			line[strlen(line) - 1] = '\0';
		for (const char *const *known = strcmp(project->context, ".") == 0 ? whole : own; *known; known++)
			if (strcmp(line, *known) == 0)
				ignores = !but;
	}
	return ignores;
}

/* The engine is sent all of the context, and stops at what its user cannot read: the vault's image, once it is root's. */
static void warn_of_vault(const struct cli_engine_use *use, const struct tz_project *project)
{
	bool whole = strcmp(project->context, ".") == 0;
	_cleanup_close_ int folder = -1;

	if (!whole && strcmp(project->context, ".tazpod") != 0)
		return;
	folder = tz_path_open(AT_FDCWD, project->folder, O_RDONLY | O_DIRECTORY, 0);
	if (file_ignores_vault(folder, project, ".dockerignore") ||
	    (use->engine == &cli_engine_podman && file_ignores_vault(folder, project, ".containerignore")))
		return;
	cli_say("warning: the vault is in what the build reads, %s: keep it out with a file %s.dockerignore that has the line '%s'",
		whole ? "the whole project" : "the folder .tazpod", whole ? "" : ".tazpod/", whole ? ".tazpod/vault" : "vault");
}

static int build(const struct cli_engine_use *use, const struct tz_project *project, const struct cli_trust_text *text,
		 struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r = cli_image_build_args(use, project, &args, err);

	if (r < 0)
		return r;
	warn_of_vault(use, project);
	cli_say("building %s from %s", project->image, project->dockerfile);
	r = cli_program_run_with(args.words, text->containerfile, text->size, err);
	if (r > 0)
		return tz_error_set(err, EIO, "%s could not build the image (see above). If it has no image that %s begins with ("
				    "FROM): TazPod's own are built by 'images/build TYPE' in its source", use->engine->name,
				    project->dockerfile);
	return r;
}

int cli_image_pull_args(const struct cli_engine_use *use, const struct tz_project *project, struct cli_args *ret,
			struct tz_error *err)
{
	cli_engine_args(use, ret, CLI_KEYS("pull", project->image));
	return cli_args_check(ret, err);
}

static int pull(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err)
{
	_cleanup_args_ struct cli_args args = CLI_ARGS_INIT;
	int r = cli_image_pull_args(use, project, &args, err);

	if (r == 0)
		r = cli_program_run(args.words, err);
	return r <= 0 ? r : tz_error_set(err, EIO, "%s could not pull the image %s (see above)", use->engine->name,
					 project->image);
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

int cli_image_missing(const struct cli_engine_use *use, const struct tz_project *project, struct tz_error *err)
{
	_cleanup_json_ struct json_object *image = NULL;
	int r = cli_engine_image(use, project->image, &image, err);

	if (r < 0 || image)
		return r;
	return strncmp(project->image, LOCAL, strlen(LOCAL)) == 0 ? refuse_local(project->image, err) : 1;
}

int cli_image_get(const struct cli_engine_use *use, const struct tz_project *project, const struct cli_trust_text *text,
		  struct tz_error *err)
{
	int r;

	if (project->has_build)
		return build(use, project, text, err);
	r = cli_image_missing(use, project, err);
	return r > 0 ? pull(use, project, err) : r;
}
