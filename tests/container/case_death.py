"""The container dies while a ghost session writes, many times in a row: nothing stays, and nothing synced is lost."""
import glob
import hashlib
import os
import time

import lab
import pod
from pod import PASSPHRASE, Project, docker, nothing_left

ROUNDS = int(os.environ.get('TZ_DEATHS') or 12)
SIZE = 20000
# Looks at all that was synced in earlier rounds, then writes and syncs files without end; each is named once it is safe.
WRITER = '''cd ~/secrets
if sha256sum --quiet --strict -c /workspace/synced; then echo all is there; else echo something is lost; fi
i=0
while :; do
	i=$((i + 1)) name=r%(round)d-$((i))
	yes "%(round)d $i" | head -c %(size)d >$name
	sync $name . && echo "synced $i"
done
'''


def sum_of(number, i):
    line = f'{number} {i}\n'.encode()
    return hashlib.sha256((line * (SIZE // len(line) + 1))[:SIZE]).hexdigest()


# ---------------------------------------------------------------- the deaths

def container_killed(project, _identity):
    docker('kill', project.container)


def container_removed(project, _identity):
    docker('rm', '-f', project.container)


def shim_killed(_project, identity):
    """SIGKILL of the process of containerd's that keeps the container."""
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(path) as file:
                words = file.read().split('\0')
        except OSError:
            continue
        if 'containerd-shim' in words[0] and identity in words:
            pod.kill_all([int(path.split('/')[2])])
            return
    raise AssertionError('the container has no shim')


def all_killed(_project, identity):
    pod.kill_all(pod.processes_of(identity))


METHODS = container_killed, container_removed, shim_killed, all_killed


# ---------------------------------------------------------------- one round

class Writer:
    """A ghost session that first looks at what is there, then writes."""

    def __init__(self, project, number):
        script = WRITER % {'round': number, 'size': SIZE}
        with open(project.folder + '/writer', 'w') as file:
            file.write(script)
        self.session = project.terminal('unlock', '-c', 'exec bash /workspace/writer')
        self.session.expect(lab.SECRET_PROMPT)
        self.session.secret(PASSPHRASE)
        if self.session.expect(['all is there\r\n', 'something is lost\r\n']):
            raise AssertionError(f'in round {number} something synced was lost:\n{self.session.transcript}')

    def write(self, count):
        """Waits until so many files are synced."""
        for i in range(1, count + 1):
            self.session.expect(f'synced {i}\r\n')

    def end(self):
        """Closes the terminal, and gives how many files were synced."""
        # What it had said by then is still to be read.
        while self.session.child.expect([r'synced \d+\r\n', lab.pexpect.TIMEOUT, lab.pexpect.EOF], timeout=0.1) == 0:
            pass
        self.session.close()
        return self.session.transcript.count('synced ')


def one_death(project, number):
    project.up()
    writer = Writer(project, number)
    writer.write(3 + number % 5)
    identity = project.inspect()['Id']
    METHODS[number % len(METHODS)](project, identity)
    nothing_left(identity)
    count = writer.end()
    with open(project.folder + '/synced', 'a') as file:
        file.writelines(f'{sum_of(number, i)}  r{number}-{i}\n' for i in range(1, count + 1))
    project.noticed()
    return count


@lab.timeout(900)
def test_deaths():
    """docker kill, docker rm -f, SIGKILL of the shim and of all processes, in turns, while files are written and synced"""
    project = Project()
    project.up()
    project.create_vault('128M')
    with open(project.folder + '/synced', 'w') as file:
        file.write(f'{hashlib.sha256(b"").hexdigest()}  /dev/null\n')
    started, files = time.monotonic(), 0
    for number in range(1, ROUNDS + 1):
        files += one_death(project, number)
    project.up()
    said = project.ghost('cd ~/secrets && sha256sum --strict -c /workspace/synced | grep -c ": OK$"')
    assert int(said) == files + 1, said
    print(f'# {ROUNDS} deaths, {files} files, {(time.monotonic() - started) / ROUNDS:.1f} s a round')


def test_clients_end():
    """When the container dies, tazpod on the host ends by itself, and so does all that it started"""
    project = Project()
    for method in METHODS:
        project.up()
        login = project.login()
        method(project, project.inspect()['Id'])
        assert login.status() != 0
        clients = [line for _pid, line in lab.processes(project.person.uid) if project.container in line]
        assert not clients, f'{method.__name__}: {clients}'
        project.noticed()
