#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "printable.h"
#include "suggest.h"

#define NAME_SHOWN 64

struct tz_yaml_node {
	const struct tz_yaml *document;
	struct tz_yaml_node *parent, *first, *last, *next;
	struct tz_yaml_node *made_before; /* all nodes of the document, to free them without recursion */
	char *key;
	unsigned int key_line, key_column, line, column;
	unsigned int count; /* members */
	unsigned int index; /* in the parent, from 0 */
	enum tz_yaml_kind kind;
	bool plain;
	char text[];
};

struct tz_yaml {
	char *name;
	struct tz_yaml_node *root;
	struct tz_yaml_node *made_last;
};

/* A document under construction. */
struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t size;
	struct tz_yaml *document;
	struct tz_yaml_node *open; /* the map or list that is being filled */
	unsigned int depth, nodes, documents;
	char *key; /* read, its value is still to come */
	yaml_mark_t key_mark;
	struct tz_error *err;
};

/* What of libyaml's words are not plain enough, and ours for them. */
static const struct {
	const char *theirs, *ours;
} sentences[] = {
	{ "tab character", "a tab cannot indent; use spaces" },
	{ "control characters are not allowed", "a control character is not allowed here" },
	{ "UTF-8", "this is not valid UTF-8 text" },
	{ "invalid Unicode character", "this is not valid UTF-8 text" },
	{ "mapping values are not allowed", "a ':' is not allowed here; check the indentation, or quote the value" },
	{ "did not find expected key", "a line 'key: value' is expected here; check the indentation" },
	{ "could not find expected ':'", "a ':' is missing after a key" },
	{ "did not find expected '-' indicator", "an item '- value' is expected here; check the indentation" },
	{ "did not find expected ',' or ']'", "a ',' or ']' is missing in a list that starts with '['" },
	{ "did not find expected ',' or '}'", "a ',' or '}' is missing in a map that starts with '{'" },
	{ "found unexpected end of stream", "the text ends within a quoted value" },
	{ "did not find expected <document start>", "the document has ended, but its text goes on" },
	{ "found undefined tag handle", "tags ('!name') are not allowed" },
	{ "found unknown escape character", "this escape is unknown; use single quotes to write a backslash" },
	{ "block sequence entries are not allowed", "an item '- value' is not allowed here; check the indentation" },
};

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* For a message, which is made printable as a whole: a long one is cut between characters. */
static const char *shortened(const char *text, char buffer[static NAME_SHOWN])
{
	size_t n = 0, size;
	bool control;

	for (; *text && n < NAME_SHOWN - 8; text += size, n += size) {
		size = tz_character(text, &control);
		memcpy(buffer + n, text, size);
	}
	(void)strcpy(buffer + n, *text ? "..." : "");
	return buffer;
}

static int fail_at(const struct reader *reader, int code, size_t line, size_t column, const char *sentence)
{
	return tz_error_set(reader->err, code, "%s:%zu:%zu: %s", reader->document->name, line + 1, column + 1,
			    sentence);
}

static int fail(const struct reader *reader, int code, yaml_mark_t mark, const char *sentence)
{
	return fail_at(reader, code, mark.line, mark.column, sentence);
}

/* The byte of libyaml's mark, which counts characters; 0 beyond the end. */
static char byte_at(const struct reader *reader, size_t characters)
{
	size_t at = 0;

	for (; at < reader->size; at++) {
		if (is_continuation(reader->text[at]))
			continue;
		if (characters-- == 0)
			return reader->text[at];
	}
	return '\0';
}

