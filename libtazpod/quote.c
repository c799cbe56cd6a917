#include "quote.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wellformed.h"

/* A character that does not stand for itself within single quotes, and what stands for it there. */
struct escape {
	char character;
	const char *text;
};

struct dialect {
	const char *name, *program;
	const char *begin, *end; /* what is around a value; '@' is the variable's name */
	const char *unset;       /* a statement, likewise */
	const struct escape *escapes;
	int (*put)(struct tz_textbuf *out, const struct dialect *dialect, const char *value, size_t size);
};

static int put_bytes(struct tz_textbuf *out, const struct dialect *dialect, const char *value, size_t size);
static int put_code_units(struct tz_textbuf *out, const struct dialect *dialect, const char *value, size_t size);

/* Each ends the quotes, so that no backslash follows upon a byte of the value. */
#define QUOTE { '\'', "'\\''" }
static const struct escape posix_escapes[] = { QUOTE, { 0 } };
/* With csh_junkie_quotes a newline within quotes is an error. */
static const struct escape zsh_escapes[] = { QUOTE, { '\n', "'$'\\n''" }, { 0 } };
static const struct escape fish_escapes[] = { QUOTE, { '\\', "'\\\\'" }, { 0 } };

/*
 * A failure stops at &&, so that nothing is assigned to what could not be unset; behind || set -e sees it.
 *
 * In bash unset -v goes to what a reference refers to, unset -n to itself; and in a function a local variable that is
 * unset covers a global one, which -g reaches and +i makes a text.
 */
static const struct dialect dialects[] = {
	[TZ_SHELL_SH] = { "sh", "dash", "unset -v @ && export @='", "' || false\n", "unset -v @\n", posix_escapes,
			  put_bytes },
	[TZ_SHELL_BASH] = { "bash", "bash", "unset -n @ && unset -v @ && declare +i -gx @='", "' || false\n",
			    "unset -n @ && unset -v @\n", posix_escapes, put_bytes },
	[TZ_SHELL_ZSH] = { "zsh", "zsh", "unset -v @ && export @='", "' || false\n", "unset -v @\n", zsh_escapes,
			   put_bytes },
	[TZ_SHELL_FISH] = { "fish", "fish", "set -gx @ '", "'\n", "set -eg @\n", fish_escapes, put_bytes },
	[TZ_SHELL_POWERSHELL] = { "powershell", "pwsh", "${env:@} = -join ('", "')\n", "${env:@} = $null\n", NULL,
				  put_code_units },
};

#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

bool tz_shell_by_name(const char *name, enum tz_shell *ret)
{
	for (size_t i = 0; i < DIALECTS; i++)
		if (strcmp(name, dialects[i].name) == 0 || strcmp(name, dialects[i].program) == 0) {
			*ret = (enum tz_shell)i;
			return true;
		}
	return false;
}

const char *tz_shell_name(enum tz_shell shell)
{
	return dialects[shell].name;
}

static int put_template(struct tz_textbuf *out, const char *template, const char *name)
{
	int r = 0;

	while (r == 0 && *template) {
		size_t size = strcspn(template, "@");

		r = tz_textbuf_add(out, template, size);
		template += size;
		if (r == 0 && *template) {
			r = tz_textbuf_add_text(out, name);
			template++;
		}
	}
	return r;
}

static const char *find_escape(const struct escape *escapes, char c)
{
	for (; escapes->text; escapes++)
		if (escapes->character == c)
			return escapes->text;
	return NULL;
}

static int put_bytes(struct tz_textbuf *out, const struct dialect *dialect, const char *value, size_t size)
{
	const char *plain = value, *end = value + size;
	int r = 0;

	for (const char *c = value; r == 0 && c < end; c++) {
		const char *text = find_escape(dialect->escapes, *c);

		if (!text)
			continue;
		r = tz_textbuf_add(out, plain, (size_t)(c - plain));
		if (r == 0)
			r = tz_textbuf_add_text(out, text);
		plain = c + 1;
	}
	return r < 0 ? r : tz_textbuf_add(out, plain, (size_t)(end - plain));
}

/* One character of UTF-8 as Unicode has it: no surrogates, nothing longer than it need be. Its size; 0 for none. */
static size_t decode(const unsigned char *text, size_t size, uint32_t *ret)
{
	static const uint32_t first_of_size[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t wanted = text[0] < 0x80 ? 1 : (text[0] & 0xe0) == 0xc0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : 4;
	uint32_t c = text[0];

	if (text[0] >= 0xf8 || (text[0] & 0xc0) == 0x80 || wanted > size)
		return 0;
	if (wanted > 1)
		c &= 0x7fu >> wanted;
	for (size_t i = 1; i < wanted; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < first_of_size[wanted] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return wanted;
}

static int put_code_unit(struct tz_textbuf *out, uint32_t unit)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "',[char]0x%X,'", (unsigned int)unit);
	return tz_textbuf_add_text(out, text);
}

static int put_code_units(struct tz_textbuf *out, const struct dialect *dialect, const char *value, size_t size)
{
	int r = 0;

	(void)dialect;
	while (r == 0 && size > 0) {
		uint32_t c;
		size_t used = decode((const unsigned char *)value, size, &c);

		if (used == 0)
			return -EILSEQ;
		if (c >= 0x10000) {
			r = put_code_unit(out, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		if (r == 0)
			r = c < ' ' || c > '~' || c == '\'' ? put_code_unit(out, c) : tz_textbuf_add(out, value, 1);
		value += used;
		size -= used;
	}
	return r;
}

int tz_quote_export(struct tz_textbuf *out, enum tz_shell shell, const char *name, const char *value, size_t size)
{
	const struct dialect *dialect = &dialects[shell];
	size_t before = out->size;
	int r;

	if (!tz_is_variable_name(name) || (size > 0 && memchr(value, '\0', size)))
		return -EINVAL;
	r = put_template(out, dialect->begin, name);
	if (r == 0)
		r = dialect->put(out, dialect, value, size);
	if (r == 0)
		r = put_template(out, dialect->end, name);
	if (r < 0)
		tz_textbuf_truncate(out, before);
	return r;
}

int tz_quote_unset(struct tz_textbuf *out, enum tz_shell shell, const char *name)
{
	size_t before = out->size;
	int r;

	if (!tz_is_variable_name(name))
		return -EINVAL;
	r = put_template(out, dialects[shell].unset, name);
	if (r < 0)
		tz_textbuf_truncate(out, before);
	return r;
}
