/*
 * Values of the shapes that TazPod's YAML files share: a text that follows a rule, one of several words, and keys that
 * are not known. Errors are as in yaml.h; ret is untouched on failure.
 */
#ifndef TAZPOD_YAMLVALUE_H
#define TAZPOD_YAMLVALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "yaml.h"

/* Told for each thing that is odd but no error: "name:line:column: ...". */
typedef void (*tz_yaml_warn_fn)(void *data, const char *sentence);

/* A text of less than size bytes for which is_valid() holds; rule is what else "must be" is followed by. */
int tz_yaml_text_into(const struct tz_yaml_node *node, char *ret, size_t size, bool (*is_valid)(const char *),
		      const char *rule, struct tz_error *err);

/* The index of node's text in words (NULL-terminated); rule names them. */
int tz_yaml_choice(const struct tz_yaml_node *node, const char *const *words, const char *rule, struct tz_error *err);

/* For files that other versions read, too: each key of map that is not in known is told. tell may be NULL. */
int tz_yaml_warn_unknown(const struct tz_yaml_node *map, const char *const *known, tz_yaml_warn_fn tell, void *data,
			 struct tz_error *err);

#endif
