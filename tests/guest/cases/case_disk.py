"""A disk that fails, fills up or loses its power, below the vault's image; and a server that is killed: what was synced
is there afterwards, and the file system is sound."""
import collections
import contextlib
import os
import pwd
import random
import re
import signal
import subprocess
import tempfile
import time

import lab
import payload

FAULTY = '/opt/tazpod-tests/faulty'  # tests/native/faulty.c
DURABLE = 'python3 /opt/tazpod-tests/durable.py'
FOLDER = os.path.dirname(lab.VAULT)
EIO, ENOSPC = 5, 28
SYNCED = re.compile(r'^(files|blocks) synced (\d+)\r?$', re.M)
ROUNDS = 2


class Disk:
    """The vault's folder on a disk that can be made to fail."""

    def __init__(self):
        if not os.path.exists(FAULTY):
            lab.skip(f'there is no {FAULTY}')
        self.process = subprocess.Popen([FAULTY, FOLDER])
        lab.later(self.gone)
        lab.wait_for(lambda: os.path.exists(FOLDER + '/.control'), 'the faulty disk')

    def tell(self, command):
        with open(FOLDER + '/.control', 'w') as file:
            file.write(command + '\n')

    def counts(self):
        """How many reads, writes and flushes there were, and how many blocks are in its memory alone."""
        with open(FOLDER + '/.control') as file:
            words = file.read().split()
        return dict(zip(words[::2], (int(word) for word in words[1::2])))

    def gone(self):
        """Unplugged: what was not flushed is lost."""
        if self.process.returncode is None:
            lab.sh(f'umount -l {FOLDER}')
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def server():
    (pid, _), = lab.processes(names=('tazpod-server',))
    return pid


def kill_all():
    """All at once, as when the power fails."""
    for pid, _ in lab.processes(pwd.getpwnam(lab.GHOST).pw_uid, ('tazpod-server', 'tazpod-init', 'su')):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    lab.nothing_left(keys_too=False)


def sound(passphrase=lab.PASSPHRASE):
    """Asserts that a file system check, once it has replayed the journal, finds nothing to mend. The image stays as it
    is."""
    vault = payload.Payload(lab.VAULT, passphrase)
    with tempfile.TemporaryDirectory(dir='/run') as folder:
        vault.decrypt(folder + '/plain')
        said = lab.sh(f'e2fsck -fy -E no_optimize_extents {folder}/plain', status=None)
    # These two sums of the superblock are right only after unmounting; no kernel looks at them.
    others = re.sub(r'Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.\nFix\? yes', '', said)
    assert '? yes' not in others and re.search(r' files .* blocks$', said.rstrip()), said


def start_writers(terminal, name, seed):
    for kind in 'files', 'blocks':
        terminal.send(f'{DURABLE} {kind} ~/secrets/{name}-{kind} {seed} &\n')
    terminal.expect('files synced 5\r\n')
    if 'blocks synced' not in terminal.transcript:
        terminal.expect('blocks synced')


def last_synced(terminal, since=0):
    """What the writers have said last."""
    last = collections.defaultdict(int)
    for kind, number in SYNCED.findall(terminal.transcript[since:]):
        last[kind] = max(last[kind], int(number))
    return last


def look(terminal, name, seed, last):
    """Gives what is wrong with what was synced."""
    problems = ''
    for kind in 'files', 'blocks':
        status, said = terminal.run(f'{DURABLE} {kind} ~/secrets/{name}-{kind} {seed} {last[kind]}')
        if status:
            problems += said
    return problems


# ---------------------------------------------------------------- the power fails

