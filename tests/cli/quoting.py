#!/usr/bin/env python3
"""Part of the cli suite: real shells evaluate what libtazpod/quote.c makes of many values.

Usage: quoting.py QUOTE_ENV, which is tests/cli/quote_env as built. Each shell evaluates the statements as users have it do
that, and starts a program that prints its environment; there, each value must be what it was, byte for byte, and no
command of those in the values may have run."""
import os
import pty
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

SEED = 20
LONGEST = 128 * 1024 - 1  # of NAME=VALUE, which the kernel counts with its NUL

# What shells take for more than it is, and bytes that dash or some locale has a use for.
PIECES = [
    b"'", b"''", b"'\\''", b'"', b'\\', b'\\\\', b"\\'", b"$'", b'\n', b'\n\n', b'\r\n', b'\t', b' ', b'-n ', b'--', b'!', b'!!',
    b'!touch', b'$', b'$$', b'${HOME}', b'$HOME', b'$(touch canary)', b'`touch canary`', b'(touch canary)', b';touch canary;',
    b'\ntouch canary\n', b'&touch canary&', b'|touch canary|', b'<(touch canary)', b'a[$(touch canary)]', b'{a,b}', b'*', b'?',
    b'~', b'=', b'#', b' #', b'%', b'^', b'@', b'|| false', b'\x01', b'\x7f', b'\x80', b'\x81', b'\x82', b'\x83', b'\x84',
    b'\x85', b'\x86', b'\x87', b'\x88', b'\xa0', b'\xc3', b'\xc3\xa4', b'\xe2\x80\x98', b'\xe2\x80\x99', b'\xef\x98\x80',
    b'\xfe', b'\xff', b'abc', b'0', b'1+1']

# What a shell knows of a variable before it is set, by its name.
BEFORE = {
    'sh': '',
    'bash': '''
        declare -i K_INTEGER K_TARGET K_LOWEST=3 K_END
        declare -n K_REFERENCE=K_OTHER K_TO_INTEGER=K_TARGET K_TO_NOTHING K_CHAIN=K_LINK K_LINK=K_END
        declare -a K_ARRAY=(1 2); declare -A K_MAP=([a]=b); declare -u K_UPPER; declare -l K_LOWER; declare -ix K_EXPORTED=1
        declare -t K_TRACED; K_PLAIN=1
        ''',
    'zsh': '''
        typeset -i K_INTEGER; typeset -F K_FLOAT; typeset -a K_ARRAY; typeset -A K_MAP; typeset -u K_UPPER; typeset -l K_LOWER
        typeset -T K_TIED k_tied; typeset -Z 3 K_FILLED; typeset -L 2 K_CUT; typeset -ix K_EXPORTED=1; typeset -h K_HIDDEN
        typeset -i 16 K_BASE=17; K_PLAIN=1
        ''',
    'fish': '''
        set -U K_UNIVERSAL x; set -g K_LIST a b c; set --path -g K_COLONS a b; set -gx K_EXPORTED x; set -U K_BOTH x; set -g K_BOTH y
        ''',
}
BEFORE_NAMES = sorted({word for text in BEFORE.values() for word in text.replace('=', ' ').replace(';', ' ').split()
                       if word.startswith('K_')})
HOSTILE = [b'a[$(touch canary)]', b'x[`touch canary`]', b'HOME', b'1+1', b'a:b::c:']

# Shells, the dialect for each, and options of theirs that could matter.
VARIANTS = [
    ('dash', 'sh', ''), ('dash', 'sh', 'set -eu'), ('bash', 'bash', ''), ('bash', 'bash', 'set -eu -o pipefail'),
    ('bash', 'bash', 'set -o posix'), ('bash', 'bash', 'shopt -s extglob nullglob compat31'), ('bash', 'sh', ''),
    ('zsh', 'zsh', ''), ('zsh', 'zsh', 'setopt err_exit no_unset'), ('zsh', 'zsh', 'setopt sh_word_split ksh_arrays glob_subst'),
    ('zsh', 'zsh', 'setopt rc_quotes csh_junkie_quotes'), ('zsh', 'zsh', 'setopt posix_builtins posix_strings ignore_braces'),
    ('zsh', 'zsh', 'setopt warn_create_global typeset_silent ksh_typeset all_export'), ('zsh', 'zsh', 'emulate sh'),
    ('zsh', 'zsh', 'emulate ksh'), ('zsh', 'zsh', 'emulate csh'), ('zsh', 'sh', ''), ('fish', 'fish', '')]

