"""What may lie in the vault's place: each has its own clear error, and is left as it was."""
import hashlib
import os
import subprocess

import lab


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def refused(*words, image=lab.VAULT, passphrase=None, unchanged=True):
    """Nobody gets in, all the words are said, and the image is as it was."""
    before = digest(image) if os.path.isfile(image) else None
    terminal = lab.Terminal()
    if passphrase is None:
        status, said = terminal.run(f'su -l {lab.GHOST}')
        assert status == 1, said
    else:
        worked, said = terminal.try_unlock(passphrase)
        assert not worked, said
    for word in words:
        assert word in said.replace('\r\n', ''), f'{word!r} is not in what was said:\n{said}'
    if unchanged:
        assert (digest(image) if os.path.isfile(image) else None) == before, 'the image was changed'
    terminal.close()
    lab.nothing_left()


def content(data):
    lab.no_vault()
    with open(lab.VAULT, 'wb') as file:
        file.write(data)
    os.chmod(lab.VAULT, 0o600)


def overwrite(offset, data):
    with open(lab.VAULT, 'r+b') as file:
        file.seek(offset)
        file.write(data)


def test_empty():
    """an empty file"""
    content(b'')
    refused('is there but empty')


def test_zeros():
    """zeros"""
    content(bytes(1 << 20))
    refused('is there but empty')


def test_garbage():
    """garbage"""
    content(os.urandom(1 << 20))
    refused('is not a LUKS2 image')


def test_luks1():
    """a LUKS1 image"""
    lab.no_vault()
    lab.sh(f'truncate -s 32M {lab.VAULT} && chmod 600 {lab.VAULT}')
    lab.sh(f'cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-file - {lab.VAULT}', input='x')
    refused('LUKS1 format', 'cryptsetup convert')


def test_truncated_header():
    """an image cut off within its header"""
    lab.fresh_vault()
    os.truncate(lab.VAULT, 20000)
    refused('is truncated')


def test_truncated_data():
    """an image cut off within its data"""
    lab.fresh_vault()
    os.truncate(lab.VAULT, 40 << 20)
    refused('truncated', 'restore it from a backup', passphrase=lab.PASSPHRASE)


def test_damaged_primary():
    """with a damaged primary header the second copy serves"""
    lab.fresh_vault(files={'token': 'safe\n'})
    overwrite(0, os.urandom(4096))
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/token') == 'safe'
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_damaged_both():
    """with both headers damaged: how to restore one"""
    lab.fresh_vault()
    overwrite(0, os.urandom(4096))
    overwrite(0x4000, os.urandom(4096))
    refused('restore', 'header')


def test_no_file_system():
    """a LUKS2 image without a file system"""
    lab.fresh_vault()
    with lab.opened() as device:
        lab.sh(f'dd if=/dev/urandom of={device} bs=64k count=4 status=none conv=fsync')
    refused('there is no ext4 file system in it', passphrase=lab.PASSPHRASE)


def test_symlink():
    """a symlink"""
    lab.fresh_vault()
    lab.sh(f'mv {lab.VAULT} /root/elsewhere && ln -s /root/elsewhere {lab.VAULT}')
    lab.later(lab.sh, 'rm -f /root/elsewhere')
    refused('is a symbolic link', image='/root/elsewhere')


def test_fifo():
    """a FIFO, on which nobody waits"""
    lab.no_vault()
    os.mkfifo(lab.VAULT, 0o600)
    refused('is not a regular file')


def test_directory():
    """a directory"""
    lab.no_vault()
    os.mkdir(lab.VAULT)
    refused('is not a regular file')


def test_open_folder():
    """a folder that others may write"""
    lab.fresh_vault()
    folder = os.path.dirname(lab.VAULT)
    os.chmod(folder, 0o777)
    lab.later(os.chmod, folder, 0o700)
    refused(folder, 'written by others')


def test_no_folder():
    """no folder"""
    lab.no_vault()
    folder = os.path.dirname(lab.VAULT)
    os.rmdir(folder)
    lab.later(os.makedirs, folder, 0o700)
    refused(folder, 'does not exist', 'install -d')


