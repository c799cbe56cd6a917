#!/usr/bin/env python3
"""Runs the cases: the functions test_* of the modules case_*.py beside this file, in the order they are written.

usage: run.py [--list] [--share I[-J]/N] [CASE...]        CASE is MODULE or MODULE.FUNCTION, as in boot or boot.test_kernel

A test is called what its docstring's first line says. It passes when it returns, and fails when it raises; lab.skip()
skips it, and lab.only() leaves it out where it means nothing. It has 300 s, or as many as its attribute `timeout` says.
A module may have before() and cleanup(), which run around each of its tests, `requires`, a list of commands it cannot do
without, `releases`, a list of the Debian releases it is for, `world`, as lab.only() has it, `shared = False`, for one whose
tests each share has, and `on_demand = True`, for one that is run only where it is named.
"""
import argparse
import glob
import importlib
import os
import shutil
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import lab  # noqa: E402


def say(line):
    sys.stdout.write(line.replace('\r', '') + '\n')
    sys.stdout.flush()


def explain(text):
    for line in text.rstrip().splitlines():
        say('# ' + line.rstrip().encode('ascii', 'backslashreplace').decode())


def on_alarm(_signal, _frame):
    raise lab.TimedOut('this took too long')


def limited(seconds, function):
    signal.alarm(seconds)
    try:
        return function()
    finally:
        signal.alarm(0)


def title(function):
    text = (function.__doc__ or '').strip().splitlines()
    return text[0].rstrip('.') if text else function.__name__[len('test_'):].replace('_', ' ')


def tests_of(module):
    found = [value for name, value in vars(module).items() if name.startswith('test_') and callable(value)]
    # A decorated or imported function keeps the place of its definition in this module's namespace.
    world = 'native' if lab.NATIVE else 'guest'
    return [function for function in found if getattr(function, 'world', getattr(module, 'world', world)) == world]


def release():
    with open('/etc/os-release', encoding='utf-8') as lines:
        return next((line.split('=', 1)[1].strip().strip('"') for line in lines if line.startswith('VERSION_CODENAME=')), None)


def share_of(chosen, share):
    """The tests that fall to the shares I to J of N: each test to one of them, as one deals cards."""
    mine, parts = share.split('/')
    first, _, last = mine.partition('-')
    mine, parts = range(int(first), int(last or first) + 1), int(parts)
    dealt = 0
    for module, function in chosen:
        everywhere = not getattr(module, 'shared', True)
        if everywhere or dealt % parts in mine:
            yield module, function
        dealt += not everywhere


def run_test(module, function):
    """Prints the test's result, and gives whether it may count as passed."""
    short = module.__name__[len('case_'):]
    name = f'{short}: {title(function)}'
    started = time.monotonic()
    lab.begin(short)
    problem = None
    skipped = None
    diagnostics = ''

    def whole():
        for command in getattr(module, 'requires', ()):
            if not shutil.which(command):
                lab.skip(f'there is no {command}')
        if hasattr(module, 'before'):
            module.before()
        function()

    try:
        limited(getattr(function, 'timeout', 300), whole)
    except lab.Skip as skip:
        skipped = str(skip)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as what:
        # what is wrong comes first: of a long report the end may not be kept
        problem = f'{type(what).__name__}: {what}\n{traceback.format_exc()}'
        try:
            diagnostics = limited(120, lab.diagnostics)
        except Exception:
            diagnostics = 'no diagnostics: ' + traceback.format_exc()
    for clean in getattr(module, 'cleanup', None), lab.end:
        try:
            if clean:
                limited(120, clean)
        except Exception:
            problem = (problem or '') + 'while cleaning up: ' + traceback.format_exc()
    took = time.monotonic() - started
    if problem:
        say(f'not ok - {name}')
        explain(f'{module.__name__}.{function.__name__}, {took:.1f} s')
        explain(problem)
        explain(diagnostics)
        return False
    say(f'ok - {name}' + (f' # SKIP {skipped}' if skipped is not None else ''))
    say(f'# {took:.1f} s')
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('cases', nargs='*', metavar='CASE')
    parser.add_argument('--only', action='append', default=[], metavar='CASE', help='as CASE')
    parser.add_argument('--list', action='store_true', help='only name the tests')
    parser.add_argument('--share', default='0/1', metavar='I[-J]/N', help='only the tests that fall to the shares I to J of N')
    parser.add_argument('--no-setup', action='store_true', help='this world is set up')
    options = parser.parse_args()
    wanted = set(options.cases + options.only)
    signal.signal(signal.SIGALRM, on_alarm)
    good = True

    modules = []
    for path in sorted(glob.glob(HERE + '/case_*.py')):
        name = os.path.basename(path)[:-3]
        short = name[len('case_'):]
        if wanted and not any(want.split('.')[0] == short for want in wanted):
            continue
        try:
            modules.append(importlib.import_module(name))
        except Exception:
            good = False
            say(f'not ok - {short}: can be loaded')
            explain(traceback.format_exc())
    modules = [module for module in modules if release() in getattr(module, 'releases', [release()])
               and (wanted or not getattr(module, 'on_demand', False))]
    # The guest itself comes first.
    modules.sort(key=lambda module: (module.__name__ != 'case_boot', module.__name__))
    chosen = [(module, function) for module in modules for function in tests_of(module)
              if not wanted or wanted & {module.__name__[5:], f'{module.__name__[5:]}.{function.__name__}'}]
    chosen = list(share_of(chosen, options.share))
    if options.list:
        for module, function in chosen:
            print(f'{module.__name__[5:]}.{function.__name__}: {title(function)}')
        return good
    if not chosen:
        say(f'not ok - there is no case called {" ".join(sorted(wanted))}' if wanted else 'not ok - there are no cases')
        return False

    if not options.no_setup:
        try:
            import setup
            limited(300, setup.main)
        except Exception:
            say('not ok - setting up the guest')
            explain(traceback.format_exc())
            explain(lab.diagnostics())
            return False
    if not lab.NATIVE:
        say(f'# the guest was ready {time.clock_gettime(time.CLOCK_BOOTTIME):.0f} s after its kernel started')
    for module, function in chosen:
        good = run_test(module, function) and good
    return good


if __name__ == '__main__':
    sys.exit(0 if main() else 1)
