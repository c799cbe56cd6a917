#include "suggest.h"

#include <stddef.h>
#include <string.h>

#define LENGTH_MAX 64

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* ASCII only: the locale of a PAM application is not ours to ask. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Damerau's distance, in the form that edits no part twice ("optimal string alignment"). */
static unsigned int distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	unsigned int rows[3][LENGTH_MAX + 1];
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_size; j++)
		above[j] = (unsigned int)j;
	for (size_t i = 1; i <= a_size; i++) {
		unsigned int *oldest = before;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_size; j++) {
			unsigned int differs = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + differs);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[b_size];
}

const char *tz_suggest(const char *typed, const char *const *names)
{
	size_t typed_size = strlen(typed);
	unsigned int nearest = LENGTH_MAX;
	const char *best = NULL;

	if (typed_size == 0 || typed_size > LENGTH_MAX)
		return NULL;
	for (; *names; names++) {
		size_t size = strlen(*names);
		unsigned int d;

		if (size == 0 || size > LENGTH_MAX)
			continue;
		d = distance(typed, typed_size, *names, size);
		if (d < nearest && d * 3 <= (size > typed_size ? size : typed_size)) {
			nearest = d;
			best = *names;
		}
	}
	return best;
}
