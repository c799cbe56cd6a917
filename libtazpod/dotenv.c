#include "dotenv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envname.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* A character, and the one that stands for it behind a backslash within double quotes. */
static const struct {
	char character, letter;
} escapes[] = { { '\n', 'n' }, { '\r', 'r' }, { '\t', 't' }, { '\\', '\\' }, { '"', '"' }, { '$', '$' }, { '`', '`' } };

#define ESCAPES (sizeof(escapes) / sizeof(escapes[0]))

struct place {
	unsigned int line;
	size_t column;
};

/* Offsets into the buffer of texts, which moves. */
struct entry {
	size_t name, value, size;
	struct place place;
};

struct reader {
	const char *c, *end, *line_begin;
	unsigned int line;
	const char *source;
	struct tz_error *err;
	struct tz_textbuf texts; /* names and values, each with a NUL behind it */
	struct entry *entries;
	size_t count, room;
};

static struct place here(const struct reader *reader)
{
	return (struct place){ reader->line, (size_t)(reader->c - reader->line_begin) + 1 };
}

static int refuse(const struct reader *reader, struct place place, const char *sentence)
{
	return tz_error_set(reader->err, EINVAL, "%s:%u:%zu: %s", reader->source, place.line, place.column, sentence);
}

static int refuse_here(const struct reader *reader, const char *sentence)
{
	return refuse(reader, here(reader), sentence);
}

static int out_of_memory(const struct reader *reader)
{
	return tz_error_set(reader->err, ENOMEM, "out of memory");
}

