#!/usr/bin/env python3
"""What a folder on some disk is put through, and how long that takes: natively by tests/bench/disk.py, in a guest by
bench_disk.py.

usage: workloads.py STEP,... FOLDER LOWER AMOUNTS      prints the steps' measures (measures.py) as JSON
LOWER is where the folder's file system keeps its data, for one that does not pass on a sync; or the folder again.
"""
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time

FOLDERS = 400
GIT = ('git', '-c', 'user.name=bench', '-c', 'user.email=bench@localhost', '-c', 'gc.auto=0')


def amounts(mib, files, operations, tar):
    """How much of everything: MiB of sequential data, files in the tree, random reads and writes; and the tree."""
    return {'mib': mib, 'files': files, 'operations': operations, 'tar': tar}


def make_tar(path, files):
    """A tree as of a program's sources, each time the same: files of 1 to 20 KiB, most of them small."""
    chance = random.Random(1)
    lines = [''.join(chance.choices('abcdefghijklmnopqrstuvwxyz_;(){} ', k=63)) + '\n' for _ in range(4096)]
    with tarfile.open(path, 'w') as tar:
        for number in range(files):
            folder = number * FOLDERS // files
            text = ''.join(chance.choices(lines, k=16 + int(304 * chance.random() ** 2))).encode()
            member = tarfile.TarInfo(f'part{folder // 20:02}/module{folder % 20:02}/file{number:05}.c')
            member.size, member.mtime = len(text), 1700000000
            tar.addfile(member, io.BytesIO(text))


def run(*words, folder=None):
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors='replace',
                          env={**os.environ, 'GIT_CONFIG_NOSYSTEM': '1', 'GIT_CONFIG_GLOBAL': '/dev/null'})
    if done.returncode:
        raise RuntimeError(f'{" ".join(words)}: status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}')
    return done.stdout


def clock(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


def drop_caches():
    os.sync()
    with open('/proc/sys/vm/drop_caches', 'w') as file:
        file.write('3')


def fio(folder, kind, *options):
    """Runs fio on the file `data`, and gives what it says of its reads or writes."""
    said = run('fio', '--name=bench', f'--filename={folder}/data', '--ioengine=psync', '--fallocate=none',
               '--output-format=json', *options)
    return json.loads(said[said.index('{'):])['jobs'][0][kind]


def rate(numbers):
    return numbers['io_bytes'] / 1000 / numbers['runtime']


# ---------------------------------------------------------------- the steps

class Place:
    def __init__(self, folder, lower, how_much):
        self.folder, self.lower, self.how_much = folder, lower, how_much
        self.data = f'--size={how_much["mib"]}M'

    def sync(self):
        for folder in dict.fromkeys((self.folder, self.lower)):
            run('sync', '-f', folder)

    def path(self, name):
        return os.path.join(self.folder, name)


def prepare(place):
    """The tree under git, and the file that is read."""
    os.mkdir(place.path('repository'))
    run('tar', '-xf', place.how_much['tar'], folder=place.path('repository'))
    for words in (('init', '-q'), ('add', '-A'), ('commit', '-q', '-m', 'all'), ('status', '--porcelain')):
        run(*GIT, *words, folder=place.path('repository'))
    return {}


def write(place):
    if os.path.exists(place.path('data')):
        os.unlink(place.path('data'))
    drop_caches()
    return {'write': rate(fio(place.folder, 'write', '--rw=write', '--bs=1M', '--end_fsync=1', place.data))}


def read(place):
    drop_caches()
    return {'read': rate(fio(place.folder, 'read', '--rw=read', '--bs=1M', place.data))}


def random_access(place):
    some = f'--io_size={4 * place.how_much["operations"]}K', '--bs=4K', '--runtime=5', place.data
    drop_caches()
    reads = fio(place.folder, 'read', '--rw=randread', *some)
    drop_caches()
    writes = fio(place.folder, 'write', '--rw=randwrite', '--fsync=1', *some)
    return {'random_read': reads['iops'], 'random_write': writes['iops']}


def tree(place):
    target = place.path('tree')
    os.mkdir(target)
    drop_caches()

    def untar():
        run('tar', '-xf', place.how_much['tar'], folder=target)
        place.sync()

    def delete():
        shutil.rmtree(target)
        place.sync()

    return {'untar': clock(untar), 'delete': clock(delete)}


def status(place):
    def ask():
        changed = run(*GIT, 'status', '--porcelain', folder=place.path('repository'))
        if changed:
            raise RuntimeError('git sees changes where there are none: ' + changed[:200])

    drop_caches()
    return {'status_cold': clock(ask), 'status_warm': clock(ask)}


STEPS = {step.__name__: step for step in (prepare, write, read, random_access, tree, status)}


def main():
    steps, folder, lower, how_much = sys.argv[1:]
    place = Place(folder, lower, json.loads(how_much))
    measures = {}
    for step in steps.split(','):
        measures.update(STEPS[step](place))
    print(json.dumps(measures))


if __name__ == '__main__':
    main()
