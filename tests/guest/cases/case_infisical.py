"""pull and login with Infisical, whose CLI a stand-in plays: who logs in where, what reaches it, and what goes wrong there."""
import base64
import contextlib
import glob
import json
import os
import pwd
import secrets
import time

import lab

world = 'native'  # nothing here has to do with the driver or the kernel
releases = ['bookworm']  # nor with the release

MAP_FILE = '/workspace/secrets.yml'
PLACE = '/srv/lab-infisical'  # the server, and what the stand-in writes down
CLI = '/usr/bin/infisical'
SERVER = 'https://secrets.example'
ANN, BOB = 'ann@example.org', 'bob@example.org'
# Made afresh, so that no file of these cases has what they look for.
VALUE = 'value-' + secrets.token_hex(16)
SIGNATURE = 'signed-' + secrets.token_hex(16)
MAP = f'''\
config:
  infisical_project_id: a1b2-c3
  infisical_url: {SERVER}
secrets:
  - {{name: API_TOKEN, env: API_TOKEN}}
  - {{name: KUBE, file: cluster/kubeconfig, env: KUBECONFIG}}
'''
FIRST = {'API_TOKEN': VALUE, 'KUBE': f'clusters: [{VALUE}]\n'}
ASKED = r'browser token here: $'  # the login
EXPORT = 'export --format=json --env=dev --path=/ --projectId=a1b2-c3'
SET = "(cd ~/secrets && find . -path ./lost+found -prune -o -type f ! -path './.infisical*' ! -path ./.tazpod/provider " \
    '-print0 | sort -z | xargs -0 sha256sum)'


# ---------------------------------------------------------------- the stand-in

