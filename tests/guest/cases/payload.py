"""The payload of a LUKS2 image, read and written without the kernel's help: for the worlds that have no device-mapper.

The volume key and where the payload lies are cryptsetup's word; the sectors are put through AES-XTS here, with nothing
of TazPod in between."""
import ctypes
import json
import os
import re
import subprocess

CHUNK = 1 << 20
ENCRYPT, DECRYPT = 1, 0

_crypto = ctypes.CDLL('libcrypto.so.3')
_pointer, _number = ctypes.c_void_p, ctypes.c_int
for _name, _result, _arguments in (
        ('EVP_CIPHER_CTX_new', _pointer, []),
        ('EVP_CIPHER_CTX_free', None, [_pointer]),
        ('EVP_aes_128_xts', _pointer, []),
        ('EVP_aes_256_xts', _pointer, []),
        ('EVP_CipherInit_ex', _number, [_pointer, _pointer, _pointer, ctypes.c_char_p, ctypes.c_char_p, _number]),
        ('EVP_CipherUpdate', _number, [_pointer, _pointer, _pointer, ctypes.c_char_p, _number])):
    _function = getattr(_crypto, _name)
    _function.restype, _function.argtypes = _result, _arguments


class Payload:
    """Where the payload of the image at path lies, and its key."""

    def __init__(self, path, passphrase):
        self.path = path
        layout = json.loads(_cryptsetup('luksDump', '--dump-json-metadata', path))
        segment, = layout['segments'].values()
        assert segment['type'] == 'crypt' and segment['encryption'] == 'aes-xts-plain64', segment
        self.offset = int(segment['offset'])
        self.sector = segment['sector_size']
        self.first = int(segment['iv_tweak'])
        size = segment['size']
        room = os.path.getsize(path) - self.offset
        self.size = (room if size == 'dynamic' else int(size)) // self.sector * self.sector
        self.key = volume_key(path, passphrase)

    def decrypt(self, target):
        """Writes all of it, as it is read through dm-crypt, into the file target."""
        with open(self.path, 'rb') as source, open(target, 'wb') as sink:
            source.seek(self.offset)
            self._convert(source, sink, DECRYPT)

    def encrypt(self, origin):
        """Puts what the file origin has in its place."""
        assert os.path.getsize(origin) == self.size, 'this is not the size of the payload'
        with open(origin, 'rb') as source, open(self.path, 'r+b') as sink:
            sink.seek(self.offset)
            self._convert(source, sink, ENCRYPT)
            sink.flush()
            os.fsync(sink.fileno())

    def _convert(self, source, sink, direction):
        output, length = ctypes.create_string_buffer(CHUNK), ctypes.c_int()
        context = _crypto.EVP_CIPHER_CTX_new()
        cipher = {32: _crypto.EVP_aes_128_xts, 64: _crypto.EVP_aes_256_xts}[len(self.key)]()
        try:
            assert _crypto.EVP_CipherInit_ex(context, cipher, None, self.key, None, direction)
            for start in range(0, self.size, CHUNK):
                data = source.read(min(CHUNK, self.size - start))
                for place in range(0, len(data), self.sector):
                    # plain64: the number of the sector, counted in 512 bytes whatever the sector's size is
                    tweak = (self.first + (start + place) // 512).to_bytes(16, 'little')
                    assert _crypto.EVP_CipherInit_ex(context, None, None, None, tweak, -1)
                    assert _crypto.EVP_CipherUpdate(context, ctypes.addressof(output) + place, ctypes.addressof(length),
                                                    data[place:place + self.sector], self.sector)
                sink.write(memoryview(output)[:len(data)])
        finally:
            _crypto.EVP_CIPHER_CTX_free(context)


def volume_key(path, passphrase):
    """The volume key of the image at path."""
    text = _cryptsetup('luksDump', '--dump-volume-key', '--batch-mode', '--key-file', '-', path, input=passphrase)
    return bytes.fromhex(re.sub(r'\s', '', text.split('MK dump:')[1]))


def uuid(path):
    """What the header of the image at path, or its second copy, says it is called; None when neither says it."""
    with open(path, 'rb') as file:
        for offset in 0, 0x4000:
            file.seek(offset)
            header = file.read(208)
            if header[:6] in (b'LUKS\xba\xbe', b'SKUL\xba\xbe'):
                return header[168:208].rstrip(b'\0').decode('ascii', 'replace')
    return None


def _cryptsetup(*words, input=''):
    done = subprocess.run(['cryptsetup', *words], input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, f'cryptsetup {words[0]}: {done.stderr}'
    return done.stdout
