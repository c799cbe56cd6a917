/*
 * cli_secrets_json() on any text. What it accepts is what a second look finds, which shares nothing with it but json-c, and
 * reads back alike when json-c writes it anew; what it refuses, and warns of, is one of a few sentences with nothing of a
 * value in it.
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

	/* a name may say so, too */
	if (select && begin && begin < select && select < end)
		select = NULL;
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

/* The one that begins with a name, and ends with one: nothing else in it is not ours. */
static bool is_advice(const char *text)
{
	int length = 0;

	(void)sscanf(text, "text: \"%*[A-Za-z0-9_]\" is %*[a-z ], and no secret; where the secrets are in there, secrets.yml must "
		     "have 'select: %*[A-Za-z0-9_.]'%n", &length);
	return length > 0 && text[length] == '\0';
}

static void check_sentence(const char *text)
{
	static char sentences[SENTENCES_MAX][TZ_ERROR_TEXT];
	char message[TZ_ERROR_TEXT];
	size_t i = 0;

	fuzz_assert(fuzz_is_sentence(text), "no sentence");
	if (strncmp(text, "text: \"", strlen("text: \"")) == 0)
		fuzz_assert(is_advice(text), "%s", text);
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

static json_object *member(json_object *object, const char *name)
{
	json_object *value = NULL;

	return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &value) ? value : NULL;
}

/* One that is a secret is among the fetched, with just this value. */
static unsigned int look_for(const struct cli_fetched *fetched, const char *name, size_t name_size, json_object *value)
{
	const char *text = json_object_get_string(value);
	struct cli_secret found;
	size_t size;

	if (!value || strlen(name) != name_size || !tz_is_variable_name(name))
		return 0;
	size = json_object_is_type(value, json_type_string) ? (size_t)json_object_get_string_len(value) : strlen(text);
	fuzz_assert(cli_fetched_find(fetched, name, &found), "%s is not there", name);
	fuzz_assert(found.size == size && memcmp(found.value, text, size) == 0, "another value of %s", name);
	return 1;
}

static void look_again(const char *text, const char *select, const struct cli_fetched *fetched)
{
	json_object *root = json_tokener_parse(text), *from = root;
	unsigned int count = 0;

	for (size_t i = strcmp(select, "data.data") == 0 ? 2 : *select ? 1 : 0; i > 0; i--)
		from = member(from, strcmp(select, "secrets") == 0 ? "secrets" : "data");
	if (json_object_is_type(from, json_type_object)) {
		json_object_object_foreach(from, name, value)
			count += look_for(fetched, name, strlen(name), value);
	}
	for (size_t i = 0; json_object_is_type(from, json_type_array) && i < json_object_array_length(from); i++) {
		json_object *item = json_object_array_get_idx(from, i), *name, *value;

		name = json_object_object_get_ex(item, "key", NULL) ? member(item, "key") : member(item, "secretKey");
		value = json_object_object_get_ex(item, "value", NULL) ? member(item, "value") : member(item, "secretValue");
		fuzz_assert(json_object_is_type(name, json_type_string), "item %zu without a name", i);
		count += look_for(fetched, json_object_get_string(name), (size_t)json_object_get_string_len(name), value);
	}
	fuzz_assert(count == fetched->count, "%zu for %u", fetched->count, count);
	json_object_put(root);
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
	if (r == 0) {
		look_again(text, source.select, &fetched);
		read_again(&fetched);
	} else {
		check_refusal(r, &err, &fetched);
	}
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
