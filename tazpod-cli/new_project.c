#include "new_project.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "path.h"
#include "report.h"
#include "smallfile.h"
#include "templates.h"
#include "wholefile.h"

#define OWN ".tazpod"
#define CONTAINERFILE ".tazpod/Containerfile"
#define IGNORE_SIZE_MAX (64 * 1024)

/* ------------------------------------------------------------------------------------------ opening */

/* A folder, made where it is missing. A descriptor; *ret_made tells whether it is new. */
static int open_or_make(int parent, const char *name, const char *shown, mode_t mode, bool *ret_made, struct tz_error *err)
{
	int fd;

	*ret_made = mkdirat(parent, name, mode) == 0;
	if (!*ret_made && errno != EEXIST)
		return tz_error_set(err, errno, "%s cannot be made: %m", shown);
	fd = tz_path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ELOOP)
		return tz_error_set(err, ELOOP, "%s is a symlink: a project is only made where it is a folder of its own", shown);
	if (fd == -ENOTDIR)
		return tz_error_set(err, ENOTDIR, "%s is there, and is no folder", shown);
	return fd < 0 ? tz_error_set(err, fd, "%s cannot be opened: %s", shown, strerror(-fd)) : fd;
}

static void tell(const char *name, bool is_new, const char *what)
{
	(void)printf("  %-6s %s%s%s\n", is_new ? "new" : "there", name, what ? ": " : "", what ? what : "");
}

static int get_folder(char ret[static TZ_PROJECT_PATH], struct tz_error *err)
{
	char path[PATH_MAX];

	if (!realpath(".", path))
		return tz_error_set(err, errno, "the working directory cannot be found: %m");
	if (strlen(path) >= TZ_PROJECT_PATH)
		return tz_error_set(err, ENAMETOOLONG, "the path of this folder is too long for a project: at most %d bytes",
				    TZ_PROJECT_PATH - 1);
	(void)strcpy(ret, path);
	return 0;
}

int cli_new_project_open(struct cli_new_project *ret, struct tz_error *err)
{
	_cleanup_new_project_ struct cli_new_project project = CLI_NEW_PROJECT_INIT;
	bool made;
	int r = get_folder(project.path, err);

	if (r < 0)
		return r;
	project.folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (project.folder < 0)
		return tz_error_set(err, errno, "%s cannot be opened: %m", project.path);
	project.own = open_or_make(project.folder, OWN, OWN, 0755, &made, err);
	if (project.own < 0)
		return project.own;
	*ret = project;
	project.folder = -1;
	project.own = -1;
	return 0;
}

void cli_new_project_close(struct cli_new_project *project)
{
	tz_closep(&project->own);
	tz_closep(&project->folder);
}

/* ------------------------------------------------------------------------------------------ filling */

/* 1: written; 0: something was there, and is as it was. Takes text. */
static int add_file(int folder, const char *name, const char *shown, char *text, struct tz_error *err)
{
	_cleanup_free_ char *owned = text;
	struct stat st;
	int r;

	if (!text)
		return tz_error_set(err, ENOMEM, "out of memory");
	r = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST :
								    cli_wholefile_new(folder, name, text, 0666, err);
	if (r < 0 && r != -EEXIST)
		return tz_error_wrap(err, "%s", shown);
	tell(shown, r == 0, NULL);
	if (r == -EEXIST && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		cli_say("warning: %s is no regular file", shown);
	return r == 0;
}

static int add_config(struct cli_new_project *project, const char *type, struct tz_error *err)
{
	char name[TZ_PROJECT_NAME], suffix[7];
	uint32_t number;
	int r;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return tz_error_set(err, EIO, "there are no random numbers to be had");
	(void)snprintf(suffix, sizeof(suffix), "%06x", number & 0xffffff);
	tz_project_container_name(project->path, suffix, name);
	r = add_file(project->own, "config.yaml", TZ_PROJECT_FILE, cli_template_config(type, name), err);
	if (r < 0)
		return r;
	project->wrote_config = r > 0;
	return 0;
}

/* Only where the config is built from it: beside another one it would be there for nothing. */
static int add_containerfile(struct cli_new_project *project, const char *type, struct tz_error *err)
{
	_cleanup_free_ struct tz_project *read = malloc(sizeof(*read));
	int r;

	if (!read)
		return tz_error_set(err, ENOMEM, "out of memory");
	if (!project->wrote_config) {
		r = tz_project_load(project->path, read, NULL, NULL, err);
		if (r < 0)
			return r;
		if (!read->has_build || strcmp(read->dockerfile, CONTAINERFILE) != 0)
			return 0;
	}
	r = add_file(project->own, "Containerfile", CONTAINERFILE, cli_template_containerfile(type), err);
	if (r < 0)
		return r;
	project->wrote_containerfile = r > 0;
	return 0;
}

/* One that was there may lack the line that matters, or be no file that can be read: it is told, and is its owner's. */
static void check_ignored(struct cli_new_project *project, const char *name, const char *const *lines, const char *harm)
{
	_cleanup_free_ char *text = NULL;
	struct tz_error why;
	char *rest, *line;
	size_t size;

	if (tz_smallfile_read(project->own, name, name, IGNORE_SIZE_MAX, &text, &size, &why) < 0) {
		cli_say("warning: " OWN "/%s; unless it has the line '%s', %s", why.message, lines[0], harm);
		return;
	}
	for (rest = text; (line = strsep(&rest, "\n"));)
		for (const char *const *known = lines; *known; known++)
			if (strcmp(line, *known) == 0)
				return;
	cli_say("warning: " OWN "/%s does not have the line '%s': add it, or %s", name, lines[0], harm);
}

static int add_ignores(struct cli_new_project *project, struct tz_error *err)
{
	static const char *const git[] = { "/vault/", "/vault", "vault/", "vault", "*", "/*", NULL };
	static const char *const docker[] = { "vault", "/vault", "vault/", "*", "**", NULL };
	int r = add_file(project->own, ".gitignore", OWN "/.gitignore", cli_template_gitignore(), err);

	if (r == 0)
		check_ignored(project, ".gitignore", git, "git takes the vault's image into the repository");
	if (r >= 0)
		r = add_file(project->own, ".dockerignore", OWN "/.dockerignore", cli_template_dockerignore(), err);
	if (r == 0)
		check_ignored(project, ".dockerignore", docker, "the engine reads the vault's image for each build");
	return r < 0 ? r : 0;
}

static int add_vault(struct cli_new_project *project, struct tz_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	bool made;

	fd = open_or_make(project->own, "vault", OWN "/vault", 0700, &made, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, OWN "/vault cannot be looked at: %m");
	tell(OWN "/vault/", made, NULL);
	if (st.st_mode & 0077)
		cli_say("warning: " OWN "/vault is open to other users (mode %04o): 'chmod 0700 " OWN "/vault'",
			st.st_mode & 07777);
	return 0;
}

/*
 * What makes it a project comes last, and is then trusted: when something here fails, the next time writes it anew, and
 * does not find it there as if it were somebody else's.
 */
int cli_new_project_fill(struct cli_new_project *project, const char *type, struct tz_error *err)
{
	int r = add_vault(project, err);

	if (r == 0)
		r = add_ignores(project, err);
	if (r == 0)
		r = add_file(project->folder, "secrets.yml", "secrets.yml", cli_template_secrets(), err);
	if (r >= 0)
		r = add_config(project, type, err);
	return r < 0 ? r : add_containerfile(project, type, err);
}
