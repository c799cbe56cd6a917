#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"

/*
 * What was loaded says more than what was there at the build, and a library's file is named after its version. The
 * program itself and the kernel's vdso have no file of that kind.
 */
static int show_library(struct dl_phdr_info *info, size_t size, void *data)
{
	char path[PATH_MAX];
	const char *slash;

	(void)size;
	(void)data;
	if (info->dlpi_name[0] != '/' || !realpath(info->dlpi_name, path))
		return 0;
	slash = strrchr(path, '/');
	(void)printf("  %-26s %.*s\n", slash + 1, (int)(slash - path), path);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	int r = cli_options_only(cli, argc, argv, NULL);

	if (r != CLI_GO_ON)
		return r;
	(void)printf("tazpod %s\n", PACKAGE_VERSION);
	if (cli->verbose)
		(void)dl_iterate_phdr(show_library, NULL);
	return CLI_DONE;
}

const struct cli_command cli_cmd_version = {
	.name = "version",
	.path = "version",
	.summary = "show the version; with --verbose, of the libraries too",
	.usage = "Usage: tazpod version [--verbose]\n"
		 "\n"
		 "Shows the version of TazPod; with --verbose also the libraries that it runs with, each by the file whose\n"
		 "name holds its version.\n",
	.run = run,
};