/* Of the UTF-8 sequence that begins so; 1 where none does. */
static size_t sequence_size(char first)
{
	unsigned char c = (unsigned char)first;

	return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

/* libyaml's reader knows only an offset in bytes, which may lie within the character that it cannot read. */
static int fail_reading(const struct reader *reader, const char *sentence)
{
	size_t line = 0, column = 0, end = reader->parser.problem_offset;

	if (end > reader->size)
		end = reader->size;
	for (size_t at = 0; at + sequence_size(reader->text[at]) <= end; at += sequence_size(reader->text[at])) {
		column++;
		if (reader->text[at] == '\n') {
			line++;
			column = 0;
		}
	}
	return fail_at(reader, EINVAL, line, column, sentence);
}

static int fail_parsing(const struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "unknown";
	char sentence[160];

	if (parser->error == YAML_MEMORY_ERROR)
		return tz_error_set(reader->err, ENOMEM, "%s: out of memory", reader->document->name);
	(void)snprintf(sentence, sizeof(sentence), "this is not valid YAML: %s", problem);
	if (strstr(problem, "cannot start any token")) {
		char c = byte_at(reader, parser->problem_mark.index);

		if (c == '\t')
			problem = "tab character";
		else
			(void)snprintf(sentence, sizeof(sentence), "'%c' cannot start a value; quote the value", c);
	}
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strstr(problem, sentences[i].theirs)) {
			(void)snprintf(sentence, sizeof(sentence), "%s", sentences[i].ours);
			break;
		}
	if (parser->error == YAML_READER_ERROR)
		return fail_reading(reader, sentence);
	return fail(reader, EINVAL, parser->problem_mark, sentence);
}

static int fail_memory(const struct reader *reader)
{
	return tz_error_set(reader->err, ENOMEM, "%s: out of memory", reader->document->name);
}

static int count_node(struct reader *reader, yaml_mark_t mark)
{
	if (++reader->nodes > TZ_YAML_NODES_MAX)
		return fail(reader, EINVAL, mark, "there are too many keys and values before this one");
	return 0;
}

static int check_plainness(const struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return fail(reader, EINVAL, event->start_mark, "aliases ('*name') are not allowed; copy the value");
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return fail(reader, EINVAL, event->start_mark, "anchors ('&name') are not allowed; copy the value");
	if (tag)
		return fail(reader, EINVAL, event->start_mark, "tags ('!name') are not allowed");
	return 0;
}

/* Hangs node into the map or list that is open, under the key that was read. */
static void attach(struct reader *reader, struct tz_yaml_node *node)
{
	struct tz_yaml_node *parent = reader->open;

	node->document = reader->document;
	node->parent = parent;
	node->made_before = reader->document->made_last;
	reader->document->made_last = node;
	node->key = tz_steal(reader->key);
	node->key_line = (unsigned int)reader->key_mark.line + 1;
	node->key_column = (unsigned int)reader->key_mark.column + 1;
	if (!parent) {
		reader->document->root = node;
		return;
	}
	node->index = parent->count++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
}

static struct tz_yaml_node *add_node(struct reader *reader, const yaml_event_t *event, enum tz_yaml_kind kind,
				     const char *text, size_t size)
{
	struct tz_yaml_node *node = calloc(1, sizeof(*node) + size + 1);

	if (!node)
		return NULL;
	node->kind = kind;
	node->line = (unsigned int)event->start_mark.line + 1;
	node->column = (unsigned int)event->start_mark.column + 1;
	if (size > 0)
		memcpy(node->text, text, size);
	attach(reader, node);
	return node;
}

static int read_key(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	char shown[NAME_SHOWN], sentence[NAME_SHOWN + 64];

	if (event->data.scalar.length == 0)
		return fail(reader, EINVAL, event->start_mark, "a key is missing before the ':'");
	for (const struct tz_yaml_node *n = reader->open->first; n; n = n->next)
		if (strcmp(n->key, text) == 0) {
			(void)snprintf(sentence, sizeof(sentence), "key '%s' is already set on line %u",
				       shortened(text, shown), n->key_line);
			return fail(reader, EINVAL, event->start_mark, sentence);
		}
	reader->key = strdup(text);
	reader->key_mark = event->start_mark;
	return reader->key ? 0 : fail_memory(reader);
}

