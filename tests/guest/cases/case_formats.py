"""The user-space driver and the LUKS2 format: what it reads and writes is what others read and write, in every layout
that it serves; the others it refuses by name."""
import hashlib
import itertools
import json
import os
import pwd
import struct

import lab
from case_images import refused

HEADER = 0x1000
CHECKSUM = 0x1c0
ELSEWHERE = 'open it where device-mapper can be used'


def before():
    # Natively these are the usual settings.
    if not lab.NATIVE:
        lab.settings('driver: fuse\n')


def edit(change):
    """Has change() edit the metadata in both copies of the image's header. LUKS2 On-Disk Format Specification 1.1.1,
    section 2.1."""
    with open(lab.VAULT, 'r+b') as file:
        size, = struct.unpack('>Q', os.pread(file.fileno(), 8, 8))
        for place in 0, size:
            area = bytearray(os.pread(file.fileno(), size, place))
            metadata = json.loads(area[HEADER:].split(b'\0')[0])
            change(metadata)
            area[HEADER:] = json.dumps(metadata).encode().ljust(size - HEADER, b'\0')
            area[CHECKSUM:CHECKSUM + 64] = bytes(64)
            area[CHECKSUM:CHECKSUM + 32] = hashlib.sha256(area).digest()
            file.seek(place)
            file.write(area)


def formatted(options=''):
    """An image with nothing in it; the keyslot is one that cryptsetup can make without the kernel's ciphers."""
    lab.no_vault()
    lab.sh(f'truncate -s 48M {lab.VAULT} && chmod 600 {lab.VAULT}')
    lab.sh(f'cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --keyslot-key-size 512 '
           f'--keyslot-cipher aes-xts-plain64 {options} --key-file - {lab.VAULT}', input=lab.PASSPHRASE)
    lab.note_vault()


def file_system(size):
    """Makes one of so many MiB, with a file in it, without TazPod."""
    ghost = pwd.getpwnam(lab.GHOST)
    folder = '/run/lab-files'
    lab.sh(f'rm -rf {folder} && mkdir {folder} && seq 100000 > {folder}/made')
    lab.sh(f'chown -R {ghost.pw_uid}:{ghost.pw_gid} {folder}')
    with lab.opened() as device:
        lab.sh(f'mkfs.ext4 -q -d {folder} {device} {size}M')
    return digest(folder + '/made')


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def crosses(size=30):
    """What others put into the image is read by the driver, and the other way round."""
    made = file_system(size)
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('sha256sum < ~/secrets/made').split()[0] == made
    terminal.check('head -c 9000001 /dev/urandom > ~/secrets/back && sync ~/secrets/back && seq 5 > ~/secrets/small')
    back = terminal.check('sha256sum < ~/secrets/back').split()[0]
    terminal.leave()
    terminal.close()
    lab.nothing_left(lab.VAULT, keys_too=False)
    with lab.looked_into() as folder:
        assert digest(folder + '/back') == back and digest(folder + '/made') == made
        with open(folder + '/small') as file:
            assert file.read() == '1\n2\n3\n4\n5\n'


@lab.timeout(600)
def test_sizes():
    """sectors of 512 to 4096 bytes, keys of 256 and 512 bits: others read what the driver wrote, and the other way"""
    # An emulated guest takes a quarter of a minute for each; what it has more is the kernel's own cipher.
    chosen = itertools.product((512, 1024, 2048, 4096), (256, 512)) if lab.NATIVE else ((512, 256), (4096, 512))
    for sector, key in chosen:
        formatted(f'--sector-size {sector} --key-size {key}')
        crosses()


@lab.only('native')
def test_offset():
    """the same where the data does not begin at 16 MiB"""
    formatted('--offset 34824')
    crosses()


def test_fixed_size():
    """the same where the header says where the data ends; beyond that nothing is touched"""
    formatted('--sector-size 512')
    size = 20 << 20
    edit(lambda metadata: metadata['segments']['0'].update(size=str(size)))
    end = (16 << 20) + size
    with open(lab.VAULT, 'r+b') as file:
        file.seek(end)
        file.write(b'beyond' * 1000)
    # Older versions of cryptsetup give the device more than that.
    crosses(size >> 20)
    with open(lab.VAULT, 'rb') as file:
        file.seek(end)
        assert file.read(6000) == b'beyond' * 1000


@lab.only('native')
def test_other_ciphers():
    """images of other ciphers are refused by name"""
    for cipher, bits in (('aes-cbc-essiv:sha256', 256), ('aes-cbc-plain64', 256), ('serpent-xts-plain64', 512),
                         ('aes-xts-plain', 512), ('aes-xts-essiv:sha256', 256), ('twofish-xts-plain64', 256)):
        formatted(f'--key-size {bits}')
        # Without the kernel's ciphers cryptsetup makes no image of most of them.
        edit(lambda metadata, cipher=cipher: metadata['segments']['0'].update(encryption=cipher))
        refused(f'the vault\'s cipher {cipher} with {bits}-bit keys', ELSEWHERE, passphrase=lab.PASSPHRASE)


@lab.only('native')
def test_integrity():
    """an image with integrity protection is refused by name"""
    formatted()
    edit(lambda metadata: metadata['segments']['0'].update(
        integrity={'type': 'hmac(sha256)', 'journal_encryption': 'none', 'journal_integrity': 'none'}))
    refused('integrity protection')


@lab.only('native')
def test_not_encrypted():
    """an image whose data is not encrypted is refused by name"""
    formatted()

    def linear(metadata):
        metadata['segments']['0'] = {'type': 'linear', 'offset': '16777216', 'size': 'dynamic'}
        metadata['digests']['0']['segments'] = []
    edit(linear)
    refused('not encrypted')


@lab.only('native')
def test_two_segments():
    """an image of which two parts are encrypted each on its own is refused"""
    formatted()

    def split(metadata):
        first = metadata['segments']['0']
        metadata['segments']['1'] = {**first, 'offset': str((16 << 20) + (8 << 20))}
        first['size'] = str(8 << 20)
        metadata['digests']['0']['segments'] = ['0', '1']
    edit(split)
    refused('has 2 data segments')


@lab.only('native')
def test_first_sector():
    """an image whose sectors are not numbered from 0 on is refused: cryptsetup ignores that, others do not"""
    formatted()
    edit(lambda metadata: metadata['segments']['0'].update(iv_tweak='8'))
    refused('not numbered from 0 on')


@lab.only('native')
def test_requirement():
    """an image that asks for what this cryptsetup does not know is refused"""
    formatted()
    edit(lambda metadata: metadata['config'].update(requirements={'mandatory': ['something-v9']}))
    refused('needs a newer cryptsetup', passphrase=lab.PASSPHRASE)
