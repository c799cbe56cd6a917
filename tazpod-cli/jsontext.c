#include "jsontext.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "said.h"
#include "utf8.h"

#define NUMBER_CHARACTERS "0123456789+-.eE"

/* A name as it is written, and whose it is. */
struct name {
	size_t object, begin, size;
};

struct scan {
	const char *text;
	size_t size, at;
	const char *source;
	struct tz_error *err;
	unsigned int depth;
	size_t objects[CLI_JSONTEXT_DEPTH]; /* which one is open at each depth, counted through the text */
	size_t object_count, values;
	struct name *names;
	size_t count, room;
	bool given_up;
};

int cli_jsontext_refuse(const char *text, size_t offset, const char *source, const char *sentence, struct tz_error *err)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return tz_error_set(err, EINVAL, "%s: line %zu, column %zu: %s", source, line, column, sentence);
}

static int refuse(const struct scan *scan, size_t at, const char *sentence)
{
	return cli_jsontext_refuse(scan->text, at, scan->source, sentence, scan->err);
}

/* '\0' at the end as well. */
static char look(const struct scan *scan)
{
	return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

/* The four digits behind "\u" at offset at; -1 where there are none. */
static int hex_at(const struct scan *scan, size_t at)
{
	int value = 0;

	if (scan->size - at < 6 || scan->text[at] != '\\' || scan->text[at + 1] != 'u')
		return -1;
	for (size_t i = at + 2; i < at + 6; i++) {
		unsigned char c = (unsigned char)scan->text[i];

		if (!isxdigit(c))
			return -1;
		value = value * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return value;
}

static bool is_high(int value)
{
	return value >= 0xd800 && value < 0xdc00;
}

static bool is_low(int value)
{
	return value >= 0xdc00 && value < 0xe000;
}

static int scan_escape(struct scan *scan, bool *ret_nul)
{
	int value = hex_at(scan, scan->at);

	/* which letters may be here json-c knows */
	if (value < 0) {
		scan->at += scan->size - scan->at > 1 ? 2 : 1;
		return 0;
	}
	if (is_low(value) || (is_high(value) && !is_low(scan->size - scan->at > 6 ? hex_at(scan, scan->at + 6) : -1)))
		return refuse(scan, scan->at, "this is half of a character (a surrogate without its other one)");
	if (value == 0)
		*ret_nul = true;
	scan->at += is_high(value) ? 12 : 6;
	return 0;
}

static int scan_characters(struct scan *scan, bool *ret_nul)
{
	while (scan->at < scan->size && look(scan) != '"') {
		uint32_t character;
		size_t step;
		int r;

		if (look(scan) == '\\') {
			r = scan_escape(scan, ret_nul);
			if (r < 0)
				return r;
			continue;
		}
		step = tz_utf8_character(scan->text + scan->at, scan->size - scan->at, &character);
		if (step == 0)
			return refuse(scan, scan->at, "this is not UTF-8");
		if (character < ' ')
			return refuse(scan, scan->at, "a control character stands here that JSON wants escaped");
		scan->at += step;
	}
	return 0;
}

static int add_name(struct scan *scan, size_t begin, size_t size)
{
	if (scan->count == scan->room) {
		size_t room = scan->room ? scan->room * 2 : 256;
		struct name *names = reallocarray(scan->names, room, sizeof(*names));

		if (!names)
			return tz_error_set(scan->err, ENOMEM, "out of memory");
		scan->names = names;
		scan->room = room;
	}
	scan->names[scan->count++] = (struct name){ scan->depth ? scan->objects[scan->depth - 1] : 0, begin, size };
	return 0;
}

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->size && strchr(" \t\r\n", look(scan)) && look(scan))
		scan->at++;
}

static int scan_string(struct scan *scan)
{
	size_t begin = ++scan->at, size;
	bool nul = false;
	int r = scan_characters(scan, &nul);

	if (r < 0 || scan->at == scan->size)
		return r;
	size = scan->at++ - begin;
	skip_blanks(scan);
	if (look(scan) != ':')
		return 0;
	if (nul)
		return refuse(scan, begin, "this name has a NUL in it");
	return add_name(scan, begin, size);
}

static size_t skip_digits(const char **c, const char *end)
{
	const char *from = *c;

	while (*c < end && isdigit((unsigned char)**c))
		(*c)++;
	return (size_t)(*c - from);
}