EVALUATE = {
    'sh': ['eval "$("$quote_env" {dialect} <"$records")"', '"$quote_env" {dialect} <"$records" >"$folder/sourced"; . "$folder/sourced"'],
    'bash': ['eval "$("$quote_env" {dialect} <"$records")"', 'source <("$quote_env" {dialect} <"$records")'],
    'fish': ['$quote_env {dialect} <$records | source', 'eval ($quote_env {dialect} <$records | string collect)'],
}
EVALUATE['zsh'] = EVALUATE['bash']
START = {'dash': ['dash', '-c'], 'bash': ['bash', '--noprofile', '--norc', '-c'], 'zsh': ['zsh', '-f', '-c'],
         'fish': ['fish', '-c']}


def random_values(count):
    chance = random.Random(SEED)
    for _ in range(count):
        yield b''.join(chance.choice(PIECES) for _ in range(chance.randrange(1, 9)))
    for _ in range(50):
        yield bytes(chance.randrange(1, 256) for _ in range(chance.randrange(1, 60)))


def every_byte():
    for byte in range(1, 256):
        one = bytes([byte])
        yield one
        yield b'a' + one + b'z'
        yield one + b"'\\\n" + one
        yield b"'" + one + b"'"
    yield bytes(range(1, 256)) * 2
    yield bytes(range(255, 0, -1))


def code_points():
    """Those that fish keeps for itself, and others that are no characters."""
    for first, last in ((0x80, 0xa0), (0x2018, 0x2020), (0xe000, 0xe004), (0xf5fe, 0xf702), (0xfdce, 0xfdf2), (0xfffc, 0x10000),
                        (0x10fffe, 0x110000)):
        for code in range(first, last):
            yield chr(code).encode()
    yield from (b'\xed\xa0\x80', b'\xed\xbf\xbf', b'\xf4\x90\x80\x80', b'\xc0\xa7', b'\xe2\x82', b'\xef\xbb\xbfx')


def all_values():
    values = [b'', b'\n', b'\n\nx\n\n', b'x\n', b' x ', b'-x', b'!', *PIECES, *random_values(300), *every_byte(), *code_points()]
    made = {f'V{number}': value for number, value in enumerate(values)}
    made['L' * 255] = b"the longest name's"
    made.update(A_PATH=b'a::b:', B_PATH=b':', C_PATH=b'', D_PATH=b':a b:c d:', path_=b'x')  # lists, in fish
    chance = random.Random(SEED)
    made['LONG_PLAIN'] = b'x' * (LONGEST - len('LONG_PLAIN='))
    made['LONG_QUOTES'] = b"'" * 16384  # fish 4 is slow at these: half a minute for as many as fit
    made['LONG_BYTES'] = bytes(chance.randrange(1, 256) for _ in range(LONGEST - len('LONG_BYTES=')))
    for number, name in enumerate(BEFORE_NAMES):
        made[name] = HOSTILE[number % len(HOSTILE)] if number else HOSTILE[0]
    for name in ('K_INTEGER', 'K_REFERENCE', 'K_TO_NOTHING', 'K_END', 'K_LOWEST', 'K_EXPORTED', 'K_BASE'):
        made[name] = HOSTILE[0]
    return made


