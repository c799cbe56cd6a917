"""images/tour, the story that plays unattended, and what quickstart refuses before it does anything."""
import os
import re

import pod
from pod import Person, docker

TOP = os.environ['TZ_TOP']
# Deriving a key costs next to nothing then. The tour trusts what it has made, and this again.
CHEAP = ('tazpod init base --yes\n', "tazpod init base --yes\nsed -i 's,tazpod/base:,tazpod/cheap:,' .tazpod/Containerfile\n")
HELD, FAILED = '   -> ', '   -> NOT SO: '


def play(status, *changes):
    """Has somebody play the tour with texts of it replaced; gives what held, and what did not. Nothing of it stays."""
    with open(f'{TOP}/images/tour') as file:
        text = file.read()
    for old, new in (CHEAP, *changes):
        assert text.count(old) == 1, f'this is not once in images/tour: {old}'
        text = text.replace(old, new)
    person, folder = Person(1000), pod.scratch()
    os.chmod(folder, 0o777)
    script = f'{folder}/tour'
    with open(script, 'w') as file:
        file.write(text)
    said = person.run('bash', script, status=status, folder=folder, TMPDIR=folder, PATH='/usr/bin:/bin', seconds=300).said
    assert os.listdir(folder) == ['tour'], os.listdir(folder)
    name = re.search(r'docker kill (\S+)', said).group(1)
    for kind in ('ps', '-a'), ('images',):
        assert name not in docker(*kind), f'{name} is left'
    lines = said.splitlines()
    failed = [line[len(FAILED):] for line in lines if line.startswith(FAILED)]
    return said, [line for line in lines if line.startswith(HELD) and not line.startswith(FAILED)], failed


def test_tour():
    """An ordinary user plays the tour: all of it holds, and nothing of it is left"""
    said, held, failed = play(0)
    assert not failed, said
    assert len(held) == 14, said
    assert 'All of it held.' in said


def test_planted():
    """It fails for a leak, a vault that opens for whoever asks, a session that is not there, and a look that cannot look"""
    said, held, failed = play(
        1,
        ('> ~/secrets/token; sync;', '> ~/secrets/token; cp ~/secrets/token /workspace/leak; sync;'),
        ("'cat ~tazpod-ghost/secrets/token'", "'cat /workspace/leak'"),
        ('unlock wrong-passphrase', 'unlock "$passphrase"'),
        ("'sleep 600'", "'exit'"),
        ('within 30 is_open', 'within 1 is_open'),
        ('finds_none grep -F tazpod-ghost/secrets /proc/mounts', 'finds_none grep -sF tazpod-ghost/secrets /proc/nowhere'))
    assert failed == ['a ghost session is open', "the ghost's home is closed", 'so is the way through its process',
                      'which shows no memory, files or environment either',
                      "nothing in the project's files, and the image is noise", 'the host has no mount of it',
                      'but a loop device, as long as it is open', 'a wrong passphrase opens nothing'], said
    assert len(held) == 6, said
    assert '8 of these did not hold.' in said


test_tour.timeout = test_planted.timeout = 400


def test_quickstart():
    """quickstart works from another folder, and refuses one with other things in it before it asks or does anything"""
    folder, root = pod.scratch(), Person(0)
    quickstart = f'{TOP}/quickstart'
    assert 'usage: ./quickstart' in root.run(quickstart, '--help', folder=folder).stdout
    assert 'usage: sudo ./install.sh' in root.run(f'{TOP}/install.sh', '--help', folder=folder).stdout
    assert "'--projekt' is unknown" in root.run(quickstart, '--projekt', folder=folder, status=2).stderr
    os.mkdir(f'{folder}/mine')
    with open(f'{folder}/mine/file', 'w') as file:
        file.write('mine\n')
    for words in ('--project', 'mine'), ('--project', f'{folder}/mine'), ('--project', 'mine/file'):
        refused = root.run(quickstart, '--yes', *words, folder=folder, status=1)
        assert f'{folder}/mine' in refused.stderr and 'no empty folder' in refused.stderr, refused.said
        assert refused.stdout == ''
    assert os.listdir(f'{folder}/mine') == ['file']
    assert os.stat(f'{folder}/mine').st_uid == 0
    os.mkdir(f'{folder}/empty')
    refused = root.run(quickstart, '--yes', '--project', 'empty', folder=folder, status=1)
    assert "is root's" in refused.stderr and refused.stdout == '', refused.said
    assert os.listdir(f'{folder}/empty') == []