def put(name, text):
    """Gives the stand-in a file; without text it has none of that name."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f'{PLACE}/{name}')
    if text is not None:
        with open(f'{PLACE}/{name}', 'w', encoding='utf-8') as file:
            file.write(text)


def left(name):
    """What the stand-in has written down."""
    with contextlib.suppress(FileNotFoundError), open(f'{PLACE}/{name}', encoding='utf-8') as file:
        return file.read()
    return ''


def exports():
    return [line for line in left('calls').splitlines() if line.startswith('export')]


def serve(values):
    more = {'workspace': 'a1b2-c3', 'type': 'shared', 'secretPath': '/', 'tags': []}
    put('secrets', json.dumps([{'key': key, 'value': value, **more} for key, value in values.items()]))


def before():
    lab.sh(f'rm -rf {PLACE}; install -d -m 700 -o {lab.GHOST} {PLACE}')
    lab.later(lab.sh, f'rm -rf {PLACE} {CLI} {MAP_FILE}')
    with open(CLI, 'w', encoding='utf-8') as file:
        file.write(f'#!/bin/sh\nexport FAKE_INFISICAL={PLACE}\nexec /opt/tazpod-tests/fake-infisical "$@"\n')
    os.chmod(CLI, 0o755)
    lab.replace_file(MAP_FILE, MAP)
    serve(FIRST)
    put('mode', 'user')


def cleanup():
    assert left('violations') == '', left('violations')


def token(email, seconds=3600):
    """What a browser shows whoever has logged in there as email."""
    def part(thing):
        return base64.urlsafe_b64encode(json.dumps(thing, separators=(',', ':')).encode()).decode().rstrip('=')
    jwt = f'{part({"alg": "HS256"})}.{part({"exp": int(time.time()) + seconds})}.{SIGNATURE}'
    shown = json.dumps({'email': email, 'privateKey': '', 'JTWToken': jwt}, separators=(',', ':'))
    return base64.b64encode(shown.encode()).decode()


# ---------------------------------------------------------------- people

def opened(size='48M'):
    lab.fresh_vault(size=size)
    terminal = lab.Terminal()
    terminal.unlock()
    return terminal


def finish(terminal):
    """The status of what runs, and what was said since."""
    status = int(terminal.expect(lab.PROMPT).group(2))
    return status, terminal.child.before.replace('\r', '')


def pull_with_login(terminal, email=ANN, words='tazpod pull --yes'):
    """Pulls, and logs in on the way; gives the status, and what was said before and after."""
    terminal.send(words + '\n')
    terminal.expect(ASKED)
    asked = terminal.child.before.replace('\r', '')
    terminal.secret(token(email))
    status, said = finish(terminal)
    return status, asked, said


def logged_in():
    """A ghost shell in which somebody is logged in, and the first secrets are there."""
    terminal = opened()
    status, _, said = pull_with_login(terminal)
    assert status == 0, said
    return terminal


def without_terminal(terminal, words='tazpod pull --yes'):
    return terminal.run(f'setsid -w {words} </dev/null')


@contextlib.contextmanager
def unchanged(terminal):
    """The set of secrets is afterwards what it was, and the shell has it."""
    was = terminal.check(SET)
    yield
    assert terminal.check(SET) == was
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE


def no_process_left():
    """Nothing runs of the stand-in, nor of what it started; who was killed may take a moment."""
    uid = pwd.getpwnam(lab.GHOST).pw_uid
    lab.wait_for(lambda: not [line for _, line in lab.processes(uid) if 'fake-infisical' in line or line.startswith('sleep 600')],
                 'the end of the stand-in', 5)


# ---------------------------------------------------------------- logging in

def test_first_pull():
    """who is not logged in, and pulls at a terminal, is led to the login, and then has the secrets"""
    terminal = opened()
    terminal.send('tazpod pull\n')
    terminal.expect('wants your Infisical login to be used at this server:\r\n  ' + SERVER)
    terminal.expect(r'\[y/N\] ')
    terminal.send('y\n')
    terminal.expect(ASKED)
    asked = terminal.child.before
    assert 'nobody is logged in to Infisical' in asked and f"Using domain '{SERVER}'" in asked, asked
    terminal.secret(token(ANN))
    status, said = finish(terminal)
    assert status == 0 and f'logged in as {ANN}' in said and '2 new, 0 changed' in said, said
    assert VALUE not in terminal.transcript and SIGNATURE not in terminal.transcript
    assert terminal.check('printf %s "$API_TOKEN"; cat "$KUBECONFIG"') == f'{VALUE}clusters: [{VALUE}]'
    assert [line for line in left('calls').splitlines() if not line.startswith('login --silent')] == \
        [EXPORT, 'vault set file', 'login', EXPORT]
    # the next one asks for nothing
    assert '0 new, 0 changed, 2 as they were' in terminal.check('tazpod pull')


def test_login():
    """a login by itself is kept in the vault alone; the next session has it, and who is not in one has not"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.send('tazpod login --yes\n')
    terminal.expect(ASKED)
    terminal.secret(token(ANN))
    status, said = finish(terminal)
    assert status == 0 and f'logged in as {ANN}' in said, said
    assert terminal.check('stat -c %a ~/infisical-keyring/*; ls ~/secrets/.infisical-keyring') == f'600\n{ANN}'
    terminal.leave()
    assert lab.sh('ls -A /home/tazpod-ghost/.infisical /home/tazpod-ghost/infisical-keyring 2>/dev/null; true',
                  user=lab.PUBLIC) == ''
    assert not glob.glob('/home/tazpod-ghost/infisical-keyring/*')
    terminal.unlock_again()
    assert '2 new' in terminal.check('tazpod pull')
    assert len(exports()) == 1


def test_login_refused():
    """a login that fails is told, and pulls nothing"""
    terminal = opened()
    terminal.send('tazpod pull --yes\n')
    terminal.expect(ASKED)
    terminal.secret('no token')
    status, said = finish(terminal)
    assert status == 1 and "'infisical login' ended with status 1; nobody is logged in" in said, said
    assert len(exports()) == 1
    assert terminal.run('ls ~/secrets/.tazpod/values')[0] != 0
    # its options are its own matter
    status, said = terminal.run('tazpod login -- --no-such-option')
    assert status == 1 and 'unknown flag: --no-such-option' in said and 'ended with status 1' in said, said


