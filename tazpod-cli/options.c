#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "report.h"
#include "suggest.h"

/* What getopt_long() gives for the option at this place of the table, where it has no letter. */
#define LETTERLESS 256

struct getopt_table {
	struct option longs[CLI_OPTIONS_MAX + 3];
	const char *names[CLI_OPTIONS_MAX + 3];
	char shorts[2 * CLI_OPTIONS_MAX + 8];
};

static void add_letter(struct getopt_table *table, char letter, bool has_value)
{
	size_t used = strlen(table->shorts);

	(void)snprintf(table->shorts + used, sizeof(table->shorts) - used, "%c%s", letter, has_value ? ":" : "");
}

static void make_table(const struct cli_option *options, const char *shorts, struct getopt_table *table)
{
	unsigned int count = 0;

	*table = (struct getopt_table){ .names = { NULL } };
	(void)snprintf(table->shorts, sizeof(table->shorts), "%s", shorts);
	for (; options && options[count].name && count < CLI_OPTIONS_MAX; count++) {
		const struct cli_option *option = &options[count];

		table->longs[count] = (struct option){ option->name, option->text ? required_argument : no_argument, NULL,
						       option->letter ? option->letter : LETTERLESS + (int)count };
		if (option->letter)
			add_letter(table, option->letter, option->text != NULL);
	}
	table->longs[count++] = (struct option){ "help", no_argument, NULL, 'h' };
	table->longs[count++] = (struct option){ "verbose", no_argument, NULL, 'v' };
	for (unsigned int i = 0; i < count; i++)
		table->names[i] = table->longs[i].name;
}

static const struct cli_option *find(const struct cli_option *options, int value)
{
	for (int i = 0; options && options[i].name; i++)
		if (value == LETTERLESS + i || (options[i].letter && value == options[i].letter))
			return &options[i];
	return NULL;
}

/* getopt_long() answered '?': the option is unknown, ambiguous, or was given a value that it does not take. */
static int refuse(const struct cli *cli, const struct getopt_table *table, const char *word)
{
	const char *name = word + strspn(word, "-"), *near;
	char bare[64];

	if (strncmp(word, "--", 2) != 0)
		return cli_usage_error(cli, "there is no option '-%c'", optopt);
	(void)snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(name, "="), name);
	if (optopt)
		return cli_usage_error(cli, "the option '--%s' takes no value", bare);
	near = tz_suggest(bare, table->names);
	if (near)
		return cli_usage_error(cli, "there is no option '--%s'; did you mean '--%s'?", bare, near);
	return cli_usage_error(cli, "there is no option '--%s'", bare);
}

static int take_options(struct cli *cli, int argc, char **argv, const struct cli_option *options, const char *shorts,
			int *ret_first)
{
	struct getopt_table table;
	int c;

	make_table(options, shorts, &table);
	optind = 0; /* GNU: begin anew */
	opterr = 0;
	while ((c = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
		const struct cli_option *option = find(options, c);

		if (c == ':')
			return cli_usage_error(cli, "the option '%s' needs a value", argv[optind - 1]);
		if (c == '?')
			return refuse(cli, &table, argv[optind - 1]);
		if (option && option->text)
			*option->text = optarg;
		else if (option)
			*option->flag = true;
		else if (c == 'v')
			cli->verbose = true;
		else {
			cli_show_help(cli->command);
			return CLI_DONE;
		}
	}
	*ret_first = optind;
	return CLI_GO_ON;
}

int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *options, int *ret_first)
{
	return take_options(cli, argc, argv, options, ":hv", ret_first);
}

int cli_options_before(struct cli *cli, int argc, char **argv, const struct cli_option *options, int *ret_first)
{
	return take_options(cli, argc, argv, options, "+:hv", ret_first);
}

int cli_options_only(struct cli *cli, int argc, char **argv, const struct cli_option *options)
{
	int first, r = cli_options(cli, argc, argv, options, &first);

	if (r == CLI_GO_ON && first < argc)
		return cli_usage_error(cli, "'%s' is too much: this command takes options only", argv[first]);
	return r;
}
