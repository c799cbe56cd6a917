/* In a container of 'tazpod up'? Its first process (tazpod-container) says so, by a file that only root can make. */
#ifndef TAZPOD_INSIDE_H
#define TAZPOD_INSIDE_H

#include <stdbool.h>

#include "error.h"

#define TZ_CONTAINER_MARK "/run/tazpod/container"

bool tz_inside_container(void);

/* Waits until it is ready, timeout_ms at most. 0, -ETIMEDOUT, or why it cannot be told, with a sentence. */
int tz_inside_wait_ready(int timeout_ms, struct tz_error *err);

#endif
