#!/usr/bin/env python3
"""Checks a source tree against the rules of its ARCHITECTURE.md. Usage: sources.py TREE

Each check is a function that gives the faults it finds, as "file:line: what". tests/arch/selftest.py plants a fault for
each of them."""
import fnmatch
import os
import re
import subprocess
import sys

FUNCTION_LINES = 60
FILE_LINES = 700
ROOMS = ('libtazpod', 'pam_tazpod', 'tazpod-worker', 'tazpod-shell', 'tazpod-cli', 'tests/unit', 'tests/pam', 'tests/cli')

# What comes with the C library and the kernel, and so is everybody's. Anything else in <...> is a library's.
SYSTEM_HEADERS = set('''
    assert ctype dirent dlfcn elf endian errno error fcntl fnmatch ftw getopt grp inttypes langinfo libgen limits link locale malloc mntent net/if netdb paths
    poll pthread pty pwd regex sched setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string
    strings termios threads time unistd utmp utmpx wchar wctype'''.split())
SYSTEM_FOLDERS = ('sys/', 'linux/', 'asm/', 'netinet/', 'arpa/')


def read(tree, path):
    with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as file:
        return file.read()


def files(tree):
    """All files of the source tree; what git ignores is none of them."""
    done = subprocess.run(['git', '-C', tree, 'rev-parse', '--show-toplevel'], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    if done.stdout.strip() == os.path.realpath(tree):
        listed = subprocess.run(['git', '-C', tree, 'ls-files', '-coz', '--exclude-standard'], stdout=subprocess.PIPE,
                                check=True, text=True).stdout.split('\0')
        return sorted({path for path in listed if path and os.path.isfile(os.path.join(tree, path))})
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name not in ('.git', '.out', '__pycache__')]
        found += [os.path.relpath(os.path.join(folder, name), tree) for name in names]
    return sorted(found)


def c_files(tree):
    return [path for path in files(tree)
            if os.path.dirname(path) in ROOMS and path.endswith(('.c', '.h'))]


def code(text, keep_strings=False):
    """The text without comments and the contents of strings, its lines in their places."""
    def blank(match):
        found = match.group(0)
        if found[0] in '"\'':
            return found if keep_strings else found[0] * 2
        return '\n' * found.count('\n')
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def without_children(text):
    """The text without functions that never return: in the module, those run in a child of its own."""
    return re.sub(r'^[^\n]*\b_Noreturn\b[^\n]*\)\n\{\n.*?^\}', lambda match: '\n' * match.group(0).count('\n'), text,
                  flags=re.S | re.M)


def grep(tree, paths, pattern, what, keep_strings=False, prepare=lambda text: text):
    faults = []
    for path in paths:
        for number, line in enumerate(prepare(code(read(tree, path), keep_strings)).split('\n'), 1):
            match = re.search(pattern, line)
            if match:
                faults.append(f'{path}:{number}: {what}: {match.group(0).strip()}')
    return faults


def in_room(tree, room, suffix='.[ch]'):
    return [path for path in c_files(tree) if fnmatch.fnmatch(path, f'{room}/*{suffix}')]


# ---------------------------------------------------------------- the tables

def tables(tree):
    """The tables of ARCHITECTURE.md: lists of rows, each by its header's first cell."""
    found, rows = {}, None
    for line in read(tree, 'ARCHITECTURE.md').split('\n') + ['']:
        if not line.startswith('|'):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if rows is None:
            rows = found.setdefault(' / '.join(cells), [])
        elif not set(line) <= set('|-: '):
            rows.append(cells)
    return found


def table(tree, header):
    rows = tables(tree).get(header)
    if not rows:
        raise SystemExit(f'ARCHITECTURE.md has no table with the header {header}')
    return rows


def quoted(cell):
    return re.findall(r'`([^`]+)`', cell)


def expand(pattern):
    """"{a,b}.[ch]" as two patterns."""
    match = re.search(r'\{([^}]*)\}', pattern)
    if not match:
        return [pattern]
    return [pattern[:match.start()] + part + pattern[match.end():] for part in match.group(1).split(',')]