def test_full_disk_create():
    """a full disk, when the vault is created: what is missing, and nothing is left"""
    lab.no_vault()
    lab.settings('vault_size: 64M\n')
    folder = os.path.dirname(lab.VAULT)
    lab.sh(f'mount -t tmpfs -o size=40M,mode=0700 tmpfs {folder}')
    lab.later(lab.sh, f'umount {folder}')
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    terminal.expect('Y/n')
    terminal.send('y\n')
    for prompt in 'New vault passphrase: ', 'once more: ':
        terminal.expect(prompt)
        terminal.secret(lab.PASSPHRASE)
    terminal.expect('there is no room for the vault: it needs 64 MiB more')
    assert terminal.expect(lab.PROMPT).group(2) == '1'
    assert os.listdir(folder) == []
    lab.nothing_left()


def test_full_disk():
    """an image on a full disk opens, reads and writes: its blocks are its own"""
    lab.no_vault()
    folder = os.path.dirname(lab.VAULT)
    disk = lab.scratch_disk()
    lab.sh(f'mkfs.ext4 -q -F {disk} 200M && mount {disk} {folder} && chmod 700 {folder}')
    lab.later(lab.sh, f'umount {folder}')
    lab.settings('vault_size: 64M\n')
    lab.sh('tazpod vault create --stdin --quiet', input=f'{lab.PASSPHRASE}\n{lab.PASSPHRASE}\n')
    lab.sh(f'dd if=/dev/zero of={folder}/filler bs=1M status=none', status=1)
    assert os.statvfs(folder).f_bavail == 0
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('dd if=/dev/urandom of=~/secrets/data bs=1M count=20 conv=fsync status=none')
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)
    terminal.close()


def test_full_vault():
    """a full vault still opens, and says so where something cannot be made"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.run('dd if=/dev/zero of=~/secrets/data bs=1M; rm -rf ~/secrets/.infisical-vault')
    terminal.run('dd if=/dev/zero of=~/secrets/more bs=4k')
    terminal.leave()
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.user() == lab.GHOST
    terminal.leave()


def test_damaged_file_system():
    """a damaged file system is not mounted; the way to a repair is told"""
    lab.fresh_vault(files={f'file-{n}': 'x' * 5000 for n in range(50)})
    with lab.opened() as device:
        lab.sh(f'debugfs -w -R "clri <2>" {device} && debugfs -w -R "ssv state 2" {device}')
    # What e2fsck -p mends without asking, it may have mended.
    refused('full repair', 'tazpod vault check --repair', passphrase=lab.PASSPHRASE, unchanged=False)
    lab.sh('tazpod vault check --repair --stdin', input=lab.PASSPHRASE + '\n', status=None)
    lab.Terminal().unlock()


def test_elsewhere():
    """an image that is open elsewhere, by cryptsetup or with a loop device only, is not opened a second time"""
    lab.fresh_vault()
    with lab.held():
        terminal = lab.Terminal()
        worked, said = terminal.try_unlock()
        assert not worked and 'already open elsewhere' in said, said
    terminal.unlock()


def test_reencryption():
    """an image in the middle of a reencryption is refused by name"""
    lab.fresh_vault()
    lab.sh(f'cryptsetup reencrypt --init-only --key-file - {lab.VAULT}', input=lab.PASSPHRASE)
    terminal = lab.Terminal()
    worked, said = terminal.try_unlock()
    assert not worked and 'reencryption' in said, said


def test_ours_elsewhere():
    """a vault made by tazpod opens with plain cryptsetup, its keyslots and token in order"""
    lab.no_vault()
    lab.settings('vault_size: 48M\n')
    lab.sh('tazpod vault create --stdin --quiet', input=f'{lab.PASSPHRASE}\n{lab.PASSPHRASE}\n')
    with lab.opened() as device:
        lab.sh(f'e2fsck -fn {device}')
        assert 'tazpod' in lab.sh(f'dumpe2fs -h {device} 2>/dev/null')
    assert subprocess.run(['cryptsetup', 'isLuks', '--type', 'luks2', lab.VAULT]).returncode == 0
