#include "flush.h"

#include <errno.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "tazpod-flush"

static _Noreturn void run(int vault)
{
	const struct timespec period = { .tv_sec = TZ_FLUSH_PERIOD_S };

	(void)prctl(PR_SET_NAME, NAME, 0, 0, 0);
	/* what its parent watches or answers on must come to an end when that one lets go of it */
	if (dup2(vault, STDIN_FILENO) < 0 || close_range(STDIN_FILENO + 1, ~0U, 0) < 0)
		_exit(1);
	for (;;) {
		(void)nanosleep(&period, NULL);
		/* an error is told to who wrote, and by ext4 to the kernel's log */
		(void)syncfs(STDIN_FILENO);
	}
}

pid_t tz_flush_start(int vault, struct tz_error *err)
{
	struct stat st;
	pid_t pid;

	if (fstat(vault, &st) < 0)
		return tz_error_set(err, errno, "the vault cannot be examined: %m");
	if (!S_ISDIR(st.st_mode))
		return 0;
	pid = fork();
	if (pid == 0)
		run(vault);
	return pid < 0 ? tz_error_set(err, errno, "the process that flushes the vault cannot be started: %m") : pid;
}
