/* What the unit tests share. Each test program is one translation unit, so everything here is static. */
#ifndef TAZPOD_UNIT_H
#define TAZPOD_UNIT_H

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libtazpod/error.h"

#define UNIT_UNUSED __attribute__((unused))
#define UNIT_NOBODY 65534

/* Where MUST_WORK is set (CI), a test that cannot run has failed. */
#define unit_skip(reason)                                                    \
	do {                                                                 \
		if (getenv("MUST_WORK"))                                     \
			fail_msg("must work here, but: %s", reason);         \
		print_message("           skipped: %s\n", reason);           \
		skip();                                                      \
	} while (0)

#define assert_contains(text, part)                                          \
	do {                                                                 \
		if (!strstr(text, part))                                     \
			fail_msg("\"%s\" is not in \"%s\"", part, text);     \
	} while (0)

/* Runs work in a child and gives back its exit status; 255 when it was killed. */
UNIT_UNUSED static int unit_in_child(int (*work)(void *data), void *data)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(work(data));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* For a child: no privilege from here on. */
UNIT_UNUSED static int unit_become_nobody(void)
{
	if (geteuid() != 0)
		return 0;
	return setgid(UNIT_NOBODY) < 0 || setuid(UNIT_NOBODY) < 0 ? -errno : 0;
}

/* A private folder for one test, its path without symlinks. */
static char unit_dir[PATH_MAX];

UNIT_UNUSED static const char *unit_path(const char *name)
{
	static char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", unit_dir, name) >= sizeof(path))
		fail_msg("%s: the path is too long", name);
	return path;
}

static int unit_make_dir_in(const char *parent)
{
	char base[PATH_MAX];

	if (!realpath(parent, base))
		return -1;
	if ((size_t)snprintf(unit_dir, sizeof(unit_dir), "%s/tazpod-unit.XXXXXX", base) >= sizeof(unit_dir))
		return -1;
	return mkdtemp(unit_dir) ? 0 : -1;
}

UNIT_UNUSED static int unit_setup_dir(void **state)
{
	(void)state;
	return unit_make_dir_in("/tmp");
}

/* In memory where that can be: for what writes much and waits for it. */
UNIT_UNUSED static int unit_setup_quick_dir(void **state)
{
	(void)state;
	return unit_make_dir_in("/dev/shm") == 0 ? 0 : unit_make_dir_in("/tmp");
}

static int unit_remove(const char *path, const struct stat *st UNIT_UNUSED, int type UNIT_UNUSED,
		       struct FTW *ftw UNIT_UNUSED)
{
	if (remove(path) == 0 || errno == ENOENT)
		return 0;
	(void)fprintf(stderr, "%s cannot be removed: %m\n", path);
	return -1;
}

UNIT_UNUSED static int unit_teardown_dir(void **state)
{
	(void)state;
	return nftw(unit_dir, unit_remove, 16, FTW_DEPTH | FTW_PHYS);
}

UNIT_UNUSED static void unit_write(const char *path, const void *text, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

#endif
