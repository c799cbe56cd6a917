/*
 * Secrets out of JSON, in one of two forms:
 *
 *	{ "NAME": VALUE, ... }
 *	[ { "key": "NAME", "value": VALUE, ... }, ... ]    as the CLI of Infisical prints them; its server's names for
 *	                                                   these, "secretKey" and "secretValue", are read as well
 *
 * VALUE is a text, which is taken as it is, NULs and all; a number, which is taken as it is written; or true or false. A
 * number beyond what 64 bits hold is an error (json-c would change it), as is an object or a list. A VALUE of null is no
 * secret, and a NAME that no variable can have is none of ours: both are left out with a warning, so that a secret which
 * nobody here asks for keeps nobody from the rest.
 *
 * Nothing is read that could be meant in two ways: see jsontext.h. No message has any part of a value in it.
 *
 * json-c has the values in ordinary memory for as long as this runs: it is not locked, though no core dump has it in a
 * process that cannot be dumped. The parsed values are wiped; what json-c lets go of by itself, as its buffer for one text
 * grows, is not, so a process that called this should not live long. The text itself is the caller's.
 */
#ifndef TAZPOD_CLI_SECRETS_JSON_H
#define TAZPOD_CLI_SECRETS_JSON_H

#include <stddef.h>

#include "error.h"
#include "fetched.h"

struct cli_secrets_source {
	const char *name;        /* what messages call the text: "the output of infisical" */
	const char *select;      /* the object or list in it, names with '.' between them; "" for the whole */
	cli_fetched_warn_fn warn; /* may be NULL */
	void *data;
};

/*
 * text[size] must be 0. *ret must be empty; it is finished on success, and untouched on failure. -EINVAL: it is not what
 * is said above; -ENOENT: there is nothing where select points to; -EPERM: the server hides a value; -EEXIST and -E2BIG as
 * in fetched.h; -ENOMEM.
 */
int cli_secrets_json(const char *text, size_t size, const struct cli_secrets_source *source, struct cli_fetched *ret,
		     struct tz_error *err);

#endif