def power_fails(seed, percent, honest=True):
    """Gives what is wrong with what was said to be synced when the power failed, and how many blocks that lost."""
    lab.fresh_vault()
    disk = Disk()
    if not honest:
        disk.tell('lie')
    terminal = lab.Terminal()
    terminal.unlock()
    start_writers(terminal, 'kept', seed)
    time.sleep(random.Random(seed).uniform(0.2, 2.5))
    lost = disk.counts()['dirty']
    disk.tell(f'cut {percent} {seed}')
    kill_all()
    terminal.expect(lab.PROMPT)
    last = last_synced(terminal)
    assert last['files'] >= 5 and last['blocks'] > 0, terminal.tail()
    terminal.close()
    disk.gone()
    sound()
    terminal = lab.Terminal()
    terminal.unlock()
    problems = look(terminal, 'kept', seed, last)
    terminal.leave()
    terminal.close()
    lab.nothing_left(lab.VAULT, keys_too=False)
    return problems, lost


@lab.only('native')
@lab.timeout(600)
def test_power_fails():
    """what was synced in the vault is there after the power has failed, whichever of the rest has reached the disk"""
    lost_at_all = 0
    for seed, percent in enumerate([0, 0, 30, 50, 70, 90] * ROUNDS):
        problems, lost = power_fails(seed, percent)
        assert not problems, f'seed {seed}, {percent} % of what was not flushed:\n{problems}'
        lost_at_all += lost
    assert lost_at_all > 0, 'nothing was ever waiting to be flushed: this test does not look right'


@lab.only('native')
def test_disk_lies():
    """with a disk that does not flush when it is told to, it is lost: or the test above would prove nothing"""
    problems, lost = power_fails(1, 0, honest=False)
    assert 'is not there' in problems and 'in version 0' in problems and lost > 0, (problems, lost)


def written_past_cache(disk, terminal):
    """Writes a file and syncs it, then something else, and then the file's content anew past the cache. Gives the counts
    as they were before that."""
    write = 'tr "\\0" {} < /dev/zero | dd of=~/secrets/file bs=64k count=64 iflag=fullblock status=none '
    terminal.check(write.format('a') + 'conv=fsync; sync -f ~/secrets')
    before = disk.counts()
    terminal.check('echo new > ~/secrets/new; sync ~/secrets/new')
    after = disk.counts()
    assert after['flush'] > before['flush'], (before, after)
    terminal.check(write.format('b') + 'oflag=direct conv=notrunc')
    assert terminal.check('dd if=~/secrets/file bs=64k iflag=direct status=none | tr -d b | wc -c') == '0'
    return after


@lab.only('native')
def test_flushes():
    """a sync in the vault flushes the image; writing past the cache alone does not, and is lost with the power"""
    lab.fresh_vault()
    disk = Disk()
    terminal = lab.Terminal()
    terminal.unlock()
    # Neither ext4 nor the session shall flush by themselves: a commit that is under way keeps the time it began with.
    (init, _), = lab.processes(names=('tazpod-init',))
    lab.sh(f'nsenter --mount --target {init} mount -o remount,commit=300 /home/{lab.GHOST}/secrets')
    (flusher, _), = lab.processes(names=('tazpod-flush',))
    os.kill(flusher, signal.SIGSTOP)
    for _ in range(10):
        after = written_past_cache(disk, terminal)
        if disk.counts()['flush'] == after['flush']:
            break # else somebody on this machine has all that there is flushed: sync(2)
    assert disk.counts()['flush'] == after['flush'] and disk.counts()['dirty'] >= 1024, (after, disk.counts())
    disk.tell('cut 0 1')
    kill_all()
    disk.gone()
    sound()
    with lab.looked_into() as folder:
        with open(folder + '/file') as file:
            assert file.read() == 'a' * (64 * 65536)


