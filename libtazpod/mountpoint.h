/* What is a mount, asked of the kernel alone: for programs that mount nothing, and need no libmount. statx(2). */
#ifndef TAZPOD_MOUNTPOINT_H
#define TAZPOD_MOUNTPOINT_H

/* Is what path (relative to dirfd; "" for dirfd itself) names the root of a mount? 1, 0 or a negative errno. */
int tz_mount_is_root(int dirfd, const char *path);

#endif
