/* Text for a shell (POSIX), made from words that must reach the program as they are. */
#ifndef TAZPOD_CLI_WORDS_H
#define TAZPOD_CLI_WORDS_H

/*
 * The words, each in single quotes, with spaces between: a command that a shell takes apart into just these words.
 * The caller frees it; NULL when memory is out.
 */
char *cli_quote_words(char *const words[]);

/* The same for people: only what a shell would not leave alone is in quotes, and each word is on a line of its own. */
char *cli_quote_line(char *const words[]);

#endif
