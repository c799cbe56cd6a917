#!/usr/bin/env python3
"""Makes the inputs that the fuzzers start from. Usage: seeds.py FOLDER

FOLDER/headers: LUKS2 headers by cryptsetup and variations of their JSON, as tests/fuzz/headers.c takes them;
FOLDER/segments: the JSON of these; FOLDER/requests: sequences of requests, as tests/fuzz/requests.c takes them;
FOLDER/quote and FOLDER/dotenv: values for each shell, and texts with variables, as their fuzzers take them;
FOLDER/secrets_json: what providers print, as tests/fuzz/secrets_json.c takes it."""
import copy
import json
import os
import struct
import subprocess
import sys
import tempfile

BINARY_SIZE, BINARY_USED, UUID_AT = 4096, 264, 168
MEBIBYTE = 1 << 20
IMAGE_SIZE = 20 * MEBIBYTE

# The options of luksFormat in which headers differ.
FORMATS = {
    'tazpod': ['--cipher=aes-xts-plain64', '--key-size=512', '--sector-size=4096', '--label=tazpod'],
    'plain': [],
    'small-key': ['--key-size=256'],
    'sectors-1024': ['--sector-size=1024'],
    'sectors-2048': ['--sector-size=2048', '--key-size=256'],
    'small-area': ['--offset=2048', '--luks2-metadata-size=16k', '--luks2-keyslots-size=512k'],
    'large-header': ['--luks2-metadata-size=4m'],
    'middle-header': ['--luks2-metadata-size=64k'],
    'argon': ['--pbkdf=argon2id', '--pbkdf-force-iterations=4', '--pbkdf-memory=32', '--pbkdf-parallel=1'],
}


def cryptsetup(*arguments):
    subprocess.run(['cryptsetup', '--batch-mode', *arguments], input=b'a passphrase', check=True)


def make_header(image, options):
    with open(image, 'wb') as file:
        file.truncate(IMAGE_SIZE)
    if not any(option.startswith('--pbkdf=') for option in options):
        options = ['--pbkdf=pbkdf2', '--pbkdf-force-iterations=1000', *options]
    cryptsetup('luksFormat', '--type=luks2', *options, image)


def read_header(image):
    """What a header's first copy has in it: the binary part, and the JSON."""
    with open(image, 'rb') as file:
        binary = file.read(BINARY_SIZE)
        size = struct.unpack_from('>Q', binary, 8)[0]
        return binary[:BINARY_USED], json.loads(file.read(size - BINARY_SIZE).rstrip(b'\0'))


def segment_changes():
    """Names, and what they make of a header with one segment."""
    def fixed(header):
        header['segments']['0']['size'] = str(MEBIBYTE)

    def to_the_end(header):
        header['segments']['0']['size'] = str(IMAGE_SIZE - int(header['segments']['0']['offset']))

    def too_long(header):
        header['segments']['0']['size'] = str(IMAGE_SIZE)

    def two(header):
        fixed(header)
        second = copy.deepcopy(header['segments']['0'])
        second.update(offset=str(int(second['offset']) + MEBIBYTE), size='dynamic')
        header['segments']['1'] = second
        header['digests']['0']['segments'].append('1')

    def backup(header):
        second = copy.deepcopy(header['segments']['0'])
        second['flags'] = ['backup-previous']
        header['segments']['1'] = second

    def linear(header):
        old = header['segments']['0']
        header['segments']['0'] = {key: old[key] for key in ('offset', 'size')} | {'type': 'linear'}
        header['digests']['0']['segments'] = []

    def tweak(header):
        header['segments']['0']['iv_tweak'] = '4096'

    def reencrypting(header):
        header['config']['requirements'] = {'mandatory': ['online-reencrypt-v2']}

    def token(header):
        header['tokens'] = {'0': {'type': 'tazpod-recovery', 'keyslots': ['0']}}

    def integrity(header):
        header['segments']['0']['integrity'] = {
            'type': 'hmac(sha256)', 'journal_encryption': 'none', 'journal_integrity': 'none'}

    def discards(header):
        header['config']['flags'] = ['allow-discards']

    # by the kernel's grace only, so not by cryptsetup itself
    def cbc(header):
        header['segments']['0']['encryption'] = 'aes-cbc-essiv:sha256'

    def serpent(header):
        header['segments']['0']['encryption'] = 'serpent-xts-plain64'

    def narrow(header):
        header['segments']['0']['encryption'] = 'aes-xts-plain'

    # a terminal would act on it
    def escape_in_type(header):
        header['segments']['0']['type'] = 'cr\x1b[2Jypt'

    def escape_in_cipher(header):
        header['segments']['0']['encryption'] = 'aes-\x1b[2J'

    def detached(header):
        header['segments']['0']['offset'] = '0'

    changes = (fixed, to_the_end, too_long, two, backup, linear, tweak, reencrypting, token, integrity, discards, cbc,
               serpent, narrow, escape_in_type, escape_in_cipher, detached)
    return {change.__name__: change for change in changes}


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


