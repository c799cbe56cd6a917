"""The guest itself: without these, no other case means anything."""
import os
import tempfile

import lab


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
        finally:
            lab.sh('cryptsetup close lab-boot')
        assert b'kept' not in open(image, 'rb').read()
    lab.nothing_left()


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
    """a person comes in by ssh, and gets a logind session"""
    ssh = lab.Ssh('other', 'other')
    assert ssh.run('id -un; echo "$XDG_SESSION_ID"')[1].splitlines()[0] == 'other'
    assert 'other' in lab.sh('loginctl list-sessions')
    ssh.close()


def test_journal():
    """what is said to syslog can be read"""
    lab.sh('logger -t lab "said to syslog"')
    lab.wait_for(lambda: 'said to syslog' in lab.journal(), 'the line in the journal')
