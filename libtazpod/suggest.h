/* "Did you mean ...?" */
#ifndef TAZPOD_SUGGEST_H
#define TAZPOD_SUGGEST_H

/*
 * The name in names (NULL-terminated) nearest to what was typed: by the number of characters to insert, drop, replace
 * or swap with their neighbour, without regard to case. NULL when nothing is near (more than a third of the longer one
 * differs). Points into names. Only what has at most 64 bytes is compared.
 */
const char *tz_suggest(const char *typed, const char *const *names);

#endif
