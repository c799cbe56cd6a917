/* 'tazpod status' on the host: the project's container and vault. */
#ifndef TAZPOD_CLI_HOST_STATUS_H
#define TAZPOD_CLI_HOST_STATUS_H

#include <stdbool.h>

#include "error.h"

/*
 * On standard output. With json:
 *   project        its folder
 *   container
 *     name
 *     state        "absent", or the engine's word: "running", "exited", ...; null: the engine cannot be asked
 *     reason       why not, or null
 *     image        its name
 *     started      ISO 8601, or null
 *   vault
 *     path         of the image on the host
 *     state        "present", "absent", or "unknown": its folder is not for this user
 *     size_bytes   or null
 *   sessions       the ghost sessions in it, each as output.h says; null where it does not run, or does not tell
 *   sessions_reason   why it does not tell, or null
 */
int cli_host_status(bool json, struct tz_error *err);

#endif
