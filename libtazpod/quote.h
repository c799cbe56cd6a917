/*
 * Assignments that a shell evaluates: eval "$(tazpod env)". The values are what a server of secrets gave, so:
 *
 * 1. Every byte of a value MUST reach the variable as it is, and none may be anything but data on the way there: no
 *    expansion, no command, no end of the statement.
 * 2. It MUST NOT matter what the shell has done with a variable of that name before. Of an integer (declare -i) or a
 *    reference (declare -n) the value would be evaluated, and "a[$(id)]" runs a command; so it is unset first. A variable
 *    that is read-only stays what it is, the shell says so, and with set -e it ends.
 * 3. Options of the shell and its locale MUST NOT matter. No escape stands right behind a byte of the value that, in
 *    a locale such as zh_CN.GBK, would be the first half of a character with it.
 *
 * What a variable's name does to the shell (PATH, PROMPT_COMMAND) is for tz_envname_danger() to say, not for this.
 *
 * The text for sh is also safe in bash and zsh, for who takes the one for the other, but does not see through
 * declare -n. The text for zsh is for every option of it, those that change quoting included. That for PowerShell has
 * nothing but printable ASCII in it, since quotes that are not ASCII's are quotes there, too, and what a console makes
 * of other bytes is open; the tests have no PowerShell and compare its text only. PowerShell before 7.5 takes an empty
 * variable for none.
 */
#ifndef TAZPOD_QUOTE_H
#define TAZPOD_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "textbuf.h"

enum tz_shell { TZ_SHELL_SH, TZ_SHELL_BASH, TZ_SHELL_ZSH, TZ_SHELL_FISH, TZ_SHELL_POWERSHELL };

/* By its name, or its program's (dash, pwsh). False where it is none that is known, with *ret untouched. */
bool tz_shell_by_name(const char *name, enum tz_shell *ret);
/* "sh", "bash", ... */
const char *tz_shell_name(enum tz_shell shell);

/*
 * Adds one statement, with a newline behind it, that sets name and exports it. -EINVAL: name is no variable's, or the
 * value has a NUL in it, which no environment holds; -EILSEQ: it is not UTF-8, and the shell knows no other texts
 * (PowerShell); -ENOMEM. On failure nothing is added.
 */
int tz_quote_export(struct tz_textbuf *out, enum tz_shell shell, const char *name, const char *value, size_t size);
/* One that unsets name; it may be unset. -EINVAL, -ENOMEM. */
int tz_quote_unset(struct tz_textbuf *out, enum tz_shell shell, const char *name);

#endif
