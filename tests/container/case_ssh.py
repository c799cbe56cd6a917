"""tazpod ssh: a login, and one program; what goes through, and how it ends."""
import os
import re
import signal
import subprocess
import time

import lab
import pod
from pod import Project, nothing_left, unlock


def start(project, *words):
    """tazpod ssh with a program, its streams pipes."""
    return subprocess.Popen(project.words('ssh', '--', *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def quiet(project):
    """Only the container's first process is left, and no client of the engine's on the host."""
    clients = [line for _pid, line in lab.processes(None, ('docker',)) if project.container in line]
    return not clients and project.is_quiet()


def test_login():
    """A login shell of the public user's, in /workspace, with his home and the terminal's TERM"""
    project = pod.shared()
    with project.terminal('ssh', '--', 'sh', '-c', 'echo TERM is $TERM.', term='xterm-256color') as first:
        first.expect('TERM is xterm-256color[.]')
    with project.login() as login:
        assert login.check('id -un; pwd; echo $HOME $USER $LOGNAME $SHELL').split() == \
            ['tazpod', '/workspace', '/home/tazpod', 'tazpod', 'tazpod', '/bin/bash']
        login.check('shopt -q login_shell && test -t 0 && test -t 1 && test -t 2')
        assert login.check('umask') == '0022'
        login.send('exit 7\n')
        assert login.status() == 7


def test_enter():
    """enter is the same"""
    project = pod.shared()
    assert project.run('enter', '--', 'id', '-un').stdout == 'tazpod\n'


def test_status():
    """The program's exit status is tazpod's, a signal's as a shell has it; a program that is not there is told"""
    project = pod.shared()
    for status in 0, 1, 42, 126, 255:
        project.run('ssh', '--', 'sh', '-c', f'exit {status}', status=status)
    project.run('ssh', '--', 'sh', '-c', 'kill -KILL $$', status=137)
    assert "no program 'nowhere'" in project.run('ssh', '--', 'nowhere', status=1).stderr


def test_arguments():
    """Arguments arrive as they are, whatever is in them"""
    project = pod.shared()
    # In UTF-8 only: docker's client and daemon talk in JSON.
    words = ['a b', '', '$HOME', '`id`', "it's", '"', '\\', '-x', '--', 'two\nlines', '*', 'ü', '\x01', ';', '{}', '~']
    said = project.run('ssh', '--', 'printf', '%s\\0', *words).stdout
    assert said.split('\0')[:-1] == words, said


def test_pipes():
    """Without a terminal the streams are pipes that nothing is added to or taken from"""
    project = pod.shared()
    data = os.urandom(1 << 20) + bytes(range(256)) + b'\r\n\x03\x04\x1a'
    process = start(project, 'sh', '-c', 'cat; echo err >&2; test -t 0 || test -t 1 || test -t 2 || exit 9')
    out, err = process.communicate(data, timeout=lab.PATIENCE)
    assert (process.returncode, out == data, err) == (9, True, b'err\n'), (process.returncode, len(out), err)
    assert subprocess.run(project.words('ssh', '--', 'cat'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20,
                          check=True).stdout == b''
    process = start(project, 'sh', '-c', 'head -c 3; exit 0')
    assert process.communicate(b'x' * (1 << 20), timeout=lab.PATIENCE)[0] == b'xxx'


def test_reader_goes():
    """When who reads its output goes away, the program in the container is told by SIGPIPE"""
    project = pod.shared()
    process = start(project, 'yes')
    process.stdout.read(1000)
    process.stdout.close()
    process.wait(timeout=20)
    lab.wait_for(lambda: quiet(project), 'the end of all that was started')


def test_window():
    """The window's size is right from the first, and follows"""
    project = pod.shared()
    with project.terminal('ssh', '--', 'stty', 'size', dimensions=(33, 123)) as first:
        first.expect('33 123')
    with project.login(dimensions=(31, 111)) as login:
        assert login.check('stty size') == '31 111'
        login.child.setwinsize(52, 157)
        lab.wait_for(lambda: login.check('stty size') == '52 157', 'the new size')


def test_keys():
    """Ctrl-C, Ctrl-Z and Ctrl-D are the program's in the container"""
    project = pod.shared()
    with project.login() as login:
        login.send('sleep 1000\n')
        time.sleep(0.5)
        login.send('\x03')
        assert login.expect(lab.PROMPT).group(2) == '130'
        login.send('sleep 1000\n')
        time.sleep(0.5)
        login.send('\x1a')
        assert login.expect(lab.PROMPT).group(2) == '148'
        login.check('kill -KILL %1')
        lab.wait_for(lambda: login.check('jobs') == '', 'the end of the job')
        login.send('\x04')
        login.status()
    lab.wait_for(lambda: quiet(project), 'the end of all that was started')


def trapped(project, name):
    process = start(project, 'bash', '-c', f'trap "echo got {name}; exit 7" {name}; echo ready; while :; do sleep 0.05; done')
    assert process.stdout.readline() == b'ready\n', process.communicate()
    return process


def test_signals():
    """TERM, INT, HUP, QUIT and the two of users, sent to tazpod on the host, reach the program in the container"""
    project = pod.shared()
    for name in 'TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2':
        process = trapped(project, name)
        process.send_signal(getattr(signal, 'SIG' + name))
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (7, f'got {name}\n'.encode()), (name, process.returncode, out, err)
        # As at a terminal sleep gets it too, which bash tells of.
        assert not err or (name == 'QUIT' and err.startswith(b'Quit')), (name, err)
    process = start(project, 'sh', '-c', 'echo ready; exec sleep 1000')
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143


def test_interrupt_without_input():
    """Ctrl-C at a terminal, where the input is a pipe, reaches the program, and tazpod passes on its status"""
    project = pod.shared()
    words = project.words('ssh', '--', 'bash', '-c', 'trap "echo got INT; exit 7" INT; echo ready; while :; do sleep 0.05; done')
    with pod.Terminal('pipe', ['bash', '-c', 'sleep 1000 | "$@"; exit ${PIPESTATUS[1]}', 'bash', *words]) as session:
        session.expect('ready')
        session.send('\x03')
        session.expect('got INT')


def test_interrupt_of_a_shell():
    """There it ends what a shell runs and so the shell, which does not go on; Ctrl-\\, which bash ignores, what it runs only"""
    project = pod.shared()
    words = project.words('ssh', '--', 'bash', '-c', 'echo ready; sleep 1000; echo went on')
    for key, status, goes_on in ('\x03', 130, False), ('\x1c', 0, True):
        local = 'trap : INT QUIT; sleep 1000 | "$@"; echo "status ${PIPESTATUS[1]}."'
        with pod.Terminal('pipe', ['bash', '-c', local, 'bash', *words]) as session:
            session.expect('ready')
            time.sleep(0.5)
            session.send(key)
            assert session.expect(['went on', f'status {status}[.]']) == (0 if goes_on else 1), session.tail()
    lab.wait_for(lambda: quiet(project), 'the end of all that was started')


def test_killed():
    """SIGKILL of tazpod on the host ends the login, its jobs and the ghost session in it; the vault is closed"""
    project = pod.shared()
    login = project.login()
    login.check('sleep 1001 & sleep 1002 &')
    unlock(login)
    login.check('echo kept >~/secrets/kept; sync')
    login.send('sleep 1003\n')
    lab.wait_for(lambda: any('1003' in line for _pid, line in lab.processes(None, ('sleep',))), 'the job')
    assert pod.leftovers()
    os.kill(login.child.pid, signal.SIGKILL)
    lab.wait_for(lambda: quiet(project), 'the end of the login')
    nothing_left(seconds=1)
    assert project.ghost('cat ~/secrets/kept') == 'kept\n'


def test_killed_without_terminal():
    """So does that of a program without a terminal"""
    project = pod.shared()
    process = start(project, 'sh', '-c', 'echo ready; sleep 1000; echo never')
    process.stdout.readline()
    process.kill()
    lab.wait_for(lambda: quiet(project), 'the end of the program')


def test_terminal_closed():
    """Closing the terminal ends the login, and the ghost session that is open in it"""
    project = pod.shared()
    login = project.login()
    unlock(login)
    login.send('trap "" HUP; sleep 1003\n')
    lab.wait_for(lambda: any('1003' in line for _pid, line in lab.processes(None, ('sleep',))), 'the job')
    login.hang_up()
    lab.wait_for(lambda: quiet(project), 'the end of the login')
    nothing_left(seconds=1)


def test_keyrings():
    """Each login has a session keyring of its own"""
    project = pod.shared()

    def ring(run):
        return re.search(r'^ *(\d+) ', run('keyctl show @s').replace('\r', ''), re.M).group(1)
    with project.login() as first, project.login() as second:
        rings = {ring(first.check), ring(second.check), ring(lambda command: project.ssh(command).stdout)}
        assert len(rings) == 3, rings
        assert ring(first.check) in rings


def test_stash():
    """Within a login the passphrase is asked for once, in another one again"""
    project = pod.shared()
    with project.login() as first, project.login() as second:
        unlock(first)
        first.leave()
        first.send('tazpod unlock\n')
        assert first.expect([lab.SECRET_PROMPT, lab.SHELL_PROMPT]) == 1, 'the passphrase was asked for'
        first.shell()
        first.leave()
        second.send('tazpod unlock\n')
        assert second.expect([lab.SECRET_PROMPT, lab.SHELL_PROMPT]) == 0, 'another login has the key'
        second.send('\x03')
        second.expect(lab.PROMPT)


def test_does_not_run():
    """Where the container does not run, it says how it is started"""
    project = Project()
    assert "'tazpod up'" in project.run('ssh', status=1).stderr
    project.up()
    project.down()
    assert "'tazpod up'" in project.run('ssh', '--', 'true', status=1).stderr


def test_usage():
    """A word without '--' is refused, and the words between host and container are not for the host"""
    project = Project()
    assert "'--'" in project.run('ssh', 'ls', status=2).stderr
    assert 'for the container' in project.run('ssh', '--tie', 'x', status=2).stderr
