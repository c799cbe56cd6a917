"""Too little memory: a session, or its server, is in a control group that has room for a fraction of what is written to
the vault. The server must never wait for memory that is free only once it has written."""
import contextlib
import glob
import os
import re
import time

import lab

GROUPS, CONNECTIONS = '/run/lab-groups', '/run/lab-fuse'
LIMIT = 64 << 20
# Each of the writers writes as many bytes of its own. Enough memory would do it in some seconds; a hang is for ever.
NAMES, EACH = '1234', 160 << 20
PATIENCE = 120
# As a container has it: no capability to lock memory, or to ask for more of it.
UNLOCKED = 'prlimit --memlock=8388608 setpriv --bounding-set=-ipc_lock,-sys_resource --inh-caps=-ipc_lock,-sys_resource'
# The same bytes on every machine, and no two blocks of them are alike.
PRODUCE = 'seq {0}000000000 {0}999999999 | head -c {1}'
DD = 'dd of=~/secrets/$n bs=1M iflag=fullblock conv=fsync{} status=none'


class Group:
    """A control group with a limit of memory, of whichever version has that controller here."""

    def __init__(self, limit):
        self.folder = None
        os.makedirs(GROUPS, exist_ok=True)
        version, name = (1, 'memory.limit_in_bytes') if in_first_version() else (2, 'memory.max')
        if not os.path.ismount(GROUPS):
            lab.sh(f'mount -t {"cgroup -o memory" if version == 1 else "cgroup2"} groups {GROUPS}')
            lab.later(lab.sh, f'umount {GROUPS}')
        folder = f'{GROUPS}/tazpod-lab-{time.monotonic_ns()}'
        try:
            os.mkdir(folder)
            lab.later(self.remove)
            self.folder = folder
            with open(f'{folder}/{name}', 'w') as file:
                file.write(str(limit))
        except OSError as problem:
            lab.skip(f'no memory can be limited here: {problem}')

    def add(self, pid):
        with open(f'{self.folder}/cgroup.procs', 'w') as file:
            file.write(str(pid))

    def processes(self):
        with open(f'{self.folder}/cgroup.procs') as file:
            return [int(line) for line in file]

    def ran_out(self):
        """Did the kernel end a process in it for want of memory?"""
        with open(f'{self.folder}/{"memory.oom_control" if in_first_version() else "memory.events"}') as file:
            return re.search(r'^oom_kill [1-9]', file.read(), re.M) is not None

    def remove(self):
        for pid in self.processes():
            with contextlib.suppress(OSError), open(f'{GROUPS}/cgroup.procs', 'w') as file:
                file.write(str(pid))
        os.rmdir(self.folder)

    def through(self):
        """Words that start a program in the group."""
        return f"sh -c 'echo $$ > {self.folder}/cgroup.procs && exec \"$@\"' sh"


