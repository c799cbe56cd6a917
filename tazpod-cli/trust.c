#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "smallfile.h"
#include "state.h"
#include "wholefile.h"

#define FILE_NAME "trusted"
#define LIST_SIZE_MAX (1024 * 1024)
#define TEXT_SIZE_MAX (1024 * 1024)
#define SEPARATOR "  "

/* ------------------------------------------------------------------------------------------ what is trusted */

int cli_trust_read(const struct tz_project *project, struct cli_trust_text *ret, struct tz_error *err)
{
	_cleanup_trust_text_ struct cli_trust_text text = CLI_TRUST_TEXT_INIT;
	struct tz_digest_part parts[2] = {
		{ TZ_PROJECT_FILE, project->config_digest, strlen(project->config_digest) },
	};
	_cleanup_close_ int folder = -1;
	int r;

	if (project->has_build) {
		folder = tz_path_open(AT_FDCWD, project->folder, O_RDONLY | O_DIRECTORY, 0);
		if (folder < 0)
			return tz_error_set(err, folder, "%s cannot be opened: %s", project->folder, strerror(-folder));
		r = tz_smallfile_read(folder, project->dockerfile, project->dockerfile, TEXT_SIZE_MAX, &text.containerfile,
				      &text.size, err);
		if (r < 0)
			return tz_error_wrap(err, "'build.dockerfile' in the config");
		parts[1] = (struct tz_digest_part){ project->dockerfile, text.containerfile, text.size };
	}
	r = tz_digest(parts, project->has_build ? 2 : 1, text.digest, err);
	if (r < 0)
		return r;
	*ret = text;
	text.containerfile = NULL;
	return 0;
}

void cli_trust_text_free(struct cli_trust_text *text)
{
	free(text->containerfile);
	*text = (struct cli_trust_text)CLI_TRUST_TEXT_INIT;
}

/* ------------------------------------------------------------------------------------------ the file */

/* The whole list; an empty one where there is none. */
static int read_list(int folder, char **ret, struct tz_error *err)
{
	_cleanup_close_ int fd = -1;
	size_t size;
	int r;

	fd = folder < 0 ? -ENOENT : tz_path_open_beneath(folder, FILE_NAME, O_PATH, 0);
	if (fd == -ENOENT) {
		*ret = strdup("");
		return *ret ? 0 : tz_error_set(err, ENOMEM, "out of memory");
	}
	r = fd < 0 ? 0 : tz_path_trusted(fd, geteuid(), "the list of trusted configs", NULL, err);
	if (r < 0)
		return r;
	return tz_smallfile_read(folder, FILE_NAME, "the list of trusted configs", LIST_SIZE_MAX, ret, &size, err);
}

/* Cuts the next line off *list; NULL at the end. What is no line of ours is passed over. */
static char *next_line(char **list, const char **ret_folder)
{
	while (**list) {
		char *line = *list;
		size_t size = strcspn(line, "\n");

		*list = line + size + (line[size] == '\n');
		line[size] = '\0';
		if (size <= CLI_TRUST_DIGEST - 1 + strlen(SEPARATOR) ||
		    strncmp(line + CLI_TRUST_DIGEST - 1, SEPARATOR, strlen(SEPARATOR)) != 0)
			continue;
		line[CLI_TRUST_DIGEST - 1] = '\0';
		*ret_folder = line + CLI_TRUST_DIGEST - 1 + strlen(SEPARATOR);
		return line;
	}
	return NULL;
}

int cli_trust_list(void (*tell)(void *data, const char *digest, const char *folder), void *data, struct tz_error *err)
{
	_cleanup_close_ int folder = cli_state_open(false, err);
	_cleanup_free_ char *list = NULL;
	const char *digest, *where;
	char *rest;
	int r;

	if (folder < 0 && folder != -ENOENT)
		return folder;
	r = read_list(folder, &list, err);
	if (r < 0)
		return r;
	rest = list;
	while ((digest = next_line(&rest, &where)))
		tell(data, digest, where);
	return 0;
}

struct search {
	const char *digest, *folder;
	bool found;
};

static void compare(void *data, const char *digest, const char *folder)
{
	struct search *search = data;

	search->found |= strcmp(digest, search->digest) == 0 && strcmp(folder, search->folder) == 0;
}

int cli_trust_check(const struct tz_project *project, const struct cli_trust_text *text, bool *ret_trusted,
		    struct tz_error *err)
{
	struct search search = { .digest = text->digest, .folder = project->folder };
	int r = cli_trust_list(compare, &search, err);

	if (r == 0)
		*ret_trusted = search.found;
	return r;
}

/* ------------------------------------------------------------------------------------------ changing it */

/* list without the lines of folder, and with digest for it where that is not NULL. */
static char *changed_list(char *list, const char *folder, const char *digest, bool *ret_was)
{
	/* no line grows; one may be added */
	size_t size = strlen(list) + CLI_TRUST_DIGEST + strlen(SEPARATOR) + strlen(folder) + 3;
	char *text = calloc(1, size), *p = text;
	const char *other, *where;

	while (text && (other = next_line(&list, &where))) {
		if (strcmp(where, folder) == 0)
			*ret_was = true;
		else
			p += snprintf(p, size - (size_t)(p - text), "%s" SEPARATOR "%s\n", other, where);
	}
	if (text && digest)
		(void)snprintf(p, size - (size_t)(p - text), "%s" SEPARATOR "%s\n", digest, folder);
	return text;
}

/* The folder is locked for as long as it is open: two at once must not lose each other's line. */
static int change(int fd, const char *folder, const char *digest, bool *ret_was, struct tz_error *err)
{
	_cleanup_free_ char *list = NULL, *text = NULL;
	int r = flock(fd, LOCK_EX) < 0 ? tz_error_set(err, errno, "the list of trusted configs cannot be locked: %m") : 0;

	if (r == 0)
		r = read_list(fd, &list, err);
	if (r < 0)
		return r;
	text = changed_list(list, folder, digest, ret_was);
	if (!text)
		return tz_error_set(err, ENOMEM, "out of memory");
	r = digest || *ret_was ? cli_wholefile_replace(fd, FILE_NAME, text, 0600, err) : 0;
	return r < 0 ? tz_error_wrap(err, "the list of trusted configs") : 0;
}

int cli_trust_add(const struct tz_project *project, const struct cli_trust_text *text, struct tz_error *err)
{
	_cleanup_close_ int fd = cli_state_open(true, err);
	bool was = false;

	return fd < 0 ? fd : change(fd, project->folder, text->digest, &was, err);
}

int cli_trust_remove(const char *folder, bool *ret_was, struct tz_error *err)
{
	_cleanup_close_ int fd = cli_state_open(false, err);
	bool was = false;
	int r;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	r = fd < 0 ? 0 : change(fd, folder, NULL, &was, err);
	if (r == 0 && ret_was)
		*ret_was = was;
	return r;
}