static bool wants_key(const struct reader *reader)
{
	return reader->open && reader->open->kind == TZ_YAML_MAP && !reader->key;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;
	struct tz_yaml_node *node;
	int r = count_node(reader, event->start_mark);

	if (r < 0)
		return r;
	if (memchr(text, '\0', size))
		return fail(reader, EINVAL, event->start_mark, "a NUL character is not allowed in a value");
	if (wants_key(reader))
		return read_key(reader, event);
	node = add_node(reader, event, TZ_YAML_SCALAR, text, size);
	if (!node)
		return fail_memory(reader);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int read_start(struct reader *reader, const yaml_event_t *event, enum tz_yaml_kind kind)
{
	int r = count_node(reader, event->start_mark);

	if (r < 0)
		return r;
	if (wants_key(reader))
		return fail(reader, EINVAL, event->start_mark, "a key must be a text, not a list or map");
	if (++reader->depth > TZ_YAML_DEPTH_MAX)
		return fail(reader, EINVAL, event->start_mark, "lists and maps are nested too deeply");
	reader->open = add_node(reader, event, kind, NULL, 0);
	return reader->open ? 0 : fail_memory(reader);
}

/* 1 at the end of the text. */
static int read_event(struct reader *reader, const yaml_event_t *event)
{
	int r = check_plainness(reader, event);

	if (r < 0)
		return r;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++reader->documents > 1)
			return fail(reader, EINVAL, event->start_mark, "only one document ('---') is allowed");
		return 0;
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return read_start(reader, event, TZ_YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		return read_start(reader, event, TZ_YAML_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		reader->open = reader->open->parent;
		reader->depth--;
		return 0;
	case YAML_STREAM_END_EVENT:
		return 1;
	default:
		return 0;
	}
}

static int read_all(struct reader *reader)
{
	int r;

	/* stated, so that a byte order mark cannot choose UTF-16 */
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text, reader->size);
	do {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event))
			return fail_parsing(reader);
		r = read_event(reader, &event);
		yaml_event_delete(&event);
	} while (r == 0);
	return r < 0 ? r : 0;
}

int tz_yaml_parse(const char *text, size_t size, const char *name, struct tz_yaml **ret, struct tz_error *err)
{
	_cleanup_yaml_ struct tz_yaml *document = calloc(1, sizeof(*document));
	/* libyaml counts a byte order mark as a column, and takes the first line for an indented one */
	size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct reader reader = { .text = size > 0 ? text + mark : "", .size = size - mark, .document = document,
				 .err = err };
	int r;

	if (!document || !(document->name = strdup(name)))
		return tz_error_set(err, ENOMEM, "%s: out of memory", name);
	if (size > TZ_YAML_SIZE_MAX)
		return fail_at(&reader, EFBIG, 0, 0, "the file is larger than 1 MiB");
	if (!yaml_parser_initialize(&reader.parser))
		return fail_memory(&reader);
	r = read_all(&reader);
	yaml_parser_delete(&reader.parser);
	free(reader.key);
	if (r < 0)
		return r;
	*ret = tz_steal(document);
	return 0;
}

void tz_yaml_free(struct tz_yaml *document)
{
	if (!document)
		return;
	while (document->made_last) {
		struct tz_yaml_node *node = document->made_last;

		document->made_last = node->made_before;
		free(node->key);
		free(node);
	}
	free(document->name);
	free(document);
}

const struct tz_yaml_node *tz_yaml_root(const struct tz_yaml *document)
{
	return document->root && !tz_yaml_is_null(document->root) ? document->root : NULL;
}

enum tz_yaml_kind tz_yaml_kind(const struct tz_yaml_node *node)
{
	return node->kind;
}

unsigned int tz_yaml_line(const struct tz_yaml_node *node)
{
	return node->line;
}

unsigned int tz_yaml_column(const struct tz_yaml_node *node)
{
	return node->column;
}

unsigned int tz_yaml_count(const struct tz_yaml_node *node)
{
	return node->count;
}

const struct tz_yaml_node *tz_yaml_first(const struct tz_yaml_node *node)
{
	return node->first;
}

const struct tz_yaml_node *tz_yaml_next(const struct tz_yaml_node *node)
{
	return node->next;
}

const char *tz_yaml_key(const struct tz_yaml_node *node)
{
	return node->key;
}