class Rooms:
    def __init__(self, tree):
        self.patterns, self.rooms, self.headers = [], {}, {}
        for name, where, may in table(tree, 'Room / Files / May include'):
            for pattern in quoted(where):
                self.patterns += [(single, name) for single in expand(pattern)]
            self.headers[name] = set(quoted(may))
            self.rooms[name] = set(re.sub(r'`[^`]*`', '', may).replace(',', ' ').split())
        self.libraries = [(header.strip('<>'), quoted(where), library)
                          for library, headers, where in table(tree, 'Library / Headers / Only in')
                          for header in quoted(headers)]

    def of(self, path):
        """The first row that fits rules."""
        for pattern, name in self.patterns:
            if fnmatch.fnmatch(path, pattern):
                return name
        return None


# ---------------------------------------------------------------- the checks

def resolve(tree, path, header):
    """The file of ours that #include "header" in path means."""
    for folder in (os.path.dirname(path), 'libtazpod', ''):
        found = os.path.join(folder, header)
        if os.path.exists(os.path.join(tree, found)):
            return os.path.normpath(found)
    return None


def check_own_include(tree, rooms, path, header):
    target = resolve(tree, path, header)
    if header == 'config.h':
        return 'config.h is forced into every file'
    if target is None:
        return f'"{header}" is no file of ours'
    room, other = rooms.of(path), rooms.of(target)
    if other in rooms.rooms[room] or (os.path.basename(target) in rooms.headers[room] and other in ('base', 'vault')):
        return None
    return f'the room {room} may not include {target}'


def check_library_include(rooms, path, header):
    if header.endswith('.h') and (header[:-2] in SYSTEM_HEADERS or header.startswith(SYSTEM_FOLDERS)):
        return None
    for pattern, places, library in rooms.libraries:
        if fnmatch.fnmatch(header, pattern):
            if any(fnmatch.fnmatch(path, place) for place in places):
                return None
            return f'{library} is only for {", ".join(places)}'
    return f'<{header}> is of a library that ARCHITECTURE.md does not know'


def includes(tree):
    """every #include is one that ARCHITECTURE.md allows"""
    rooms, faults = Rooms(tree), []
    for path in c_files(tree):
        if rooms.of(path) is None:
            faults.append(f'{path}:1: belongs to no room of ARCHITECTURE.md')
            continue
        for number, line in enumerate(read(tree, path).split('\n'), 1):
            match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
            if not match:
                continue
            problem = (check_own_include(tree, rooms, path, match.group(1)) if match.group(1)
                       else check_library_include(rooms, path, match.group(2)))
            if problem:
                faults.append(f'{path}:{number}: {problem}')
    return faults


def silent_library(tree):
    """libtazpod neither prints, logs nor exits"""
    # _exit() is for a child that was forked, and the analyser of its callers is the reader.
    return grep(tree, in_room(tree, 'libtazpod'),
                r'(?<![\w.>])(?:v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|v?warnx?|v?errx?|error|v?syslog|openlog|exit|'
                r'quick_exit|abort|assert)\s*\(|\b(?:stdout|stderr)\b', 'not for the library')


def quiet_module(tree):
    """the PAM module neither exits, prints, nor changes signals, the environment or static state"""
    paths = in_room(tree, 'pam_tazpod')
    return (grep(tree, paths,
                 r'(?<![\w.>])(?:v?f?printf|f?puts|putchar|perror|exit|quick_exit|abort|assert|signal|sigaction|setenv|putenv|'
                 r'unsetenv|clearenv|alarm|setlocale|umask|fork)\s*\(|\b(?:stdout|stderr|environ)\b', 'not for a PAM module',
                 prepare=without_children) +
            grep(tree, paths, r'^\s*static\s(?!.*\bconst\b)(?!inline)[^(]*(?:;|=)', 'static state'))


