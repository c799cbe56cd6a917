#include "wellformed.h"

#include <limits.h>
#include <string.h>

#include "printable.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_only(const char *text, const char *characters)
{
	return text[strspn(text, characters)] == '\0';
}

bool tz_is_visible(const char *text)
{
	bool control = false;

	while (*text && !control)
		text += tz_character(text, &control);
	return !control;
}

bool tz_is_relative_path(const char *path)
{
	if (!tz_is_visible(path))
		return false;
	for (;;) {
		size_t size = strcspn(path, "/");

		if (size == 0 || size > NAME_MAX)
			return false;
		if (path[0] == '.' && (size == 1 || (size == 2 && path[1] == '.')))
			return false;
		if (!path[size])
			return true;
		path += size + 1;
	}
}

bool tz_is_absolute_path(const char *path)
{
	return path[0] == '/' && tz_is_relative_path(path + 1);
}

bool tz_is_engine_name(const char *name)
{
	/* docker wants two characters at least */
	return name[0] && strchr(LETTERS DIGITS, name[0]) && name[1] && is_only(name, LETTERS DIGITS "_.-");
}

bool tz_is_image_name(const char *name)
{
	return name[0] && strchr(LETTERS DIGITS, name[0]) && is_only(name, LETTERS DIGITS "_.-/:@");
}

bool tz_is_user_name(const char *name)
{
	return name[0] && strchr(LETTERS "_", name[0]) && is_only(name, LETTERS DIGITS "_.-") && strlen(name) <= 32;
}

bool tz_is_variable_name(const char *name)
{
	return name[0] && strchr(LETTERS "_", name[0]) && is_only(name, LETTERS DIGITS "_");
}

bool tz_path_is_within(const char *path, const char *folder)
{
	size_t size = strlen(folder);

	if (strcmp(folder, "/") == 0)
		return path[0] == '/';
	return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

bool tz_paths_collide(const char *a, const char *b)
{
	return tz_path_is_within(a, b) || tz_path_is_within(b, a);
}
