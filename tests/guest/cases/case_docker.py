"""tazpod up with dm-crypt, in a docker in the guest: what the container suite's machine, without device-mapper, cannot show.

Projects, people and deaths are the container suite's. The tests go on where the one before left the container, since
making one takes long on an emulated processor; each also runs alone. The last one stops docker, before other cases run."""
import contextlib
import grp
import json
import os
import re
import shutil
import subprocess
import sys

import lab

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'container'))

releases = ['bookworm']
shared = False  # all of it, in that one guest
on_demand = True  # it takes minutes: by its name alone
requires = ['dockerd', 'apparmor_parser']

if not lab.NATIVE and shutil.which('dockerd'):
    import case_death
    import pod
    pod.SOCKET, pod.ENGINE_GROUP = '/run/docker.sock', grp.getgrnam('docker').gr_gid

IMAGE_DISK = '/run/lab-pod'
DAEMON = {'iptables': False, 'bridge': 'none'}
# When a shim died, containerd gives the program that kills its container five seconds; here it takes longer than that.
# What only Kubernetes needs of it would take time as well.
CONTAINERD = """
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[timeouts]
"io.containerd.timeout.shim.cleanup" = "60s"
"""
EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /dev/null\n'
UP = 170  # s, for what takes some seconds on a real processor
patience = lab.PATIENCE


# ---------------------------------------------------------------- docker

def before():
    """A docker as Debian sets it up, without a network, and the image."""
    lab.PATIENCE = UP  # with docker exec, everything takes its time
    lab.sh('modprobe -a loop dm-crypt')
    for folder in '/etc/docker', '/etc/containerd', '/srv/projects', '/srv/home', IMAGE_DISK:
        os.makedirs(folder, exist_ok=True)
    if subprocess.run(['systemctl', '-q', 'is-active', 'docker']).returncode == 0:
        return
    lab.replace_file('/etc/docker/daemon.json', json.dumps(DAEMON))
    lab.replace_file('/etc/containerd/config.toml', CONTAINERD)
    lab.sh('systemctl start docker', timeout=150)
    if not os.path.ismount(IMAGE_DISK):
        lab.sh(f'mount -o ro {lab.disk("pod")} {IMAGE_DISK}')
    import_image()


def cleanup():
    lab.PATIENCE = patience


def import_image():
    """An image with the metadata that the disk has, and one layer, which is empty until the disk's files are put there."""
    with open(IMAGE_DISK + '/metadata') as file:
        changes = [word for instruction in file.read().split('\0')[:-1] for word in ('--change', instruction)]
    if pod.look('image', pod.CHEAP) is None:
        empty = bytes(10240)  # as tar makes it of nothing
        subprocess.run(['docker', 'import', *changes, '-', pod.CHEAP], input=empty, stdout=subprocess.DEVNULL, check=True)
    layer = pod.look('image', pod.CHEAP)['GraphDriver']['Data']['UpperDir']
    lab.sh(f'mount --bind {IMAGE_DISK}/image {layer}')


def stop_docker():
    lab.sh('systemctl stop docker.socket docker containerd', timeout=100)


# ---------------------------------------------------------------- the project

_project = []
_told = []  # by the first up


def new_project():
    """A project of somebody who is in nobody's group but docker's. Its file `synced` names what has to be in the vault."""
    project = pod.Project(uid=1002, config='driver: dm-crypt\n', shared=True)
    with open(project.folder + '/synced', 'w') as file:
        file.write(EMPTY)
    project.environment = {'DOCKER_HOST': None}
    _told.append(up(project).stderr)
    return project


def up(project, *words):
    return project.run('up', '--yes', *words, seconds=UP)


@contextlib.contextmanager
def running():
    """Gives the project, whose container runs, and which has a vault. Where a test fails, the next one has a new one."""
    project = _project.pop() if _project else new_project()
    if not project.inspect()['State']['Running']:
        up(project)
    if not os.path.exists(project.vault):
        project.create_vault()
    yield project
    _project.append(project)


def of_first_process(project, name):
    """What the guest's /proc says of the container's first process in the file with this name."""
    with open(f'/proc/{project.inspect()["State"]["Pid"]}/{name}') as file:
        return file.read().strip('\0\n')


def leftovers(*containers):
    return ['mapping: ' + line for line in lab.mappings()] + ['mount: ' + line for line in lab.mounts()] + \
        pod.leftovers(*containers)


def nothing_left(*containers, seconds=60):
    """Asserts that, within some seconds, nothing is left in the guest of any vault, nor of the containers with these ids."""
    lab.await_none(lambda: leftovers(*containers), seconds)


def is_open_by_dm_crypt():
    """Asserts that the vault is open once, by the kernel's own driver."""
    assert len(lab.mappings()) == 1 and len(lab.loop_devices()) == 1, leftovers()
    assert ' crypt ' in lab.sh('dmsetup table')
    assert not lab.processes(names=('tazpod-server',))


# What a container's root may do, unless AppArmor is told of it: /proc/sys is read-only there, but he may mount.
SET_DOMAIN = 'unshare --mount sh -c "mount -o remount,bind,rw /proc/sys && echo try >/proc/sys/kernel/domainname"'
MOUNT = 'unshare --mount sh -c "mount -t tmpfs none /mnt && mount --bind /etc /mnt && umount /mnt"'

