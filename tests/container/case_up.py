"""tazpod up: what it starts, when it refuses, and what it says."""
import os
import re
import signal
import socket
import subprocess

import lab
import pod
from pod import CAPABILITIES, Person, Project, docker

def short(names):
    return {name.removeprefix('CAP_') for name in names}


def test_least_privilege():
    """The container has the capabilities of the table, devices and mounts that the vault needs, and nothing else"""
    project = Project()
    project.up()
    host = project.inspect()['HostConfig']
    assert short(host['CapDrop']) == {'ALL'}
    assert short(host['CapAdd']) == CAPABILITIES, host['CapAdd']
    assert not host['Privileged']
    for key in 'NetworkMode', 'PidMode', 'IpcMode', 'UTSMode', 'UsernsMode':
        assert host[key] != 'host', f'{key} is the host\'s'
    security = {option.split('=')[0] for option in host['SecurityOpt']}
    assert security <= {'seccomp', 'apparmor'} and 'seccomp' in security, security
    assert not any('seccomp=unconfined' in option for option in host['SecurityOpt'])
    assert {device['PathOnHost'] for device in host['Devices']} == {'/dev/fuse', '/dev/loop-control'}
    assert host['DeviceCgroupRules'] == ['b 7:* rmw']
    mounts = {(mount['Type'], mount.get('Source', ''), mount['Target'], bool(mount.get('ReadOnly')))
              for mount in host['Mounts']}
    assert mounts == {('bind', project.folder, '/workspace', False),
                      ('bind', project.folder + '/.tazpod', '/workspace/.tazpod', True),
                      ('tmpfs', '', '/workspace/.tazpod/vault', False),
                      ('bind', project.folder + '/.tazpod/vault', '/var/lib/tazpod/vault', False)}, mounts
    assert not host['Binds'] and not host['PortBindings']


def test_first_process_has_what_it_was_given():
    """Inside, root has those capabilities and no more, the public user none, and a seccomp filter is on"""
    project = Project()
    project.up()
    status = project.root('cat /proc/1/status')
    assert pod.bounding_set(status) == CAPABILITIES
    assert re.search(r'^Seccomp:\t2$', status, re.M), status
    assert re.search(r'^CapEff:\t0+$', project.ssh('cat /proc/self/status').stdout, re.M)


def test_dry_run():
    """--dry-run prints a line that a shell takes, runs nothing, and what it prints makes the same container"""
    project = Project(name="it's a $(touch /srv/injected) \"name\"")
    said = project.run('up', '--dry-run').stdout
    assert not project.exists()
    folder, words, start = pod.commands_of(said)
    # A fresh clone has no folder for the vault.
    assert folder == ['mkdir', '-m', '0700', project.folder + '/.tazpod/vault']
    assert words[:2] == ['/usr/bin/docker', 'create'] and words[-1] == pod.CHEAP
    assert start == ['/usr/bin/docker', 'start', project.container]
    project.person.run('bash', '-c', said, folder='/')
    by_hand = project.inspect()
    docker('rm', '-f', project.container)
    project.up()
    by_tazpod = project.inspect()
    for key in 'HostConfig', 'Config':
        assert {**by_hand[key], 'Hostname': ''} == {**by_tazpod[key], 'Hostname': ''}
    assert not os.path.exists('/srv/injected')


def test_twice():
    """Up when it runs already says so and changes nothing; stopped, it starts again as it was left"""
    project = Project()
    said = project.up().stdout
    assert f'{project.container} runs\n' in said and 'tazpod ssh' in said, said
    first = project.inspect()['Id']
    project.root('touch /etc/here')
    assert f'{project.container} runs already\n' == project.up().stdout
    docker('stop', project.container)
    assert 'runs again' in project.up().stdout
    assert project.inspect()['Id'] == first
    project.root('test -e /etc/here')


def test_changed():
    """When the config has changed since, it says what, and --recreate follows it"""
    project = Project(config='network: none\n')
    project.up()
    project.configure(f'image: {pod.CHEAP}\nmounts:\n  - source: {project.person.home}\n    target: /opt/data\n')
    said = project.up().stdout
    assert 'runs already' in said and '--recreate' in said
    assert re.search(r'^ +- --network=none$', said, re.M), said
    assert re.search(r'^ +\+ --mount=.*/opt/data', said, re.M), said
    assert 'cap-add' not in said, 'what has not changed is told, too'
    before = project.inspect()['Id']
    project.up('--recreate')
    assert project.inspect()['Id'] != before
    assert project.up().stdout == f'{project.container} runs already\n'
    project.configure(f'# a comment\nimage: {pod.CHEAP}\nmounts:\n  - source: {project.person.home}\n    target: /opt/data\n')
    assert 'the options are the same' in project.up().stdout


