/*
 * tz_quote_export() for every shell, on any value: a second look, which shares nothing with it, reads the value back out of
 * the statement. In it is nothing but quoted text, and single characters that are escaped outside of quotes.
 *
 * The first byte of the input chooses the shell, the rest is the value.
 */
#include <errno.h>
#include <string.h>

#include "libtazpod/quote.h"
#include "tests/fuzz/fuzz.h"

#define NAME "A_name9"

static const struct {
	const char *begin, *end, *unset;
} around[] = {
	[TZ_SHELL_SH] = { "unset -v " NAME " && export " NAME "=", " || false\n", "unset -v " NAME "\n" },
	[TZ_SHELL_BASH] = { "unset -n " NAME " && unset -v " NAME " && declare +i -gx " NAME "=", " || false\n",
			    "unset -n " NAME " && unset -v " NAME "\n" },
	[TZ_SHELL_ZSH] = { "unset -v " NAME " && export " NAME "=", " || false\n", "unset -v " NAME "\n" },
	[TZ_SHELL_FISH] = { "set -gx " NAME " ", "\n", "set -eg " NAME "\n" },
	[TZ_SHELL_POWERSHELL] = { "${env:" NAME "} = -join (", ")\n", "${env:" NAME "} = $null\n" },
};

#define SHELLS (sizeof(around) / sizeof(around[0]))

struct word {
	const char *c, *end;
	char *value; /* what it stands for */
	size_t size;
};

static bool skip(struct word *word, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(word->end - word->c) < size || memcmp(word->c, text, size) != 0)
		return false;
	word->c += size;
	return true;
}

/* '...', in which nothing is special; what could be is refused. */
static bool read_quoted(struct word *word, const char *forbidden)
{
	if (!skip(word, "'"))
		return false;
	for (; word->c < word->end && *word->c != '\''; word->c++) {
		fuzz_assert(!strchr(forbidden, *word->c), "a byte %d within quotes", *word->c);
		word->value[word->size++] = *word->c;
	}
	fuzz_assert(word->c < word->end, "quotes without an end");
	word->c++;
	return true;
}

static bool read_escaped(struct word *word, const char *text, char character)
{
	if (!skip(word, text))
		return false;
	word->value[word->size++] = character;
	return true;
}

/* With rc_quotes, two quotes within quotes are one: those that end them are never followed by another one. */
static void read_posix(struct word *word, bool zsh)
{
	for (;;) {
		const char *before = word->c;

		if (read_quoted(word, zsh ? "\n" : "")) {
			fuzz_assert(!zsh || word->c == word->end || *word->c != '\'', "two quotes in a row");
			fuzz_assert(word->c - before >= 2, "quotes of one");
		} else if (!read_escaped(word, "\\'", '\'') && !(zsh && read_escaped(word, "$'\\n'", '\n'))) {
			return;
		}
	}
}

static void read_fish(struct word *word)
{
	while (read_quoted(word, "\\") || read_escaped(word, "\\'", '\'') || read_escaped(word, "\\\\", '\\'))
		;
}

static void put_utf8(struct word *word, unsigned long c)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned int size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	word->value[word->size++] = (char)(marks[size] | c >> 6 * (size - 1));
	for (unsigned int i = 1; i < size; i++)
		word->value[word->size++] = (char)(0x80 | (c >> 6 * (size - 1 - i) & 0x3f));
}

/* An array of texts and characters, the latter as UTF-16 has them. */
static void read_powershell(struct word *word)
{
	unsigned long high = 0;

	do {
		char *behind;
		unsigned long c;

		if (!skip(word, "[char]0x")) {
			size_t before = word->size;

			fuzz_assert(read_quoted(word, ""), "neither a text nor a character");
			fuzz_assert(high == 0 || before == word->size, "half a character");
			continue;
		}
		c = strtoul(word->c, &behind, 16);
		fuzz_assert(behind > word->c && c > 0 && c <= 0xffff, "a character of %lx", c);
		word->c = behind;
		fuzz_assert((high != 0) == (c >= 0xdc00 && c < 0xe000), "half a character");
		if (c >= 0xd800 && c < 0xdc00) {
			high = c;
		} else {
			put_utf8(word, high ? 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00) : c);
			high = 0;
		}
	} while (skip(word, ","));
	fuzz_assert(high == 0, "half a character");
}

static void check(enum tz_shell shell, const char *text, size_t size, const char *value, size_t value_size)
{
	struct word word = { .c = text, .end = text + size, .value = malloc(size) };

	fuzz_assert(word.value, "no memory");
	fuzz_assert(skip(&word, around[shell].begin), "%.*s", (int)size, text);
	if (shell == TZ_SHELL_FISH)
		read_fish(&word);
	else if (shell == TZ_SHELL_POWERSHELL)
		read_powershell(&word);
	else
		read_posix(&word, shell == TZ_SHELL_ZSH);
	fuzz_assert(skip(&word, around[shell].end) && word.c == word.end, "something is behind the value");
	fuzz_assert(word.size == value_size && (value_size == 0 || memcmp(word.value, value, value_size) == 0),
		    "another value");
	for (size_t i = 0; shell == TZ_SHELL_POWERSHELL && i + 1 < size; i++)
		fuzz_assert(text[i] >= ' ' && text[i] <= '~', "a byte %d", text[i]);
	free(word.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_textbuf_ struct tz_textbuf out = TZ_TEXTBUF_INIT;
	const char *value = (const char *)data + 1;
	enum tz_shell shell;
	size_t first;
	int r;

	if (size == 0)
		return 0;
	shell = (enum tz_shell)(data[0] % SHELLS);
	fuzz_assert(tz_quote_unset(&out, shell, NAME) == 0 && strcmp(out.data, around[shell].unset) == 0, "%s", out.data);
	first = out.size;
	r = tz_quote_export(&out, shell, NAME, value, size - 1);
	fuzz_assert(strncmp(out.data, around[shell].unset, first) == 0, "what was there before is not");
	if (size > 1 && memchr(value, '\0', size - 1))
		fuzz_assert(r == -EINVAL, "a NUL gave %d", r);
	else if (shell != TZ_SHELL_POWERSHELL)
		fuzz_assert(r == 0, "%d", r);
	else
		fuzz_assert(r == 0 || r == -EILSEQ, "%d", r);
	if (r < 0)
		fuzz_assert(out.size == first && out.data[first] == '\0', "something was added");
	else
		check(shell, out.data + first, out.size - first, value, size - 1);
	return 0;
}
