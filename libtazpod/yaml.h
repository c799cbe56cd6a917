/*
 * A strict reader for the small YAML files of TazPod: one document of maps, lists and scalars.
 *
 * Refused, with a sentence: anchors and aliases, tags, a second document, duplicate and non-text keys, NUL bytes,
 * invalid UTF-8, and anything beyond the limits below. So a document is a tree, no larger than its text.
 *
 * Every error's message starts with "name:line:column: ". Functions that fill err return -EINVAL for what is wrong in
 * the text, -ENOMEM, or -EFBIG (the text is larger than TZ_YAML_SIZE_MAX). Everything a node gives out (text, key,
 * other nodes) is owned by the document and lives as long as it does. No value is ever quoted in a message, only keys.
 */
#ifndef TAZPOD_YAML_H
#define TAZPOD_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"

#define TZ_YAML_SIZE_MAX (1024 * 1024)
#define TZ_YAML_DEPTH_MAX 8      /* maps and lists within each other */
#define TZ_YAML_NODES_MAX 10000  /* maps, lists, keys and values together */

struct tz_yaml;
struct tz_yaml_node;

enum tz_yaml_kind { TZ_YAML_SCALAR, TZ_YAML_LIST, TZ_YAML_MAP };

/* The caller owns *ret and gives it to tz_yaml_free(). name is copied. */
int tz_yaml_parse(const char *text, size_t size, const char *name, struct tz_yaml **ret, struct tz_error *err);
void tz_yaml_free(struct tz_yaml *document);

/* NULL when there is nothing but comments, or a lone null. */
const struct tz_yaml_node *tz_yaml_root(const struct tz_yaml *document);

enum tz_yaml_kind tz_yaml_kind(const struct tz_yaml_node *node);
unsigned int tz_yaml_line(const struct tz_yaml_node *node);   /* from 1 */
unsigned int tz_yaml_column(const struct tz_yaml_node *node); /* from 1, in characters */

/* Members of a map or list; of a scalar there are none. */
unsigned int tz_yaml_count(const struct tz_yaml_node *node);
/* The first member (of a map: its value) and the one after; NULL at the end. In the order of the text. */
const struct tz_yaml_node *tz_yaml_first(const struct tz_yaml_node *node);
const struct tz_yaml_node *tz_yaml_next(const struct tz_yaml_node *node);
/* The key under which node stands in its map; NULL for a list's item and for the root. */
const char *tz_yaml_key(const struct tz_yaml_node *node);
/* The value of key; NULL when it is missing or map is no map. */
const struct tz_yaml_node *tz_yaml_find(const struct tz_yaml_node *map, const char *key);

/* A scalar's text, never with a NUL in it; NULL for a map or list. */
const char *tz_yaml_text(const struct tz_yaml_node *node);
/* Was the scalar written without quotes, as numbers and booleans are? */
bool tz_yaml_plain(const struct tz_yaml_node *node);
/* Nothing, ~ or null, unquoted. */
bool tz_yaml_is_null(const struct tz_yaml_node *node);

/* Typed values; *ret is untouched on failure. A quoted "true" or "12" is a text, not a boolean or a number. */
int tz_yaml_string(const struct tz_yaml_node *node, const char **ret, struct tz_error *err);
int tz_yaml_bool(const struct tz_yaml_node *node, bool *ret, struct tz_error *err);
int tz_yaml_integer(const struct tz_yaml_node *node, int64_t least, int64_t most, int64_t *ret, struct tz_error *err);
/* 0 when node is of this kind, else an error that says what was expected. */
int tz_yaml_expect(const struct tz_yaml_node *node, enum tz_yaml_kind kind, struct tz_error *err);

/*
 * The next member of map after after (NULL: from the start) whose key is not in known (NULL-terminated). Files that a
 * root wrote refuse it with tz_yaml_unknown_error(); for files that other versions also read it is a warning.
 */
const struct tz_yaml_node *tz_yaml_next_unknown(const struct tz_yaml_node *map, const struct tz_yaml_node *after,
						const char *const *known);
/* "name:3:1: unknown key 'vualt'; did you mean 'vault'?"; returns -EINVAL. */
int tz_yaml_unknown_error(const struct tz_yaml_node *node, const char *const *known, struct tz_error *err);

/*
 * For what the caller found wrong in a value: "name:line:column: 'key' " and the caller's words ("must be ...");
 * returns -EINVAL.
 */
int tz_yaml_error(const struct tz_yaml_node *node, struct tz_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline void tz_yaml_freep(struct tz_yaml **document)
{
	tz_yaml_free(*document);
}

#define _cleanup_yaml_ tz_cleanup(tz_yaml_freep)

#endif
