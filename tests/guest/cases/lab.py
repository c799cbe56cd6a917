"""What the cases have at hand: terminals, ssh, settings, vaults, and the check that nothing of a session is left."""
import contextlib
import ctypes
import fcntl
import glob
import os
import pwd
import re
import shutil
import signal
import struct
import subprocess
import syslog
import tempfile
import time

import pexpect

import payload

# Where this is: in a guest, which has systemd and device-mapper; or natively, on a machine's own kernel, in a root and
# namespaces of its own, which has neither, and on whose loop devices and keys others are at work, too.
NATIVE = os.environ.get('TAZPOD_WORLD') == 'native'
DRIVER = 'fuse' if NATIVE else 'dm-crypt'
SYSLOG = '/var/log/syslog'  # natively

PUBLIC, GHOST, OTHER = 'tazpod', 'tazpod-ghost', 'other'
PASSWORDS = {PUBLIC: 'public', OTHER: 'other', 'root': 'root'}
PASSPHRASE = 'correct horse battery staple'
TIOCGPTN = 0x80045430  # the number of a pty, asked of its master
SETTINGS = '/etc/tazpod/tazpod.yaml'
VAULT = '/var/lib/tazpod/vault/vault.img'
SSH_PORT = 2222
# The usual settings: deriving a key costs next to nothing. Natively there may be a device-mapper, too, which is not ours.
CHEAP = 'kdf_memory: 1M\nkdf_iterations: 4\n' + ('driver: fuse\n' if NATIVE else '')
# An emulated processor is some thirty times slower than a real one.
PATIENCE = 60
POLL = 0.02 if NATIVE else 0.25

PROMPT = re.compile(r'@@([\w-]+):(\d+)@@ ')
SECRET_PROMPT = re.compile(r'(?i)(?:passphrase|password)[^\r\n]*: ?$')
SHELL_PROMPT = re.compile(r'[$#%] $')


class Skip(Exception):
    """This test cannot be done here."""


class TimedOut(BaseException):
    """No `except Exception` of a test catches this."""


def skip(reason):
    raise Skip(reason)


def timeout(seconds):
    """Decorates a test that may take longer than 180 s."""
    def mark(function):
        function.timeout = seconds
        return function
    return mark


def only(world):
    """Decorates a test that means something in that world only, 'guest' or 'native': in the other it is not run."""
    def mark(function):
        function.world = world
        return function
    return mark


# ---------------------------------------------------------------- one test

_began = time.time()
_logged = 0
_sessions = []
_to_do = []


def begin(_module):
    """Called before each test."""
    global _began, _logged
    _began = time.time()
    if NATIVE:
        _logged = os.path.getsize(SYSLOG)


def end():
    """Called after each test: undoes what the test asked to be undone, last first, and ends its terminals."""
    problems = []
    while _to_do:
        try:
            _to_do.pop()()
        except Exception as problem:
            problems.append(problem)
    close_all()
    if problems:
        raise problems[0]


def close_all():
    """Ends all terminals."""
    while _sessions:
        _sessions.pop().close()


def later(function, *arguments):
    """Has function called once this test is over, however it ends."""
    _to_do.append(lambda: function(*arguments))


def journal():
    """The lines of the system's log since this test began."""
    if NATIVE:
        return _syslog()
    subprocess.run(['journalctl', '--sync'], stderr=subprocess.DEVNULL)
    return subprocess.run(['journalctl', '-b', '-q', '--no-pager', '-o', 'short-monotonic', f'--since=@{_began:.6f}'],
                          stdout=subprocess.PIPE, text=True, errors='replace').stdout


def _syslog():
    # What was said before this is in the file once this is.
    mark = f'lab-{time.monotonic_ns()}'
    syslog.syslog(mark)

    def written():
        with open(SYSLOG, 'rb') as file:
            file.seek(_logged)
            text = file.read().decode('utf-8', 'replace')
        return text if mark in text else None
    text = wait_for(written, 'the syslog daemon')
    return ''.join(line for line in text.splitlines(True) if ': lab-' not in line)


