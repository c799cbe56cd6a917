/* How far a long job is: one line, repainted, on a terminal; plain lines elsewhere. On standard error. */
#ifndef TAZPOD_CLI_PROGRESS_H
#define TAZPOD_CLI_PROGRESS_H

#include <stdbool.h>

struct cli_progress {
	bool quiet;
	bool repaint;
	bool begun;         /* a line stands there that has no end yet */
	unsigned int shown; /* percent of the last plain line */
	const char *step;   /* and its text */
};

struct cli_progress cli_progress_begin(bool quiet);
/* A tz_progress_fn; data is the struct. */
void cli_progress_show(void *data, const char *step, unsigned int percent);
/* Before anything else is said. */
void cli_progress_end(struct cli_progress *progress);

#endif
