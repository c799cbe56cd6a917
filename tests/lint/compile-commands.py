#!/usr/bin/env python3
"""Prints a compile_commands.json. Usage: compile-commands.py BUILD-FOLDER SOURCE-FOLDER EXTRA-FILE MAKE-OUTPUT

What the compilers get for the preprocessor is read off the output of make V=1."""
import json
import os
import shlex
import sys

build, source, extra, output = sys.argv[1:]
WITH_VALUE = ('-include', '-iquote', '-isystem', '-I', '-D')


def flags_of(words):
    flags, words = [], iter(words)
    for word in words:
        if word in WITH_VALUE:
            flags += [word, next(words)]
        elif word.startswith(('-D', '-I', '-U', '-std=')):
            flags.append(word)
    return flags


def entry(name, flags):
    return {'directory': build, 'file': name, 'arguments': ['cc', *flags, '-c', name]}


entries = {extra: entry(extra, ['-std=gnu17'])}
with open(output, encoding='utf-8', errors='replace') as file:
    for line in file.read().replace('\\\n', ' ').split('\n'):
        if '-DHAVE_CONFIG_H' not in line:
            continue
        words = shlex.split(line.split('&&')[0])
        sources = [word.split('`')[-1] for word in words if word.endswith('.c')]
        # With -c there is one, the last; before it is automake's `test -f`.
        for last in sources[-1:] if '-c' in words else sources:
            name = os.path.normpath(os.path.join(build, last))
            if not os.path.exists(name):
                name = os.path.join(source, last)
            entries[name] = entry(name, flags_of(words))
json.dump(list(entries.values()), sys.stdout, indent=1)
