#include "project_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "path.h"

#define WORKSPACE "/workspace"

/* Is path, beneath the project's folder, there, of this type, and reached without symlinks? */
static int check_part(int folder, const char *key, const char *path, mode_t type, struct tz_error *err)
{
	_cleanup_close_ int fd = tz_path_open_beneath(folder, path, O_PATH, 0);
	struct stat st;

	if (fd == -ELOOP)
		return tz_error_set(err, ELOOP, "'%s' in the config: %s has a symlink on its way, which might lead out of the "
				    "project", key, path);
	if (fd < 0)
		return tz_error_set(err, fd, "'%s' in the config: %s: %s", key, path, strerror(-fd));
	if (fstat(fd, &st) < 0)
		return tz_error_set(err, errno, "'%s' in the config: %s: %m", key, path);
	if ((st.st_mode & S_IFMT) != type)
		return tz_error_set(err, EINVAL, "'%s' in the config: %s is no %s", key, path,
				    type == S_IFDIR ? "folder" : "regular file");
	return 0;
}

static int check_build(int folder, const struct tz_project *project, struct tz_error *err)
{
	int r = check_part(folder, "build.dockerfile", project->dockerfile, S_IFREG, err);

	return r < 0 ? r : check_part(folder, "build.context", project->context, S_IFDIR, err);
}

static int check_mount(int folder, const struct tz_project_mount *mount, struct tz_error *err)
{
	static const char workspace[] = WORKSPACE "/";
	_cleanup_close_ int fd = -1;
	char real[PATH_MAX];

	if (!realpath(mount->source, real))
		return tz_error_set(err, errno, "'mounts' in the config: %s: %m", mount->source);
	/* whoever may write to a folder on the way could send the mount elsewhere, a container too */
	if (strcmp(real, mount->source) != 0)
		return tz_error_set(err, ELOOP, "'mounts' in the config: %s has a symlink on its way, which can be changed unseen; "
				    "write where it leads: %s", mount->source, real);
	if (strncmp(mount->target, workspace, strlen(workspace)) != 0)
		return 0;
	/* the engine follows a symlink that the project has there, into the container's own system */
	fd = tz_path_open_beneath(folder, mount->target + strlen(workspace), O_PATH, 0);
	if (fd == -ELOOP)
		return tz_error_set(err, ELOOP, "'mounts' in the config: the target %s has a symlink on its way in the project",
				    mount->target);
	return fd < 0 && fd != -ENOENT ? tz_error_set(err, fd, "'mounts' in the config: %s: %s", mount->target, strerror(-fd)) : 0;
}

int tz_project_check(const struct tz_project *project, struct tz_error *err)
{
	_cleanup_close_ int folder = tz_path_open(AT_FDCWD, project->folder, O_RDONLY | O_DIRECTORY, 0);
	int r = 0;

	if (folder < 0)
		return tz_error_set(err, folder, "%s cannot be opened: %s", project->folder, strerror(-folder));
	if (project->has_build)
		r = check_build(folder, project, err);
	for (unsigned int i = 0; r == 0 && i < project->mount_count; i++)
		r = check_mount(folder, &project->mounts[i], err);
	return r;
}
