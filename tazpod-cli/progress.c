#include "progress.h"

#include <stdio.h>

#include "report.h"

/* A plain line for each new step, and for every further quarter of one. */
#define PLAIN_STEP 25

struct cli_progress cli_progress_begin(bool quiet)
{
	return (struct cli_progress){ .quiet = quiet, .repaint = cli_is_terminal(stderr) };
}

void cli_progress_show(void *data, const char *step, unsigned int percent)
{
	struct cli_progress *progress = data;

	if (progress->quiet)
		return;
	if (progress->repaint) {
		(void)fprintf(stderr, "\r%3u %% %s\033[K", percent, step);
		progress->begun = true;
		return;
	}
	/* steps are constant texts of the library: another pointer is another step */
	if (progress->step == step && percent < progress->shown + PLAIN_STEP)
		return;
	progress->step = step;
	progress->shown = percent;
	(void)fprintf(stderr, "%3u %% %s\n", percent, step);
}

void cli_progress_end(struct cli_progress *progress)
{
	if (progress->begun)
		(void)fputc('\n', stderr);
	progress->begun = false;
}