class Place:
    """A folder of its own, with all that one kind of run needs."""
    def __init__(self, quote_env, folder, values):
        self.folder, self.values = folder, values
        self.records, self.names = f'{folder}/records', f'{folder}/names'
        self.environment = {'PATH': '/usr/bin:/bin', 'HOME': f'{folder}/home', 'quote_env': quote_env, 'folder': folder,
                            'records': self.records, 'names': self.names}
        self.cwd = f'{folder}/here'
        os.mkdir(self.cwd)
        with open(self.records, 'wb') as file:
            file.writelines(name.encode() + b'=' + value + b'\0' for name, value in values.items())
        with open(self.names, 'wb') as file:
            file.writelines(name.encode() + b'\0' for name in values)

    def fresh_home(self):
        shutil.rmtree(f'{self.folder}/home', ignore_errors=True)
        os.mkdir(f'{self.folder}/home')

    def seen(self, name):
        """The environment that a program was started with; none where it was not."""
        if not os.path.exists(f'{self.folder}/{name}'):
            return {}
        with open(f'{self.folder}/{name}', 'rb') as file:
            pairs = [entry.split(b'=', 1) for entry in file.read().split(b'\0') if b'=' in entry]
        os.unlink(f'{self.folder}/{name}')
        return {name.decode(errors='replace'): value for name, value in pairs}

    def faults(self):
        """What is wrong with the two environments that were printed, as lines."""
        found, after = self.seen('set'), self.seen('unset')
        lines = []
        for name in os.listdir(self.cwd):
            lines.append(f'a command has run: there is a file {name}')
            os.unlink(f'{self.cwd}/{name}')
        for name, value in self.values.items():
            if found.get(name) != value:
                got = found.get(name)
                lines.append(f'{name} is {got if got is None else got[:60]!r} instead of {value[:60]!r}')
            if name in after:
                lines.append(f'{name} is still set')
        return lines


def report(name, lines):
    print(('not ok' if lines else 'ok') + f' - quoting: {name}', flush=True)
    for line in lines[:10]:
        print(f'# {line}')
    return not lines


def script(shell, dialect, options, way):
    """Sets all, prints the environment, unsets all, prints it again."""
    kind = {'dash': 'sh'}.get(shell, shell)
    evaluate = EVALUATE[kind][way].format(dialect=dialect)
    undo = evaluate.replace('records', 'names')
    # A text for sh does not see through references.
    before = '\n'.join(line for line in BEFORE[kind].splitlines() if dialect == kind or 'declare -n' not in line)
    output = 'env -0 >$folder/set' if kind == 'fish' else 'env -0 >"$folder/set"'
    return '\n'.join([before, options, evaluate, output, undo, output.replace('/set', '/unset')])


def run(place, shell, dialect, options, way, locale):
    place.fresh_home()
    name = f'{shell}, {["eval", "source"][way != (shell == "fish")]}' + (f', text for {dialect}' if dialect == 'sh' else '') + (
        f', {options}' if options else '') + f', {locale["LC_ALL"]}'
    try:
        done = subprocess.run([*START[shell], script(shell, dialect, options, way)], cwd=place.cwd, timeout=120,
                              env=place.environment | locale, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        said = done.stdout.decode(errors='replace').splitlines()[:5]
        return report(name, said + ([f'exit status {done.returncode}'] if done.returncode else []) + place.faults())
    except (OSError, subprocess.TimeoutExpired) as error:
        return report(name, [str(error)])


def typed(place, shell, locale):
    """At a terminal, where '!' is history: the line is typed at a prompt, with something in the history before it."""
    place.fresh_home()
    start = {'bash': ['bash', '--noprofile', '--norc', '-i'], 'zsh': ['zsh', '-f', '-i']}[shell]
    lines = ['touch canary; rm canary', EVALUATE[shell][0].format(dialect=shell) + '; env -0 >"$folder/set"',
             'eval "$("$quote_env" %s <"$names")"; env -0 >"$folder/unset"' % shell, 'exit']
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.cwd)
        os.execvpe(start[0], start, place.environment | locale | {'TERM': 'dumb'})
    deadline = time.monotonic() + 120
    os.write(terminal, b''.join(line.encode() + b'\r' for line in lines))
    while time.monotonic() < deadline and select.select([terminal], [], [], 10)[0]:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.close(terminal)
    os.waitpid(child, 0)
    return report(f'{shell}, typed at a terminal', place.faults())


