"""The guest, or the native world, itself: without these, no other case means anything."""
import os
import tempfile

import lab
import payload

shared = False  # kernels differ in what these are about


@lab.only('guest')
def test_kernel():
    """dm-crypt, loop and ext4 work in this kernel"""
    with tempfile.TemporaryDirectory() as folder:
        image, mount = folder + '/image', folder + '/mount'
        os.mkdir(mount)
        lab.sh(f'truncate -s 64M {image}')
        lab.sh('cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - ' + image, input='x')
        lab.sh(f'cryptsetup open --key-file - {image} lab-boot', input='x')
        try:
            lab.sh('mkfs.ext4 -q /dev/mapper/lab-boot')
            lab.sh(f'mount /dev/mapper/lab-boot {mount}')
            try:
                with open(mount + '/file', 'w') as file:
                    file.write('kept')
            finally:
                lab.sh(f'umount {mount}')
            # What cases in worlds without device-mapper read an image with.
            payload.Payload(image, 'x').decrypt(folder + '/plain')
            assert lab.sh(f'cmp /dev/mapper/lab-boot {folder}/plain') == ''
        finally:
            lab.sh('cryptsetup close lab-boot')
        assert b'kept' not in open(image, 'rb').read()
    lab.nothing_left()


@lab.only('native')
def test_native_kernel():
    """FUSE, loop and ext4 work in this kernel, and an image is read and written without device-mapper"""
    assert {'fuse', 'ext4'} <= set(open('/proc/filesystems').read().split())
    lab.fresh_vault(files={'file': 'kept in the vault\n'})
    with lab.looked_into() as folder:
        assert lab.sh(f'cat {folder}/file') == 'kept in the vault\n'
        assert '/dev/loop' in lab.sh('losetup -a')
    assert b'kept in the vault' not in open(lab.VAULT, 'rb').read()
    assert lab.sh('hostname') == 'native\n' and open('/proc/1/comm').read() == 'bash\n'
    lab.nothing_left(lab.VAULT)


def test_terminal():
    """a fresh login has its own terminal and session keyring"""
    one, two = lab.Terminal(), lab.Terminal()
    seen = []
    for terminal in one, two:
        status, output = terminal.run('id -un; tty; keyctl show @s')
        assert status == 0, output
        user, tty, _, keyring = output.splitlines()[:4]
        assert user == 'tazpod', output
        assert '_ses' in keyring, output
        seen += [tty, keyring.split()[0]]
    assert len(set(seen)) == 4, seen
    assert one.run('exit 7 | false; (exit 7)') == (7, '')
    assert one.run('printf "a\\nb"') == (0, 'a\nb')


def test_ssh():
    """a person comes in by ssh, and gets a logind session where there is logind"""
    ssh = lab.Ssh('other', 'other')
    assert ssh.run('id -un; echo "$XDG_SESSION_ID"')[1].splitlines()[0] == 'other'
    if not lab.NATIVE:
        assert 'other' in lab.sh('loginctl list-sessions')
    ssh.close()


def test_journal():
    """what is said to syslog can be read"""
    lab.sh('logger -t lab "said to syslog"')
    lab.wait_for(lambda: 'said to syslog' in lab.journal(), 'the line in the journal')
