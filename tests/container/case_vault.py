"""The vault in the container: who gets at it, and that it stays."""
import os
import re
import stat
import subprocess

import lab
import pod
from pod import PASSPHRASE, Project, nothing_left, unlock


def test_first_unlock():
    """The first 'tazpod unlock' makes the vault, with what the image has by default for the key and the size"""
    project = Project(image=pod.BASE)
    project.up()
    with project.login() as login:
        login.send('tazpod unlock\n')
        login.expect(r'\[Y/n\] ')
        login.send('\n')
        for question in 'New vault passphrase: ', 'once more: ':
            login.expect(question)
            login.secret(PASSPHRASE)
        login.expect(lab.SHELL_PROMPT, seconds=120)
        login.shell()
        assert login.user() == 'tazpod-ghost'
        login.check('echo s3cret >~/secrets/token')
        login.leave()
    project.note_vault()
    nothing_left()
    image = os.stat(project.vault)
    assert stat.S_IMODE(image.st_mode) == 0o600
    assert (image.st_size, image.st_blocks * 512 >= image.st_size) == (512 << 20, True)
    dump = subprocess.run(['cryptsetup', 'luksDump', project.vault], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert 'argon2id' in dump and int(re.search(r'Memory:\s+(\d+)', dump).group(1)) > 32 << 10, dump
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'


def test_stays():
    """What a ghost session wrote is there after exit, down and up, and in a container made anew"""
    project = Project()
    project.up()
    project.create_vault()
    login = project.login()
    unlock(login)
    login.check('echo s3cret >~/secrets/token && sync')
    login.leave()
    login.close()
    nothing_left()
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'
    project.down()
    project.up()
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'
    project.up('--recreate')
    assert project.ghost('cat ~/secrets/token') == 's3cret\n'
    assert PASSPHRASE not in login.transcript


def test_opens_on_the_host():
    """The image in the project's folder opens on the host, with nothing of TazPod, and has what was written"""
    project = pod.shared()
    project.ghost('echo s3cret >~/secrets/token')
    with lab.looked_into(project.vault) as folder:
        with open(folder + '/token') as file:
            assert file.read() == 's3cret\n'


def test_public_shell():
    """While the vault is open, the public user gets neither at it, nor at its image, nor at the config"""
    project = pod.shared()
    with project.login() as ghost, project.login() as public:
        unlock(ghost)
        ghost.check('echo s3cret >~/secrets/token')
        assert 'Permission denied' in public.run('ls ~tazpod-ghost/secrets')[1]
        assert 'Permission denied' in public.run('cat ~tazpod-ghost/secrets/token')[1]
        assert ghost.run('ls -A /workspace/.tazpod/vault')[1] in ('', "ls: cannot open directory '/workspace/.tazpod/vault': Permission denied")
        assert project.root('ls -A /workspace/.tazpod/vault') == ''
        for path in '/workspace/.tazpod/vault', '/var/lib/tazpod', '/var/lib/tazpod/vault', '/var/lib/tazpod/vault/vault.img':
            assert 'Permission denied' in public.run(f'ls {path}')[1], path
        for command in ('touch /workspace/.tazpod/x', 'echo x >>/workspace/.tazpod/config.yaml', 'rm /workspace/.tazpod/config.yaml',
                        'mv /workspace/.tazpod /workspace/tazpod', 'touch /workspace/.tazpod/vault/x',
                        'mount --bind /tmp /workspace/.tazpod', 'umount /workspace/.tazpod/vault'):
            status, said = public.run(command)
            assert status != 0, f'{command}: {said}'
        processes = public.check('pgrep -u tazpod-ghost').split()
        assert processes
        for pid in processes:
            for command in 'ls /proc/%s/root/', 'ls /proc/%s/cwd/', 'ls /proc/%s/fd', 'cat /proc/%s/environ', 'cat /proc/%s/mem':
                assert 'Permission denied' in public.run(command % pid)[1], command
        assert 's3cret' not in public.transcript


def test_no_way_to_root():
    """There is no sudo, no password opens root or the ghost, and no program is setuid but the known ones"""
    project = pod.shared()
    assert project.ssh('command -v sudo doas pkexec', status=1).stdout == ''
    assert re.search(r'^root:[!*]', project.root('cat /etc/shadow'), re.M)
    with project.login() as login:
        login.send('su -c id\n')
        if login.expect([lab.SECRET_PROMPT, lab.PROMPT]) == 0:
            login.secret('')
            login.expect(lab.PROMPT)
        assert 'uid=0' not in login.transcript
    found = set(project.root('find / -xdev -perm /6000 -type f').split())
    known = {'chage', 'chfn', 'chsh', 'expiry', 'gpasswd', 'mount', 'newgrp', 'passwd', 'ssh-agent', 'ssh-keysign', 'su', 'umount',
             'unix_chkpwd', 'dotlockfile', 'utempter', 'wall', 'write'}
    assert {os.path.basename(path) for path in found} <= known, found


def test_devices():
    """Of the host's devices nobody in the container opens any but loop devices, whoever makes a node"""
    project = pod.shared()
    tried = 0
    for name in os.listdir('/sys/class/block'):
        with open(f'/sys/class/block/{name}/dev') as file:
            major, minor = file.read().strip().split(':')
        if major == '7':
            continue
        tried += 1
        said = project.root(f'rm -f /tmp/disk; mknod /tmp/disk b {major} {minor} && head -c 1 /tmp/disk', status=1)
        assert 'not permitted' in said, f'{name}: {said}'
    for name, major, minor in ('kmsg', 1, 11), ('mem', 1, 1), ('port', 1, 4):
        said = project.root(f'rm -f /tmp/node; mknod /tmp/node c {major} {minor} && timeout 2 head -c 1 /tmp/node', status=1)
        assert 'not permitted' in said, f'{name}: {said}'
    assert tried > 0
    listed = project.ssh('ls /dev').stdout.split()
    assert 'fuse' in listed and 'mem' not in listed
    assert project.ssh('head -c 1 /dev/loop-control', status=1).stderr


def test_masked():
    """What docker hides of the kernel is hidden in the enclave, too"""
    project = pod.shared()
    look = ('for name in kcore keys timer_list; do echo $(head -c 1 /proc/$name 2>&1 | wc -c); done; ls /proc/acpi /proc/scsi; '
            'echo x >/proc/sys/kernel/hostname; echo b >/proc/sysrq-trigger')
    with project.login() as login:
        before = login.run(look)
        assert 'hostname: Read-only file system' in before[1]
        unlock(login)
        assert login.run(look) == before


def test_dotfiles_and_programs():
    """What a user needs is in the image: an editor, git, tmux, cryptsetup, e2fsprogs, keyctl"""
    project = pod.shared()
    project.ssh('for program in nano git tmux curl less ssh keyctl; do command -v $program || exit 1; done')
    project.root('for program in cryptsetup e2fsck resize2fs losetup; do command -v $program || exit 1; done')
    assert project.ssh('tazpod doctor --json', status=None).stdout.startswith('{')


def test_doctor():
    """tazpod doctor in the container has nothing to complain of that matters"""
    project = pod.shared()
    done = project.ssh('tazpod doctor', status=None)
    assert done.returncode == 0, done.said
