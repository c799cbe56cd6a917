#include "manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "smallfile.h"
#include "wellformed.h"

#define HEAD "tazpod-pulled 1"

int tz_manifest_check_path(const char *path, struct tz_error *err)
{
	size_t values = strlen(TZ_MANIFEST_VALUES "/");

	if (!tz_is_relative_path(path))
		return tz_error_set(err, EINVAL, "'%s' is no file's path in the vault: it must be relative, without '.', '..', "
				    "'//' and a '/' at its end", path);
	if (strlen(path) > TZ_MANIFEST_PATH)
		return tz_error_set(err, EINVAL, "'%s' is too long for a file's path: at most %d bytes", path,
				    TZ_MANIFEST_PATH);
	if (tz_path_is_within(path, TZ_MANIFEST_FOLDER) &&
	    (strncmp(path, TZ_MANIFEST_VALUES "/", values) != 0 || !tz_is_variable_name(path + values)))
		return tz_error_set(err, EINVAL, "'%s' is no place for a secret: '%s' is TazPod's own", path,
				    TZ_MANIFEST_FOLDER);
	return 0;
}

int tz_manifest_check_name(const char *name, struct tz_error *err)
{
	if (!tz_is_variable_name(name) || strlen(name) > TZ_MANIFEST_NAME)
		return tz_error_set(err, EINVAL, "'%s' is no secret's name: at most %d letters, digits and '_', no digit first",
				    name, TZ_MANIFEST_NAME);
	return 0;
}

/* ---- the order ---- */

