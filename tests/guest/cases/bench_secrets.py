#!/usr/bin/env python3
"""What secrets cost: `tazpod env` against a program that does nothing, a ghost shell's start with and without it, and a
pull against one process for each secret. Each number is a median; peers take turns."""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lab  # noqa: E402
import setup  # noqa: E402

PROFILE = '/etc/profile.d/tazpod.sh'
SERVED = '/srv/bench-secrets.json'
# Run in the ghost shell, so that a terminal has no part in it.
TURNS = '''\
import json, os, statistics, subprocess, sys, time
commands, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
times = {name: [] for name in commands}
null = os.open('/dev/null', os.O_RDWR)
for _ in range(rounds):
    for name, words in commands.items():
        began = time.perf_counter()
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        assert os.waitpid(pid, 0)[1] == 0, words
        times[name].append(time.perf_counter() - began)
print('times', json.dumps({name: statistics.median(values) for name, values in times.items()}))
'''
# As one would without it: a process for each secret, whose output becomes a file.
ONE_EACH = '''\
set -e
for name in $(seq 200); do infisical secrets get "N$name" --plain >~/secrets/each/N$name; done
sync -f ~/secrets
'''
STAND_IN = f'''\
#!/bin/sh
# Has what the secrets are at hand: only processes are measured, and no server.
case $1 in
export) exec cat {SERVED} ;;
secrets) exec cat /srv/bench-one ;;
esac
'''


def say(line):
    print(line, flush=True)


def serve(count):
    with open(SERVED, 'w', encoding='utf-8') as file:
        json.dump([{'key': f'N{number}', 'value': f'value {time.time_ns()} of {number}'} for number in range(1, count + 1)], file)


def write_map(count):
    items = ''.join(f'  - {{name: N{number}, file: n/N{number}, env: N{number}, value: true}}\n' for number in range(1, count + 1))
    lab.replace_file('/workspace/secrets.yml', f'config: {{command: [infisical, export], all: false}}\nsecrets:\n{items}')


def turns(terminal, commands, rounds):
    words = json.dumps(commands).replace("'", "'\\''")
    text = terminal.check(f"python3 ~/secrets/turns.py '{words}' {rounds}", 300)
    return json.loads(text.partition('times ')[2])


def prepare():
    setup.main()
    with open('/usr/local/bin/infisical', 'w', encoding='utf-8') as file:
        file.write(STAND_IN)
    os.chmod('/usr/local/bin/infisical', 0o755)
    with open('/srv/bench-one', 'w', encoding='utf-8') as file:
        file.write('value\n')
    lab.fresh_vault(files={'turns.py': TURNS, 'one-each.sh': ONE_EACH, 'each/.keep': ''})
    terminal = lab.Terminal()
    terminal.unlock()
    return terminal


def measure_env(terminal):
    serve(50)
    write_map(50)
    terminal.check('tazpod pull --yes', 60)
    times = turns(terminal, {'true': ['/bin/true'], 'env': ['tazpod', 'env', '--shell', 'sh'],
                             'run': ['tazpod', 'run', '--', '/bin/true']}, 201)
    for name in 'env', 'run':
        say(f'# tazpod {name} with 50 secrets: {times[name] * 1000:.2f} ms; /bin/true {times["true"] * 1000:.2f} ms '
            f'(ratio {times[name] / times["true"]:.2f}, {(times[name] - times["true"]) * 1000:.2f} ms more)')


def measure_start():
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    times = {'with': [], 'without': []}
    for _ in range(15):
        for name in times:
            if name == 'without':
                os.rename(PROFILE, PROFILE + '.away')
            began = time.perf_counter()
            terminal.check(f'su -l {lab.GHOST} -c true')
            times[name].append(time.perf_counter() - began)
            if name == 'without':
                os.rename(PROFILE + '.away', PROFILE)
    took = {name: statistics.median(values) for name, values in times.items()}
    say(f'# a ghost shell by the kept key, with 50 secrets: {took["with"] * 1000:.0f} ms, without {took["without"] * 1000:.0f} ms '
        f'(ratio {took["with"] / took["without"]:.2f})')


def measure_pull(terminal):
    write_map(200)
    pull, each = [], []
    for _ in range(9):
        serve(200)
        times = turns(terminal, {'pull': ['tazpod', 'pull'], 'each': ['sh', '/home/tazpod-ghost/secrets/one-each.sh']}, 1)
        pull.append(times['pull'])
        each.append(times['each'])
    took, peer = statistics.median(pull), statistics.median(each)
    say(f'# a pull of 200 secrets that all changed: {took * 1000:.0f} ms; one process for each {peer * 1000:.0f} ms '
        f'(ratio {took / peer:.2f})')


def main():
    terminal = prepare()
    measure_env(terminal)
    measure_start()
    measure_pull(terminal)
    say('ok - bench: what secrets cost')


if __name__ == '__main__':
    try:
        main()
    finally:
        lab.end()
