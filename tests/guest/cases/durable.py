#!/usr/bin/env python3
"""Writes in a vault, says what has been synced, and finds out afterwards whether that is there.

usage: durable.py {files|blocks} FOLDER SEED           writes until it is stopped
       durable.py {files|blocks} FOLDER SEED LAST      LAST is the number that was said last: looks

files writes one file after the other, each synced under another name and then renamed. blocks writes, cuts off and
syncs parts of a few files, in an order that only the seed decides: of each block it is known which of its contents may
be there after the power has failed, and which must."""
import hashlib
import os
import random
import struct
import sys

BLOCK = 4096
FILES, BLOCKS = 6, 128


def say(kind, number):
    os.write(1, f'{kind} synced {number}\n'.encode())


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


# ---------------------------------------------------------------- whole files

def text(seed, number):
    return hashlib.shake_128(f'{seed}/{number}'.encode()).digest(1 + number * 7919 % 20000)


def write_files(folder, seed):
    number = 0
    while True:
        number += 1
        path = f'{folder}/{number}'
        with open(path + '.new', 'wb') as file:
            file.write(text(seed, number))
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + '.new', path)
        sync(folder)
        say('files', number)


def look_at_files(folder, seed, last):
    """Yields what is wrong."""
    for number in range(1, last + 1):
        if not os.path.exists(f'{folder}/{number}'):
            yield f'the file {number} is not there'
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name.isdigit():
            with open(f'{folder}/{name}', 'rb') as file:
                if file.read() != text(seed, int(name)):
                    yield f'the file {name} is not what was written'


# ---------------------------------------------------------------- blocks

def steps(seed):
    """What is done, one after the other, for ever."""
    chance = random.Random(seed)
    while True:
        file = chance.randrange(FILES)
        for _ in range(chance.randrange(1, 12)):
            if chance.random() < 0.1:
                yield 'cut off', file, chance.randrange(BLOCKS)
            else:
                yield 'write', file, chance.randrange(BLOCKS), chance.randrange(1, 17)
            if chance.random() < 0.3:
                file = chance.randrange(FILES)
        yield 'sync', file


def content(seed, file, block, version):
    head = struct.pack('<4Q', seed, file, block, version)
    return head + hashlib.shake_128(head).digest(BLOCK - len(head))


def write_blocks(folder, seed):
    fds = [os.open(f'{folder}/{number}', os.O_RDWR | os.O_CREAT, 0o600) for number in range(FILES)]
    sync(folder)
    for number, (what, file, *where) in enumerate(steps(seed)):
        if what == 'cut off':
            os.ftruncate(fds[file], where[0] * BLOCK)
        elif what == 'write':
            data = b''.join(content(seed, file, block, number) for block in range(where[0], sum(where)))
            assert os.pwrite(fds[file], data, where[0] * BLOCK) == len(data)
        else:
            os.fsync(fds[file])
            say('blocks', number)


def possible(seed, last):
    """For each file, for each block, the versions that may be there; 0: none."""
    now = [{} for _ in range(FILES)]
    allowed = [{} for _ in range(FILES)]
    for number, (what, file, *where) in enumerate(steps(seed)):
        if what == 'sync':
            if number > last:
                return allowed
            allowed[file] = {block: {version} for block, version in now[file].items()}
            continue
        blocks = range(where[0], sum(where)) if what == 'write' else [block for block in now[file] if block >= where[0]]
        for block in blocks:
            version = number + 1 if what == 'write' else 0
            now[file][block] = version
            allowed[file].setdefault(block, {0}).add(version)


def version_of(data, seed, file, block):
    """Which version this is; 0 for none; -1 for what was never written there."""
    if not data.strip(b'\0'):
        return 0
    if len(data) < BLOCK:
        return -1
    version = struct.unpack_from('<4Q', data)[3]
    return version + 1 if data == content(seed, file, block, version) else -1


def look_at_blocks(folder, seed, last):
    """Yields what is wrong."""
    for number, allowed in enumerate(possible(seed, last)):
        path = f'{folder}/{number}'
        data = b''
        if os.path.exists(path):
            with open(path, 'rb') as file:
                data = file.read()
        for block in range(max(BLOCKS + 16, len(data) // BLOCK + 1)):
            version = version_of(data[block * BLOCK:(block + 1) * BLOCK], seed, number, block)
            wanted = allowed.get(block, {0})
            if version not in wanted:
                yield f'block {block} of file {number} is in version {version}, not one of {sorted(wanted)}'


WRITERS = {'files': write_files, 'blocks': write_blocks}
LOOKERS = {'files': look_at_files, 'blocks': look_at_blocks}


def main():
    kind, folder, seed, *last = sys.argv[1:]
    if not last:
        os.makedirs(folder)
        sync(os.path.dirname(folder))
        WRITERS[kind](folder, int(seed))
    problems = list(LOOKERS[kind](folder, int(seed), int(last[0])))
    print('\n'.join(problems[:10]))
    print(f'{kind}: {len(problems)} problems')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