def test_default_server():
    """where secrets.yml names no server, the CLI asks which"""
    lab.replace_file(MAP_FILE, MAP.replace(f'  infisical_url: {SERVER}\n', ''))
    terminal = opened()
    terminal.send('tazpod pull --yes\n')
    terminal.expect('Select your hosting option')
    terminal.expect('Dedicated Instance\r\n')
    terminal.send('\n')
    terminal.expect(ASKED)
    terminal.secret(token(ANN))
    status, said = finish(terminal)
    assert status == 0 and '2 new' in said, said
    assert 'INFISICAL_DOMAIN=' not in left('environment') and 'INFISICAL_API_URL=' not in left('environment')


def test_no_terminal():
    """without a login and without a terminal it is refused, with the name of what logs in, and nothing is changed"""
    terminal = opened()
    for words in 'tazpod pull --yes', 'tazpod pull --yes --dry-run':
        status, said = without_terminal(terminal, words)
        assert status == 1 and 'nobody is logged in' in said and "'tazpod login' logs in" in said, said
    status, said = without_terminal(terminal, 'tazpod login --yes')
    assert status == 1 and "'infisical login' ended with status 1; nobody is logged in" in said, said
    assert 'browser token' not in terminal.transcript
    assert terminal.check('ls -A ~/secrets/.tazpod').split() == ['allowed', 'provider']
    assert len(exports()) == 2
    no_process_left()


def test_no_bridge():
    """where the CLI's folders are not in the vault, nobody can log in, since the login would be in the open"""
    home = '/home/tazpod-ghost/infisical-keyring'
    lab.later(lab.sh, f'rm -rf {home}')
    lab.sh(f'rm -rf {home}; install -d -o {lab.GHOST} {home}; touch {home}/in-the-way')
    terminal = opened()
    for command in 'tazpod login --yes', 'tazpod pull --yes':
        status, said = terminal.run(command)
        assert status == 1 and '~/infisical-keyring is not in the vault, so a login' in said, said
    assert os.listdir(home) == ['in-the-way'] and not {'login', 'export'} & set(left('calls').split())


def test_expired():
    """a login that has expired: without a terminal it is told, and at one leads to a new one"""
    terminal = logged_in()
    put('now', str(int(time.time()) + 7200))
    with unchanged(terminal):
        status, said = without_terminal(terminal)
        assert status == 1 and "the login has expired; 'tazpod login' logs in" in said, said
        # one that the server has ended before its time
        put('mode', 'unauthorized')
        status, said = without_terminal(terminal)
        assert status == 1 and "the login has expired; 'tazpod login' logs in" in said, said
    put('mode', 'user')
    put('now', None)
    serve({**FIRST, 'API_TOKEN': 'second'})
    put('now', str(int(time.time()) + 3600))
    terminal.send('tazpod pull\n')
    terminal.expect(ASKED)
    terminal.secret(token(ANN, 7200))
    status, said = finish(terminal)
    assert status == 0 and '0 new, 1 changed, 1 as they were' in said, said
    assert terminal.check('echo "$API_TOKEN"') == 'second'


# ---------------------------------------------------------------- the login of another

def test_another_account():
    """an account that may not read the project is told of, and at a terminal another one can log in"""
    terminal = logged_in()
    put('member', BOB)
    with unchanged(terminal):
        status, said = without_terminal(terminal)
        assert status == 1 and 'this login may not read project a1b2-c3, environment dev, folder /' in said, said
        assert "'tazpod login' logs in anew (You are not a member of this project)" in said, said
    status, asked, said = pull_with_login(terminal, BOB, 'tazpod pull')
    assert 'this login may not read project a1b2-c3' in asked, asked
    assert status == 0 and '2 as they were' in said, said


def test_another_server():
    """a login for another server than secrets.yml names is not sent there, and at a terminal leads to one for it"""
    terminal = logged_in()
    lab.replace_file(MAP_FILE, MAP.replace(SERVER, 'https://other.example'))
    with unchanged(terminal):
        # the server is another, so this is asked first
        status, said = without_terminal(terminal, 'tazpod pull')
        assert status == 1 and 'trust' in said and len(exports()) == 2, said
        status, said = without_terminal(terminal)
        assert status == 1 and 'another server than secrets.yml asks' in said and "'tazpod login' logs in there" in said, said
    status, asked, said = pull_with_login(terminal, BOB)
    assert "Using domain 'https://other.example'" in asked, asked
    assert status == 0 and '2 as they were' in said, said


