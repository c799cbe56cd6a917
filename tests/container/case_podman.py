"""The same with podman, run by root."""
import json
import os
import subprocess

import lab
import pod
from pod import Project, nothing_left, unlock

STORAGE = '/srv/podman.conf'
podman = pod.engine('podman', {'CONTAINERS_STORAGE_CONF': STORAGE})


class PodmanProject(Project):
    """A project of uid 1000, in which root runs tazpod."""
    engine = staticmethod(podman)
    environment = {'CONTAINERS_STORAGE_CONF': STORAGE, 'DOCKER_HOST': None}

    def __init__(self, **more):
        super().__init__(config='engine: podman\nnetwork: none\n', **more)
        self.person = pod.Person(0)

    def look(self):
        listed = podman('container', 'ls', '-aq', '--filter', f'name=^{self.container}$')
        return json.loads(podman('container', 'inspect', self.container))[0] if listed else None


def before():
    """podman has the image, in a storage of its own, and can run it; where it cannot, its reason is told."""
    if os.path.exists(STORAGE):
        return
    with open(STORAGE, 'w') as file:
        file.write('[storage]\ndriver = "overlay"\nrunroot = "/run/tazpod-podman"\ngraphroot = "/srv/podman"\n')
    subprocess.run(f'docker save {pod.CHEAP} | CONTAINERS_STORAGE_CONF={STORAGE} podman load -q', shell=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    done = subprocess.run(['podman', 'run', '--rm', '--network', 'none', pod.CHEAP, 'true'], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, 'CONTAINERS_STORAGE_CONF': STORAGE})
    if done.returncode:
        lab.skip(f'podman cannot run a container here: {done.stdout.strip()}')


def test_story():
    """up, a login, a vault, its stash, another login, down, up again: as with docker"""
    project = PodmanProject()
    assert f'{project.container} runs\n' in project.up().stdout
    assert project.up().stdout == f'{project.container} runs already\n'
    project.create_vault()
    with project.login() as first, project.login() as second:
        unlock(first)
        first.check('echo s3cret >~/secrets/token; sync')
        first.leave()
        first.send('tazpod unlock\n')
        assert first.expect([lab.SECRET_PROMPT, lab.SHELL_PROMPT]) == 1, 'the passphrase was asked for'
        first.shell()
        second.send('tazpod unlock\n')
        assert second.expect([lab.SECRET_PROMPT, lab.SHELL_PROMPT]) == 0, 'another login has the key'
        assert 'open: tazpod on pts/' in project.run('down', status=1).stderr
    nothing_left()
    assert 'is stopped' in project.down().stdout
    assert 'runs again' in project.up().stdout
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'
    assert project.root('ls -A /workspace/.tazpod/vault') == ''
    assert 'tazpod: ready' in project.run('logs').said
    project.up('--recreate')
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'
    project.down('--remove')
    assert not project.exists()


def test_least_privilege():
    """The container has what it has with docker"""
    project = PodmanProject()
    project.up()
    status = project.root('cat /proc/1/status')
    assert pod.bounding_set(status) == pod.CAPABILITIES
    assert 'Seccomp:\t2' in status
    assert not project.inspect()['HostConfig']['Privileged']
    said = project.root('mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem', status=1)
    assert 'not permitted' in said, said


def test_ssh():
    """Status, arguments, pipes and the window's size go through"""
    project = PodmanProject()
    project.up()
    project.run('ssh', '--', 'sh', '-c', 'exit 42', status=42)
    words = ['a b', '', '$HOME', "it's", '"', '-x', 'two\nlines', 'ü']
    assert project.run('ssh', '--', 'printf', '%s\\0', *words).stdout.split('\0')[:-1] == words
    data = os.urandom(1 << 16)
    done = subprocess.run(project.words('ssh', '--', 'cat'), input=data, stdout=subprocess.PIPE, timeout=lab.PATIENCE)
    assert done.stdout == data
    with project.login(dimensions=(31, 111)) as login:
        assert login.check('stty size') == '31 111'
        login.child.setwinsize(52, 157)
        lab.wait_for(lambda: login.check('stty size') == '52 157', 'the new size')


def die(project, death, number):
    """The container dies with a ghost session open, in which a file was synced. So many are there already."""
    with project.login() as login:
        unlock(login)
        assert login.check('ls ~/secrets | grep -c ^file || true') == str(number)
        login.check(f'echo {number} >~/secrets/file{number}; sync ~/secrets/file{number}')
        identity = project.inspect()['Id']
        death(identity)
    nothing_left(identity)


def test_deaths():
    """podman kill, podman rm -f, SIGKILL of all processes: nothing stays, and nothing synced is lost"""
    project = PodmanProject()
    project.up()
    project.create_vault()
    deaths = (lambda identity: podman('kill', identity), lambda identity: podman('rm', '-f', '-t', '0', identity),
              lambda identity: pod.kill_all(pod.processes_of(identity)))
    for number, death in enumerate(deaths):
        project.up()
        die(project, death, number)
        project.noticed()
    project.up()
    assert project.ghost('cat ~/secrets/file*').split() == ['0', '1', '2']


def test_conmon_killed():
    """After SIGKILL of conmon and of all processes podman believes that the container runs; --recreate helps"""
    def death(identity):
        found = [pid for pid, line in lab.processes(None, ('conmon',)) if identity in line]
        assert found
        pod.kill_all(found)
        pod.kill_all(pod.processes_of(identity))
    project = PodmanProject()
    project.up()
    project.create_vault()
    die(project, death, 0)
    project.up('--recreate', '--force')
    assert project.ghost('cat ~/secrets/file*') == '0\n'


def test_build():
    """podman builds from the text that was trusted, too, and tells an image that is not there from one it cannot tell"""
    project = PodmanProject(image='localhost/project-podman')
    refused = project.run('up', '--yes', status=1).stderr
    assert 'there is no image localhost/project-podman here' in refused, refused
    with open(project.folder + '/.tazpod/Containerfile', 'w') as file:
        file.write(f'FROM {pod.CHEAP}\nLABEL mark=here\n')
    project.configure('image: localhost/project-podman\nengine: podman\nnetwork: none\nbuild: {context: .tazpod}\n')
    project.own()
    project.up()
    lab.later(podman, 'image', 'rm', '-f', 'localhost/project-podman')
    assert project.inspect()['Config']['Labels']['mark'] == 'here'
