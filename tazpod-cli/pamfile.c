#include "pamfile.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"

#define ALL_KINDS (CLI_PAM_AUTH | CLI_PAM_ACCOUNT | CLI_PAM_SESSION | CLI_PAM_PASSWORD)
/* Linux-PAM follows includes no deeper than 32; nobody goes near it. */
#define DEPTH_MAX 32
#define LINE_TOKENS " \t\r\n"

struct search {
	const char *const *directories;
	const char *module;
	unsigned int found;
	unsigned int depth;
};

static int search_file(struct search *search, const char *name, unsigned int wanted);

static unsigned int kind_of(const char *word)
{
	static const struct {
		const char *name;
		unsigned int kind;
	} kinds[] = {
		{ "auth", CLI_PAM_AUTH },
		{ "account", CLI_PAM_ACCOUNT },
		{ "session", CLI_PAM_SESSION },
		{ "password", CLI_PAM_PASSWORD },
	};

	/* a module that is missing is not logged; it is called all the same when it is there */
	word += *word == '-';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcasecmp(word, kinds[i].name) == 0)
			return kinds[i].kind;
	return 0;
}

/* The next word of *at, which is moved behind it; one in brackets may have spaces. NULL at the end. */
static char *next_word(char **at)
{
	char *start = *at + strspn(*at, LINE_TOKENS), *end;

	if (!*start)
		return NULL;
	end = *start == '[' ? strchr(start, ']') : NULL;
	end = end ? end + 1 : start + strcspn(start, LINE_TOKENS);
	*at = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

static bool names_module(const char *path, const char *module)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, module) == 0;
}

static void search_line(struct search *search, char *line, unsigned int wanted)
{
	char *first, *control, *what;
	unsigned int kind;

	line[strcspn(line, "#")] = '\0';
	first = next_word(&line);
	control = first ? next_word(&line) : NULL;
	if (!control)
		return;
	if (strcmp(first, "@include") == 0) {
		(void)search_file(search, control, wanted);
		return;
	}
	kind = kind_of(first) & wanted;
	what = next_word(&line);
	if (!kind || !what)
		return;
	if (strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0)
		(void)search_file(search, what, kind);
	else if (names_module(what, search->module))
		search->found |= kind;
}

static FILE *open_file(const struct search *search, const char *name)
{
	char path[PATH_MAX];
	FILE *file;

	if (name[0] == '/')
		return fopen(name, "re");
	for (const char *const *directory = search->directories; *directory; directory++) {
		(void)snprintf(path, sizeof(path), "%s/%s", *directory, name);
		file = fopen(path, "re");
		if (file)
			return file;
	}
	return NULL;
}

/* Does the line go on with the next one? Its backslash and newline are cut off. */
static bool goes_on(char *line)
{
	size_t size = strcspn(line, "\n");

	if (size == 0 || line[size - 1] != '\\')
		return false;
	line[size - 1] = '\0';
	return true;
}

static int search_lines(struct search *search, FILE *file, unsigned int wanted)
{
	_cleanup_free_ char *whole = NULL, *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) > 0) {
		bool more = goes_on(line);
		char *joined = NULL;

		if (asprintf(&joined, "%s%s", whole ? whole : "", line) < 0)
			return -ENOMEM;
		free(whole);
		whole = joined;
		if (more)
			continue;
		search_line(search, whole, wanted);
		free(whole);
		whole = NULL;
	}
	if (whole)
		search_line(search, whole, wanted);
	return 0;
}

static int search_file(struct search *search, const char *name, unsigned int wanted)
{
	_cleanup_fclose_ FILE *file = search->depth < DEPTH_MAX ? open_file(search, name) : NULL;
	int r;

	if (!file)
		return -ENOENT;
	search->depth++;
	r = search_lines(search, file, wanted);
	search->depth--;
	return r;
}

int cli_pamfile_kinds(const char *const directories[], const char *service, const char *module,
		      unsigned int *ret_kinds)
{
	struct search search = { .directories = directories, .module = module };
	int r = search_file(&search, service, ALL_KINDS);

	if (r < 0)
		return r;
	*ret_kinds = search.found;
	return 0;
}
