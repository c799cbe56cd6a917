#include "size.h"

#include <stddef.h>
#include <stdio.h>

#define KIB UINT64_C(1024)

static bool parse_suffix(const char *text, uint64_t *factor)
{
	*factor = 1;
	if (!text[0])
		return true;
	switch (text[0]) {
	case 'G':
		*factor *= KIB;
		__attribute__((fallthrough));
	case 'M':
		*factor *= KIB;
		__attribute__((fallthrough));
	case 'K':
		*factor *= KIB;
		return !text[1];
	default:
		return false;
	}
}

bool cli_size_parse(const char *text, uint64_t *ret, bool *ret_added)
{
	bool added = ret_added && *text == '+';
	const char *p = text + added;
	uint64_t value = 0, factor;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
			return false;
	if (!parse_suffix(p, &factor) || __builtin_mul_overflow(value, factor, &value) || value == 0)
		return false;
	*ret = value;
	if (ret_added)
		*ret_added = added;
	return true;
}

const char *cli_size_text(uint64_t size, char buffer[static CLI_SIZE_TEXT])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t unit = KIB;
	size_t i = 0;

	if (size < KIB) {
		(void)snprintf(buffer, CLI_SIZE_TEXT, "%u bytes", (unsigned int)size);
		return buffer;
	}
	for (; i + 1 < sizeof(units) / sizeof(units[0]) && size / KIB >= unit; i++)
		unit *= KIB;
	/* one decimal, cut and not rounded: a size never looks larger than it is */
	if (size % unit == 0 || size / unit >= 100)
		(void)snprintf(buffer, CLI_SIZE_TEXT, "%llu %s", (unsigned long long)(size / unit), units[i]);
	else
		(void)snprintf(buffer, CLI_SIZE_TEXT, "%llu.%u %s", (unsigned long long)(size / unit),
			       (unsigned int)(size % unit * 10 / unit), units[i]);
	return buffer;
}
