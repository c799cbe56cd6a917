/*
 * provider: command. Whatever prints secrets: sops, vault, op, cat. It runs in the project's folder, and gets the
 * environment as it is, in which it has its own login.
 */
#include "provider.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dotenv.h"
#include "fetch.h"
#include "said.h"
#include "program.h"
#include "secrets_json.h"

struct target {
	struct cli_fetched *fetched;
	struct tz_error *err;
};

/* One with a '/' is a path, which execve() takes from the project's folder. */
static int find(const char *word, char ret[static PATH_MAX], struct tz_error *err)
{
	if (strchr(word, '/')) {
		if (snprintf(ret, PATH_MAX, "%s", word) >= PATH_MAX)
			return tz_error_set(err, ENAMETOOLONG, "the 'command' in secrets.yml has too long a path");
		return 0;
	}
	if (cli_program_find(word, ret) == 0)
		return 0;
	return tz_error_set(err, ENOENT, "%.128s, the 'command' in secrets.yml, is not installed: no folder of PATH has it",
			    word);
}

static int check_status(const char *name, const struct cli_fetch_result *result, struct tz_error *err)
{
	char lines[320];

	if (result->status == 0)
		return 0;
	cli_last_lines(result->said, 3, lines, sizeof(lines));
	if (!lines[0])
		return tz_error_set(err, EIO, "%s ended with status %d, and said nothing", name, result->status);
	return tz_error_set(err, EIO, "%s ended with status %d: %s", name, result->status, lines);
}

static int add(void *data, const char *name, const char *value, size_t size, unsigned int line)
{
	const struct target *target = data;

	(void)line;
	return cli_fetched_add(target->fetched, name, value, size, target->err);
}

static int read_dotenv(const struct tz_textbuf *output, const char *source, struct cli_fetched *ret, struct tz_error *err)
{
	_cleanup_fetched_ struct cli_fetched fetched = CLI_FETCHED_INIT;
	struct target target = { &fetched, err };
	int r = tz_dotenv_parse(output->data, output->size, source, add, &target, err);

	if (r == 0)
		r = cli_fetched_finish(&fetched, err);
	if (r < 0)
		return r;
	*ret = fetched;
	fetched = (struct cli_fetched)CLI_FETCHED_INIT;
	return 0;
}

static int read_output(const struct cli_provider_request *request, const char *name, const struct tz_textbuf *output,
		       struct cli_fetched *ret, struct tz_error *err)
{
	struct cli_secrets_source source = { .select = request->map->select, .warn = request->warn, .data = request->data };
	char shown[96];

	(void)snprintf(shown, sizeof(shown), "the output of %s", name);
	source.name = shown;
	/* an empty one has no memory */
	if (output->size == 0)
		return tz_error_set(err, EINVAL, "%s ended well, but printed nothing", name);
	if (request->map->format == TZ_SECRETS_DOTENV)
		return read_dotenv(output, shown, ret, err);
	return cli_secrets_json(output->data, output->size, &source, ret, err);
}

static int fetch(const struct cli_provider_request *request, struct cli_fetched *ret, struct tz_error *err)
{
	_cleanup_fetch_result_ struct cli_fetch_result result = CLI_FETCH_RESULT_INIT;
	const struct tz_secrets_words *command = &request->map->command;
	char path[PATH_MAX], name[64];
	struct cli_fetch fetch = { .path = path, .words = command->list, .name = name, .folder = request->folder,
				   .seconds = request->map->timeout };
	int r;

	if (command->count == 0)
		return tz_error_set(err, EINVAL, "secrets.yml has no 'command' in its config, which 'provider: command' needs");
	cli_printable_copy(command->list[0], strlen(command->list[0]), name, sizeof(name));
	r = find(command->list[0], path, err);
	if (r == 0)
		r = cli_fetch(&fetch, &result, err);
	if (r == 0)
		r = check_status(name, &result, err);
	return r < 0 ? r : read_output(request, name, &result.output, ret, err);
}

const struct cli_provider cli_provider_command = { "command", fetch };
