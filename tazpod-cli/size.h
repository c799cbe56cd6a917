/* Sizes as people write and read them. */
#ifndef TAZPOD_CLI_SIZE_H
#define TAZPOD_CLI_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Digits and at most one of the suffixes K, M, G (1024 each). With ret_added, a leading '+' is allowed and told.
 * False, with the outputs untouched, for anything else, for 0 and for what does not fit.
 */
bool cli_size_parse(const char *text, uint64_t *ret, bool *ret_added);

/* "512 MiB", "1.5 GiB", "96 KiB", "17 bytes". Gives back buffer. */
#define CLI_SIZE_TEXT 32
const char *cli_size_text(uint64_t size, char buffer[static CLI_SIZE_TEXT]);

#endif