def fresh_libraries():
    """Puts copies of the server's libraries, that nobody has read yet, in their places: their pages are charged to who
    uses them first, as in a container of its own."""
    names = 'libcrypto.so.3', 'libc.so.6', 'libfuse3.so.[34]'
    for path in [os.path.realpath(path) for name in names for path in glob.glob(f'/usr/lib/*/{name}')]:
        copy = f'/workspace/lab-{time.monotonic_ns()}-{os.path.basename(path)}'
        lab.later(os.unlink, copy)
        lab.sh(f'cp {path} {copy} && sync {copy}')
        fd = os.open(copy, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        lab.sh(f'mount --bind {copy} {path}')
        lab.later(lab.sh, f'umount -l {path}')


def in_first_version():
    """Does the memory controller belong to a hierarchy of the first version?"""
    with open('/proc/cgroups') as file:
        return any(line.split()[:1] == ['memory'] and line.split()[1] != '0' for line in file)


def rescue():
    """A server that waits for itself is past SIGKILL, and with it everybody who syncs on this machine. Its FUSE
    connection can be cut."""
    os.makedirs(CONNECTIONS, exist_ok=True)
    lab.sh(f'mount -t fusectl fusectl {CONNECTIONS}')
    try:
        for line in lab.loop_devices():
            device = lab.sh(f'losetup -n -O BACK-MAJ:MIN /dev/{line.split(":")[0]}').split(':')[1].strip()
            with open(f'{CONNECTIONS}/{device}/abort', 'w') as file:
                file.write('1')
    finally:
        lab.sh(f'umount {CONNECTIONS}')


class Closed(Exception):
    """The session has come to its end."""


@contextlib.contextmanager
def bounded():
    """What does not come in time fails, but does not take the machine with it."""
    try:
        yield
    except lab.Failed as problem:
        if 'the terminal was closed' in str(problem):
            raise Closed(problem) from None
        held_up = lab.held_up()
        rescue()
        raise AssertionError('\n'.join([str(problem), *held_up])) from None


def expected():
    return [lab.sh(PRODUCE.format(number, EACH) + ' | sha256sum').split()[0] for number in NAMES]


def vault():
    lab.settings('vault_size: 1G\n')
    lab.no_vault()
    lab.fresh_vault(tool='tazpod', options='--stdin --quiet')


def writers(way):
    return f'for n in {" ".join(NAMES)}; do {PRODUCE.format("${n}", EACH)} | {way} & done; wait'


def read_all(terminal):
    with bounded():
        return [line.split()[0] for line in terminal.check('(cd ~/secrets && sha256sum [0-9])', PATIENCE).splitlines()]


def try_out(terminal):
    """Writes and reads more than there is memory for."""
    digests = expected()
    for way in DD.format(''), DD.format(',notrunc'):
        with bounded():
            terminal.check(writers(way), PATIENCE)
        assert read_all(terminal) == digests
    terminal.leave(60)
    lab.nothing_left(lab.VAULT, keys_too=False)


def in_group(limit, function):
    """Calls function with a group; up to three times where the kernel ended something in it and could not help it.

    In the first version of control groups it slows those who write down by what the whole machine has yet to write, and
    not by what their group has: on a disk that others keep busy, a group fills up with it."""
    for last in False, False, True:
        group = Group(limit)
        vault()
        try:
            return function(group)
        except (AssertionError, Closed):
            if last or not in_first_version() or not group.ran_out():
                raise
            lab.close_all()
            lab.nothing_left(keys_too=False)


@lab.only('native')
@lab.timeout(900)
def test_session():
    """a session in 64 MiB, its server among it, writes and reads ten times as much"""
    def session(group):
        terminal = lab.Terminal(through=group.through())
        terminal.unlock()
        try_out(terminal)
    in_group(LIMIT, session)


@lab.only('native')
@lab.timeout(900)
def test_server():
    """a server in 16 MiB serves a session that has all the memory"""
    def session(group):
        terminal = lab.Terminal()
        terminal.unlock()
        (server, _), = lab.processes(names=('tazpod-server',))
        group.add(server)
        try_out(terminal)
    in_group(LIMIT // 4, session)


@lab.only('native')
@lab.timeout(900)
def test_unlocked():
    """the same where nothing can be locked into memory, and the server's program is in that group's memory, too"""
    def session(group):
        fresh_libraries()
        terminal = lab.Terminal(through=f'{group.through()} {UNLOCKED}')
        terminal.unlock()
        try_out(terminal)
    in_group(LIMIT, session)


@lab.only('native')
@lab.timeout(900)
def test_far_too_little():
    """with half of that the session comes through or is ended; what was synced is there, nothing hangs"""
    vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('seq 1000000 > ~/secrets/kept; sync -f ~/secrets')
    terminal.leave(60)
    terminal.close()
    fresh_libraries()
    terminal = lab.Terminal(through=f'{Group(LIMIT // 2).through()} {UNLOCKED}')
    # The kernel may end the session while it is being opened, too.
    if terminal.try_unlock()[0]:
        again = f'for round in 1 2 3; do rm -f ~/secrets/[0-9]; {writers(DD.format(""))}; done'
        terminal.send(again + "; echo all 'written'\n")
        with contextlib.suppress(Closed), bounded():
            terminal.expect([r'all written\r\n', r'@@tazpod:\d+@@ '], PATIENCE)
    terminal.close()
    lab.nothing_left(keys_too=False)
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('seq 1000000 | cmp - ~/secrets/kept')
    terminal.leave(60)
    lab.nothing_left(lab.VAULT, keys_too=False)