def test_two_servers():
    """where the environment names another server than secrets.yml, nobody is asked"""
    terminal = logged_in()
    asked = len(exports())
    with unchanged(terminal):
        for name in 'INFISICAL_DOMAIN', 'INFISICAL_API_URL':
            for command in 'pull', 'login':
                status, said = terminal.run(f'{name}=https://other.example tazpod {command}')
                assert status == 1 and f'{name} in the environment is https://other.example' in said and SERVER in said, said
    assert len(exports()) == asked and left('calls').count('\nlogin\n') == 1


# ---------------------------------------------------------------- what the server has

def test_offline():
    """what the CLI has kept from another time is not taken for what the server has; the vault keeps what it has"""
    terminal = logged_in()
    # the CLI keeps this
    serve({**FIRST, 'API_TOKEN': 'newer'})
    assert 'changed  API_TOKEN' in terminal.check('tazpod pull --dry-run')
    put('down', '')
    with unchanged(terminal):
        for words in 'tazpod pull', 'tazpod pull --prune':
            status, said = terminal.run(words)
            assert status == 1 and 'the server of Infisical could not be reached' in said, said
            assert 'what its CLI has kept from another time is not taken; the vault keeps what it has' in said, said
    # and with nothing kept
    terminal.check('rm -r ~/.infisical/secrets-backup')
    with unchanged(terminal):
        status, said = terminal.run('tazpod pull')
        assert status == 1 and 'could not be reached; the vault keeps what it has (' in said, said
    terminal.leave()
    terminal.unlock_again()
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE


def test_missing():
    """a secret that the server has not, which the CLI passes over, is told; the others are put in; the status is 1"""
    terminal = logged_in()
    serve({'API_TOKEN': 'newer', 'EXTRA': 'more'})
    status, said = terminal.run('tazpod pull')
    assert status == 1 and 'missing  KUBE' in said and 'gone     KUBE' in said, said
    assert "1 of the secrets in secrets.yml is missing at the provider" in said, said
    assert terminal.check('echo "$API_TOKEN $EXTRA"; cat ~/secrets/cluster/kubeconfig') == f'newer more\nclusters: [{VALUE}]'


def test_one_process():
    """two hundred secrets come by one call; neither login nor server is in its arguments, and of others' variables none"""
    terminal = opened('128M')
    put('mode', None)
    serve({f'NAME_{number}': f'value {number}' for number in range(200)})
    lab.replace_file(MAP_FILE, MAP.partition('secrets:')[0])
    terminal.send('read -rs INFISICAL_TOKEN\n')
    terminal.secret(SIGNATURE)
    terminal.expect(lab.PROMPT)
    said = terminal.check('export INFISICAL_TOKEN TOKEN=of-another; tazpod pull --yes')
    assert '200 new' in said, said
    assert left('calls') == EXPORT + '\n', left('calls')
    variables = dict(line.split('=', 1) for line in left('environment').split('\0') if line)
    assert variables['INFISICAL_TOKEN'] == SIGNATURE and 'TOKEN' not in variables, sorted(variables)
    assert variables['INFISICAL_DOMAIN'] == variables['INFISICAL_API_URL'] == SERVER
    assert variables['HOME'] == '/home/tazpod-ghost' and left('folder') == '/\n'
    assert terminal.check('echo "$NAME_199"') == 'value 199'


def test_ten_thousand():
    """ten thousand secrets are pulled"""
    terminal = opened('128M')
    put('mode', 'many')
    lab.replace_file(MAP_FILE, MAP.partition('secrets:')[0])
    assert '10000 new' in terminal.check('command tazpod pull --yes | tail -n 1', 120)
    assert terminal.check('tazpod run -- sh -c \'echo "$NAME_9999"\'') == 'value 9999'


