#include "fetched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Offsets into the texts, which move as they grow. */
struct cli_fetched_place {
	size_t name, value, size;
};

static int out_of_memory(struct tz_error *err)
{
	return tz_error_set(err, ENOMEM, "out of memory");
}

static int make_room(struct cli_fetched *fetched, struct tz_error *err)
{
	size_t room = fetched->room ? fetched->room * 2 : 64;
	struct cli_fetched_place *places;

	if (fetched->count < fetched->room)
		return 0;
	places = reallocarray(fetched->places, room, sizeof(*places));
	if (!places)
		return out_of_memory(err);
	fetched->places = places;
	fetched->room = room;
	return 0;
}

int cli_fetched_add(struct cli_fetched *fetched, const char *name, const char *value, size_t size, struct tz_error *err)
{
	struct tz_textbuf *texts = &fetched->texts;
	size_t before = texts->size, name_size = strlen(name);
	struct cli_fetched_place place;

	if (fetched->count >= CLI_FETCHED_MAX)
		return tz_error_set(err, E2BIG, "there are more than %d secrets", CLI_FETCHED_MAX);
	/* sizes are far below what could overflow: what they come from is in memory; each has two NULs besides */
	if (before - 2 * fetched->count + name_size > CLI_FETCHED_SIZE_MAX ||
	    size > CLI_FETCHED_SIZE_MAX - (before - 2 * fetched->count + name_size))
		return tz_error_set(err, E2BIG, "the secrets are more than %zu MiB in all", CLI_FETCHED_SIZE_MAX >> 20);
	if (make_room(fetched, err) < 0)
		return -ENOMEM;
	place = (struct cli_fetched_place){ .name = before, .value = before + name_size + 1, .size = size };
	if (tz_textbuf_add(texts, name, name_size + 1) < 0 || tz_textbuf_add(texts, value, size) < 0 ||
	    tz_textbuf_add(texts, "", 1) < 0) {
		tz_textbuf_truncate(texts, before);
		return out_of_memory(err);
	}
	fetched->places[fetched->count++] = place;
	return 0;
}

static int compare_places(const void *a, const void *b, void *data)
{
	const char *texts = data;

	return strcmp(texts + ((const struct cli_fetched_place *)a)->name,
		      texts + ((const struct cli_fetched_place *)b)->name);
}

int cli_fetched_finish(struct cli_fetched *fetched, struct tz_error *err)
{
	if (fetched->count == 0)
		return 0;
	qsort_r(fetched->places, fetched->count, sizeof(*fetched->places), compare_places, fetched->texts.data);
	for (size_t i = 1; i < fetched->count; i++)
		if (compare_places(&fetched->places[i - 1], &fetched->places[i], fetched->texts.data) == 0)
			return tz_error_set(err, EEXIST, "there are two secrets of the name %.128s, and only one can be kept",
					    cli_fetched_at(fetched, i).name);
	return 0;
}

struct cli_secret cli_fetched_at(const struct cli_fetched *fetched, size_t index)
{
	const struct cli_fetched_place *place = &fetched->places[index];

	return (struct cli_secret){ .name = fetched->texts.data + place->name,
				    .value = fetched->texts.data + place->value,
				    .size = place->size };
}

bool cli_fetched_find(const struct cli_fetched *fetched, const char *name, struct cli_secret *ret)
{
	size_t low = 0, high = fetched->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct cli_secret secret = cli_fetched_at(fetched, middle);
		int order = strcmp(name, secret.name);

		if (order == 0) {
			*ret = secret;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

void cli_fetched_free(struct cli_fetched *fetched)
{
	tz_textbuf_free(&fetched->texts);
	free(fetched->places);
	*fetched = (struct cli_fetched)CLI_FETCHED_INIT;
}
