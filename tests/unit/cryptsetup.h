/* The real cryptsetup, for the tests that compare with it. */
#ifndef TAZPOD_UNIT_CRYPTSETUP_H
#define TAZPOD_UNIT_CRYPTSETUP_H

#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#define CRYPTSETUP "/sbin/cryptsetup"

#define NEEDS_CRYPTSETUP()                                                       \
	do {                                                                     \
		if (access(CRYPTSETUP, X_OK) < 0)                                \
			unit_skip("there is no " CRYPTSETUP);                    \
	} while (0)

static void run_cryptsetup(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execv(CRYPTSETUP, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#endif