def test_bad_answers():
    """garbage, half an answer, none, a death, a hang: each is told, and changes nothing"""
    terminal = logged_in()
    serve({name: VALUE + ' unshown' for name in FIRST})
    answers = (('garbage', 'the output of infisical: line 1'), ('half', 'JSON that ends too early'),
               ('half-killed', 'was ended by signal 9 (Killed)'), ('nothing', 'printed nothing'), ('null', 'null'),
               ('broken', 'ended with status 1: Something went wrong'), ('hidden', 'hides the value of UNSEEN'),
               ('missing', 'has no project a1b2-c3 with environment dev'), ('hang', 'infisical had not ended after 1 s'))
    with unchanged(terminal):
        for mode, part in answers:
            put('mode', mode)
            if mode == 'hang':
                lab.replace_file(MAP_FILE, MAP.replace('config:\n', 'config:\n  timeout: 1\n'))
            status, said = terminal.run('tazpod pull')
            assert status == 1 and part in said, (mode, said)
            assert VALUE not in said and 'hidden-value' not in said, (mode, said)
            no_process_left()


# ---------------------------------------------------------------- where people are

def from_outside(terminal):
    """Types a pull in the public shell, and gives the passphrase."""
    lab.fresh_vault()
    terminal.send('tazpod pull --yes\n')
    terminal.expect(lab.SECRET_PROMPT)
    terminal.secret(lab.PASSPHRASE)


def test_from_outside():
    """typed in the public shell, it opens the vault, logs in, pulls, and leaves one in the ghost shell"""
    terminal = lab.Terminal()
    from_outside(terminal)
    terminal.expect(ASKED)
    terminal.secret(token(ANN))
    terminal.expect(lab.SHELL_PROMPT)
    assert '2 new' in terminal.child.before, terminal.tail()
    terminal.shell()
    assert terminal.user() == lab.GHOST
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE
    terminal.leave()
    assert terminal.user() == lab.PUBLIC
    lab.nothing_left(lab.VAULT, keys_too=False)


def interrupt(terminal, sane):
    """Ctrl-C: the command ends by it, the terminal is as it was, and no process is left."""
    terminal.send('\x03')
    status, said = finish(terminal)
    assert status == 130, (status, said)
    assert terminal.check('stty -a') == sane
    no_process_left()
    return said


def test_interrupted_pull():
    """Ctrl-C while the server is asked: nothing is changed, and no process is left"""
    terminal = logged_in()
    sane = terminal.check('stty -a')
    for mode in 'hang', 'half-hang':
        put('mode', mode)
        put('pid', None)
        with unchanged(terminal):
            terminal.send('tazpod pull\n')
            lab.wait_for(lambda: left('pid'), 'the stand-in')
            assert 'interrupted, and infisical was ended' in interrupt(terminal, sane)
    put('mode', 'user')
    assert '2 as they were' in terminal.check('tazpod pull')


def test_interrupted_login():
    """Ctrl-C while the login asks: nobody is logged in, the terminal is as it was, and no process is left"""
    terminal = opened()
    sane = terminal.check('stty -a')
    for words in 'tazpod login --yes', 'tazpod pull':
        terminal.send(words + '\n')
        terminal.expect(ASKED)
        assert terminal.child.waitnoecho(timeout=lab.PATIENCE)
        assert 'interrupted; nobody is logged in' in interrupt(terminal, sane)
        assert terminal.check('ls -A ~/infisical-keyring; ls ~/secrets/.tazpod').split() == ['allowed', 'provider']
    status, _, said = pull_with_login(terminal)
    assert status == 0 and '2 new' in said, said


def interrupt_outside(terminal, sane):
    """Ctrl-C: one is in the ghost shell, from which one goes back to the public one, and nothing is left."""
    terminal.send('\x03')
    terminal.expect(lab.SHELL_PROMPT)
    terminal.shell()
    assert terminal.user() == lab.GHOST
    no_process_left()
    assert terminal.check('stty -a') == sane
    assert terminal.check('ls ~/secrets/.tazpod; ls -A ~/infisical-keyring').split() == ['allowed', 'provider']
    terminal.leave()
    assert terminal.user() == lab.PUBLIC
    assert terminal.check('stty -a') == sane
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_interrupted_outside():
    """Ctrl-C while a pull from the public shell asks the server, or for the login: one is in the ghost shell, terminal and all"""
    terminal = lab.Terminal()
    sane = terminal.check('stty -a')
    put('mode', 'hang')
    from_outside(terminal)
    lab.wait_for(lambda: left('pid'), 'the stand-in')
    interrupt_outside(terminal, sane)
    put('mode', 'user')
    from_outside(terminal)
    terminal.expect(ASKED)
    assert terminal.child.waitnoecho(timeout=lab.PATIENCE)
    interrupt_outside(terminal, sane)


