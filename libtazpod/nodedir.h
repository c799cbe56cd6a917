/*
 * A folder for the node of one block device, for the programs and calls that want a path: a private tmpfs in this mount
 * namespace, gone before the session starts.
 */
#ifndef TAZPOD_NODEDIR_H
#define TAZPOD_NODEDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Mounts it at path, whose last two components are made where they are missing. In a private mount namespace only. */
int tz_nodedir_enter(const char *path, struct tz_error *err);
void tz_nodedir_leave(const char *path);

/*
 * Makes the node of rdev in the folder at path and opens it: a descriptor that the caller owns, which keeps the device
 * from going. ret_path is the node's, of size bytes.
 */
int tz_nodedir_open(const char *path, const char *name, dev_t rdev, char *ret_path, size_t size);

/* Only a mount has a device for itself alone; others may just look at it, as udev's probes do. */
bool tz_nodedir_is_mounted(const char *node);

#endif