def test_names_of_others():
    """A container of that name that is another project's, or not TazPod's, is refused and stays as it is"""
    first, second = Project('first'), Project('second')
    first.up()
    running = first.inspect()['State']['StartedAt']
    second.container = first.container
    second.configure(f'image: {pod.CHEAP}\n')
    for words in ('up', '--yes'), ('up', '--yes', '--recreate'), ('down',), ('down', '--force', '--remove'), ('ssh', '--', 'id'):
        refused = second.run(*words, status=1).stderr
        assert first.folder in refused and 'container_name' in refused, refused
    assert first.inspect()['State']['StartedAt'] == running
    docker('rm', '-f', first.container)
    docker('create', '--name', first.container, pod.CHEAP)
    assert 'TazPod did not make' in first.run('up', '--yes', status=1).stderr


def test_port_in_use():
    """A port that is in use is named, with what to do; nothing is left; when it is free it is published"""
    if 'bridge' not in docker('network', 'ls', '--format', '{{.Name}}').split():
        lab.skip('no bridge can be made on this machine')
    project = Project(config='ports:\n  - 18080:80\n')
    with socket.socket() as other:
        other.bind(('127.0.0.1', 18080))
        other.listen()
        refused = project.run('up', '--yes', status=1).stderr
        assert '18080' in refused and 'is in use' in refused and "'ports:'" in refused, refused
        assert not project.exists()
    project.up()
    assert project.inspect()['HostConfig']['PortBindings'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '18080'}]}
    # The container's own port does not count as somebody else's.
    assert 'runs already' in project.up().stdout
    project.up('--recreate')
    docker('stop', project.container)
    project.up()


def test_port_taken_meanwhile():
    """Where the port of a stopped container was taken meanwhile, up says so and works once it is free"""
    if 'bridge' not in docker('network', 'ls', '--format', '{{.Name}}').split():
        lab.skip('no bridge can be made on this machine')
    project = Project(config='ports:\n  - 18081:80\n')
    project.up()
    docker('stop', project.container)
    with socket.socket() as other:
        other.bind(('127.0.0.1', 18081))
        other.listen()
        refused = project.run('up', '--yes', status=1).stderr
        assert '18081' in refused and 'in use' in refused, refused
    project.up()


def test_image_missing():
    """Where there is no image it says how one of TazPod's is built, and asks no registry for it"""
    project = Project(image='localhost/tazpod/k8s:latest')
    refused = project.run('up', '--yes', status=1).stderr
    assert "'images/build k8s'" in refused, refused
    project.configure('image: localhost/mine:latest\n')
    refused = project.run('up', '--yes', status=1).stderr
    assert 'localhost/mine:latest' in refused and "'image:'" in refused, refused
    assert not project.exists()


def test_not_tazpods_image():
    """An image that is not made from TazPod's is told, and its container removed again"""
    subprocess.run(['docker', 'build', '-q', '--tag', 'localhost/foreign', '-'], stdout=subprocess.DEVNULL, check=True, text=True,
                   input='FROM localhost/tazpod/debian:bookworm\n')
    lab.later(docker, 'image', 'rm', 'localhost/foreign')
    project = Project(image='localhost/foreign')
    refused = project.run('up', '--yes', status=1).stderr
    assert 'tazpod-container' in refused and 'TazPod' in refused, refused
    assert not project.exists()


def test_build():
    """With 'build:' the image is built, the engine's progress shown; a build that fails starts nothing"""
    project = Project(image='localhost/project-built', config='build:\n  dockerfile: .tazpod/Containerfile\n')
    lab.later(docker, 'image', 'rm', '-f', 'localhost/project-built')
    with open(project.folder + '/.tazpod/Containerfile', 'w') as file:
        file.write(f'FROM {pod.CHEAP}\nRUN echo mark >/etc/mark\n')
    project.own()
    done = project.up()
    assert 'echo mark' in done.said, done.said
    assert project.ssh('cat /etc/mark').stdout == 'mark\n'
    docker('rm', '-f', project.container)
    with open(project.folder + '/.tazpod/Containerfile', 'w') as file:
        file.write(f'FROM {pod.CHEAP}\nRUN false\n')
    refused = project.run('up', '--yes', status=1)
    assert 'could not build the image' in refused.stderr
    assert not project.exists()


