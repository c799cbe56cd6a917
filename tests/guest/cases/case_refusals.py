"""Who and what is kept out, and the sentence that says why."""
import os
import pwd
import subprocess

import lab


def said_by(command, user=None, **more):
    """The status and output of a command at a terminal that must end by itself."""
    terminal = lab.Terminal(user or lab.PUBLIC, **more)
    answer = terminal.run(command)
    terminal.close()
    return answer


def keypair():
    """A key with which ssh lets the ghost in without a word."""
    lab.sh('rm -rf /root/lab-key* && ssh-keygen -q -t ed25519 -N "" -f /root/lab-key')
    folder = '/home/tazpod-ghost/.ssh'
    lab.sh(f'install -d -m 700 -o {lab.GHOST} {folder} && install -m 600 -o {lab.GHOST} /root/lab-key.pub {folder}/authorized_keys')
    lab.later(lab.sh, f'rm -rf {folder} /root/lab-key*')
    return '/root/lab-key'


def test_ssh_public_key():
    """an ssh login by public key is refused in a sentence that names keyboard-interactive"""
    lab.fresh_vault()
    key = keypair()
    done = subprocess.run(['ssh', '-F', 'none', '-p', str(lab.SSH_PORT), '-i', key, '-o', 'StrictHostKeyChecking=no',
                           '-o', 'UserKnownHostsFile=/dev/null', '-o', 'PreferredAuthentications=publickey',
                           f'{lab.GHOST}@127.0.0.1', 'cat secrets/*; id'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode != 0 and 'uid=' not in done.stdout, done
    assert 'keyboard-interactive' in done.stdout, done.stdout
    lab.nothing_left()


def test_other_services():
    """runuser and a plain su get no session of the ghost"""
    lab.fresh_vault()
    status, said = said_by(f'su {lab.GHOST} -c id')
    assert status != 0 and "the service 'su' may not open the vault" in said and 'uid=' not in said, said
    done = subprocess.run(['runuser', '-l', lab.GHOST, '-c', 'id'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode != 0 and 'uid=' not in done.stdout, done
    lab.nothing_left()


@lab.only('guest')
def test_user_manager():
    """systemd --user gets no session of the ghost"""
    lab.fresh_vault()
    manager = subprocess.run(['systemctl', 'start', 'user@1001.service'], stderr=subprocess.PIPE, text=True)
    assert manager.returncode != 0, manager
    lab.sh('systemctl reset-failed user@1001.service')
    lab.nothing_left()


def test_sudo():
    """sudo gets nobody into the ghost's skin, whatever its rules say"""
    lab.fresh_vault()
    with open('/etc/sudoers.d/lab', 'w') as file:
        file.write(f'{lab.OTHER} ALL=({lab.GHOST}) NOPASSWD: ALL\n')
    os.chmod('/etc/sudoers.d/lab', 0o440)
    lab.later(os.unlink, '/etc/sudoers.d/lab')
    for command in f'sudo -u {lab.GHOST} id', f'sudo -i -u {lab.GHOST} id':
        status, said = said_by(command, lab.OTHER)
        assert status != 0 and 'uid=' not in said, said
    lab.nothing_left()


def test_creating_by_ssh():
    """who comes by ssh, or is not the public user, creates no vault"""
    lab.no_vault()
    ssh = lab.Ssh(lab.GHOST, [], ready=False)
    # Without a prompt to put it before, sshd keeps to itself what a module says.
    ssh.expect('ermission denied', 60)
    assert 'only the user tazpod, or root, creates it' in lab.journal()
    status, said = said_by(f'su -l {lab.GHOST}', lab.OTHER)
    assert status == 1 and 'only the user tazpod, or root, creates it' in said, said
    assert os.listdir(os.path.dirname(lab.VAULT)) == []


@lab.only('guest')
def test_no_user_manager():
    """a session of the ghost by ssh brings no systemd --user of his, in the enclave or out of it"""
    lab.fresh_vault()
    ssh = lab.Ssh(lab.GHOST, lab.PASSPHRASE)
    ghost = pwd.getpwnam(lab.GHOST).pw_uid
    names = [line for _, line in lab.processes(ghost)]
    assert names and not any('systemd' in name or 'sd-pam' in name for name in names), names
    two = lab.Terminal()
    two.unlock()
    two.leave()
    ssh.close()
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_stray():
    """while a process of the ghost lives outside an enclave there is no session, and it is named"""
    lab.fresh_vault()
    stray = subprocess.Popen(['setpriv', '--reuid', lab.GHOST, '--regid', lab.GHOST, '--init-groups', 'sleep', '1000'])
    lab.later(stray.wait)
    lab.later(stray.kill)
    lab.wait_for(lambda: f'{lab.GHOST}' in lab.sh(f'ps -o user:20= -p {stray.pid}'), 'the stray')
    terminal = lab.Terminal()
    worked, said = terminal.try_unlock()
    assert not worked and f'(pid {stray.pid})' in said and 'outside an enclave' in said, said
    stray.kill()
    stray.wait()
    terminal.unlock()


def test_shell_outside():
    """tazpod-shell starts nothing outside an enclave, and is in no list of shells"""
    done = subprocess.run(['setpriv', '--reuid', lab.GHOST, '--regid', lab.GHOST, '--init-groups',
                           '/usr/libexec/tazpod-shell', '-c', 'id'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1 and 'this is not an enclave' in done.stdout and 'tazpod unlock' in done.stdout, done
    assert 'tazpod-shell' not in open('/etc/shells').read()


def test_settings_writable():
    """settings that others may write: no session of the ghost, and everybody else is let alone"""
    lab.fresh_vault()
    lab.settings('')
    os.chmod(lab.SETTINGS, 0o666)
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and 'may be written by others' in said and lab.SETTINGS in said, said
    terminal = lab.Terminal()
    terminal.send('su -l other\n')
    terminal.expect('Password: ')
    terminal.secret('other')
    terminal.expect(lab.SHELL_PROMPT)


def test_settings_owner():
    """settings that belong to a user"""
    lab.fresh_vault()
    lab.settings('')
    os.chown(lab.SETTINGS, 1000, 1000)
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and 'belongs to uid 1000' in said, said


def test_settings_mistyped():
    """a key that does not exist is named by line and column, with the one that was meant"""
    lab.fresh_vault()
    lab.settings('valt: /x\n')
    line = lab.CHEAP.count('\n') + 1
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and f"tazpod.yaml:{line}:1: unknown key 'valt'; did you mean 'vault'?" in said, said


@lab.only('guest')
def test_no_device_mapper():
    """without device-mapper there is a clear word before anybody types a passphrase"""
    lab.fresh_vault()
    lab.settings('driver: dm-crypt\n')
    lab.sh('modprobe -r dm_crypt dm_mod')
    blocked = '/etc/modprobe.d/lab.conf'
    with open(blocked, 'w') as file:
        file.write('install dm_mod /bin/false\ninstall dm_crypt /bin/false\n')
    lab.later(lab.sh, 'modprobe dm_crypt')
    lab.later(os.unlink, blocked)
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and 'this kernel has no device-mapper' in said and 'modprobe dm-crypt' in said, said
    assert 'passphrase' not in said, said


@lab.only('native')
def test_not_allowed():
    """where FUSE or mounts are not allowed there is a clear word before anybody types a passphrase"""
    lab.fresh_vault()
    for capability in 'mknod', 'sys_admin':
        status, said = said_by(f'su -l {lab.GHOST}', through=f'setpriv --bounding-set=-{capability}')
        assert status == 1 and 'FUSE may not be used here' in said and '--cap-add SYS_ADMIN' in said, said
        assert 'passphrase' not in said, said
    lab.settings('driver: auto\n')
    status, said = said_by(f'su -l {lab.GHOST}', through='setpriv --bounding-set=-mknod')
    assert status == 1 and 'no driver can open a vault here' in said and 'fuse: ' in said, said
    lab.nothing_left()


def test_no_worker():
    """a worker that is missing or cannot run: no session"""
    lab.fresh_vault()
    worker = '/usr/libexec/tazpod-worker'
    os.rename(worker, worker + '.away')
    lab.later(os.rename, worker + '.away', worker)
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and worker in said and 'installed as a whole' in said, said
    lab.nothing_left()


def test_home_missing():
    """without a home: how to make it"""
    lab.fresh_vault()
    os.rename('/home/tazpod-ghost', '/home/lab-away')
    lab.later(os.rename, '/home/lab-away', '/home/tazpod-ghost')
    terminal = lab.Terminal()
    worked, said = terminal.try_unlock()
    assert not worked and 'does not exist; make it as root: install -d' in said, said
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_mount_point_taken():
    """a file, a symlink or somebody else's folder in the mount point's place"""
    lab.fresh_vault()
    place = '/home/tazpod-ghost/secrets'
    terminal = lab.Terminal()
    for make in f'touch {place}', f'ln -s /etc {place}', f'mkdir {place} && chown 1000 {place}':
        lab.sh(f'rm -rf {place}; {make}')
        worked, said = terminal.try_unlock()
        lab.sh(f'rm -rf {place}')
        assert not worked and 'secrets' in said, (make, said)
        lab.nothing_left(lab.VAULT, keys_too=False)
    terminal.unlock()


def test_same_user():
    """a ghost user that is the public user under another name"""
    lab.fresh_vault()
    table = open('/etc/passwd').read()
    lab.later(lab.replace_file, '/etc/passwd', table)
    lab.replace_file('/etc/passwd', table.replace(f'{lab.GHOST}:x:1001:', f'{lab.GHOST}:x:1000:'))
    status, said = said_by(f'su -l {lab.GHOST}')
    assert status == 1 and 'have the same uid' in said, said


def test_people():
    """su, login and passwd of everybody else are as they were"""
    terminal = lab.Terminal('other')
    terminal.send('passwd\n')
    terminal.expect('(?i)current password: ')
    terminal.secret('other')
    terminal.expect('(?i)new password: ')
    terminal.secret('brand-new-0ther')
    terminal.expect('(?i)retype new password: ')
    terminal.secret('brand-new-0ther')
    assert terminal.expect(lab.PROMPT).group(2) == '0'
    lab.sh("echo other:other | chpasswd")
    terminal.send('su -l tazpod\n')
    terminal.expect('Password: ')
    terminal.secret('public')
    terminal.expect(lab.SHELL_PROMPT)
