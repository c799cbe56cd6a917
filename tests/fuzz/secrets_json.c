/*
 * cli_secrets_json() on any text. What it accepts reads back alike when json-c writes it anew; what it refuses, and warns
 * of, is one of a few sentences with nothing of a value in it.
 *
 * The input's first byte chooses what is selected, the rest is the text.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "libtazpod/wellformed.h"
#include "tazpod-cli/secrets_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate.h"

/* Ours and those of json-c; values would soon be more. */
#define SENTENCES_MAX 96

static const char *const selections[] = { "", "data", "data.data", "secrets" };

/* Each run of what is not ours becomes one character: names, which stand in quotes, numbers, and what is selected. */
static void reduce(char *message)
{
	static const char prefix[] = "there are two secrets of the name ";
	char *begin = strchr(message, '"'), *end = strrchr(message, '"'), *select = strstr(message, "'select: ");
	char *to = message;

	if (select) {
		*select = '\0';
		end = strrchr(message, '"');
	}
	if (begin && end > begin)
		memmove(begin, end, strlen(end) + 1);
	if (strncmp(message, prefix, strlen(prefix)) == 0)
		message[strlen(prefix)] = '\0';
	for (char *from = message; *from; from++)
		if (!isdigit((unsigned char)*from) || to == message || to[-1] != '0')
			*to++ = isdigit((unsigned char)*from) ? '0' : *from;
	*to = '\0';
}

static void check_sentence(const char *text)
{
	static char sentences[SENTENCES_MAX][TZ_ERROR_TEXT];
	char message[TZ_ERROR_TEXT];
	size_t i = 0;

	fuzz_assert(fuzz_is_sentence(text), "no sentence");
	(void)snprintf(message, sizeof(message), "%s", text);
	reduce(message);
	while (i < SENTENCES_MAX && sentences[i][0] && strcmp(sentences[i], message) != 0)
		i++;
	fuzz_assert(i < SENTENCES_MAX, "one more sentence: %s", text);
	(void)strcpy(sentences[i], message);
}

static void note(void *data, const char *sentence)
{
	unsigned int *warnings = data;

	check_sentence(sentence);
	(*warnings)++;
}

static void check_refusal(int r, const struct tz_error *err, const struct cli_fetched *fetched)
{
	fuzz_assert(r == -EINVAL || r == -ENOENT || r == -EPERM || r == -EEXIST, "%d", r);
	fuzz_assert(err->code == r, "%d for %d", err->code, r);
	fuzz_assert(fetched->count == 0 && !fetched->texts.data, "an output of a failure");
	check_sentence(err->message);
}

/* As json-c writes it; as it should be, it is read again. */
static void read_again(const struct cli_fetched *fetched)
{
	unsigned int warnings = 0;
	const struct cli_secrets_source source = { "text", "", note, &warnings };
	json_object *object = json_object_new_object();
	struct cli_fetched again = CLI_FETCHED_INIT;
	struct tz_error err = { 0 };
	struct cli_secret secret, found;
	size_t length;
	const char *text;

	for (size_t i = 0; i < fetched->count; i++) {
		secret = cli_fetched_at(fetched, i);
		fuzz_assert(tz_is_variable_name(secret.name), "a name that is none");
		fuzz_assert(secret.value[secret.size] == '\0', "no NUL behind it");
		fuzz_assert(i == 0 || strcmp(cli_fetched_at(fetched, i - 1).name, secret.name) < 0, "not in order");
		(void)json_object_object_add(object, secret.name, json_object_new_string_len(secret.value, (int)secret.size));
	}
	text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &length);
	fuzz_assert(cli_secrets_json(text, length, &source, &again, &err) == 0, "%s", err.message);
	fuzz_assert(again.count == fetched->count && warnings == 0, "%zu for %zu", again.count, fetched->count);
	for (size_t i = 0; i < fetched->count; i++) {
		secret = cli_fetched_at(fetched, i);
		fuzz_assert(cli_fetched_find(&again, secret.name, &found), "one is not there");
		fuzz_assert(found.size == secret.size && memcmp(found.value, secret.value, found.size) == 0, "another value");
	}
	cli_fetched_free(&again);
	json_object_put(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int warnings = 0;
	struct cli_secrets_source source = { "text", "", note, &warnings };
	struct cli_fetched fetched = CLI_FETCHED_INIT;
	struct tz_error err = { 0 };
	char *text;
	int r;

	if (size == 0)
		return 0;
	source.select = selections[data[0] % (sizeof(selections) / sizeof(selections[0]))];
	/* nothing may be read behind the NUL */
	text = malloc(size);
	fuzz_assert(text, "no memory");
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	r = cli_secrets_json(text, size - 1, &source, &fetched, &err);
	if (r == 0)
		read_again(&fetched);
	else
		check_refusal(r, &err, &fetched);
	cli_fetched_free(&fetched);
	free(text);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (seed % 2 == 0 || size < 2 || size > max)
		return LLVMFuzzerMutate(data, size, max);
	return 1 + fuzz_mutate_json((char *)data + 1, size - 1, max - 1, seed / 2);
}
