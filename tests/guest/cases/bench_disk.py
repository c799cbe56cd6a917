"""What a disk is put through in a guest: plain ext4 on a loop device, and one vault that the two drivers open in turns. Each
number is a median."""
import contextlib
import json
import os
import shlex
import subprocess

import lab
import measures
import workloads

ROUNDS = 3
FILES = 400
STEPS = 'write,read,random_access,tree,status'
PEER, DRIVERS = 'ext4', ('dm-crypt', 'fuse')
SIZE = '160M'
# Not in /tmp, which a session has for itself.
IMAGE, TAR, MOUNT = '/var/lib/lab-bench.ext4', '/var/lib/lab-bench.tar', '/run/lab-bench-ext4'
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'workloads.py')


@contextlib.contextmanager
def plain():
    """With the direct I/O that the loop devices of both drivers have. Gives the folder, and how to get to it."""
    device = lab.sh(f'losetup --find --show --direct-io=on {IMAGE}').strip()
    try:
        lab.sh(f'mount {device} {MOUNT}')
    finally:
        lab.sh(f'losetup -d {device}')
    try:
        yield MOUNT, ''
    finally:
        lab.sh(f'umount {MOUNT}')


@contextlib.contextmanager
def vault(driver):
    """A real session, into whose mounts root goes: only root may drop caches."""
    lab.write_settings(lab.CHEAP.replace('driver: fuse\n', '') + f'driver: {driver}\nkey_timeout: 0\n')
    terminal = lab.Terminal()
    terminal.unlock()
    try:
        (init, _), = lab.processes(names=('tazpod-init',))
        yield f'/home/{lab.GHOST}/secrets', f'nsenter --mount --target {init}'
    finally:
        terminal.close()
        lab.nothing_left(keys_too=False, seconds=60)


def work(name, steps):
    with plain() if name == PEER else vault(name) as (folder, enter):
        amounts = shlex.quote(json.dumps(workloads.amounts(16, FILES, 100, TAR)))
        said = lab.sh(f'{enter} python3 {PROGRAM} {steps} {folder} {folder} {amounts}', timeout=300)
    return json.loads(said)


def prepare():
    """Both images have all their blocks."""
    workloads.make_tar(TAR, FILES)
    os.makedirs(MOUNT, exist_ok=True)
    lab.fresh_vault(size=SIZE)
    for path in IMAGE, lab.VAULT + '.whole':
        lab.sh(f'dd if=/dev/zero of={path} bs=1M count={SIZE[:-1]} status=none')
    lab.sh(f'dd if={lab.VAULT} of={lab.VAULT}.whole bs=1M conv=notrunc status=none && chmod 600 {lab.VAULT}.whole && '
           f'mv {lab.VAULT}.whole {lab.VAULT}')
    lab.sh(f'mkfs.ext4 -q -E nodiscard {IMAGE}')
    for name in PEER, DRIVERS[0]:
        work(name, 'prepare')


def machine():
    found = subprocess.run(['systemd-detect-virt'], stdout=subprocess.PIPE, text=True).stdout.strip()
    return 'emulated' if found == 'qemu' else found


def main(say):
    results = measures.Results(FILES)
    names = (PEER, *DRIVERS)
    prepare()
    for number in range(ROUNDS):
        for at in range(len(names)):
            name = names[(at + number) % len(names)]
            results.add(name, work(name, STEPS))
    for line in results.lines(names, PEER):
        say(f'bench: in a guest ({machine()}), {line}')
    print('\n' + results.table(names, PEER), flush=True)
    lab.write_settings(lab.CHEAP)
