#include "allowed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "smallfile.h"
#include "wholefile.h"

#define FILE_NAME "allowed"
#define FILE_PATH TZ_SECRETS_OWN_FOLDER "/" FILE_NAME
#define FILE_SIZE_MAX (TZ_SECRETS_WORDS_MAX * TZ_SECRETS_NAME)

/* As a list of words that lie in text, whose lines are cut. */
static void split(char *text, struct tz_secrets_words *ret)
{
	char *rest = text, *line;

	while (ret->count < TZ_SECRETS_WORDS_MAX && (line = strsep(&rest, "\n")))
		if (*line)
			ret->list[ret->count++] = line;
}

int cli_allowed_restrict(const char *secrets, struct tz_secrets_words *allow, struct tz_error *err)
{
	struct tz_secrets_words agreed = { .count = 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int vault = -1;
	size_t size;
	int r;

	if (allow->count == 0)
		return 0;
	vault = open(secrets, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vault < 0)
		return tz_error_set(err, errno, "%s cannot be opened: %m", secrets);
	r = tz_smallfile_read(vault, FILE_PATH, "~/secrets/" FILE_PATH, FILE_SIZE_MAX, &text, &size, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (text)
		split(text, &agreed);
	tz_secrets_words_keep(allow, &agreed);
	if (err)
		*err = (struct tz_error){ .code = 0 };
	return 0;
}

int cli_allowed_keep(int folder, const struct tz_secrets_words *allow, struct tz_error *err)
{
	char text[FILE_SIZE_MAX + 1] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < allow->count; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s\n", allow->list[i]);

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			return tz_error_set(err, E2BIG, "the names under 'allow' in " TZ_SECRETS_MAP_FILE " are too long");
		used += (size_t)n;
	}
	return cli_wholefile_replace(folder, FILE_NAME, text, 0600, err);
}
