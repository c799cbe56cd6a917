"""tazpod init: what it makes, and what it leaves alone."""
import os
import re
import stat
import subprocess

import pod
from pod import Person, docker

ALL = {'.tazpod/config.yaml', '.tazpod/Containerfile', '.tazpod/.gitignore', '.tazpod/.dockerignore', '.tazpod/vault/',
       'secrets.yml'}
# Valid for docker and podman, and as a host's name.
NAME = re.compile(r'tazpod-[a-z0-9]+(-[a-z0-9]+)*')


class Folder:
    """An empty folder of somebody's, in which there is no project yet. It goes with the test."""

    def __init__(self, name='here', uid=1000):
        self.person = Person(uid)
        self.path = os.path.join(pod.scratch(), name)
        os.makedirs(self.path)
        os.chown(self.path, uid, uid)

    def init(self, *words, **more):
        return self.person.run('tazpod', 'init', *words, folder=self.path, **more)

    def run(self, *words, **more):
        return self.person.run(*words, folder=self.path, **more)

    def files(self):
        """Names and contents of all that is there; folders end with a slash."""
        found = {}
        for root, folders, files in os.walk(self.path):
            inner = os.path.relpath(root, self.path)
            for name in files:
                with open(os.path.join(root, name)) as file:
                    found[os.path.normpath(os.path.join(inner, name))] = file.read()
            for name in folders:
                found[os.path.normpath(os.path.join(inner, name)) + '/'] = ''
        return found

    def name(self):
        return re.search(r'^container_name: (\S+)$', self.files()['.tazpod/config.yaml'], re.M).group(1)


def mode(folder, name):
    return stat.S_IMODE(os.lstat(os.path.join(folder.path, name)).st_mode)


def test_empty_folder():
    """In an empty folder it makes all files, the vault's folder for its user alone, and trusts what it made"""
    folder = Folder()
    said = folder.init().stdout
    files = folder.files()
    assert set(files) - {'.tazpod/'} == ALL, files
    assert mode(folder, '.tazpod/vault') == 0o700
    for name in [*ALL, '.tazpod']:
        owner = os.stat(os.path.join(folder.path, name))
        assert (owner.st_uid, owner.st_gid) == (1000, 1000), name
        assert name.rstrip('/') == '.tazpod' or name in said, f'{name} is not told of:\n{said}'
    assert 'FROM localhost/tazpod/base:latest' in files['.tazpod/Containerfile']
    assert NAME.fullmatch(folder.name()), folder.name()
    assert 'trusted already' in folder.run('tazpod', 'trust').stdout


def test_types():
    """Each type of image has its own Containerfile, and a type that is none is refused with a suggestion"""
    for kind in 'infisical', 'k8s', 'gemini':
        folder = Folder(kind)
        folder.init(kind)
        assert f'FROM localhost/tazpod/{kind}:latest' in folder.files()['.tazpod/Containerfile']
    folder = Folder('none')
    refused = folder.init('k9s', status=2)
    assert "did you mean 'k8s'" in refused.stderr, refused.stderr
    assert folder.files() == {}


def test_twice():
    """A second time changes nothing, and says what is there; what is missing by then is added"""
    folder = Folder()
    folder.init()
    before = folder.files()
    said = folder.init('k8s').stdout
    assert folder.files() == before
    assert len(re.findall(r'^ *there ', said, re.M)) == len(ALL), said
    os.unlink(folder.path + '/secrets.yml')
    said = folder.init().stdout
    assert re.findall(r'^ *new +(\S+)', said, re.M) == ['secrets.yml'], said
    assert folder.files() == before


def test_nothing_overwritten():
    """What somebody wrote there before stays as it is, and makes the project untrusted"""
    folder = Folder()
    os.makedirs(folder.path + '/.tazpod')
    mine = {'.tazpod/config.yaml': 'image: somebody/else:1\n', '.tazpod/.gitignore': 'mine\n', 'secrets.yml': '# mine\n'}
    for name, text in mine.items():
        with open(os.path.join(folder.path, name), 'w') as file:
            file.write(text)
    subprocess.run(['chown', '-R', '1000:1000', folder.path], check=True)
    done = folder.init()
    files = folder.files()
    assert {name: files[name] for name in mine} == mine
    assert '.gitignore' in done.stderr and '/vault/' in done.stderr, 'it does not warn of a vault in the repository'
    assert 'tazpod trust' in done.stdout
    assert 'was never trusted' in folder.run('tazpod', 'up', status=1).stderr


def test_git():
    """git sees all that init made but the vault, also when there is one"""
    folder = Folder()
    folder.init()
    with open(folder.path + '/.tazpod/vault/vault.img', 'w') as file:
        file.write('secret')
    folder.run('git', 'init', '-q', '.')
    status = folder.run('git', 'status', '--porcelain', '-z', '--untracked-files=all').stdout
    assert {line[3:] for line in status.split('\0') if line} == ALL - {'.tazpod/vault/'}, status


def test_odd_names():
    """In folders with odd names the container's name is valid for the engine, and 'up --dry-run' a shell's line"""
    names = ['with  spaces', 'Ümläute ßß', '.dot', '-dash', 'x' * 200, "quote'\"$(id)`", 'ABC_def.ghi', 'comma,and=equals', '日本']
    seen = set()
    for name in names:
        folder = Folder(name)
        folder.init()
        container = folder.name()
        assert NAME.fullmatch(container) and len(container) <= 63, container
        seen.add(container)
        assert docker('create', '--name', container, pod.CHEAP)
        docker('rm', container)
        build, words, start = pod.commands_of(folder.run('tazpod', 'up', '--dry-run').stdout)
        assert build[1] == 'build' and build[-1] == folder.path + '/.tazpod'
        assert f'--name={container}' in words and start[-1] == container
        assert any(folder.path in word.replace('""', '"') for word in words if word.startswith('--mount=')), words
    assert len(seen) == len(names)


def test_two_of_a_name():
    """Two folders of the same name have containers of different names"""
    first, second = Folder(), Folder()
    first.init()
    second.init()
    assert first.name() != second.name()


def test_home_and_root():
    """In one's home it is refused without --yes, since .ssh is there; in / and in .tazpod always"""
    person = Person(1000)
    assert 'this is your home' in person.run('tazpod', 'init', folder=person.home, status=1).stderr
    assert not os.path.exists(person.home + '/.tazpod')
    assert 'root of the system' in person.run('tazpod', 'init', '--yes', folder='/', status=1).stderr
    folder = Folder()
    folder.init()
    assert "TazPod's own folder" in person.run('tazpod', 'init', '--yes', folder=folder.path + '/.tazpod', status=1).stderr


def test_unwritable():
    """Where nothing can be written it says so, and leaves nothing half-made"""
    folder = Folder()
    os.chown(folder.path, 0, 0)
    refused = folder.init(status=1)
    assert '.tazpod cannot be made: Permission denied' in refused.stderr, refused.stderr
    assert folder.files() == {}


def test_symlink():
    """A .tazpod that is a symlink is refused, and what it points to stays empty"""
    folder, other = Folder(), Folder('other')
    os.symlink(other.path, folder.path + '/.tazpod')
    refused = folder.init(status=1)
    assert 'symlink' in refused.stderr
    assert other.files() == {}