static bool is_number(const char *c, const char *end)
{
	bool negative = c < end && *c == '-';
	const char *digits = negative ? ++c : c;
	size_t count = skip_digits(&c, end);

	if (count == 0 || (count > 1 && *digits == '0'))
		return false;
	/* it would become 0 */
	if (c == end && *digits == '0' && negative)
		return false;
	if (c < end && *c == '.') {
		c++;
		if (skip_digits(&c, end) == 0)
			return false;
	}
	if (c < end && (*c == 'e' || *c == 'E')) {
		c++;
		if (c < end && (*c == '+' || *c == '-'))
			c++;
		if (skip_digits(&c, end) == 0)
			return false;
	}
	return c == end;
}

static int scan_number(struct scan *scan)
{
	size_t begin = scan->at;

	while (scan->at < scan->size && look(scan) && strchr(NUMBER_CHARACTERS, look(scan)))
		scan->at++;
	return is_number(scan->text + begin, scan->text + scan->at) ?
		       0 : refuse(scan, begin, "this number is not written as JSON has it");
}

/* This is no JSON, and where not, the parser will tell. */
static int give_up(struct scan *scan)
{
	scan->at = scan->size;
	scan->given_up = true;
	return 0;
}

static int scan_structure(struct scan *scan)
{
	char c = look(scan);

	if (c == '{' || c == '[') {
		if (scan->depth == CLI_JSONTEXT_DEPTH)
			return refuse(scan, scan->at, "this is nested too deep");
		scan->objects[scan->depth++] = ++scan->object_count;
	}
	if ((c == '}' || c == ']') && scan->depth > 0)
		scan->depth--;
	if ((c == '{' || c == '[' || c == ',') && ++scan->values > CLI_JSONTEXT_VALUES_MAX)
		return refuse(scan, scan->at, "there are too many values in front of this one");
	if (c == 'N' || c == 'I')
		return refuse(scan, scan->at, "this is no value that JSON has");
	if (!c || !strchr("{}[],: \t\r\n", c))
		return give_up(scan);
	scan->at++;
	return 0;
}

static int scan_word(struct scan *scan)
{
	static const char *const words[] = { "true", "false", "null", NULL };

	for (const char *const *word = words; *word; word++) {
		size_t size = strlen(*word);

		if (scan->size - scan->at >= size && memcmp(scan->text + scan->at, *word, size) == 0) {
			scan->at += size;
			return 0;
		}
	}
	return give_up(scan);
}

static int scan_all(struct scan *scan)
{
	int r = 0;

	while (r == 0 && scan->at < scan->size) {
		char c = look(scan);

		if (c == '"')
			r = scan_string(scan);
		else if (c == '-' || isdigit((unsigned char)c))
			r = scan_number(scan);
		else if (c == 't' || c == 'f' || c == 'n')
			r = scan_word(scan);
		else
			r = scan_structure(scan);
	}
	return r;
}

static int compare_names(const void *a, const void *b, void *data)
{
	const struct name *x = a, *y = b;
	const char *text = data;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(text + x->begin, text + y->begin, x->size);
}

/* As they are written: "A" and "\u0041" are found out by their number alone. */
static int check_unique(struct scan *scan)
{
	char name[64], sentence[128];

	if (scan->count == 0)
		return 0;
	qsort_r(scan->names, scan->count, sizeof(*scan->names), compare_names, (void *)(uintptr_t)scan->text);
	for (size_t i = 1; i < scan->count; i++) {
		const struct name *a = &scan->names[i - 1], *b = &scan->names[i];

		if (compare_names(a, b, (void *)(uintptr_t)scan->text) != 0)
			continue;
		cli_printable_copy(scan->text + b->begin, b->size, name, sizeof(name));
		(void)snprintf(sentence, sizeof(sentence), "the name \"%s\" is in this object twice", name);
		return refuse(scan, a->begin > b->begin ? a->begin : b->begin, sentence);
	}
	return 0;
}

int cli_jsontext_check(const char *text, size_t size, const char *source, size_t *ret_names, struct tz_error *err)
{
	struct scan scan = { .text = text, .size = size, .source = source, .err = err };
	int r = scan_all(&scan);

	if (r == 0)
		r = check_unique(&scan);
	free(scan.names);
	if (r == 0)
		*ret_names = scan.given_up ? SIZE_MAX : scan.count;
	return r;
}
