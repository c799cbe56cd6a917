#include "yamlvalue.h"

#include <string.h>

#include "suggest.h"

int tz_yaml_text_into(const struct tz_yaml_node *node, char *ret, size_t size, bool (*is_valid)(const char *),
		      const char *rule, struct tz_error *err)
{
	const char *text;
	int r = tz_yaml_string(node, &text, err);

	if (r < 0)
		return r;
	if (!is_valid(text))
		return tz_yaml_error(node, err, "must be %s", rule);
	if (strlen(text) >= size)
		return tz_yaml_error(node, err, "is too long: at most %zu bytes", size - 1);
	(void)strcpy(ret, text);
	return 0;
}

int tz_yaml_choice(const struct tz_yaml_node *node, const char *const *words, const char *rule, struct tz_error *err)
{
	const char *text, *near;
	int r = tz_yaml_string(node, &text, err);

	if (r < 0)
		return r;
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	near = tz_suggest(text, words);
	return tz_yaml_error(node, err, "must be %s%s%s%s", rule, near ? "; did you mean '" : "", near ? near : "",
			     near ? "'?" : "");
}

int tz_yaml_warn_unknown(const struct tz_yaml_node *map, const char *const *known, tz_yaml_warn_fn tell, void *data,
			 struct tz_error *err)
{
	const struct tz_yaml_node *node = NULL;
	struct tz_error sentence;
	int r = tz_yaml_expect(map, TZ_YAML_MAP, err);

	if (r < 0)
		return r;
	while ((node = tz_yaml_next_unknown(map, node, known))) {
		(void)tz_yaml_unknown_error(node, known, &sentence);
		if (tell)
			tell(data, sentence.message);
	}
	return 0;
}