def write_header(folder, name, binary, header, copies=0, odd=0, size=IMAGE_SIZE):
    text = json.dumps(header, separators=(',', ':')).encode()
    write(f'{folder}/headers', name, struct.pack('<BBH', copies, odd, size // 4096) + binary + text)
    write(f'{folder}/segments', name, text)


def make_headers(folder):
    with tempfile.TemporaryDirectory() as place:
        image = os.path.join(place, 'image')
        for name, options in FORMATS.items():
            make_header(image, options)
            write_header(folder, name, *read_header(image))
        make_header(image, FORMATS['tazpod'])
        binary, header = read_header(image)
    for name, change in segment_changes().items():
        changed = copy.deepcopy(header)
        change(changed)
        write_header(folder, name, binary, changed)
    for copies in (1, 2, 3, 4, 8, 9, 16):
        write_header(folder, f'copies-{copies}', binary, header, copies=copies)
    for size in (0, 4, 8, 256, 4095, 4096, 4097):
        write_header(folder, f'size-{size}', binary, header, size=4096 * size)
    write_header(folder, 'odd', binary, header, odd=200)
    path = b'../../etc/passwd'.ljust(40, b'\0')
    write_header(folder, 'path-in-uuid', binary[:UUID_AT] + path + binary[UUID_AT + 40:], header)


# ---------------------------------------------------------------- requests: struct shape and struct record

LOOKUP, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, INTERRUPT, FORGET = 1, 3, 14, 15, 16, 17, 18, 20, 36, 2
IN_SECTORS, FROM_END, SIZE_IN_SECTORS, THE_FILE = 1, 2, 4, 8
NORMAL = IN_SECTORS | SIZE_IN_SECTORS | THE_FILE
ALL = (1 << 64) - 1


def shape(cipher=0, guard=0x33, sectors=7, iv_offset=0):
    return struct.pack('<4B', cipher, guard, sectors, iv_offset)


def record(opcode, offset=0, size=1, how=NORMAL, fails=0, filling=0, inode=0):
    return struct.pack('<4BI2Q', opcode, how, fails, filling, size, offset & ALL, inode)


def make_requests(folder):
    beginning = record(LOOKUP) + record(GETATTR) + record(OPEN)
    usual = beginning + record(WRITE, 1, 2) + record(READ, 0, 4) + record(FSYNC) + record(RELEASE)
    beyond = b''.join(record(opcode, offset, size) for opcode in (READ, WRITE)
                      for offset, size in ((7, 2), (8, 1), (9, 1), (1 << 50, 1), (-1, 1), (0, 0), (0, 1 << 20)))
    crooked = b''.join(record(opcode, offset, size, how=THE_FILE) for opcode in (READ, WRITE)
                       for offset, size in ((1, 512), (512, 511), (ALL, 1), (1 << 63, 512), (ALL - 511, 512)))
    others = b''.join(record(opcode, 1, 1) for opcode in range(1, 52))
    end = record(WRITE, -1, 1, how=NORMAL | FROM_END) + record(READ, -4096, 8192, how=FROM_END | THE_FILE)
    inodes = b''.join(record(opcode, how=0, inode=inode) for opcode in (LOOKUP, GETATTR, OPEN) for inode in (0, 1, 3, ALL))
    fails = b''.join(record(READ, fails=number) for number in range(5))
    bodies = {'usual': usual, 'beyond': beyond, 'crooked': crooked, 'others': others, 'end': end, 'inodes': inodes,
              'fails': fails, 'interrupts': record(INTERRUPT) * 3 + record(READ) + record(FORGET)}
    for name, body in bodies.items():
        for cipher in (0, 7, 8, 1):
            write(f'{folder}/requests', f'{name}-{cipher}', shape(cipher) + body)


# ---------------------------------------------------------------- values and texts with variables

VALUES = (b'', b"it's", b"''\\'\\\\'", b'$(id) `id` "x" \\\n\r\t', b'\n\n', 'ä \u2018x\u2019 \U0001f511 \uffff'.encode(), b'\x81\\\xff',
          bytes(range(1, 256)), b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'a\0b')
TEXTS = (b'A=1\nexport B=\'two\nlines\'\r\n# c\n C="\\n\\r\\t\\\\\\"\\$\\`" # d\nD=\n', b'A=1\nB=2\nA=3', b"A='", b'A="$x"', b'A="\\q"', b'A= x',
         b"A='a''b'", b"A='a' b", b'A=a b', b'A=#', b'A=$x', b'A=x\x01', b'1=2', b'A', b'A\n', b'\x01', b'# \x01', b'A="', b'A=x\0value \'"',
         b'\0' + bytes(range(1, 256)))


def make_texts(folder):
    for number, value in enumerate(VALUES):
        for shell in range(5):
            write(f'{folder}/quote', f'{number}-{shell}', bytes([shell]) + value)
    for number, text in enumerate(TEXTS):
        write(f'{folder}/dotenv', str(number), text)
# ---------------------------------------------------------------- secrets_json: what is selected, and a text

def make_secrets(folder):
    item = {'key': 'A', 'workspace': '', 'value': 'x', 'type': 'shared', 'tags': [{'id': '1'}], 'skipMultilineEncoding': False}
    hidden = {'secretKey': 'B', 'secretValue': '', 'secretValueHidden': True}
    values = {'A': 'x\n"\\', 'B': '\0\U0001f511', 'C_1': 12, 'D': -1.5e3, 'E': True, 'F': None, 'a-b': 1, '': {}, 'G': 2 ** 64}
    trees = [{}, [], values, [item], [item, item], [item, hidden], {'A': {'B': 1}}, {'data': values}, {'data': {'data': values}},
             {'data': [1]}, {'secrets': [item, {'secretKey': 'C', 'secretValue': 1}], 'imports': []}, [{}], [[]], None, 1, 'x']
    texts = [json.dumps(tree).encode() for tree in trees] + [json.dumps(values, ensure_ascii=False, indent=1).encode()]
    texts += [b'', b'{"A":1,"A":2}', b'{"A":1,"\\u0041":2}', b'{"A\\u0000":1}', b'{"A":"\\ud800"}', b'{"A":"\\ud83d\\ude00"}', b'{"A":NaN}',
              b'{"A":-0}', b'{"A":007}', b'{"A":"\xff"}', b'{"A":"\xc0\x8a"}', b'{"A":"\t"}', b'{"A":1} x', b'{"A":1\0}', b'{"A', b"{'A':1}",
              b'/**/{}', b'[' * 40, b'{"A":1e999}', b'{"A":18446744073709551615}', b'{"A":-9223372036854775808}']
    for number, text in enumerate(texts):
        for selected in range(4):
            write(f'{folder}/secrets_json', f'{number}-{selected}', bytes([selected]) + text)


def main():
    folder, = sys.argv[1:]
    make_headers(folder)
    make_requests(folder)
    make_texts(folder)
    make_secrets(folder)


main()
