/*
 * Files that are there whole or not at all: written under another name, synced, and then given theirs. `folder` is a
 * descriptor that can be read, name one name in it.
 */
#ifndef TAZPOD_CLI_WHOLEFILE_H
#define TAZPOD_CLI_WHOLEFILE_H

#include <sys/types.h>

#include "error.h"

/* -EEXIST without a sentence: something of this name is there, a broken symlink too; it is as it was. */
int cli_wholefile_new(int folder, const char *name, const char *text, mode_t mode, struct tz_error *err);

/* What was there is gone. Two at once must be kept from each other by the caller. */
int cli_wholefile_replace(int folder, const char *name, const char *text, mode_t mode, struct tz_error *err);

#endif