def test_recreate_fails():
    """Where no new container can be made the old one runs again, as it was"""
    project = Project(image='localhost/project-kept', config='build:\n  context: .tazpod\n')
    lab.later(docker, 'image', 'rm', '-f', 'localhost/project-kept')
    with open(project.folder + '/.tazpod/Containerfile', 'w') as file:
        file.write(f'FROM {pod.CHEAP}\n')
    project.own()
    project.up()
    project.root('touch /etc/here')
    before = project.inspect()['Id']
    with open(project.folder + '/.tazpod/Containerfile', 'a') as file:
        file.write('RUN false\n')
    refused = project.run('up', '--yes', '--recreate', status=1).stderr
    assert 'could not build the image' in refused and 'runs again, as it was' in refused, refused
    assert project.inspect()['Id'] == before
    project.root('test -e /etc/here')
    assert project.ssh('id -un').stdout == 'tazpod\n'


def test_swapped_at_the_stop():
    """A folder of the project that somebody in the container swaps for a symlink while it stops is not mounted"""
    project = Project()
    for name in 'data', 'elsewhere':
        os.mkdir(f'{project.folder}/{name}')
    project.configure(f'image: {pod.CHEAP}\nmounts:\n  - source: data\n    target: /mnt/data\n')
    project.own()
    project.up()
    project.create_vault()
    before = project.inspect()['Id']
    # While a session does not want to end there is time.
    swap = 'while ! grep -aqs tazpod.loc[k] /proc/*/cmdline; do :; done; cd /workspace; mv data away; ln -s elsewhere data'
    with project.login() as login:
        pod.unlock(login)
        login.check('trap "" TERM HUP INT')
        docker('exec', '-d', '-u', 'tazpod', project.container, 'bash', '-c', swap)
        refused = project.run('up', '--yes', '--recreate', '--force', status=1).stderr
    assert os.path.islink(project.folder + '/data'), 'it was not swapped'
    assert 'symlink' in refused and 'stays stopped' in refused, refused
    assert project.inspect()['Id'] == before and not project.inspect()['State']['Running']
    assert 'symlink' in project.run('up', '--yes', status=1).stderr
    os.unlink(project.folder + '/data')
    os.rename(project.folder + '/away', project.folder + '/data')
    project.up()


def test_two_at_once():
    """Of two that bring it up at once, of different users, neither takes away what the other made"""
    project = Project()
    root = Person(0)
    commands = [project.words('up', '--yes'),
                root.words('tazpod', 'up', '--yes', folder=project.folder)]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for words in commands]
    said = [run.communicate(timeout=lab.PATIENCE)[0] for run in runs]
    assert any(f'{project.container} runs' in text for text in said), said
    for run, text in zip(runs, said):
        assert run.returncode == 0 or 'cannot make the container' in text, text
    assert project.ssh('id -un').stdout == 'tazpod\n'


def test_paused():
    """A paused container is neither stopped nor made anew: it is told how it goes on"""
    project = Project()
    project.up()
    before = project.inspect()['Id']
    docker('pause', project.container)
    for words in ('up', '--yes'), ('up', '--yes', '--recreate', '--force'), ('down',), ('down', '--force', '--remove'):
        refused = project.run(*words, status=1).stderr
        assert f"'docker unpause {project.container}'" in refused, refused
    docker('unpause', project.container)
    assert project.inspect()['Id'] == before
    project.down()


def test_another_name():
    """A container whose config has another name by now is found by its label, and nothing is done beside it"""
    project = Project()
    project.up()
    old, project.container = project.container, 'tazpod-test-renamed'
    lab.later(docker, 'rm', '-f', old)
    project.configure(f'image: {pod.CHEAP}\n')
    for words in ('up', '--yes'), ('down',), ('ssh', '--', 'id'):
        refused = project.run(*words, status=1).stderr
        assert f'{old} (running)' in refused and f"'docker stop {old}'" in refused, refused
    assert not project.exists()
    docker('stop', old)
    project.up()
    assert project.exists()


