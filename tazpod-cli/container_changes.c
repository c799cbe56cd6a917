#include "container_changes.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

/* The options from which a container was made: the caller puts them back; NULL where that is not known. */
static struct json_object *made_with(const struct cli_container *container)
{
	const char *text = cli_json_text_at(container->inspected, CLI_KEYS("Config", "Labels", CLI_LABEL_COMMAND));
	struct json_object *list = json_tokener_parse(text);

	if (json_object_is_type(list, json_type_array))
		return list;
	(void)json_object_put(list);
	return NULL;
}

static bool is_label(const char *word)
{
	return strncmp(word, "--label=", strlen("--label=")) == 0;
}

static const char *word_at(struct json_object *list, size_t i)
{
	const char *word = json_object_get_string(json_object_array_get_idx(list, i));

	return word ? word : "";
}

static bool list_has(struct json_object *list, const char *word)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(word_at(list, i), word) == 0)
			return true;
	return false;
}

static bool args_have(const struct cli_args *args, const char *word)
{
	for (unsigned int i = 1; i < args->count; i++)
		if (strcmp(args->words[i], word) == 0)
			return true;
	return false;
}

/* Counts the differences, and shows them. The last word is the image, which the list does not have. */
static int compare(struct json_object *old, const struct cli_args *args, bool show)
{
	int differences = 0;

	for (size_t i = 0; i < json_object_array_length(old); i++) {
		if (args_have(args, word_at(old, i)))
			continue;
		differences++;
		if (show)
			(void)printf("  - %s\n", word_at(old, i));
	}
	for (unsigned int i = 1; i + 1 < args->count; i++) {
		if (is_label(args->words[i]) || list_has(old, args->words[i]))
			continue;
		differences++;
		if (show)
			(void)printf("  + %s\n", args->words[i]);
	}
	return differences;
}

static const char *image_of(const struct cli_container *container)
{
	return cli_json_text_at(container->inspected, CLI_KEYS("Config", "Image"));
}

/* Engines write an id with or without the name of its digest. */
static const char *bare(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

static bool image_is_new(const struct cli_container *container, const struct cli_wanted *wanted)
{
	return wanted->image[0] && strcmp(bare(container->image), bare(wanted->image)) != 0;
}

bool cli_container_has_changed(const struct cli_container *container, const struct cli_wanted *wanted)
{
	_cleanup_json_ struct json_object *old = made_with(container);
	const char *image = wanted->args->words[wanted->args->count - 1];

	return strcmp(container->digest, wanted->digest) != 0 || strcmp(image_of(container), image) != 0 ||
	       image_is_new(container, wanted) || !old || compare(old, wanted->args, false) > 0;
}

void cli_container_tell_changes(const struct cli_container *container, const struct cli_wanted *wanted)
{
	_cleanup_json_ struct json_object *old = made_with(container);
	const char *image = wanted->args->words[wanted->args->count - 1];
	int differences = 0;

	(void)puts("but it was made otherwise than it would be now:");
	if (strcmp(image_of(container), image) != 0)
		differences = printf("  - %s\n  + %s\n", image_of(container), image);
	else if (image_is_new(container, wanted))
		differences = printf("  the image %s was built or pulled anew since\n", image);
	if (old)
		differences += compare(old, wanted->args, true);
	if (differences == 0)
		(void)puts("  the files differ, the options are the same: its Containerfile, a comment, or a default");
	(void)puts("'tazpod up --recreate' makes it anew; what was changed in it, outside of /workspace and the vault, is then lost");
}
