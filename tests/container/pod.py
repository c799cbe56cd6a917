"""What the cases have at hand: projects, people on the host who run tazpod in them, and what is left of a vault.

The host is this machine with TazPod put over its /usr; containers are those of the docker daemon at SOCKET."""
import glob
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import lab
from lab import PASSPHRASE

SOCKET = '/srv/docker.sock'
ENGINE_GROUP = 4242  # whose members may use it
BASE = 'localhost/tazpod/base:latest'
CHEAP = 'localhost/tazpod/cheap:latest'  # the same, but deriving a key costs next to nothing
# What the container's root keeps, in words of its own: the table is in tazpod-cli/container_args.c.
CAPABILITIES = {'SYS_ADMIN', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'SETFCAP', 'KILL', 'MKNOD', 'SYS_CHROOT',
                'IPC_LOCK'}
PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
SESSION_MOUNT = '/home/tazpod-ghost/secrets'

_number = itertools.count(1)
_projects = []


def begin(_module):
    """Called before each test."""


def diagnostics():
    """What to know when a test has failed."""
    parts = [f'--- {session.name} said:\n{session.tail()}' for session in lab._sessions]
    commands = ['ps axfww -o user,pid,ppid,sid,tty,stat,args --no-headers', 'docker ps -a', 'losetup -a | grep -v deleted',
                'tail -n 15 /srv/dockerd.log']
    for command in commands:
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', timeout=30)
        parts.append(f'--- {command}\n{done.stdout.rstrip()}')
    for project in _projects:
        parts.append(f'--- {project.container} said:\n' + project.engine('logs', '--tail', '20', project.container, status=None))
    return '\n'.join(parts)


# ---------------------------------------------------------------- people and programs

class Person:
    """Somebody on the host, who is in nobody's list of users: a number only."""

    def __init__(self, uid, may_use_engine=True):
        self.uid = uid
        self.groups = ['--groups', str(ENGINE_GROUP)] if may_use_engine else ['--clear-groups']
        self.home = f'/srv/home/{uid}'
        os.makedirs(self.home, exist_ok=True)
        os.chown(self.home, uid, uid)

    def words(self, *words, folder='/', **environment):
        """The words that have this person run others in folder; environment, None of which unsets."""
        settings = {'PATH': PATH, 'HOME': self.home, 'DOCKER_HOST': f'unix://{SOCKET}', 'LC_ALL': 'C.UTF-8', 'TERM': 'dumb',
                    **environment}
        return ['setpriv', '--reuid', str(self.uid), '--regid', str(self.uid), *self.groups, 'env', '-i', '-C', str(folder),
                *(f'{name}={value}' for name, value in settings.items() if value is not None), *words]

    def run(self, *words, status=0, input='', seconds=lab.PATIENCE, **more):
        """Runs a program without a terminal; gives what it did. A status other than the one expected raises."""
        done = subprocess.run(self.words(*words, **more), input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors='surrogateescape', timeout=seconds)
        if status is not None and done.returncode != status:
            raise lab.Failed(f'{words}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}')
        done.said = done.stdout + done.stderr
        return done