def diagnostics():
    """What to know about the machine when a test has failed."""
    parts = []
    for session in _sessions:
        parts.append(f'--- {session.name} said:\n{session.tail()}')
    for command in ('ps axfww -o user,pid,ppid,sid,tty,stat,args --no-headers | grep -v "\\]$"',
                    *(() if NATIVE else ('dmsetup ls',)), 'losetup -a',
                    'grep -h -E "/dev/(mapper|dm-|loop)" /proc/[0-9]*/mountinfo | sort | uniq -c', 'cat /proc/keys',
                    f'ls -la {os.path.dirname(VAULT)} | head -n 40'):
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', timeout=30)
        parts.append(f'--- {command}\n{done.stdout.rstrip()}')
    parts.append('--- journal\n' + '\n'.join(journal().splitlines()[-60:]))
    return '\n'.join(parts)


# ---------------------------------------------------------------- commands

class Failed(AssertionError):
    pass


def sh(command, input=None, user=None, status=0, timeout=PATIENCE):
    """Runs a shell command as root or user, without a terminal, and gives what it printed. A status other than the one
    expected (None: any) raises. A user gets a session keyring that ends with the command."""
    words = ['sh', '-c', command] if user is None else ['runuser', '-u', user, '--', 'sh', '-c', command]
    done = subprocess.run(words, preexec_fn=None if user is None else _new_session_keyring, input='' if input is None else input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', timeout=timeout)
    if status is not None and done.returncode != status:
        raise Failed(f'{command}: status {done.returncode}, not {status}\n{done.stdout}')
    return done.stdout


def _new_session_keyring():
    # KEYCTL_JOIN_SESSION_KEYRING, by the number that keyctl(2) has on x86-64.
    ctypes.CDLL(None).syscall(250, 1, None)


def wait_for(check, what, seconds=PATIENCE):
    """Asks check() until it gives something true, and gives that."""
    limit = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < limit, f'waited {seconds} s in vain for {what}'
        pause(min(POLL, 0.1))


def pause(seconds):
    """Waits for so long. What has come to the terminals is taken from them, as real ones do: at one that takes nothing
    there may be processes that not even SIGKILL ends (tazpod(1), BUGS)."""
    for session in _sessions:
        session.child.listen()
    time.sleep(seconds)


def capable(number):
    """Has root here this capability? On a machine that is itself a container it may not."""
    with open('/proc/self/status') as file:
        return int(re.search(r'^CapEff:\t(\w+)$', file.read(), re.M).group(1), 16) >> number & 1


# ---------------------------------------------------------------- people at terminals

class Child(pexpect.spawn):
    """As pexpect's, and what comes can be taken in before something is expected."""
    heard = ''

    def listen(self):
        if not self.closed:
            with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
                self.heard += super().read_nonblocking(65536, 0)

    def read_nonblocking(self, size=1, timeout=-1):
        if not self.heard:
            return super().read_nonblocking(size, timeout)
        text, self.heard = self.heard[:size], self.heard[size:]
        return text


class Session:
    """Somebody at a terminal, with bash before them."""

    def __init__(self, name, words, dimensions=(40, 200), term='dumb'):
        self.name = f'{name} ({len(_sessions) + 1})'
        environment = {'PATH': os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin'), 'TERM': term, 'LC_ALL': 'C.UTF-8'}
        self._transcript = Transcript()
        self.child = Child(words[0], words[1:], env=environment, dimensions=dimensions, timeout=PATIENCE,
                           encoding='utf-8', codec_errors='replace', cwd='/')
        self.child.logfile_read = self._transcript
        self.child.delaybeforesend = None
        _sessions.append(self)

    def tail(self, lines=60):
        return '\n'.join(self._transcript.text.replace('\r', '').splitlines()[-lines:])

    @property
    def transcript(self):
        """All that has come to this terminal."""
        return self._transcript.text

    def send(self, text):
        """Types text; a line's end has to be in it."""
        self.child.send(text)

    def expect(self, pattern, seconds=None):
        """Waits for pattern (one or a list), as pexpect's expect does, and gives the match, or the list's index."""
        try:
            index = self.child.expect(pattern, timeout=PATIENCE if seconds is None else seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as problem:
            kind = 'the terminal was closed' if isinstance(problem, pexpect.EOF) else 'nothing like it came'
            raise Failed(f'{self.name}: waited for {pattern!r}: {kind}; it said:\n{self.tail(20)}') from None
        return index if isinstance(pattern, list) else self.child.match

    def secret(self, text):
        """Types text once the terminal does not show what is typed."""
        assert self.child.waitnoecho(timeout=PATIENCE), f'{self.name}: the terminal shows what is typed'
        self.send(text + '\n')

    def shell(self):
        """Has the shell that now waits for a command print a prompt that run() knows."""
        # Split so that the terminal's echo of this line is not taken for the prompt.
        self.send("PS1='@''@\\u:$?@''@ ' PS2= PROMPT_COMMAND=\n")
        self.expect(PROMPT)

    def run(self, command, seconds=None):
        """Runs a command in the shell, and gives its status and what came to the terminal."""
        self.send("printf '\\100\\100%s\\n' begin; " + command + '\n')
        self.expect('@@begin\r\n', seconds)
        match = self.expect(PROMPT, seconds)
        output = self.child.before.replace('\r\n', '\n')
        return int(match.group(2)), output[:-1] if output.endswith('\n') else output

    def check(self, command, seconds=None):
        """As run(), but the status must be 0, and only the output is given."""
        status, output = self.run(command, seconds)
        assert status == 0, f'{self.name}: {command}: status {status}\n{output}'
        return output

    def user(self):
        """Whose shell is waiting."""
        self.send('\n')
        return self.expect(PROMPT).group(1)

    def try_unlock(self, passphrase=PASSPHRASE, command=f'su -l {GHOST}', seconds=None):
        """Goes into the vault. Gives whether that worked, and what was said."""
        self.send(command + '\n')
        if self.expect([SECRET_PROMPT, PROMPT], seconds) == 1:
            return False, self.child.before
        said = self.child.before + self.child.after
        self.secret(passphrase)
        index = self.expect([PROMPT, SHELL_PROMPT], seconds)
        said += self.child.before
        if index == 0:
            return False, said
        self.shell()
        return True, said

    def unlock(self, passphrase=PASSPHRASE, command=f'su -l {GHOST}', seconds=None):
        """Goes into the vault; it must work. Gives what was said."""
        worked, said = self.try_unlock(passphrase, command, seconds)
        assert worked, f'{self.name}: the vault was not opened:\n{said}'
        return said

    def unlock_again(self):
        """Goes into the vault once more, by the stash."""
        self.send(f'su -l {GHOST}\n')
        assert self.expect([SECRET_PROMPT, SHELL_PROMPT]) == 1, f'{self.name}: the passphrase was asked for'
        self.shell()

    def refused(self, passphrase, command=f'su -l {GHOST}'):
        """Gives the wrong passphrase three times, and what was said."""
        self.send(command + '\n')
        said = ''
        for _ in range(3):
            self.expect(SECRET_PROMPT)
            said += self.child.before
            self.secret(passphrase)
        assert self.expect(PROMPT).group(2) == '1'
        said += self.child.before
        assert said.count('wrong passphrase') == 3, said
        return said

    def leave(self, seconds=None):
        """Leaves the inner shell for the outer one, and gives the status it left with."""
        self.send('exit\n')
        return int(self.expect(PROMPT, seconds).group(2))

    def alive(self):
        return self.child.isalive()

    def hang_up(self):
        """The terminal goes away, as when its window is closed: its shell gets SIGHUP, and passes it on to its jobs."""
        if not self.child.closed:
            self._close()

    def close(self):
        """Hangs up, and waits until the login has ended."""
        if self in _sessions:
            _sessions.remove(self)
        self.hang_up()

    def _close(self):
        # Through the object that owns the descriptor, or it would close the number once more, when it is another's.
        self.child.ptyproc.fileobj.close()
        self.child.ptyproc.closed = True
        self.child.closed = self.child.terminated = True
        self.child.child_fd = -1
        limit = time.monotonic() + 15
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.child.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > limit:
                    os.kill(self.child.pid, signal.SIGKILL)
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Transcript:
    def __init__(self):
        self.text = ''

    def write(self, text):
        self.text += text

    def flush(self):
        pass


class Terminal(Session):
    """A fresh login of user at a terminal of its own, with a session keyring of its own: login(1) does it.

    With command, that takes the login shell's place, and nothing is set up: expect() what it says. login is started by
    the words in through."""

    def __init__(self, user=PUBLIC, command=None, through='', **more):
        # login hangs its terminal up and opens it again. Somebody must hold it open meanwhile, before login starts.
        go = f'/run/lab-go-{os.getpid()}'
        with contextlib.suppress(FileExistsError):
            os.mkfifo(go, 0o600)
        super().__init__(user, ['sh', '-c', f'read -r go <{go}; exec {through} login -f {user}'], **more)
        number, = struct.unpack('I', fcntl.ioctl(self.child.child_fd, TIOCGPTN, bytes(4)))
        holder = os.open(f'/dev/pts/{number}', os.O_RDWR | os.O_NOCTTY)
        try:
            with open(go, 'w') as file:
                file.write('go\n')
            self.expect(SHELL_PROMPT)
        finally:
            os.close(holder)
        if command is None:
            self.shell()
        else:
            self.send(f'exec {command}\n')


class Ssh(Session):
    """A login of user over ssh, who gives the responses in turn, each to a prompt.

    With ready=False nothing is expected of what follows; options are more words for ssh."""

    def __init__(self, user, responses=None, command=None, ready=True, options=(), **more):
        if responses is None:
            responses = PASSWORDS[user]
        if isinstance(responses, str):
            responses = [responses]
        words = ['ssh', '-tt', '-F', 'none', '-p', str(SSH_PORT), '-o', 'StrictHostKeyChecking=no',
                 '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'KexAlgorithms=curve25519-sha256',
                 '-o', 'PreferredAuthentications=keyboard-interactive', '-o', 'PubkeyAuthentication=no',
                 '-o', f'NumberOfPasswordPrompts={max(1, len(responses))}', *options, f'{user}@127.0.0.1']
        if command is not None:
            words.append(command)
        super().__init__(f'ssh of {user}', words, **more)
        for response in responses:
            self.expect(SECRET_PROMPT)
            self.secret(response)
        if ready and command is None:
            self.expect(SHELL_PROMPT)
            self.shell()


# ---------------------------------------------------------------- TazPod's things

def settings(text):
    """Adds text to the usual settings, whose driver gives way to another; they go back to what they were when the test
    is over."""
    try:
        with open(SETTINGS) as file:
            old = file.read()
    except FileNotFoundError:
        old = None
    later(write_settings, old)
    write_settings((CHEAP.replace('driver: fuse\n', '') if 'driver:' in text else CHEAP) + text)


def write_settings(text):
    """Writes the settings file, for good; None removes it."""
    if text is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SETTINGS)
        return
    os.makedirs(os.path.dirname(SETTINGS), mode=0o755, exist_ok=True)
    replace_file(SETTINGS, text)


def replace_file(path, text):
    """Writes a file that everybody may read, whole or not at all."""
    with open(path + '.new', 'w') as file:
        file.write(text)
    os.chmod(path + '.new', 0o644)
    os.rename(path + '.new', path)


def fresh_vault(path=VAULT, passphrase=PASSPHRASE, size='48M', tool='cryptsetup', options='', files=None):
    """Makes a new vault in the place of what is there, with cheap key derivation, and gives its path.

    tool is cryptsetup, which needs nothing of TazPod; or tazpod, whose `vault create` root then runs.
    options are more words for either. files, names with contents, are put into it (with cryptsetup only); they belong
    to the ghost, as its root does."""
    no_vault(path)
    if tool == 'tazpod':
        sh(f'tazpod vault create {options}', input=f'{passphrase}\n{passphrase}\n', timeout=120)
        return path
    sh(f'truncate -s {size} {path} && chmod 600 {path}')
    sh(f'cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-memory 1024 --pbkdf-parallel 1 '
       f'--pbkdf-force-iterations 4 {options} --key-file - {path}', input=passphrase)
    note_vault(path)
    ghost = pwd.getpwnam(GHOST)
    with opened(path, passphrase) as device:
        sh(f'mkfs.ext4 -q -E root_owner={ghost.pw_uid}:{ghost.pw_gid} {device}')
        if files:
            mount = '/run/lab-mount'
            os.makedirs(mount, exist_ok=True)
            sh(f'mount {device} {mount}')
            try:
                for name, text in files.items():
                    target = os.path.join(mount, name)
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(target, 'w') as file:
                        file.write(text)
                sh(f'chown -R {ghost.pw_uid}:{ghost.pw_gid} {mount}')
            finally:
                sh(f'umount {mount}')
    return path


def no_vault(path=VAULT):
    """Removes the vault and all beside it; its folder stays."""
    folder = os.path.dirname(path)
    note_vault(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    # Its folder is the gate that lets only root in.
    os.chmod(folder, 0o700)
    for old in glob.glob(folder + '/*') + glob.glob(folder + '/.[!.]*'):
        shutil.rmtree(old) if os.path.isdir(old) and not os.path.islink(old) else os.unlink(old)


@contextlib.contextmanager
def opened(path=VAULT, passphrase=PASSPHRASE, readonly=False):
    """Opens a vault beside TazPod, and gives the device."""
    if NATIVE:
        with _decrypted(path, passphrase, readonly) as device:
            yield device
        return
    sh(f'cryptsetup open {"--readonly" if readonly else ""} --key-file - {path} lab-vault', input=passphrase)
    try:
        yield '/dev/mapper/lab-vault'
    finally:
        sh('cryptsetup close lab-vault')


@contextlib.contextmanager
def _decrypted(path, passphrase, readonly):
    vault = payload.Payload(path, passphrase)
    with tempfile.TemporaryDirectory(dir='/run') as folder:
        plain = folder + '/plain'
        vault.decrypt(plain)
        device = sh(f'losetup {"-r" if readonly else ""} --sector-size {vault.sector} -f --show {plain}').strip()
        try:
            yield device
        finally:
            sh(f'blockdev --flushbufs {device} && losetup -d {device}')
            if not readonly:
                vault.encrypt(plain)


@contextlib.contextmanager
def held(path=VAULT):
    """Somebody else has the image at path open."""
    if not NATIVE:
        with opened(path):
            yield
        return
    device = sh(f'losetup -f --show {path}').strip()
    try:
        yield
    finally:
        sh(f'losetup -d {device}')


@contextlib.contextmanager
def looked_into(path=VAULT, passphrase=PASSPHRASE):
    """Opens a closed vault beside TazPod, changes nothing in it, and gives the folder where it is mounted."""
    mount = '/run/lab-mount'
    os.makedirs(mount, exist_ok=True)
    with opened(path, passphrase, readonly=True) as device:
        sh(f'mount -o ro,noload {device} {mount}')
        try:
            yield mount
        finally:
            sh(f'umount {mount}')


def scratch_disk():
    """The device of an empty disk of 2 GB."""
    if NATIVE:
        later(sh, 'rm -f /run/lab-scratch')
        device = sh('truncate -s 2G /run/lab-scratch && losetup -f --show /run/lab-scratch').strip()
        later(sh, f'losetup -d {device}')
        return device
    return disk('scratch') or skip('there is no scratch disk')


def disk(name):
    """The device of the disk that the guest was given by this name; None when there is none."""
    for path in glob.glob('/sys/block/vd*/serial'):
        with open(path) as file:
            if file.read().strip() == name:
                return '/dev/' + path.split('/')[3]
    return None


def processes(uid=None, names=()):
    """(pid, command line) of the processes that have uid in any of their roles, or one of the names."""
    found = []
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(folder + '/status') as file:
                status = file.read()
            with open(folder + '/cmdline') as file:
                line = file.read().replace('\0', ' ').strip()
        except OSError:
            continue
        name = re.search(r'^Name:\t(.*)$', status, re.M).group(1)
        uids = {int(word) for word in re.search(r'^Uid:\t(.*)$', status, re.M).group(1).split()}
        if 'State:\tZ' in status and os.path.basename(folder) != '1':
            line += ' (zombie)'
        if (uid is not None and uid in uids) or name in {wanted[:15] for wanted in names}:
            found.append((int(os.path.basename(folder)), line or name))
    return found


_vaults = set()


def note_vault(path=VAULT):
    """Remembers the uuid of the image at path, for ours()."""
    if os.path.isfile(path):
        _vaults.add(payload.uuid(path))


def ours(text):
    """May this be of a vault of this world? In a guest everything is; natively it has to have the uuid of one."""
    if not NATIVE:
        return True
    note_vault()
    return any(uuid in text for uuid in _vaults if uuid)


def keys(pattern='tazpod:'):
    """The lines of /proc/keys with pattern, as seen by root and by each person. A key that only its possessors may
    view is in none of them."""
    lines = set()
    for user in 'root', PUBLIC, GHOST, OTHER:
        entry = pwd.getpwnam(user)
        text = subprocess.run(['cat', '/proc/keys'], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[],
                              stdout=subprocess.PIPE, text=True).stdout
        # The kernel forgets what has expired some minutes later; nobody gets at it any more.
        lines |= {line for line in text.splitlines() if pattern in line and line.split()[3] != 'expd' and ours(line)}
    return sorted(lines)


def mappings():
    """The mappings of device-mapper, as lines. Natively there is none of ours."""
    text = '' if NATIVE else sh('dmsetup ls')
    return [] if 'No devices found' in text else text.splitlines()


def loop_devices():
    """The bound loop devices, as lines: the name, and what is behind it."""
    found = []
    for path in glob.glob('/sys/block/loop*/loop/backing_file'):
        with contextlib.suppress(OSError), open(path) as file:
            behind = file.read().strip()
            if ours(behind):
                found.append(f'{path.split("/")[3]}: {behind}')
    return found


def open_devices():
    """How many vaults' devices are there."""
    return len(loop_devices() if DRIVER == 'fuse' else mappings())


def mounts():
    """The lines of all processes' mountinfo that show something of device-mapper or a loop device, but for the disk
    that the vault's folder may be on."""
    found = {}
    for path in glob.glob('/proc/[0-9]*/mountinfo'):
        try:
            with open(path) as file:
                lines = file.readlines()
        except OSError:
            continue
        for line in lines:
            if re.search(r' - \S+ (/dev/(mapper/|dm-|loop)|/run/tazpod/dev/)', line) and \
                    line.split()[4] != os.path.dirname(VAULT):
                found.setdefault(line.strip(), path.split('/')[2])
    return [f'in process {pid}: {line}' for line, pid in found.items()]


def leftovers(keys_too=True):
    """What an open vault leaves behind, as lines."""
    found = ['mapping: ' + line for line in mappings()]
    found += ['loop device: ' + line for line in loop_devices()]
    found += ['mount: ' + line for line in mounts()]
    found += [f'process {pid}: {line}' for pid, line in processes(pwd.getpwnam(GHOST).pw_uid,
                                                                   ('tazpod-worker', 'tazpod-init', 'tazpod-server'))]
    # It takes a process for each of those who look, so it comes last.
    if keys_too and not found:
        found = ['key: ' + line for line in keys()]
    return found


def fields(path):
    """What a file of /proc says as `name:<tab>value` lines, such as a thread's status, as a dictionary."""
    with open(path) as file:
        return dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)


def kernel_calls(folder):
    """Where in the kernel the process or thread with this folder of /proc is, innermost first."""
    with open(folder + '/stack') as file:
        return re.findall(r'\] (\S+?)\+', file.read())


def held_up():
    """The threads that no signal reaches at the moment, and where in the kernel each of them is, as lines."""
    found = []
    for folder in glob.glob('/proc/[0-9]*/task/[0-9]*'):
        with contextlib.suppress(OSError):
            status, calls = fields(folder + '/status'), kernel_calls(folder)
            pending = int(status['SigPnd'], 16) | int(status['ShdPnd'], 16)
            if status['State'][0] == 'D' or pending >> (signal.SIGKILL - 1) & 1 or 'zap_pid_ns_processes' in calls:
                found.append(f'held up: {status["Name"]} {folder[6:]} ({status["State"]}): {" < ".join(calls)}')
    return found


def await_none(look, seconds):
    """Asserts that, within some seconds, look() finds nothing any more of what is left behind, as lines."""
    limit = time.monotonic() + seconds
    while found := look():
        assert time.monotonic() < limit, f'left behind after {seconds} s: ' + '\n'.join(found + held_up())
        pause(POLL)


def nothing_left(vault=None, passphrase=PASSPHRASE, keys_too=True, seconds=PATIENCE):
    """Asserts that, within some seconds, nothing is left of an open vault: no mapping, loop device, mount, key or
    process. With vault (a path), also that its file system is clean."""
    await_none(lambda: leftovers(keys_too), seconds)
    if vault:
        with opened(vault, passphrase, readonly=True) as device:
            sh(f'e2fsck -fn {device}')
