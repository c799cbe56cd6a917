/*
 * A FUSE mount that is attached nowhere: no path leads to it, in no namespace; it lives as long as this descriptor or a
 * file that was opened through it. fuse(4), fsopen(2), fsmount(2).
 */
#ifndef TAZPOD_FUSEMOUNT_H
#define TAZPOD_FUSEMOUNT_H

#include "error.h"

/* The device; each usual failure has its sentence. A descriptor that the caller owns. */
int tz_fusemount_open_device(struct tz_error *err);

/* Mounts, nosuid, nodev and noexec, what the holder of device serves, for root alone. The caller owns the descriptor. */
int tz_fusemount(int device, struct tz_error *err);

#endif
