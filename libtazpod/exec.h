/* Running another program to its end: fixed path, fixed arguments, empty environment, no shell. */
#ifndef TAZPOD_EXEC_H
#define TAZPOD_EXEC_H

#include "error.h"

/*
 * Looks for argv[0] (a bare name) in /usr/sbin, /sbin, /usr/bin and /bin, runs it with no descriptor but /dev/null,
 * and waits. Its exit status, or a negative errno: -ENOENT with a sentence naming package, -EINTR when a signal
 * ended it.
 */
int tz_exec_wait(const char *const argv[], const char *package, struct tz_error *err);

/* Standard input, output and error become /dev/null, whatever was open there or not. A negative errno. */
int tz_exec_null_stdio(void);

/*
 * Before execve(): from[i], for each of count, becomes descriptor first + i, which stays open; all behind them are closed.
 * from may name these very numbers in any order. A negative errno.
 */
int tz_exec_place(const int *from, int first, int count);

#endif