def test_users():
    """A user who is not in the image is named; one who is not its public user is told of; who logs in is who came up"""
    project = Project(config='user: nosuch\n')
    refused = project.run('up', '--yes', status=1).stderr
    assert 'nosuch' in refused and 'passwd' in refused, refused
    assert not project.exists()
    project.configure(f'image: {pod.CHEAP}\nuser: daemon\n')
    assert 'daemon is not the public user of this image, tazpod' in project.up().stderr
    project.configure(f'image: {pod.CHEAP}\nuser: nobody\n')
    assert project.ssh('id -un').stdout == 'daemon\n'
    project.configure(f'image: {pod.CHEAP}\nuser: tazpod-ghost\n')
    assert 'neither root nor tazpod-ghost' in project.run('ssh', '--', 'id', status=1).stderr


def test_engine_in_trouble():
    """An engine that cannot answer is not one without containers"""
    project = Project()
    project.up()
    folder = pod.scratch()
    # docker itself, but for what is asked of a container.
    with open(folder + '/docker', 'w') as file:
        file.write('#!/bin/sh\ncase $1 in ps | container) echo context deadline exceeded >&2; exit 1;; esac\n'
                   'exec /usr/bin/docker "$@"\n')
    os.chmod(folder + '/docker', 0o755)
    for words in ('down', '--remove'), ('up', '--yes'), ('up', '--yes', '--recreate'), ('ssh', '--', 'id'), ('logs',):
        refused = project.run(*words, PATH=f'{folder}:{pod.PATH}', status=1).stderr
        assert 'context deadline exceeded' in refused, refused
    assert project.inspect()['State']['Running']


def test_vault_is_not_in_the_build():
    """What init makes is built without the vault's image in it"""
    person = Person(1000)
    folder = pod.scratch() + '/built'
    os.mkdir(folder)
    os.chown(folder, 1000, 1000)
    person.run('tazpod', 'init', folder=folder)
    with open(folder + '/.tazpod/vault/vault.img', 'w') as file:
        file.write('secret')
    with open(folder + '/.tazpod/Containerfile', 'a') as file:
        file.write('COPY . /context/\n')
    container = re.search(r'^container_name: (\S+)$', open(folder + '/.tazpod/config.yaml').read(), re.M).group(1)
    lab.later(docker, 'image', 'rm', '-f', f'localhost/{container}')
    lab.later(docker, 'rm', '-f', container)
    person.run('tazpod', 'up', '--yes', folder=folder)
    found = person.run('tazpod', 'ssh', '--', 'ls', '-A', '/context', folder=folder).stdout.split()
    # Engines differ in whether they take this one in.
    assert set(found) - {'.dockerignore'} == {'.gitignore', 'Containerfile', 'config.yaml'}, found


# ---------------------------------------------------------------- what is not there

def test_engine_missing():
    """Without an engine, and without the one that the config names: its own sentence, with how to install it"""
    project = Project()
    folder = pod.scratch()
    for name in 'tazpod', 'env':
        os.symlink(f'/usr/bin/{name}', f'{folder}/{name}')
    refused = project.run('up', '--yes', PATH=folder, status=1).stderr
    assert "'sudo apt install docker.io'" in refused, refused
    project.configure(f'image: {pod.CHEAP}\nengine: podman\n')
    refused = project.run('up', '--yes', PATH=folder, status=1).stderr
    assert 'podman, which is not installed' in refused, refused


def test_daemon_down():
    """Where no daemon answers it says how to start it, whether its socket is there or not"""
    project = Project()
    dead = pod.scratch() + '/dead.sock'
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(dead)
    os.chmod(dead, 0o666)
    for path in dead, '/srv/nowhere.sock':
        for words in ('up', '--yes'), ('ssh',), ('down',), ('logs',):
            refused = project.run(*words, DOCKER_HOST=f'unix://{path}', status=1).stderr
            assert f"daemon does not run ({path})" in refused and 'systemctl start' in refused, refused
    status = project.run('status', DOCKER_HOST=f'unix://{dead}')
    assert 'cannot be seen' in status.stdout, status.said


def test_no_permission():
    """Who may not use the daemon is told of its group, and what that means"""
    project = Project()
    project.person = Person(1000, may_use_engine=False)
    refused = project.run('up', '--yes', status=1).stderr
    assert 'usermod -aG docker' in refused and 'can become root' in refused, refused


