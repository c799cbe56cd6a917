/*
 * What texts from files of the user's, or of a repository's, must look like before they become a path, a name or a word
 * of a command line. Each one is false for text with a control character in it.
 */
#ifndef TAZPOD_WELLFORMED_H
#define TAZPOD_WELLFORMED_H

#include <stdbool.h>

/* No control characters, as printable.h has them. */
bool tz_is_visible(const char *text);

/* Components without "", "." and "..", at least one: "a/b". */
bool tz_is_relative_path(const char *path);
/* The same behind a '/': "/a/b", never "/" itself. */
bool tz_is_absolute_path(const char *path);

/* A letter or digit, then letters, digits, '_', '.' and '-': what engines take for the name of a container or network. */
bool tz_is_engine_name(const char *name);
/* An image's name as engines take it: "localhost/tazpod/base:latest", never an option. */
bool tz_is_image_name(const char *name);

/* At most 32 letters, digits, '_', '-' and '.', a letter or '_' first. */
bool tz_is_user_name(const char *name);

/* A variable's name as in sh: letters, digits and '_', no digit first. */
bool tz_is_variable_name(const char *name);

/* Of two clean paths that begin at the same place: is path the same as folder, or within it? */
bool tz_path_is_within(const char *path, const char *folder);
/* Is either within the other? */
bool tz_paths_collide(const char *a, const char *b);

#endif