def engine(name, environment):
    """A function that has root run the engine with words, and gives what it says."""
    def run(*words, status=0, input=''):
        done = subprocess.run([name, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, input=input,
                              env={**os.environ, **environment}, timeout=lab.PATIENCE)
        if status is not None and done.returncode != status:
            raise lab.Failed(f'{name} {words}: status {done.returncode}, not {status}\n{done.stdout}')
        return done.stdout
    return run


docker = engine('docker', {})


def look(kind, name):
    """What the daemon says of the container or image with this name, None where there is none. It is asked without docker,
    which takes a while to start."""
    connection = http.client.HTTPConnection('docker')
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request('GET', f'/{kind}s/{name}/json')
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert answer.status in (200, 404), said
    return said if answer.status == 200 else None


def scratch():
    """A folder that everybody may enter; it goes with the test."""
    path = new_folder()
    lab.later(shutil.rmtree, path)
    return path


def new_folder():
    path = f'/srv/projects/{next(_number)}'
    os.mkdir(path)
    return path


def commands_of(text):
    """The commands that a shell makes of text, as lists of words. None but those below is run in it, and they only tell."""
    done = subprocess.run(['bash', '-n'], input=text, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, f'nothing for a shell: {text}\n{done.stderr}'
    instead = ''.join(f'{name}() {{ printf "%s\\0" "$FUNCNAME" "$@" "" ""; }}\n' for name in ('/usr/bin/docker', 'mkdir'))
    printed = subprocess.run(['/bin/bash', '-c', instead + text], env={'PATH': '/nowhere'}, stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    return [command.split('\0') for command in printed.split('\0\0\0')[:-1]]


_shared = []


def shared():
    """A project whose container runs, for tests that leave it as they found it: nobody is logged in. It has a vault."""
    if not _shared or not _shared[-1].is_quiet(5):
        _shared.append(Project(shared=True))
        _shared[-1].up()
        _shared[-1].create_vault()
    return _shared[-1]


class Terminal(lab.Session):
    """A person's terminal, with one program before them."""

    def status(self, seconds=30):
        """Waits for the program's end, and gives its status; a signal's number as a negative one."""
        self.expect(lab.pexpect.EOF, seconds)
        self.child.wait()
        return -self.child.signalstatus if self.child.exitstatus is None else self.child.exitstatus


# ---------------------------------------------------------------- projects

class Project:
    """A folder of a person's with a config, whose container runs once up() is called. All of it goes with the test."""

    engine = staticmethod(docker)
    environment = {}

    def __init__(self, name='project', uid=1000, image=CHEAP, config='', shared=False):
        self.person = Person(uid)
        self.above = new_folder() if shared else scratch()
        self.folder = f'{self.above}/{name}'
        os.makedirs(self.folder + '/.tazpod')
        self.container = f'tazpod-test-{next(_number)}'
        self.vault = self.folder + '/.tazpod/vault/vault.img'
        self.configure(f'image: {image}\n{config}')
        self.own()
        _projects.append(self)
        if not shared:
            lab.later(self.remove)

    def configure(self, text):
        """Writes the config anew, with the container's name."""
        with open(self.folder + '/.tazpod/config.yaml', 'w') as file:
            file.write(f'container_name: {self.container}\n{text}')

    def own(self):
        """All that is in the folder belongs to the person."""
        subprocess.run(['chown', '-R', f'{self.person.uid}:{self.person.uid}', self.above], check=True)

    def look(self):
        """What the engine knows of the container; None when there is none."""
        return look('container', self.container)

    def exists(self):
        return self.look() is not None

    def is_quiet(self, seconds=0):
        """Is, within some seconds, the first process the only one?"""
        limit = time.monotonic() + seconds
        while self.exists():
            if len(self.processes()) == 1:
                return True
            if time.monotonic() > limit:
                break
            time.sleep(0.1)
        return False

    def noticed(self):
        """Waits until the engine has seen that the container died."""
        lab.wait_for(lambda: not (self.look() or {'State': {'Running': False}})['State']['Running'],
                     f'the engine to notice that {self.container} does not run')

    def remove(self):
        self.engine('rm', '-f', self.container, status=None)
        _projects.remove(self)

    def words(self, *words, **more):
        return self.person.words('tazpod', *words, **{'folder': self.folder, **self.environment, **more})

    def run(self, *words, **more):
        """tazpod with words, as the person, in the folder, without a terminal."""
        return self.person.run('tazpod', *words, **{'folder': self.folder, **self.environment, **more})

    def up(self, *words):
        return self.run('up', '--yes', *words)

    def down(self, *words):
        return self.run('down', *words)

    def terminal(self, *words, term='dumb', dimensions=(40, 200), **more):
        """tazpod with words at a terminal."""
        return Terminal('tazpod ' + ' '.join(words), self.words(*words, **{'TERM': term, **more}), dimensions, term)

    def login(self, *words, **more):
        """A login in the container, at a terminal, with its shell before it."""
        session = self.terminal('ssh', *words, **more)
        session.expect(lab.SHELL_PROMPT)
        session.shell()
        return session

    def ssh(self, command, **more):
        """What a shell of the public user's says to command; not at a terminal."""
        return self.run('ssh', '--', 'bash', '-c', command, **more)

    def root(self, command, input='', status=0):
        """The same for root, by docker itself."""
        return self.engine('exec', '-i', '-u', 'root', self.container, 'sh', '-c', command, input=input, status=status)

    def create_vault(self, size='48M'):
        self.root(f'tazpod vault create --stdin --size {size}', input=f'{PASSPHRASE}\n{PASSPHRASE}\n')
        self.note_vault()

    def note_vault(self):
        """Remembers the vault, for leftovers()."""
        lab.note_vault(self.vault)

    def ghost(self, command, status=0):
        """What a ghost session of its own says to command, which it is started for at a terminal."""
        with self.terminal('unlock', '-c', command) as session:
            session.expect(lab.SECRET_PROMPT)
            session.secret(PASSPHRASE)
            session.expect(lab.pexpect.EOF)
            said = session.child.before.replace('\r\n', '\n').lstrip('\n')
            got = session.status()
        self.note_vault()
        if status is not None and got != status:
            raise lab.Failed(f'{command}: status {got}, not {status}\n{said}')
        return said

    def inspect(self):
        """The same, where there must be one."""
        found = self.look()
        assert found, f'there is no container {self.container}'
        return found

    def sessions(self):
        return json.loads(self.run('status', '--json').stdout)['sessions']

    def processes(self):
        """The pids of the container's processes, as the host has them."""
        return processes_of(self.inspect()['Id'])


def unlock(session, passphrase=PASSPHRASE):
    """Opens the vault from a login, which becomes a ghost session."""
    session.unlock(passphrase, 'tazpod unlock')


def bounding_set(status):
    """The names of the capabilities that a /proc/PID/status allows."""
    held = int(re.search(r'^CapBnd:\t(\w+)$', status, re.M).group(1), 16)
    names = subprocess.run(['setpriv', '--list-caps'], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return {name.upper() for number, name in enumerate(names) if held >> number & 1}


# ---------------------------------------------------------------- what is left

def processes_of(container):
    """The processes that a container's id is in the control group of."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cgroup'):
        try:
            with open(path) as file:
                if container in file.read():
                    found.append(int(path.split('/')[2]))
        except OSError:
            continue
    return found


def mounts():
    """The lines of all processes' mountinfo that show an open vault, or what serves it."""
    found = {}
    for path in glob.glob('/proc/[0-9]*/mountinfo'):
        try:
            with open(path) as file:
                lines = file.readlines()
        except OSError:
            continue
        for line in lines:
            if line.split()[4].endswith(SESSION_MOUNT) and ' - ext4 ' in line or re.search(r' - fuse\S* \S*tazpod', line):
                found.setdefault(line.strip(), path.split('/')[2])
    return [f'in process {pid}: {line}' for line, pid in found.items()]


def leftovers(*containers):
    """What is left of vaults that were open, and of the containers with these ids, as lines."""
    found = ['loop device: ' + line for line in lab.loop_devices()]
    found += ['mount: ' + line for line in mounts()]
    found += [f'process {pid}: {line}' for pid, line in lab.processes(None, ('tazpod-worker', 'tazpod-init', 'tazpod-server'))]
    found += [f'process {pid} of {container}' for container in containers for pid in processes_of(container)]
    return found


def nothing_left(*containers, seconds=10):
    """Asserts that, within some seconds, nothing is left of any vault."""
    lab.await_none(lambda: leftovers(*containers), seconds)


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