def test_wrong_folder():
    """Outside of a project every command says that there is none, and how one is made; below one it finds it"""
    project = Project()
    for words in ('up',), ('ssh',), ('down',), ('logs',), ('trust',):
        refused = project.run(*words, folder='/srv', status=1).stderr
        assert "'tazpod init'" in refused, refused
    below = project.folder + '/a/b'
    os.makedirs(below)
    project.own()
    project.run('up', '--yes', folder=below)
    assert project.exists()


def test_bad_config():
    """A config that is wrong is refused with its file, line and column, and nothing is started"""
    project = Project()
    for text, where in ((f'image: {pod.CHEAP}\nports: 80\n', '3:'), ('image: [a]\n', '2:'), ('image: -x\n', '2:'),
                        ('container_name: a\n', ''), ('network: "--privileged"\n', '2:')):
        project.configure(text)
        refused = project.run('up', '--yes', status=1).stderr
        assert f'.tazpod/config.yaml:{where}' in refused, refused
    project.configure(f'image: {pod.CHEAP}\nprots: [80]\n')
    assert "'ports'" in project.up().stderr


def test_vault_of_another():
    """A vault's folder that is a symlink, another user's, or writable by others is refused"""
    project = Project()
    vault = project.folder + '/.tazpod/vault'
    os.symlink('/etc', vault)
    assert 'symbolic link' in project.run('up', '--yes', status=1).stderr
    os.unlink(vault)
    os.mkdir(vault)
    os.chown(vault, 4711, 4711)
    assert 'uid 4711' in project.run('up', '--yes', status=1).stderr
    os.chown(vault, 1000, 1000)
    os.chmod(vault, 0o777)
    assert 'chmod 0700' in project.run('up', '--yes', status=1).stderr
    assert not project.exists()


# ---------------------------------------------------------------- trust

def cloned():
    """A project that came with a repository."""
    project = Project()
    run = project.person.run
    run('git', 'init', '-q', '.', folder=project.folder)
    run('git', 'add', '.tazpod', folder=project.folder)
    run('git', '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'a', folder=project.folder)
    run('git', 'clone', '-q', project.folder, project.above + '/clone', folder='/')
    project.folder = project.above + '/clone'
    return project


def test_trust_without_terminal():
    """A cloned config is refused where nobody can be asked; --yes works, and is remembered until it changes"""
    project = cloned()
    refused = project.run('up', status=1).stderr
    assert "'tazpod trust'" in refused and '--yes' in refused, refused
    assert not project.exists()
    project.up()
    docker('rm', '-f', project.container)
    project.run('up')
    with open(project.folder + '/.tazpod/config.yaml', 'a') as file:
        file.write('network: host\n')
    assert 'never trusted' in project.run('up', status=1).stderr


def test_trust_at_a_terminal():
    """At a terminal it shows what the config wants and asks once; yes starts it, no does nothing"""
    project = cloned()
    with project.terminal('up') as asked:
        asked.expect(r'\[y/N\] ')
        assert 'read and change' in asked.transcript
        asked.send('n\n')
        asked.expect('nothing was done')
    assert not project.exists()
    with project.terminal('up') as asked:
        asked.expect(r'\[y/N\] ')
        asked.send('y\n')
        asked.expect(f'{project.container} runs')
    with project.terminal('up') as asked:
        assert asked.expect([r'\[y/N\] ', 'runs already']) == 1


def test_trust_interrupted():
    """Ctrl-C at the question leaves nothing: no container, no trust, a terminal that echoes"""
    project = cloned()
    with project.terminal('up') as asked:
        asked.expect(r'\[y/N\] ')
        asked.send('\x03')
        assert asked.status() == -signal.SIGINT
    assert not project.exists()
    assert 'never trusted' in project.run('up', status=1).stderr
    trusted = project.person.home + '/.local/state/tazpod/trusted'
    assert not os.path.exists(trusted) or project.folder not in open(trusted).read()


def test_trust_list():
    """tazpod trust shows, remembers, lists and forgets"""
    project = cloned()
    assert 'there is no terminal' in project.run('trust', status=1).stderr
    project.run('trust', '--yes')
    assert project.folder in project.run('trust', '--list').stdout
    project.run('up')
    project.run('trust', '--remove')
    assert project.folder not in project.run('trust', '--list').stdout
    project.configure(f'image: {pod.CHEAP}\nnetwork: host\nx11: true\n')
    said = project.run('trust', '--yes').stdout
    assert "this machine's own network" in said and 'X11' in said, said