def test_big_map():
    """a secrets.yml of 100 MB is refused, and nothing is asked or changed"""
    terminal = logged_in()
    asked = len(exports())
    for make in 'truncate -s 100M', 'yes a: b | head -c 100000000 >':
        lab.sh(f'rm {MAP_FILE}; {make} {MAP_FILE}')
        with unchanged(terminal):
            began = time.monotonic()
            status, said = terminal.run('(ulimit -v 65536; exec tazpod pull --yes)')
            assert status == 1 and 'secrets.yml' in said and '256 KiB' in said, said
            print(f'# refused after {time.monotonic() - began:.2f} s')
    assert len(exports()) == asked


# ---------------------------------------------------------------- what others see

def search(needles, user=None):
    """The files of the whole root that have one of them, but for the server's own."""
    found = lab.sh('grep -rlaF -D skip --exclude-dir=proc --exclude-dir=sys --exclude-dir=lab-infisical -f - / 2>/dev/null; true',
                   input='\n'.join(needles), user=user)
    return found.splitlines()


def saying(needles):
    """Processes that have one of them in their arguments, or, outside of the enclave, in their environment."""
    inside = {pid for pid, _ in lab.processes(pwd.getpwnam(lab.GHOST).pw_uid)}
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
        if path.endswith('environ') and int(path.split('/')[2]) in inside:
            continue
        with contextlib.suppress(OSError), open(path, 'rb') as file:
            text = file.read()
            found += [f'{path}: {needle}' for needle in needles if needle.encode() in text]
    return found


def test_nothing_outside():
    """neither a secret nor the login is anywhere outside of the enclave: in files, processes, logs or histories"""
    lab.later(lab.sh, 'rm -f /var/tmp/lab-canary')
    terminal = logged_in()
    shown = token(ANN)
    needles = [VALUE, SIGNATURE, shown[:48]]
    with open('/var/tmp/lab-canary', 'w', encoding='utf-8') as file:
        file.write('found: ' + VALUE)
    terminal.send('tazpod run -- sleep 300 &\n')
    pid = lab.wait_for(lambda: [pid for pid, line in lab.processes(names=('sleep',)) if line == 'sleep 300'], 'sleep')[0]
    with open(f'/proc/{pid}/environ', 'rb') as file:
        assert VALUE.encode() in file.read()
    # while it is open; the one that was planted shows that who searches finds
    assert search(needles) == search(needles, lab.PUBLIC) == ['/var/tmp/lab-canary']
    assert saying(needles) == []
    assert lab.sh("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -acF -f - ; true",
                  input='\n'.join(needles), user=lab.PUBLIC) == '0\n'
    assert not [needle for needle in needles if needle in lab.journal()]
    terminal.send('kill %1; history -a\n')
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)
    assert search(needles) == ['/var/tmp/lab-canary'] and saying(needles) == []
    assert lab.sh(f'grep -acF -f - {lab.VAULT}; true', input='\n'.join(needles)) == '0\n'
    with lab.looked_into() as folder:
        has_login = lab.sh(f'cd {folder} && grep -rlaF -f - . | sort', input=SIGNATURE).split()
        has_value = lab.sh(f'cd {folder} && grep -rlaF -f - . | sort', input=VALUE).split()
    # that of the shell is among the first
    assert has_login == [f'./.infisical-keyring/{ANN}'], has_login
    assert has_value == ['./.infisical-vault/secrets-backup/project_secrets.json', './.tazpod/values/API_TOKEN',
                         './cluster/kubeconfig'], has_value
