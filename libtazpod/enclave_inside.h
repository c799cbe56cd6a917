/* Is this process in an enclave? For programs without privilege, which mount nothing. */
#ifndef TAZPOD_ENCLAVE_INSIDE_H
#define TAZPOD_ENCLAVE_INSIDE_H

#include <stdbool.h>

/* The name of an enclave's /proc in the table of mounts: only who may mount can give it. */
#define TZ_ENCLAVE_PROC_SOURCE "tazpod"

/*
 * Is it in one, with the vault mounted at secrets_path? Against mistakes, not against an attacker: who can make user
 * namespaces can fool himself.
 */
bool tz_enclave_inside(const char *secrets_path);

#endif
