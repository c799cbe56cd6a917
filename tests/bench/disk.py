#!/usr/bin/env python3
"""How fast a disk is through TazPod's user-space driver, against plain ext4, gocryptfs and cryfs, all on one disk in one
run. Each number is a median; the contenders take turns at each step, so that what slows one down slows them all.

It is to be run as root in a mount and PID namespace of its own, with a /run of its own: tests/suites/bench does."""
import argparse
import json
import math
import os
import random
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, '../guest/cases')
sys.path.insert(0, CASES)

import contenders  # noqa: E402
import measures  # noqa: E402
import workloads  # noqa: E402

MIB = 1 << 20
PLAIN = ('ext4', 'ext4-direct')
STEPS = ('write', 'read', 'random_access', 'tree', 'status')


def say(text):
    print(text, flush=True)


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work', required=True, help='a folder on the disk that is measured')
    parser.add_argument('--open-vault', default='', help='the program of this name, built')
    parser.add_argument('--table', help='where the Markdown table goes')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--quick', action='store_true', help='one round of small amounts')
    parser.add_argument('--only', default=','.join(contenders.ALL), help='contenders, with commas between them')
    parser.add_argument('--steps', default=','.join(STEPS))
    return parser.parse_args()


class Bench:
    def __init__(self, chosen):
        self.chosen = chosen
        self.rounds = 1 if chosen.quick else chosen.rounds
        self.mib, self.files, self.operations = (64, 1000, 500) if chosen.quick else (512, 9000, 4000)
        self.size = (384 if chosen.quick else 1536) * MIB
        self.names, self.steps = chosen.only.split(','), chosen.steps.split(',')
        self.results = measures.Results(self.files, {name: contenders.ALL[name].share for name in self.names})
        self.problems = {}  # contender: the first thing that went wrong
        self.there = []
        self.loads = []

    def amounts(self, contender):
        files = int(self.files * contender.share)
        tar = f'/run/bench/tree-{files}.tar'
        if not os.path.exists(tar):
            workloads.make_tar(tar, files)
        return workloads.amounts(int(self.mib * contender.share), files, int(self.operations * contender.share), tar)

    def attempt(self, contender, what, function):
        """Has the contender left out from here on when it fails."""
        try:
            return function()
        except (contenders.Failed, OSError) as problem:
            self.problems.setdefault(contender.name, f'{what}: {problem}')
            return None

    def step(self, contender, step):
        words = (sys.executable, os.path.join(CASES, 'workloads.py'), step, contender.mount, contender.lower,
                 json.dumps(self.amounts(contender)))
        said = self.attempt(contender, step, lambda: contender.run(words))
        if said is not None:
            self.results.add(contender.name, json.loads(said))

    def make(self):
        for name in self.names:
            more = (self.chosen.open_vault,) if name == 'tazpod' else ()
            contender = contenders.ALL[name](name, self.chosen.work, self.size, *more)
            self.there.append(contender)
            self.attempt(contender, 'making it', contender.make)
            if name not in self.problems and 'status' in self.steps:
                self.step(contender, 'prepare')

    def run(self):
        chance = random.Random(1)
        for number in range(self.rounds):
            for step in self.steps:
                # In another order each time, since what one leaves to the disk may be felt by the next.
                for contender in chance.sample(self.there, len(self.there)):
                    if contender.name not in self.problems:
                        self.step(contender, step)
            self.loads.append(os.getloadavg()[0])
            say(f'# round {number + 1} of {self.rounds} is done; load {self.loads[-1]:.1f}')

    def remove(self):
        for contender in self.there:
            self.attempt(contender, 'removing it', contender.remove)

    def peer(self):
        """The faster of the two plain ones, over all measures."""
        def score(name):
            total = 0.0
            for measure in self.results.measured():
                value = self.results.median(name, measure)
                if value:
                    total += math.log(value) * (-1 if measures.takes_time(measure) else 1)
            return total

        return max((name for name in PLAIN if name in self.names), key=score, default=self.names[0])


def cipher_speed():
    """MB/s of AES-256-XTS on one core, in blocks of 4 KiB: the slower of the two directions."""
    speeds = []
    for more in (), ('-decrypt',):
        said = contenders.run('openssl', 'speed', '-mr', '-seconds', '1', '-bytes', '4096', '-evp', 'aes-256-xts', *more)
        speeds.append(float(re.search(r'^\+F:.*:([\d.]+)$', said, re.M).group(1)) / 1e6)
    return min(speeds)


def processor():
    with open('/proc/cpuinfo') as file:
        name = re.search(r'^model name\s*: (.*)$', file.read(), re.M)
    return name.group(1) if name else os.uname().machine


def version(name):
    if not shutil.which('dpkg-query'):
        return name
    return name + ' ' + contenders.run('dpkg-query', '-W', '-f', '${Version}', name).split('-')[0]


def direct(name):
    return 'with' if name == 'ext4-direct' else 'without'


def caption(bench, peer, cipher):
    text = [f'Medians of {bench.rounds} rounds in which all took turns, on one disk (Linux {os.uname().release.split("-")[0]}, '
            f'{os.cpu_count()} cores of {processor()}, load {min(bench.loads):.1f} to {max(bench.loads):.1f}); in brackets '
            f'the ratio to `{peer}`. Seconds are better when less, all else when more.']
    if peer in PLAIN:
        text.append(f'`{peer}` is plain ext4 on a loop device {direct(peer)} direct I/O'
                    + ''.join(f', on the whole the better one here, and `{other}` that {direct(other)} it'
                              for other in PLAIN if other != peer and other in bench.names) + '.')
    text.append(f'The cipher itself (OpenSSL, AES-256-XTS in blocks of 4 KiB) does {cipher:,.0f} MB/s on one core.')
    others = [version(name) for name in ('gocryptfs', 'cryfs') if name in bench.names]
    if others:
        text.append(f'Debian\'s {" and ".join(others)}.')
    for name, share in bench.results.shares.items():
        if share != 1:
            text.append(f'{name} had 1/{1 / share:.0f} of the data to work on, and its seconds are scaled to the whole.')
    if 'cryfs' in bench.names:
        text.append('cryfs does not wait for the disk when it is asked for an fsync.')
    return '\n'.join(text) + '\n'


def main():
    chosen = options()
    bench = Bench(chosen)
    os.makedirs('/run/bench/mounts')
    os.makedirs(chosen.work, mode=0o700, exist_ok=True)
    cipher = cipher_speed()
    try:
        bench.make()
        bench.run()
    finally:
        bench.remove()
    peer = bench.peer()
    names = [peer] + [name for name in bench.names if name != peer]
    for line in bench.results.lines(names, peer):
        say('ok - bench: ' + line)
    say(f'ok - bench: AES-256-XTS on one core, in blocks of 4 KiB: {cipher:,.0f} MB/s')
    for line in bench.results.all_values():
        say('# ' + line)
    for name, problem in bench.problems.items():
        say(f'not ok - bench: {name} could not be measured\n# {problem}')
    text = bench.results.table(names, peer) + '\n' + caption(bench, peer, cipher)
    say(text)
    if chosen.table:
        with open(chosen.table, 'w') as file:
            file.write(text)
    return bool(bench.problems)


if __name__ == '__main__':
    sys.exit(main())