CHECK = 'sha256sum --strict -c /workspace/synced | grep -c ": OK$"'


def create_by_login(project):
    """The first login makes a vault. Gives its session."""
    login = project.login()
    login.send(f'su -l {lab.GHOST}\n')
    login.expect(r'\[Y/n\] ')
    login.send('\n')
    for question in 'New vault passphrase: ', 'once more: ':
        login.expect(question)
        login.secret(lab.PASSPHRASE)
    login.expect(lab.SHELL_PROMPT)
    login.shell()
    return login


def written_until(project, number, kill):
    """Has a session write files until kill, which ends the container, and notes those that were synced."""
    writer = case_death.Writer(project, number)
    writer.write(3)
    is_open_by_dm_crypt()
    identity = project.inspect()['Id']
    kill(project, identity)
    nothing_left(identity)
    count = writer.end()
    assert count >= 3, count
    with open(project.folder + '/synced', 'a') as file:
        file.writelines(f'{case_death.sum_of(number, i)}  r{number}-{i}\n' for i in range(1, count + 1))
    project.noticed()


def count_synced(project):
    """How many files have to be in the vault, by the list that a session compares them with."""
    with open(project.folder + '/synced') as file:
        return len(file.readlines())


# ---------------------------------------------------------------- tests

@lab.only('guest')
@lab.timeout(400)
def test_up():
    """up gives device-mapper and no FUSE, the first login makes a vault on dm-crypt, and nothing is left after exit"""
    project = new_project()
    host = project.inspect()['HostConfig']
    major = re.search(r'^ *(\d+) device-mapper$', lab.sh('cat /proc/devices'), re.M).group(1)
    assert {device['PathOnHost'] for device in host['Devices']} == {'/dev/mapper/control', '/dev/loop-control'}
    assert host['DeviceCgroupRules'] == ['b 7:* rmw', f'b {major}:* rmw'], host['DeviceCgroupRules']
    assert not host['Privileged']
    # This machine has the one more that vaults grow by.
    assert pod.bounding_set(of_first_process(project, 'status')) == pod.CAPABILITIES | {'SYS_RESOURCE'}
    login = create_by_login(project)
    is_open_by_dm_crypt()
    login.check('echo s3cret >~/secrets/token && sync')
    login.leave()
    nothing_left()
    with lab.looked_into(project.vault) as folder, open(folder + '/token') as file:
        assert file.read() == 's3cret\n'
    _project.append(project)


@lab.only('guest')
@lab.timeout(600)
def test_deaths():
    """after docker kill, and SIGKILL of the shim, while files are written, nothing stays in the guest"""
    with running() as project:
        written_until(project, 1, case_death.container_killed)
        up(project)
        # Its session begins with a look at what was synced before.
        written_until(project, 2, case_death.shim_killed)


@lab.only('guest')
@lab.timeout(400)
def test_grow():
    """vault grow works in the container; the vault then is bigger, and has all that was synced before the container died"""
    with running() as project:
        project.root('tazpod vault grow 96M --stdin', input=lab.PASSPHRASE + '\n')
        nothing_left()
        assert os.path.getsize(project.vault) == 96 << 20
        said = project.ghost('cd ~/secrets && ' + CHECK + '; df --output=size -m . | tail -n 1').split()
        assert int(said[0]) == count_synced(project) and int(said[1]) > 65, said


def stopped_while_open(project):
    """Docker is stopped in order while a session has written, and not synced, what has to be there afterwards."""
    login = project.login()
    pod.unlock(login)
    is_open_by_dm_crypt()
    assert login.check('cat /proc/self/attr/current') == 'tazpod (enforce)'
    assert int(login.check('cd ~/secrets && ' + CHECK)) == count_synced(project)
    login.check('echo not synced >last')
    identity = project.inspect()['Id']
    stop_docker()
    nothing_left(identity)
    with lab.looked_into(project.vault) as folder, open(folder + '/last') as file:
        assert file.read() == 'not synced\n'


@lab.only('guest')
@lab.timeout(600)
def test_apparmor():
    """without our AppArmor profile up says that nothing is confined; with it everything is, and works, until docker stops"""
    lab.later(stop_docker)
    with running() as project:
        assert 'docker-default' in lab.sh('cat /sys/kernel/security/apparmor/profiles')
        assert of_first_process(project, 'attr/current') == 'unconfined'
        assert 'not confined by AppArmor' in _told[0], _told
        project.root(MOUNT + ' && ' + SET_DOMAIN)

        lab.sh(re.search(r"'sudo (apparmor_parser [^']*)'", _told[0]).group(1))
        said = up(project).stdout
        assert 'apparmor=tazpod' in said and '--recreate' in said, said
        assert 'AppArmor' not in up(project, '--recreate').said
        assert of_first_process(project, 'attr/current') == 'tazpod (enforce)'
        said = project.root(f'{MOUNT} && echo mounted; {SET_DOMAIN}', status=None)
        assert said.startswith('mounted\n') and 'domainname: Permission denied' in said, said
        stopped_while_open(project)
