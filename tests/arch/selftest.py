#!/usr/bin/env python3
"""Proves that the checks of sources.py can fail: a small tree with one planted fault each, and one without any."""
import contextlib
import os
import shutil
import sys
import tempfile

import sources

GOOD = {
    'libtazpod/error.h': '#include <stddef.h>\nint tz_good(void);\n',
    'libtazpod/error.c': '#include "error.h"\n\n/* printf("in a comment"); */\nint tz_good(void)\n{\n\treturn 0;\n}\n',
    'libtazpod/luks.h': '#include "error.h"\n',
    'libtazpod/luks.c': '#include "luks.h"\n#include <libcryptsetup.h>\n',
    'pam_tazpod/args.c': '#include <security/pam_ext.h>\n#include "error.h"\n\nstatic const int table[] = { 1 };\n',
    'pam_tazpod/child.c': 'static _Noreturn void child(void)\n{\n\tsignal(1, 0);\n\t_exit(1);\n}\n',
    'tazpod-worker/main.c': '#include "luks.h"\n',
    'tazpod-shell/main.c': '#include "error.h"\n',
    'tazpod-cli/become.c': 'static const char *const argv[] = { "sh", "-c", NULL };\nint x = execv("/bin/sh", argv);\n',
    'tests/unit/test_error.c': '#include <cmocka.h>\n#include "error.h"\n',
    'tests/unit/test_luks.c': '#include "luks.h"\n',
    'tests/Makemodule.am': 'unit_tests = \\\n\ttests/unit/test_error \\\n\ttests/unit/test_luks\n',
    'SECURITY.md': 'A claim: [errors](tests/unit/test_error.c) `cmocka`.\n',
}
LONG = 'int f(void)\n{\n' + '\tg();\n' * (sources.FUNCTION_LINES + 1) + '}\n'

# what is planted, where, and the check that has to find it
BAD = [
    ('libcryptsetup in the enclave', 'libtazpod/error.c', '#include <libcryptsetup.h>\n', sources.includes),
    ('a library nobody knows', 'tazpod-worker/main.c', '#include <curl/curl.h>\n', sources.includes),
    ('PAM in the worker', 'tazpod-worker/main.c', '#include <security/pam_modules.h>\n', sources.includes),
    ('a vault header in the base', 'libtazpod/error.c', '#include "luks.h"\n', sources.includes),
    ('a vault header in the module', 'pam_tazpod/args.c', '# include "luks.h"\n', sources.includes),
    ('a vault header in the module, by its folder', 'pam_tazpod/args.c', '#include "libtazpod/luks.h"\n', sources.includes),
    ('a vault header in the shell', 'tazpod-shell/main.c', '#include "luks.h"\n', sources.includes),
    ('a header that does not exist', 'libtazpod/luks.c', '#include "lukz.h"\n', sources.includes),
    ('printf in the library', 'libtazpod/luks.c', 'int x = printf("%s", "");\n', sources.silent_library),
    ('stderr in the library', 'libtazpod/luks.c', 'FILE *x = stderr;\n', sources.silent_library),
    ('exit in the library', 'libtazpod/luks.c', 'void f(void)\n{\n\texit (1);\n}\n', sources.silent_library),
    ('syslog in the library', 'libtazpod/luks.c', 'void f(void)\n{\n\tsyslog(1, "x");\n}\n', sources.silent_library),
    ('setenv in the module', 'pam_tazpod/args.c', 'void f(void)\n{\n\tsetenv("a", "b", 1);\n}\n', sources.quiet_module),
    ('signal() in the module', 'pam_tazpod/child.c', 'void f(void)\n{\n\tsignal(1, 0);\n}\n', sources.quiet_module),
    ('static state in the module', 'pam_tazpod/args.c', 'static int counter;\n', sources.quiet_module),
    ('static state in a function', 'pam_tazpod/args.c', 'void f(void)\n{\n\tstatic char *kept = 0;\n}\n',
     sources.quiet_module),
    ('system()', 'tazpod-worker/main.c', 'int x = system("true");\n', sources.no_shell),
    ('popen()', 'tazpod-cli/become.c', 'FILE *x = popen("true", "r");\n', sources.no_shell),
    ('execvp()', 'tazpod-cli/become.c', 'int y = execvp("true", argv);\n', sources.no_shell),
    ('a shell in the worker', 'tazpod-worker/main.c', 'int x = execv("/bin/sh", a);\n', sources.no_shell),
    ('a long function', 'libtazpod/luks.c', LONG, sources.length),
    ('a long file', 'libtazpod/luks.c', 'int x;\n' * (sources.FILE_LINES + 1), sources.length),
    ('a file without a test', 'libtazpod/mounts.c', '', sources.own_tests),
    ('test_luks, which nobody runs', 'tests/Makemodule.am', None, sources.own_tests),
    ('a workplace', 'README.md', 'See /wo' + 'rk/main.\n', sources.no_workplace),
    ('an issue', 'libtazpod/luks.c', '/* as in issue' + ' 12 */\n', sources.no_workplace),
    ('a number of an issue', 'libtazpod/luks.c', '/* see #' + '12 */\n', sources.no_workplace),
    ('a link to nowhere', 'SECURITY.md', '[it](tests/unit/test_none.c)\n', sources.links),
    ('a name of a file that is not there', 'SECURITY.md', '`libtazpod/none.c`\n', sources.links),
    ('a test that a file does not have', 'SECURITY.md', '[it](tests/unit/test_error.c) `test_none`\n', sources.links),
]


@contextlib.contextmanager
def tree(architecture):
    folder = tempfile.mkdtemp(prefix='tazpod-arch-')
    try:
        for path, text in GOOD.items():
            write(folder, path, text)
        shutil.copy(architecture, folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def write(folder, path, text, mode='w'):
    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
    with open(os.path.join(folder, path), mode) as file:
        file.write(text)


def faults_of(check, folder):
    """What ARCHITECTURE.md points to is in the real tree only."""
    return [fault for fault in check(folder) if not fault.startswith('ARCHITECTURE.md:')]


def plant(folder, path, text):
    if text is None:
        write(folder, path, 'unit_tests = \\\n\ttests/unit/test_error\n')
    else:
        write(folder, path, text, 'a')


def main():
    architecture, wrong = sys.argv[1] + '/ARCHITECTURE.md', []
    with tree(architecture) as folder:
        wrong += [f'{check.__name__} finds in a good tree: {fault}'
                  for check in sources.CHECKS for fault in faults_of(check, folder)]
    for what, path, text, check in BAD:
        with tree(architecture) as folder:
            plant(folder, path, text)
            name = os.path.basename(path).split('.')[0]
            if not any(name in fault for fault in faults_of(check, folder)):
                wrong.append(f'{check.__name__} does not find {what} in {path}')
    print(('not ok' if wrong else 'ok') + f' - the checks of the sources find what is planted ({len(BAD)} trees)')
    for line in wrong:
        print(f'# {line}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