const struct tz_yaml_node *tz_yaml_find(const struct tz_yaml_node *map, const char *key)
{
	if (map->kind != TZ_YAML_MAP)
		return NULL;
	for (const struct tz_yaml_node *n = map->first; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

const char *tz_yaml_text(const struct tz_yaml_node *node)
{
	return node->kind == TZ_YAML_SCALAR ? node->text : NULL;
}

bool tz_yaml_plain(const struct tz_yaml_node *node)
{
	return node->plain;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

bool tz_yaml_is_null(const struct tz_yaml_node *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };

	return node->plain && is_one_of(node->text, nulls);
}

/* How a message names the place: "'key'", "item 3 of 'key'", or the whole document. */
static void name_place(const struct tz_yaml_node *node, char *buffer, size_t size)
{
	char shown[NAME_SHOWN];

	if (node->key)
		(void)snprintf(buffer, size, "'%s'", shortened(node->key, shown));
	else if (node->parent && node->parent->key)
		(void)snprintf(buffer, size, "item %u of '%s'", node->index + 1, shortened(node->parent->key, shown));
	else if (node->parent)
		(void)snprintf(buffer, size, "item %u", node->index + 1);
	else
		(void)snprintf(buffer, size, "the document");
}

int tz_yaml_error(const struct tz_yaml_node *node, struct tz_error *err, const char *format, ...)
{
	char place[NAME_SHOWN + 32], words[TZ_ERROR_TEXT];
	va_list args;

	name_place(node, place, sizeof(place));
	va_start(args, format);
	if (vsnprintf(words, sizeof(words), format, args) < 0)
		words[0] = '\0';
	va_end(args);
	return tz_error_set(err, EINVAL, "%s:%u:%u: %s %s", node->document->name, node->line, node->column, place,
			    words);
}

int tz_yaml_string(const struct tz_yaml_node *node, const char **ret, struct tz_error *err)
{
	if (node->kind != TZ_YAML_SCALAR)
		return tz_yaml_error(node, err, "must be a text, not a %s", node->kind == TZ_YAML_MAP ? "map" : "list");
	if (tz_yaml_is_null(node))
		return tz_yaml_error(node, err, "has no value; a text is expected");
	*ret = node->text;
	return 0;
}

int tz_yaml_bool(const struct tz_yaml_node *node, bool *ret, struct tz_error *err)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };
	bool is_true = node->plain && is_one_of(node->text, yes);

	if (!is_true && !(node->plain && is_one_of(node->text, no)))
		return tz_yaml_error(node, err, "must be true or false, without quotes");
	*ret = is_true;
	return 0;
}

/* Decimal, and nothing else: YAML 1.1 reads 010 as eight, people do not. */
static bool is_decimal(const char *text)
{
	if (*text == '-')
		text++;
	if (*text == '0')
		return text[1] == '\0';
	return *text >= '1' && *text <= '9' && text[strspn(text, "0123456789")] == '\0';
}

int tz_yaml_integer(const struct tz_yaml_node *node, int64_t least, int64_t most, int64_t *ret, struct tz_error *err)
{
	bool is_number = node->plain && is_decimal(node->text);
	long long value = 0;

	if (is_number) {
		errno = 0;
		value = strtoll(node->text, NULL, 10);
	}
	if (!is_number || errno != 0 || value < least || value > most)
		return tz_yaml_error(node, err, "must be a whole number from %lld to %lld, without quotes",
				     (long long)least, (long long)most);
	*ret = value;
	return 0;
}

int tz_yaml_expect(const struct tz_yaml_node *node, enum tz_yaml_kind kind, struct tz_error *err)
{
	static const char *const wanted[] = {
		[TZ_YAML_SCALAR] = "a single value",
		[TZ_YAML_LIST] = "a list ('- value' lines)",
		[TZ_YAML_MAP] = "a map ('key: value' lines)",
	};

	return node->kind == kind ? 0 : tz_yaml_error(node, err, "must be %s", wanted[kind]);
}

const struct tz_yaml_node *tz_yaml_next_unknown(const struct tz_yaml_node *map, const struct tz_yaml_node *after,
						const char *const *known)
{
	const struct tz_yaml_node *n = after ? after->next : map->first;

	if (map->kind != TZ_YAML_MAP)
		return NULL;
	while (n && is_one_of(n->key, known))
		n = n->next;
	return n;
}

int tz_yaml_unknown_error(const struct tz_yaml_node *node, const char *const *known, struct tz_error *err)
{
	const char *near = tz_suggest(node->key, known);
	char shown[NAME_SHOWN];

	return tz_error_set(err, EINVAL, "%s:%u:%u: unknown key '%s'%s%s%s", node->document->name, node->key_line,
			    node->key_column, shortened(node->key, shown), near ? "; did you mean '" : "",
			    near ? near : "", near ? "'?" : "");
}