# In a function, with local variables of the same name there, in its caller, and outside.
NESTED = {
    'bash': '''
        inner() { local -i K_LOCAL=1; EVALUATE; }; outer() { local -i K_CALLER=1 K_LOCAL=2; inner; }
        declare -i K_LOCAL=3 K_CALLER=4 K_GLOBAL=5; outer; env -0 >"$folder/set"; outer() { UNDO; }; outer
        ''',
    'zsh': '''
        inner() { local -i K_LOCAL=1; EVALUATE; env -0 >"$folder/set"; }; outer() { local -i K_CALLER=1 K_LOCAL=2; inner; }
        typeset -i K_LOCAL=3 K_CALLER=4 K_GLOBAL=5; outer; outer() { UNDO; }; outer
        ''',
    'fish': '''
        function inner; set -l K_LOCAL 1; EVALUATE; end
        function outer; set -l K_CALLER 1; set -l K_LOCAL 2; inner; end
        set -g K_GLOBAL 5; outer; env -0 >$folder/set; function outer; UNDO; end; outer
        ''',
}


def nested(place, shell, locale):
    place.fresh_home()
    evaluate = EVALUATE[shell][0].format(dialect=shell)
    text = NESTED[shell].replace('EVALUATE', evaluate).replace('UNDO', evaluate.replace('records', 'names'))
    text += 'env -0 >$folder/unset' if shell == 'fish' else 'env -0 >"$folder/unset"'
    done = subprocess.run([*START[shell], text], cwd=place.cwd, timeout=120, env=place.environment | locale,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return report(f'{shell}, in a function with local integers', done.stdout.decode(errors='replace').splitlines() + place.faults())


def locales(folder):
    """C, UTF-8, and one in which a backslash can be the second half of a character."""
    gbk = {'LC_ALL': 'zh_CN.GBK', 'LOCPATH': f'{folder}/locales'}
    os.mkdir(gbk['LOCPATH'])
    subprocess.run(['localedef', '-c', '-i', 'zh_CN', '-f', 'GBK', f'{folder}/locales/zh_CN.GBK'], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    charmap = subprocess.run(['locale', 'charmap'], env=os.environ | gbk, stdout=subprocess.PIPE, check=False).stdout.strip()
    made = report('there is a locale of GBK', [] if charmap == b'GBK' else [f'its characters are {charmap!r}'])
    return made, [{'LC_ALL': 'C.UTF-8'}, {'LC_ALL': 'C'}, gbk]


def planted(place):
    """A text that quotes nothing is found out, by its values and by its commands."""
    place.fresh_home()
    text = 'export V0=x; V1="$(touch canary)"; env -0 >"$folder/set"; env -0 >"$folder/unset"'
    subprocess.run(['bash', '-c', text], cwd=place.cwd, env=place.environment, check=True)
    lines = place.faults()
    return report('a planted fault is found', [] if any('canary' in line and 'command' in line for line in lines) and
                  any(line.startswith('V0 is b\'x\'') for line in lines) and 'V0 is still set' in lines else lines[:5] or ['nothing'])


def main():
    quote_env, = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        good, three = locales(folder)
        os.mkdir(f'{folder}/all')
        os.mkdir(f'{folder}/few')
        place = Place(os.path.abspath(quote_env), f'{folder}/all', all_values())
        few = Place(os.path.abspath(quote_env), f'{folder}/few', dict.fromkeys(('K_LOCAL', 'K_CALLER', 'K_GLOBAL', 'K_NEW'), HOSTILE[0]))
        good &= planted(place)
        for shell, dialect, options in VARIANTS:
            ways = [(way, locale) for locale in three for way in (0, 1)]
            for way, locale in ways if not options and dialect != 'sh' or shell == 'dash' and not options else ways[:1]:
                good &= run(place, shell, dialect, options, way, locale)
        for shell in ('bash', 'zsh'):
            good &= typed(place, shell, three[0])
        for shell in ('bash', 'zsh', 'fish'):
            good &= nested(few, shell, three[0])
    return 0 if good else 1


sys.exit(main())