@lab.only('native')
def test_not_synced():
    """a container that is stopped takes the server with it: what was written a few seconds ago is there nevertheless"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('head -c 16000000 /dev/urandom > ~/secrets/new')
    digest = terminal.check('sha256sum < ~/secrets/new').split()[0]
    time.sleep(8) # longer than the period of tazpod-worker/flush.h
    kill_all()
    terminal.close()
    sound()
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('sha256sum < ~/secrets/new').split()[0] == digest
    terminal.leave()


DIRECT = """
import mmap, os
size, file = 4 << 20, os.path.expanduser("~/secrets/direct")
fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
for at in 0, 512, 2048:
    memory = mmap.mmap(-1, size + (4 << 20), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    here = memoryview(memory)[at:at + size]
    data = os.urandom(size)
    here[:] = data
    assert os.pwrite(fd, here, 0) == size, at
    with open(file, "rb") as other:
        assert other.read() == data, at
    here[:] = bytes(size)
    assert os.preadv(fd, [here], 0) == size and here == data, at
"""


@lab.only('native')
def test_direct():
    """programs that read and write past the cache may do so from any memory that a disk would take"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check(f"python3 -c '{DIRECT}'")
    terminal.leave()
    assert not spoken(), spoken()


# ---------------------------------------------------------------- requests fail

def spoken():
    """What servers have said to syslog."""
    return [line for line in lab.journal().splitlines() if 'tazpod-server' in line]


def told_once(what):
    said = [line for line in spoken() if what in line]
    assert len(said) == 1 and re.search('failed: (Input/output error|No space left on device);', said[0]), spoken()


def with_kept(**more):
    """A session with a synced file, on a disk that works as yet."""
    lab.fresh_vault(**more)
    disk = Disk()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('mkdir ~/secrets/kept && head -c 5000000 /dev/urandom > ~/secrets/kept/file && '
                   '(cd ~/secrets/kept && sha256sum file > sum) && sync -f ~/secrets')
    return disk, terminal


def end_session(terminal):
    """A session in whose vault nothing works any more ends as any other."""
    terminal.leave(30)
    terminal.close()
    lab.nothing_left(keys_too=False)


def all_is_well():
    """A new session finds what was synced, can write, and leaves a sound file system."""
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('cd ~/secrets/kept && sha256sum -c sum && cd && echo new > ~/secrets/new && sync -f ~/secrets')
    terminal.leave()
    terminal.close()
    lab.nothing_left(lab.VAULT, keys_too=False)


def writes_fail(fault, said):
    disk, terminal = with_kept()
    disk.tell(fault)
    status, text = terminal.run('dd if=/dev/urandom of=~/secrets/lost bs=64k count=300 conv=fsync')
    assert status != 0 and re.search('Input/output error|No space left|Read-only', text), text
    told_once(said)
    end_session(terminal)
    disk.tell('heal')
    all_is_well()


@lab.only('native')
def test_write_fails():
    """writing the image fails, at once or in the middle: an error in the vault, one line in the log, no damage"""
    for after in 0, 3, 12:
        writes_fail(f'fail write {after} {EIO}', 'writing the image')
        lab.begin('')


@lab.only('native')
def test_no_space():
    """writing the image says that there is no space: the same"""
    writes_fail(f'fail write 3 {ENOSPC}', 'writing the image')


@lab.only('native')
def test_flush_fails():
    """flushing the image fails: nothing is said to be synced, one line in the log, no damage"""
    writes_fail(f'fail flush 0 {EIO}', 'flushing the image')


def reads_fail(fault):
    disk, terminal = with_kept()
    disk.tell(fault)
    status, text = terminal.run('dd if=~/secrets/kept/file of=/dev/null bs=64k iflag=direct')
    assert status != 0 and 'Input/output error' in text, text
    told_once('reading the image')
    disk.tell('heal')
    assert terminal.check('dd if=~/secrets/kept/file bs=1M iflag=direct status=none | sha256sum').split()[0] == \
        terminal.check('cat ~/secrets/kept/sum').split()[0]
    end_session(terminal)
    all_is_well()


@lab.only('native')
def test_read_fails():
    """reading the image fails: an error in the vault, one line in the log, and it goes on when the disk does"""
    reads_fail(f'fail read 2 {EIO}')


@lab.only('native')
def test_short_read():
    """the image ends too early: the same"""
    reads_fail(f'end {17 << 20}')


@lab.only('native')
def test_opening_fails():
    """with a disk that fails there is no session, and nothing left of one; with the disk well again there is"""
    disk, terminal = with_kept()
    end_session(terminal)
    for fault, words in ((f'fail read 0 {EIO}', 'cannot be read: Input/output error'),
                         (f'end {16 << 20}', 'cannot be read: Input/output error'),
                         (f'fail write 0 {EIO}', 'the disk reports'),
                         (f'fail flush 0 {EIO}', 'the disk reports')):
        disk.tell(fault)
        terminal = lab.Terminal()
        worked, said = terminal.try_unlock()
        assert not worked and words in said, (fault, said)
        terminal.close()
        lab.nothing_left(keys_too=False)
        disk.tell('heal')
    all_is_well()


# ---------------------------------------------------------------- the disk is full

def free_ranges(device):
    """(first, number) of the blocks that its file system does not use, and the size of a block."""
    said = lab.sh(f'dumpe2fs {device} 2>/dev/null')
    ranges = []
    for line in re.findall(r'^  Free blocks: (.+)$', said, re.M):
        for word in line.split(', '):
            first, _, last = word.partition('-')
            ranges.append((int(first), int(last or first) - int(first) + 1))
    return ranges, int(re.search(r'^Block size: +(\d+)$', said, re.M).group(1))


@lab.only('native')
@lab.timeout(300)
def test_sparse_on_full_disk():
    """a sparse image on a full disk: an error in the vault when there are no more blocks, and no damage"""
    lab.fresh_vault()
    disk = lab.scratch_disk()
    lab.sh(f'mkfs.ext4 -q -F -m 0 {disk} 100M')
    with lab.opened(readonly=True) as device:
        ranges, block = free_ranges(device)
    lab.sh(f'mv {lab.VAULT} /run/lab-image && mount {disk} {FOLDER} && chmod 700 {FOLDER}')
    lab.sh(f'mv /run/lab-image {lab.VAULT}')
    lab.later(lab.sh, f'umount {FOLDER}')
    offset = payload.Payload(lab.VAULT, lab.PASSPHRASE).offset
    for first, number in ranges:
        lab.sh(f'fallocate --punch-hole --offset {offset + first * block} --length {number * block} {lab.VAULT}')
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('mkdir ~/secrets/kept && head -c 5000000 /dev/urandom > ~/secrets/kept/file && '
                   '(cd ~/secrets/kept && sha256sum file > sum) && sync -f ~/secrets')
    lab.sh(f'dd if=/dev/zero of={FOLDER}/filler bs=64k status=none', status=1)
    status, text = terminal.run('dd if=/dev/urandom of=~/secrets/lost bs=64k conv=fsync')
    assert status != 0 and re.search('Input/output error|No space left|Read-only', text), text
    said = [line for line in spoken() if 'writing the image' in line]
    assert len(said) == 1 and 'No space left on device' in said[0], spoken()
    end_session(terminal)
    lab.sh(f'rm {FOLDER}/filler')
    all_is_well()


# ---------------------------------------------------------------- the server is killed

@lab.only('native')
@lab.timeout(600)
def test_server_killed():
    """SIGKILL of the server at any moment, many times over: what was synced is there, and the file system sound"""
    lab.fresh_vault()
    chance = random.Random(1)
    for seed in range(5 * ROUNDS):
        terminal = lab.Terminal()
        terminal.unlock()
        start_writers(terminal, str(seed), seed)
        time.sleep(chance.uniform(0, 1.5))
        os.kill(server(), signal.SIGKILL)
        terminal.expect(r'@@tazpod:\d+@@ ')
        last = last_synced(terminal)
        terminal.close()
        lab.nothing_left(keys_too=False)
        sound()
        terminal = lab.Terminal()
        terminal.unlock()
        problems = look(terminal, str(seed), seed, last)
        assert not problems, f'round {seed}: {problems}'
        terminal.check('rm -rf ~/secrets/*-files ~/secrets/*-blocks')
        terminal.leave()
        terminal.close()
        lab.nothing_left(lab.VAULT, keys_too=False)
