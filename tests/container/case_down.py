"""tazpod down, and other ways in which a container is told to stop."""
import subprocess

import lab
import pod
from pod import Project, docker, nothing_left, unlock


def opened():
    """A project with a ghost session open, in which something was written and not synced."""
    project = Project()
    project.up()
    project.create_vault()
    login = project.login()
    unlock(login)
    login.check('trap "echo bye >~/secrets/bye; exit" TERM HUP; echo written >~/secrets/written')
    return project, login


def closed_in_order(project):
    nothing_left(project.inspect()['Id'])
    log = docker('logs', project.container)
    assert 'could not be locked' not in log, log
    with lab.opened(project.vault, readonly=True) as device:
        lab.sh(f'e2fsck -fn {device}')
    project.up()
    assert project.ghost('cat ~/secrets/written') == 'written\n'


def test_down():
    """down stops the container, says so, and what is down already stays"""
    project = Project()
    project.up()
    assert f'{project.container} is stopped' in project.down().stdout
    assert project.inspect()['State']['Status'] == 'exited'
    assert project.inspect()['State']['ExitCode'] == 0
    assert f'{project.container} does not run' in project.down().stdout


def test_remove():
    """--remove takes the container away, and leaves the vault and the workspace"""
    project = Project()
    project.up()
    project.create_vault()
    project.ghost('echo s3cret >~/secrets/token; echo shared >/workspace/shared')
    assert 'the vault stays' in project.down('--remove').stdout
    assert not project.exists()
    assert open(project.folder + '/shared').read() == 'shared\n'
    assert 'does not run' in project.down('--remove').stdout
    project.up()
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'


def test_refused():
    """While a ghost session is open it is refused, and the session named; so is up --recreate"""
    project, login = opened()
    for words in ('down',), ('down', '--remove'), ('up', '--yes', '--recreate'):
        refused = project.run(*words, status=1).stderr
        assert 'open: tazpod on pts/' in refused and '--force' in refused, refused
        assert project.inspect()['State']['Running']
    assert login.check('cat ~/secrets/written') == 'written'
    login.leave()
    project.down()
    closed_in_order(project)


def test_force():
    """With --force the sessions end in order: they hear of it, and what was not synced is there"""
    project, login = opened()
    project.down('--force')
    login.child.expect(lab.pexpect.EOF, timeout=10)
    closed_in_order(project)
    assert project.ghost('cat ~/secrets/bye') == 'bye\n'


def test_force_recreate():
    """up --recreate --force does the same, and the new container has the vault"""
    project, _login = opened()
    before = project.inspect()['Id']
    project.up('--recreate', '--force')
    nothing_left(before)
    assert project.ghost('cat ~/secrets/written') == 'written\n'


def test_docker_stop():
    """'docker stop' ends the sessions in order, too"""
    project, _login = opened()
    docker('stop', project.container)
    assert project.inspect()['State']['ExitCode'] == 0
    closed_in_order(project)


def test_busy():
    """A ghost session that heeds no signal and writes on does not keep the container from stopping in time"""
    project, login = opened()
    login.check('trap "" TERM HUP INT')
    login.send('while :; do echo x >>~/secrets/endless; done\n')
    done = subprocess.run(['docker', 'stop', project.container], stdout=subprocess.PIPE, timeout=19, check=False)
    assert done.returncode == 0
    closed_in_order(project)


def test_lock():
    """tazpod lock from the host ends the sessions; the container goes on"""
    project, login = opened()
    project.run('lock')
    login.expect(lab.PROMPT)
    nothing_left()
    assert project.inspect()['State']['Running']
    assert project.ghost('cat ~/secrets/written') == 'written\n'


def test_other_host_commands():
    """unlock, lock, status and passwd, typed on the host in the project, run in its container"""
    project = Project()
    assert "'tazpod up'" in project.run('unlock', status=1).stderr
    project.up()
    project.create_vault()
    with project.terminal('unlock') as ghost:
        ghost.expect(lab.SECRET_PROMPT)
        ghost.secret(pod.PASSPHRASE)
        ghost.expect(lab.SHELL_PROMPT)
        ghost.shell()
        assert ghost.user() == 'tazpod-ghost'
        assert project.sessions()
        project.run('lock')
        assert project.sessions() == []
    new = 'another passphrase altogether'
    with project.terminal('passwd') as changing:
        for question, text in (('Vault passphrase: ', pod.PASSPHRASE), ('Present vault passphrase: ', pod.PASSPHRASE),
                               ('New vault passphrase: ', new), ('once more: ', new)):
            changing.expect(question)
            changing.secret(text)
        assert changing.status() == 0, changing.transcript
    with project.login() as login:
        unlock(login, new)
