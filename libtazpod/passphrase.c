#include "passphrase.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DIFFERENT_LEAST 5
#define PIECE_MOST 7  /* characters of a piece that is repeated */
#define REST_LEAST 5  /* characters that must be left when the user's name is taken out */

/*
 * Passphrases are judged as UTF-8 whatever the locale is: the same one must pass in a terminal and in sshd. The copy
 * that is judged lives in secret memory too.
 */
struct characters {
	const uint32_t *at;
	size_t count;
};

/* The length of the UTF-8 sequence at p, its character in *ret; 0 when it is malformed or overlong. */
static size_t decode(const uint8_t *p, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = p[0] < 0x80 ? 1
		      : (p[0] & 0xe0) == 0xc0 ? 2
		      : (p[0] & 0xf0) == 0xe0 ? 3
		      : (p[0] & 0xf8) == 0xf0 ? 4
		      : 0;
	uint32_t c;

	if (length == 0 || length > left)
		return 0;
	c = length == 1 ? p[0] : p[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return length;
}

/* ret has room for one character a byte. What is not UTF-8 counts byte by byte: an old terminal may send Latin-1. */
static size_t decode_all(const struct tz_secret *passphrase, uint32_t *ret)
{
	size_t count = 0;

	for (size_t at = 0; at < passphrase->size; count++) {
		size_t length = decode(passphrase->data + at, passphrase->size - at, &ret[count]);

		if (length == 0) {
			ret[count] = passphrase->data[at];
			length = 1;
		}
		at += length;
	}
	return count;
}

static uint32_t lower(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool has_control(const struct tz_secret *passphrase)
{
	for (size_t i = 0; i < passphrase->size; i++)
		if (passphrase->data[i] < 0x20 || passphrase->data[i] == 0x7f)
			return true;
	return false;
}

static bool is_varied(struct characters text)
{
	unsigned int different = 0;

	for (size_t i = 0; i < text.count && different < DIFFERENT_LEAST; i++) {
		size_t j = 0;

		while (j < i && text.at[j] != text.at[i])
			j++;
		different += j == i;
	}
	return different >= DIFFERENT_LEAST;
}

/* Does each character follow from the one before by the same step: "abcdef", "987654"? 0 follows 9 as on a keyboard. */
static bool is_run(struct characters text)
{
	bool up = true, down = true;

	for (size_t i = 1; i < text.count; i++) {
		uint32_t a = lower(text.at[i - 1]), b = lower(text.at[i]);

		up = up && (b == a + 1 || (a == '9' && b == '0') || (a == 'z' && b == 'a'));
		down = down && (a == b + 1 || (a == '0' && b == '9') || (a == 'a' && b == 'z'));
	}
	return up || down;
}

static bool is_keyboard_row(struct characters text)
{
	static const char *const rows[] = { "qwertyuiop", "qwertzuiop", "azertyuiop",
					    "asdfghjkl",  "zxcvbnm",    "yxcvbnm" };

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		size_t size = strlen(rows[r]), start = 0, i = 0;

		while (start < size && lower(text.at[0]) != (uint8_t)rows[r][start])
			start++;
		while (start < size && i < text.count && lower(text.at[i]) == (uint8_t)rows[r][(start + i) % size])
			i++;
		if (i == text.count)
			return true;
	}
	return false;
}

static bool is_repetition(struct characters text)
{
	for (size_t piece = 1; piece <= PIECE_MOST && piece <= text.count / 2; piece++) {
		size_t i = piece;

		while (i < text.count && text.at[i] == text.at[i - piece])
			i++;
		if (i == text.count)
			return true;
	}
	return false;
}

/* Is little left of the text besides the user's name, forwards or backwards? */
static bool is_decorated_name(struct characters text, const char *user)
{
	size_t size = user ? strlen(user) : 0;

	if (size < 3 || size > text.count || text.count - size >= REST_LEAST)
		return false;
	for (size_t start = 0; start + size <= text.count; start++) {
		const uint32_t *at = text.at + start;
		size_t forwards = 0, backwards = 0;

		while (forwards < size && lower(at[forwards]) == lower((uint8_t)user[forwards]))
			forwards++;
		while (backwards < size && lower(at[backwards]) == lower((uint8_t)user[size - 1 - backwards]))
			backwards++;
		if (forwards == size || backwards == size)
			return true;
	}
	return false;
}

static int judge(struct characters text, unsigned int minimum, const char *user, struct tz_error *err)
{
	if (text.count < minimum)
		return tz_error_set(err, EINVAL, "the passphrase is too short: at least %u characters are needed",
				    minimum);
	if (!is_varied(text))
		return tz_error_set(err, EINVAL, "the passphrase has too few different characters: %d are needed",
				    DIFFERENT_LEAST);
	if (is_run(text) || is_keyboard_row(text))
		return tz_error_set(err, EINVAL, "the passphrase is a simple sequence of characters; choose another");
	if (is_repetition(text))
		return tz_error_set(err, EINVAL, "the passphrase repeats one short piece; choose another");
	if (is_decorated_name(text, user))
		return tz_error_set(err, EINVAL, "the passphrase is little more than the user's name; choose another");
	return 0;
}

int tz_passphrase_check(const struct tz_secret *passphrase, unsigned int minimum, const char *user,
			struct tz_error *err)
{
	_cleanup_secret_ struct tz_secret decoded = TZ_SECRET_INIT;
	struct characters text;
	int r;

	if (passphrase->size == 0)
		return tz_error_set(err, EINVAL, "the passphrase is empty");
	if (passphrase->size > TZ_PASSPHRASE_MAX)
		return tz_error_set(err, EINVAL, "the passphrase is too long: at most %d bytes are allowed",
				    TZ_PASSPHRASE_MAX);
	if (has_control(passphrase))
		return tz_error_set(err, EINVAL, "the passphrase holds a control character; choose another");
	r = tz_secret_alloc(&decoded, passphrase->size * sizeof(uint32_t));
	if (r < 0)
		return tz_error_set(err, r, "no memory can be locked to check the passphrase");
	/* a mapping starts on a page: it is aligned for any type */
	text.at = (const uint32_t *)(const void *)decoded.data;
	text.count = decode_all(passphrase, (uint32_t *)(void *)decoded.data);
	return judge(text, minimum, user, err);
}
