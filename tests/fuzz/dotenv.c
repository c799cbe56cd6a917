/*
 * tz_dotenv_parse() on any text, and tz_dotenv_add() on what it found: that reads back alike. Whatever is wrong with a
 * text, its message is one of a few sentences behind a place: it has nothing of the text in it.
 *
 * The input is a text; what is behind a first NUL in it, is, besides, a value to write.
 */
#include <errno.h>
#include <string.h>

#include "libtazpod/dotenv.h"
#include "libtazpod/envname.h"
#include "tests/fuzz/fuzz.h"

#define SENTENCES_MAX 24

struct seen {
	struct tz_textbuf written; /* as tz_dotenv_add() has it */
	struct tz_textbuf plain;   /* names and values, each with a NUL behind it */
	unsigned int count, line;
};

static int see(void *data, const char *name, const char *value, size_t size, unsigned int line)
{
	struct seen *seen = data;

	fuzz_assert(tz_envname_is_legal(name, strlen(name)), "a name that is none");
	fuzz_assert(strlen(value) == size, "a NUL in a value, or none behind it");
	fuzz_assert(line > seen->line, "line %u after %u", line, seen->line);
	seen->line = line;
	seen->count++;
	fuzz_assert(tz_dotenv_add(&seen->written, name, value, size) == 0, "it cannot be written");
	fuzz_assert(tz_textbuf_add(&seen->plain, name, strlen(name) + 1) == 0, "no memory");
	fuzz_assert(tz_textbuf_add(&seen->plain, value, size + 1) == 0, "no memory");
	return 0;
}

/* The sentence behind "f:LINE:COLUMN: ". More different ones than there are in the source, and some have more in them. */
static void check_message(const char *message)
{
	static char sentences[SENTENCES_MAX][TZ_ERROR_TEXT];
	unsigned int line, i = 0, first;
	unsigned long column;
	int behind = 0;

	fuzz_assert(sscanf(message, "f:%u:%lu: %n", &line, &column, &behind) == 2 && behind > 0, "%s", message);
	fuzz_assert(line > 0 && column > 0 && fuzz_is_sentence(message + behind), "%s", message);
	if (sscanf(message + behind, "expected another name: line %u has the same", &first) == 1) {
		fuzz_assert(first > 0 && first < line, "%s", message);
		return;
	}
	while (i < SENTENCES_MAX && sentences[i][0] && strcmp(sentences[i], message + behind) != 0)
		i++;
	fuzz_assert(i < SENTENCES_MAX, "one more sentence: %s", message);
	(void)strcpy(sentences[i], message + behind);
}

static int parse(const char *text, size_t size, struct seen *seen)
{
	struct tz_error err = { 0 };
	int r = tz_dotenv_parse(text, size, "f", see, seen, &err);

	fuzz_assert(r == err.code && (r == 0 || r == -EINVAL), "%d, %d", r, err.code);
	if (r < 0) {
		fuzz_assert(seen->count == 0, "something was given on before");
		fuzz_assert(!err.detail[0], "%s", err.detail);
		check_message(err.message);
	}
	return r;
}

static void release(struct seen *seen)
{
	tz_textbuf_free(&seen->written);
	tz_textbuf_free(&seen->plain);
}

static void check_text(const char *text, size_t size)
{
	struct seen first = { .count = 0 }, second = { .count = 0 };

	if (parse(text, size, &first) == 0 && first.count > 0) {
		fuzz_assert(parse(first.written.data, first.written.size, &second) == 0, "what was written is wrong");
		fuzz_assert(first.count == second.count && first.plain.size == second.plain.size &&
			    memcmp(first.plain.data, second.plain.data, first.plain.size) == 0, "it reads back otherwise");
		fuzz_assert(second.line == second.count, "a variable takes more than a line");
	}
	release(&first);
	release(&second);
}

static void check_value(const char *value, size_t size)
{
	struct seen seen = { .count = 0 };
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;
	int r = tz_dotenv_add(&out, "N", value, size);

	fuzz_assert((r == -EINVAL) == (memchr(value, '\0', size) != NULL) && (r == 0 || r == -EINVAL), "%d", r);
	if (r == 0) {
		fuzz_assert(parse(out.data, out.size, &seen) == 0 && seen.count == 1, "it does not read back");
		fuzz_assert(seen.plain.size == size + 3 && memcmp(seen.plain.data + 2, value, size) == 0, "another value");
	}
	release(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	char *text = malloc(size ? size : 1);
	size_t text_size = nul ? (size_t)(nul - data) : size;

	fuzz_assert(text, "no memory");
	if (size > 0)
		memcpy(text, data, size);
	check_text(text, size);
	if (nul) {
		check_text(text, text_size);
		check_value(text + text_size + 1, size - text_size - 1);
	}
	free(text);
	return 0;
}