def no_shell(tree):
    """no program of ours runs a shell, searches PATH, or has text evaluated"""
    paths = [path for path in c_files(tree) if not path.startswith('tests/')]
    searching = grep(tree, paths, r'(?<![\w.>])(?:system|popen|execlp?e?|execvpe?|posix_spawnp|wordexp)\s*\(',
                     'runs a shell or searches PATH')
    # Text that names a shell in a file which runs nothing is a default or a hint.
    running = [path for path in paths if path != 'tazpod-cli/become.c' and
               re.search(r'(?<![\w.>])(?:execve?|execveat|fexecve|posix_spawn|tz_exec_wait)\s*\(', code(read(tree, path)))]
    return searching + grep(tree, running, r'"-c"|"(?:/usr)?(?:/bin/)?(?:ba|da|z)?sh"', 'names a shell to run',
                            keep_strings=True)


def functions(text):
    """(line, length) of every function: in this style its braces alone stand in the first column."""
    begin = None
    for number, line in enumerate(text.split('\n'), 1):
        if line == '{':
            begin = number
        elif line.startswith('}') and begin is not None:
            yield begin, number - begin - 1
            begin = None


def length(tree):
    """no function is longer than 60 lines, no file longer than 700"""
    faults = []
    for path in c_files(tree):
        text = read(tree, path)
        lines = text.count('\n')
        if lines > FILE_LINES:
            faults.append(f'{path}:{lines}: the file has {lines} lines')
        faults += [f'{path}:{number}: the function has {size} lines' for number, size in functions(text)
                   if size > FUNCTION_LINES]
    return faults


def own_tests(tree):
    """every file of libtazpod has its unit test, and make check runs it"""
    makefile, faults = read(tree, 'tests/Makemodule.am'), []
    for path in in_room(tree, 'libtazpod', '.c'):
        test = f'tests/unit/test_{os.path.basename(path)[:-2]}'
        if not os.path.exists(os.path.join(tree, test + '.c')):
            faults.append(f'{path}:1: has no {test}.c')
        elif not re.search(rf'^\t{test}(?: \\)?$', makefile, flags=re.M):
            faults.append(f'{test}.c:1: is not among unit_tests in tests/Makemodule.am')
    return faults


def no_workplace(tree):
    """nothing in the tree points to where it was made, or to numbers of issues"""
    # In halves, or this file would be its own fault.
    pattern = re.compile(r'(?<![\w./])/wo' r'rk/|\bissues? #?\d|(?:^|[\s(])#\d+\b(?!\s*[;\]])|/ho' r'me/(?!tazpod)\w+/|\bTO' r'DO\b|\bFIX' r'ME\b',
                         re.I)
    faults = []
    for path in files(tree):
        for number, line in enumerate(read(tree, path).split('\n'), 1):
            match = pattern.search(line)
            if match:
                faults.append(f'{path}:{number}: {match.group(0).strip()}')
    return faults


def links(tree):
    """what the documents point to exists, down to the name of a test"""
    faults = []
    for path in [path for path in files(tree) if path.endswith('.md')]:
        for number, line in enumerate(read(tree, path).split('\n'), 1):
            targets = [target.split('#')[0] for target in re.findall(r'\]\(([^)\s]+)\)', line) if '://' not in target]
            targets += [name for name in re.findall(r'`([\w./*-]+)`', line)
                        if re.match(r'(?:libtazpod|pam_tazpod|tazpod-\w+|tests|man|pam\.d)/', name) and '*' not in name]
            faults += [f'{path}:{number}: there is no {target}' for target in targets
                       if target and not os.path.exists(os.path.join(tree, os.path.dirname(path), target))]
            # [case](tests/guest/cases/case_x.py) `test_one`, `test_two`
            for target, names in re.findall(r'\]\(([^)\s]+\.(?:py|c))\)((?:,? `\w+`)+)', line):
                if not os.path.exists(os.path.join(tree, target)):
                    continue
                text = read(tree, target)
                faults += [f'{path}:{number}: {target} has no {name}' for name in quoted(names)
                           if not re.search(rf'\b{name}\b', text)]
    return faults


CHECKS = (includes, silent_library, quiet_module, no_shell, length, own_tests, no_workplace, links)


def main():
    tree, good = sys.argv[1], True
    for check in CHECKS:
        faults = check(tree)
        print(('not ok' if faults else 'ok') + f' - {check.__doc__}')
        for fault in faults:
            print(f'# {fault}')
        good = good and not faults
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
