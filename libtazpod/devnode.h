/*
 * Opening a device by its number, where no node of it exists or none may be trusted: through a node in a detached
 * tmpfs that has no name in any mount namespace.
 */
#ifndef TAZPOD_DEVNODE_H
#define TAZPOD_DEVNODE_H

#include <sys/stat.h>
#include <sys/types.h>

#define TZ_LOOP_MAJOR 7
#define TZ_MISC_MAJOR 10

/* type is S_IFCHR or S_IFBLK. A descriptor the caller owns; -ENXIO/-ENODEV: no such device; -EPERM: not allowed. */
int tz_devnode_open(mode_t type, dev_t device, int flags);

#endif
