/*
 * Names of variables that a server of secrets, or a repository, may choose: which are legal, and which change what the
 * shell or other programs do, rather than only give a program its secret.
 *
 * The second is no wall: a variable that a certain program runs or loads may well be missing from the table. It has what
 * loaders, shells, interpreters and widespread tools take, and all that bash, zsh and fish treat specially, as a test
 * asks them. What users have secrets for is not in it, even where it can name a program (KUBECONFIG, AWS_CONFIG_FILE).
 */
#ifndef TAZPOD_ENVNAME_H
#define TAZPOD_ENVNAME_H

#include <stdbool.h>
#include <stddef.h>

#define TZ_ENVNAME_MAX 255

/* Letters, digits and '_', no digit first, 255 bytes at most; name need not end with a NUL. */
bool tz_envname_is_legal(const char *name, size_t size);

/* What a variable of this name changes, to stand behind "it changes": "which programs are found". NULL: nothing known. */
const char *tz_envname_danger(const char *name);

#endif