/* '/' is before all other characters: what is within a folder follows it without anything between. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

/* Where path is, or would be; *ret_found tells which. */
static size_t place_of(const struct tz_manifest *manifest, const char *path, bool *ret_found)
{
	size_t low = 0, high = manifest->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_paths(manifest->entries[middle]->path, path);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t tz_manifest_place(const struct tz_manifest *manifest, const char *path)
{
	bool found;

	return place_of(manifest, path, &found);
}

struct tz_manifest_entry *tz_manifest_find(const struct tz_manifest *manifest, const char *path)
{
	bool found;
	size_t place = place_of(manifest, path, &found);

	return found ? manifest->entries[place] : NULL;
}

static void free_entry(struct tz_manifest_entry *entry)
{
	if (!entry)
		return;
	free(entry->path);
	free(entry->name);
	free(entry);
}

static struct tz_manifest_entry *new_entry(const char *path)
{
	struct tz_manifest_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->path = strdup(path);
	if (!entry->path) {
		free(entry);
		return NULL;
	}
	return entry;
}

static int make_room(struct tz_manifest *manifest)
{
	size_t room = manifest->room ? manifest->room * 2 : 64;
	struct tz_manifest_entry **entries;

	if (manifest->count < manifest->room)
		return 0;
	entries = reallocarray(manifest->entries, room, sizeof(struct tz_manifest_entry *));
	if (!entries)
		return -ENOMEM;
	manifest->entries = entries;
	manifest->room = room;
	return 0;
}

int tz_manifest_set(struct tz_manifest *manifest, const char *name, const char *path, struct tz_manifest_entry **ret)
{
	_cleanup_free_ char *copy = strdup(name);
	struct tz_manifest_entry *entry;
	bool found;
	size_t place = place_of(manifest, path, &found);

	if (!copy || make_room(manifest) < 0)
		return -ENOMEM;
	entry = found ? manifest->entries[place] : new_entry(path);
	if (!entry)
		return -ENOMEM;
	free(entry->name);
	entry->name = tz_steal(copy);
	if (!found) {
		for (size_t i = manifest->count; i > place; i--)
			manifest->entries[i] = manifest->entries[i - 1];
		manifest->entries[place] = entry;
		manifest->count++;
	}
	*ret = entry;
	return 0;
}

void tz_manifest_settle(struct tz_manifest *manifest)
{
	size_t kept = 0;

	for (size_t i = 0; i < manifest->count; i++) {
		struct tz_manifest_entry *entry = manifest->entries[i];

		if (entry->removed) {
			free_entry(entry);
			continue;
		}
		entry->put = entry->staged = entry->added = false;
		manifest->entries[kept++] = entry;
	}
	manifest->count = kept;
}

/* In this order, of any two that collide there are two neighbours that do. */
int tz_manifest_check_collisions(const struct tz_manifest *manifest, struct tz_error *err)
{
	const struct tz_manifest_entry *before = NULL;

	for (size_t i = 0; i < manifest->count; i++) {
		const struct tz_manifest_entry *entry = manifest->entries[i];

		if (entry->removed)
			continue;
		if (before && tz_path_is_within(entry->path, before->path))
			return tz_error_set(err, EEXIST, "%s cannot be the file of %s while %s, in it, is that of %s",
					    before->path, before->name, entry->path, entry->name);
		before = entry;
	}
	return 0;
}

/* ---- the file ---- */

static int damaged(const char *shown, size_t line, const char *what, struct tz_error *err)
{
	return tz_error_set(err, EINVAL, "%s is damaged: line %zu %s; remove that file, and pull again", shown, line, what);
}

/* Takes the line off *text. NULL where no line is whole any more. */
static char *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

/* The number behind HEAD; false where it is none that could have been written there. */
static bool read_head(const char *line, size_t *ret_count)
{
	size_t count = 0;

	if (!line || strncmp(line, HEAD " ", strlen(HEAD " ")) != 0)
		return false;
	line += strlen(HEAD " ");
	if (!*line || strlen(line) > 8 || line[strspn(line, "0123456789")])
		return false;
	for (; *line; line++)
		count = count * 10 + (size_t)(*line - '0');
	*ret_count = count;
	return true;
}

/* One more entry, behind all that were before. */
static int read_entry(struct tz_manifest *manifest, char *line, const char *shown, struct tz_error *err)
{
	struct tz_manifest_entry *entry, *last = manifest->count ? manifest->entries[manifest->count - 1] : NULL;
	char *space = line ? strchr(line, ' ') : NULL;
	size_t number = manifest->count + 2;

	if (!space)
		return damaged(shown, number, line ? "has no path" : "is missing", err);
	*space = '\0';
	if (tz_manifest_check_name(line, NULL) < 0)
		return damaged(shown, number, "has no secret's name", err);
	if (tz_manifest_check_path(space + 1, NULL) < 0)
		return damaged(shown, number, "names no file that a secret may have", err);
	if (last && (compare_paths(last->path, space + 1) >= 0 || tz_path_is_within(space + 1, last->path)))
		return damaged(shown, number, "does not fit to the one before", err);
	if (tz_manifest_set(manifest, line, space + 1, &entry) < 0)
		return tz_error_set(err, ENOMEM, "%s: out of memory", shown);
	return 0;
}

int tz_manifest_load(int dirfd, const char *file, const char *shown, struct tz_manifest *ret, struct tz_error *err)
{
	_cleanup_manifest_ struct tz_manifest manifest = TZ_MANIFEST_INIT;
	_cleanup_free_ char *text = NULL;
	struct tz_error reason = { 0 };
	char *at;
	size_t size, count;
	int r = tz_smallfile_read(dirfd, file, shown, TZ_MANIFEST_SIZE_MAX, &text, &size, &reason);

	if (r < 0)
		return r == -ENOENT ? r : tz_error_adopt(err, &reason);
	at = text;
	if (strlen(text) != size || !read_head(next_line(&at), &count))
		return damaged(shown, 1, "is not what TazPod wrote", err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_entry(&manifest, next_line(&at), shown, err);
	if (r < 0)
		return r;
	if (*at)
		return damaged(shown, count + 2, "is one too many", err);
	*ret = manifest;
	manifest = (struct tz_manifest)TZ_MANIFEST_INIT;
	return 0;
}

int tz_manifest_write(int fd, const struct tz_manifest *manifest)
{
	_cleanup_free_ char *text = NULL, *head = NULL;
	size_t size = 1, count = 0;
	char *at;

	for (size_t i = 0; i < manifest->count; i++) {
		const struct tz_manifest_entry *entry = manifest->entries[i];

		size += entry->removed ? 0 : strlen(entry->name) + strlen(entry->path) + 2;
		count += !entry->removed;
	}
	if (asprintf(&head, HEAD " %zu\n", count) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	size += strlen(head);
	/* so much could not be read again */
	if (size > TZ_MANIFEST_SIZE_MAX)
		return -EFBIG;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	at = stpcpy(text, head);
	for (size_t i = 0; i < manifest->count; i++) {
		const struct tz_manifest_entry *entry = manifest->entries[i];

		if (!entry->removed)
			at = stpcpy(stpcpy(stpcpy(stpcpy(at, entry->name), " "), entry->path), "\n");
	}
	return tz_write_all(fd, text, (size_t)(at - text));
}

void tz_manifest_free(struct tz_manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++)
		free_entry(manifest->entries[i]);
	free(manifest->entries);
	*manifest = (struct tz_manifest)TZ_MANIFEST_INIT;
}