/* '\0' at the end as well; a NUL in the text has been refused before. */
static char look(const struct reader *reader)
{
	return reader->c < reader->end ? *reader->c : '\0';
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool at_line_end(const struct reader *reader)
{
	return reader->c == reader->end || *reader->c == '\n' ||
	       (*reader->c == '\r' && reader->end - reader->c > 1 && reader->c[1] == '\n');
}

static bool skip_blanks(struct reader *reader)
{
	const char *from = reader->c;

	while (is_blank(look(reader)))
		reader->c++;
	return reader->c > from;
}

/* One byte, which may be a newline. */
static void advance(struct reader *reader)
{
	if (*reader->c++ == '\n') {
		reader->line++;
		reader->line_begin = reader->c;
	}
}

static int add_text(struct reader *reader, const char *text, size_t size)
{
	return tz_textbuf_add(&reader->texts, text, size) < 0 ? out_of_memory(reader) : 0;
}

static int read_single_quoted(struct reader *reader)
{
	struct place begin = here(reader);
	const char *from = ++reader->c;

	while (reader->c < reader->end && *reader->c != '\'')
		advance(reader);
	if (reader->c == reader->end)
		return refuse(reader, begin, "expected a single quote that ends this one, and there is none");
	return add_text(reader, from, (size_t)(reader->c++ - from));
}

static int read_escape(struct reader *reader)
{
	char letter = reader->end - reader->c > 1 ? reader->c[1] : '\0';

	for (size_t i = 0; i < ESCAPES; i++)
		if (escapes[i].letter == letter) {
			reader->c += 2;
			return add_text(reader, &escapes[i].character, 1);
		}
	return refuse_here(reader, "expected one of n r t \\ \" $ ` behind this backslash, or single quotes around the value");
}

static int read_double_quoted(struct reader *reader)
{
	struct place begin = here(reader);

	reader->c++;
	while (reader->c < reader->end && *reader->c != '"') {
		const char *from = reader->c;
		int r;

		while (reader->c < reader->end && !strchr("\"\\$`", *reader->c))
			advance(reader);
		r = add_text(reader, from, (size_t)(reader->c - from));
		if (r == 0 && look(reader) == '\\')
			r = read_escape(reader);
		else if (r == 0 && (look(reader) == '$' || look(reader) == '`'))
			r = refuse_here(reader, "expected a backslash in front of '$' and '`' within double quotes: other "
						"programs expand them");
		if (r < 0)
			return r;
	}
	if (reader->c == reader->end)
		return refuse(reader, begin, "expected a double quote that ends this one, and there is none");
	reader->c++;
	return 0;
}

static int read_plain(struct reader *reader)
{
	const char *from = reader->c;

	if (look(reader) == '#')
		return refuse_here(reader, "expected quotes around a value that begins with '#'");
	for (; !at_line_end(reader) && !is_blank(*reader->c); reader->c++) {
		if (is_control(*reader->c))
			return refuse_here(reader, "expected quotes around a value with a control character in it");
		if (strchr("'\"$`\\", *reader->c))
			return refuse_here(reader, "expected single quotes around the whole of a value with a quote, '$', "
						   "'`' or '\\' in it");
	}
	return add_text(reader, from, (size_t)(reader->c - from));
}

/* What may follow upon a value, and what a line may be without one. */
static int read_rest(struct reader *reader, bool after_blank)
{
	if (after_blank && look(reader) == '#')
		while (!at_line_end(reader) && !is_control(*reader->c))
			reader->c++;
	if (!at_line_end(reader))
		return refuse_here(reader, is_control(*reader->c) ? "expected no control character outside of quotes" :
					   after_blank ? "expected the end of the line or a comment; a value with blanks in it "
							 "stands in quotes" :
							 "expected the end of the line behind the closing quote: a value is "
							 "quoted as a whole, and a single quote stands in double quotes");
	if (look(reader) == '\r')
		reader->c++;
	if (reader->c < reader->end)
		advance(reader);
	return 0;
}

static int read_value(struct reader *reader)
{
	int r;

	if (look(reader) == '\'')
		r = read_single_quoted(reader);
	else if (look(reader) == '"')
		r = read_double_quoted(reader);
	else
		r = at_line_end(reader) || is_blank(*reader->c) ? 0 : read_plain(reader);
	return r < 0 ? r : read_rest(reader, skip_blanks(reader));
}

static int new_entry(struct reader *reader, struct entry **ret)
{
	if (reader->count == reader->room) {
		size_t room = reader->room ? reader->room * 2 : 64;
		struct entry *entries = reallocarray(reader->entries, room, sizeof(*entries));

		if (!entries)
			return out_of_memory(reader);
		reader->entries = entries;
		reader->room = room;
	}
	*ret = &reader->entries[reader->count];
	return 0;
}

static size_t name_size(const struct reader *reader)
{
	size_t size = 0;

	while (reader->c + size < reader->end && reader->c[size] != '\0' && strchr(NAME_CHARACTERS, reader->c[size]))
		size++;
	return size;
}

/* "export" may be a name as well: EXPORT_WORD=1 and export=1 are what they look like. */
static void skip_export(struct reader *reader)
{
	static const char word[] = "export";

	if (name_size(reader) == strlen(word) && memcmp(reader->c, word, strlen(word)) == 0 &&
	    (size_t)(reader->end - reader->c) > strlen(word) && is_blank(reader->c[strlen(word)])) {
		reader->c += strlen(word);
		(void)skip_blanks(reader);
	}
}

static int read_entry(struct reader *reader)
{
	struct entry *entry;
	size_t size;
	int r = new_entry(reader, &entry);

	if (r < 0)
		return r;
	skip_export(reader);
	size = name_size(reader);
	if (!tz_envname_is_legal(reader->c, size))
		return refuse_here(reader, "expected a variable's name: letters, digits and '_', no digit first, 255 at most; "
					   "a value of several lines stands in quotes");
	*entry = (struct entry){ .name = reader->texts.size, .place = here(reader) };
	r = add_text(reader, reader->c, size);
	reader->c += size;
	if (r == 0 && look(reader) != '=')
		r = refuse_here(reader, "expected '=' right behind the variable's name");
	if (r == 0)
		r = add_text(reader, "", 1);
	if (r < 0)
		return r;
	reader->c++;
	entry->value = reader->texts.size;
	if (is_blank(look(reader))) {
		(void)skip_blanks(reader);
		if (!at_line_end(reader) && look(reader) != '#')
			return refuse_here(reader, "expected the value right behind '=', without blanks");
		r = read_rest(reader, true);
	} else {
		r = read_value(reader);
	}
	entry->size = reader->texts.size - entry->value;
	reader->count++;
	return r < 0 ? r : add_text(reader, "", 1);
}

static int compare_names(const void *a, const void *b, void *data)
{
	const struct reader *reader = data;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int order = strcmp(reader->texts.data + reader->entries[i].name, reader->texts.data + reader->entries[j].name);

	return order ? order : i < j ? -1 : i > j;
}

/* The first one that is there a second time. */
static int check_unique(struct reader *reader)
{
	_cleanup_free_ size_t *sorted = calloc(reader->count + 1, sizeof(*sorted));
	size_t second = reader->count, first = 0;
	char sentence[96];

	if (!sorted)
		return out_of_memory(reader);
	for (size_t i = 0; i < reader->count; i++)
		sorted[i] = i;
	qsort_r(sorted, reader->count, sizeof(*sorted), compare_names, reader);
	for (size_t i = 1; i < reader->count; i++) {
		const struct entry *a = &reader->entries[sorted[i - 1]], *b = &reader->entries[sorted[i]];

		if (sorted[i] < second && strcmp(reader->texts.data + a->name, reader->texts.data + b->name) == 0) {
			first = sorted[i - 1];
			second = sorted[i];
		}
	}
	if (second == reader->count)
		return 0;
	(void)snprintf(sentence, sizeof(sentence), "expected another name: line %u has the same",
		       reader->entries[first].place.line);
	return refuse(reader, reader->entries[second].place, sentence);
}

static int refuse_nul(struct reader *reader)
{
	const char *nul = reader->end > reader->c ? memchr(reader->c, '\0', (size_t)(reader->end - reader->c)) : NULL;

	if (!nul)
		return 0;
	while (reader->c < nul)
		advance(reader);
	return refuse_here(reader, "expected no NUL: no variable can have one");
}

static int read_all(struct reader *reader)
{
	int r = refuse_nul(reader);

	while (r == 0 && reader->c < reader->end) {
		(void)skip_blanks(reader);
		if (at_line_end(reader) || look(reader) == '#')
			r = read_rest(reader, true);
		else
			r = read_entry(reader);
	}
	return r < 0 ? r : check_unique(reader);
}

int tz_dotenv_parse(const char *text, size_t size, const char *source, tz_dotenv_fn fn, void *data, struct tz_error *err)
{
	struct reader reader = { .line = 1, .source = source, .err = err, .texts = TZ_TEXTBUF_INIT };
	int r;

	reader.c = reader.line_begin = size > 0 ? text : "";
	reader.end = reader.c + size;
	r = read_all(&reader);

	for (size_t i = 0; r == 0 && i < reader.count; i++) {
		const struct entry *entry = &reader.entries[i];

		r = fn(data, reader.texts.data + entry->name, reader.texts.data + entry->value, entry->size,
		       entry->place.line);
		if (r > 0)
			r = 0;
	}
	tz_textbuf_free(&reader.texts);
	free(reader.entries);
	return r;
}

/* With quotes only where they are wanted, a text is what most readers of such files agree about. */
static bool needs_escapes(const char *value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (value[i] == '\'' || is_control(value[i]))
			return true;
	return false;
}

static int add_escaped(struct tz_textbuf *out, const char *value, size_t size)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < size; i++) {
		size_t e = 0;

		while (e < ESCAPES && escapes[e].character != value[i])
			e++;
		r = e < ESCAPES ? tz_textbuf_add(out, (const char[]){ '\\', escapes[e].letter }, 2) :
				  tz_textbuf_add(out, &value[i], 1);
	}
	return r;
}

int tz_dotenv_add(struct tz_textbuf *out, const char *name, const char *value, size_t size)
{
	bool escaped = needs_escapes(value, size);
	const char *quote = escaped ? "\"" : "'";
	size_t before = out->size;
	int r;

	if (!tz_envname_is_legal(name, strlen(name)) || (size > 0 && memchr(value, '\0', size)))
		return -EINVAL;
	r = tz_textbuf_add_text(out, name);
	if (r == 0)
		r = tz_textbuf_add_text(out, "=");
	if (r == 0)
		r = tz_textbuf_add_text(out, quote);
	if (r == 0)
		r = escaped ? add_escaped(out, value, size) : tz_textbuf_add(out, value, size);
	if (r == 0)
		r = tz_textbuf_add_text(out, quote);
	if (r == 0)
		r = tz_textbuf_add_text(out, "\n");
	if (r < 0)
		tz_textbuf_truncate(out, before);
	return r;
}
