"""What is compared on this machine. Each contender keeps its data in a folder of its own on the disk that is measured,
and runs a command with its file system freshly mounted. All of them are made for one private mount and PID namespace,
in which nothing else mounts or lives."""
import glob
import os
import shutil
import subprocess
import time

PASSPHRASE = 'correct horse battery staple'
MIB = 1 << 20


class Failed(Exception):
    pass


def run(*words, input='', env=None):
    done = subprocess.run(words, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors='replace', env={**os.environ, **(env or {})})
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or 'it says nothing').splitlines()
        raise Failed(f'{os.path.basename(words[0])}: status {done.returncode}: {said[-1]}')
    return done.stdout


def wait_for(check, what, seconds=60):
    limit = time.monotonic() + seconds
    while not check():
        if time.monotonic() > limit:
            raise Failed(f'waited {seconds} s in vain for {what}')
        time.sleep(0.02)


def running(name):
    """Is there a process of this name? Those that have ended, and were left to this first process, are not counted."""
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(folder + '/stat') as file:
                command, _, rest = file.read().partition('(')[2].rpartition(')')
        except OSError:
            continue
        if command == name[:15] and rest.split()[0] != 'Z':
            return True
    return False


def write_out(path, size):
    """Writes every block of a file, with what is in it: a disk would otherwise have to note, the first time one is
    written, that it now is."""
    with open(path, 'r+b' if os.path.exists(path) else 'w+b') as file:
        for at in range(0, size, MIB):
            file.seek(at)
            data = file.read(MIB).ljust(MIB, b'\0')
            file.seek(at)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


class Contender:
    # Its share of the amounts, where the whole would take too long.
    share = 1.0

    def __init__(self, name, work, size):
        self.name, self.size = name, size
        self.folder = os.path.join(work, name)
        self.mount = os.path.join('/run/bench/mounts', name)
        os.makedirs(self.folder, mode=0o700)
        os.makedirs(self.mount)

    @property
    def lower(self):
        """Where the data is, for a file system that does not pass on a sync."""
        return self.mount

    def run(self, words):
        self.open()
        try:
            return run(*words)
        finally:
            self.close()

    def remove(self):
        shutil.rmtree(self.folder)


class Loop(Contender):
    """Plain ext4 on a loop device, as a vault would be without any encryption."""
    direct = False

    def make(self):
        self.image = os.path.join(self.folder, 'image')
        write_out(self.image, self.size)
        # As libtazpod/ext4.c makes it.
        run('mkfs.ext4', '-q', '-F', '-b', '4096', '-I', '256', '-m', '0', '-E',
            'nodiscard,lazy_itable_init=0,lazy_journal_init=0', self.image)

    def open(self):
        direct = 'on' if self.direct else 'off'
        device = run('losetup', '--find', '--show', f'--direct-io={direct}', self.image).strip()
        try:
            with open(f'/sys/block/{os.path.basename(device)}/loop/dio') as file:
                if file.read().strip() != str(int(self.direct)):
                    raise Failed(f'this loop device cannot have direct I/O {direct}')
            run('mount', '-o', 'nosuid,nodev', device, self.mount)
        finally:
            # It goes with its last user.
            run('losetup', '-d', device)

    def close(self):
        run('umount', self.mount)


class LoopDirect(Loop):
    direct = True


class TazPod(Contender):
    def __init__(self, name, work, size, program):
        super().__init__(name, work, size)
        self.program = program
        self.settings = f'/run/bench/{name}.yaml'
        # Where every folder on the way is root's, as it has to be.
        self.vault = '/run/bench/vault'

    def make(self):
        os.makedirs(self.vault)
        run('mount', '--bind', self.folder, self.vault)
        with open(self.settings, 'w') as file:
            file.write(f'vault: {self.vault}/vault.img\nvault_size: {self.size // MIB}M\ndriver: fuse\n'
                       'kdf_memory: 32K\nkdf_iterations: 4\n')
        run(self.program, self.settings, 'make')
        self.closed()
        write_out(f'{self.vault}/vault.img', self.size)

    def closed(self):
        wait_for(lambda: not running('tazpod-server'), 'the vault to be closed')

    def run(self, words):
        try:
            return run(self.program, self.settings, self.mount, *words)
        finally:
            self.closed()

    def remove(self):
        run('umount', self.vault)
        super().remove()


class Gocryptfs(Contender):
    @property
    def lower(self):
        return self.folder

    def make(self):
        self.passfile = '/run/bench/gocryptfs.passphrase'
        with open(self.passfile, 'w') as file:
            file.write(PASSPHRASE)
        run('gocryptfs', '-q', '-init', '-scryptn', '10', '-passfile', self.passfile, self.folder)

    def open(self):
        run('gocryptfs', '-q', '-passfile', self.passfile, self.folder, self.mount)

    def close(self):
        run('umount', self.mount)
        wait_for(lambda: not running('gocryptfs'), 'gocryptfs to end')


class Cryfs(Contender):
    """It stays mounted, since mounting takes it some 20 s. What it has read it keeps for half a second only."""
    share = 0.125

    @property
    def lower(self):
        return self.folder

    def make(self):
        # It keeps a note of each of its file systems in the home.
        run('cryfs', self.folder, self.mount, input=PASSPHRASE + '\n',
            env={'CRYFS_FRONTEND': 'noninteractive', 'CRYFS_NO_UPDATE_CHECK': 'true', 'HOME': '/run/bench'})

    def run(self, words):
        time.sleep(2)
        return run(*words)

    def remove(self):
        if os.path.ismount(self.mount):
            run('umount', self.mount)
            wait_for(lambda: not running('cryfs'), 'cryfs to end', 300)
        super().remove()


# In the order in which they take turns.
ALL = {'ext4': Loop, 'ext4-direct': LoopDirect, 'tazpod': TazPod, 'gocryptfs': Gocryptfs, 'cryfs': Cryfs}
