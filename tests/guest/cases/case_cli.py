"""tazpod, the command: for the public user, for the ghost, and for root."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

import lab

NEW = 'another horse, another staple'
RECOVERY = 'for the safe in the cellar'
CAP_SYS_RESOURCE = 24
LOCK_WAITS = 200 # its 10 s are so many looks at all processes, which take long on an emulated processor


def tazpod(words, input=None, status=0, timeout=120):
    """Runs tazpod as root, without a terminal, passphrases on its standard input a line each."""
    text = None if input is None else ''.join(line + '\n' for line in input)
    return lab.sh(f'tazpod {words}', input=text, status=status, timeout=timeout)


def opens(passphrase):
    return subprocess.run(['cryptsetup', 'open', '--test-passphrase', '--key-file', '-', lab.VAULT],
                          input=passphrase, text=True, stderr=subprocess.DEVNULL).returncode == 0


def test_unlock():
    """unlock goes in; within, it says that one is in already"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock(command='tazpod unlock')
    assert terminal.user() == lab.GHOST
    status, said = terminal.run('tazpod unlock')
    assert status == 0 and 'already' in said, said
    terminal.leave()


def test_status():
    """status tells of the sessions, the vault and the stash, in words and in JSON"""
    lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal('other')
    status, said = one.run('tazpod status')
    assert status == 0 and 'no session' in said.lower() or 'closed' in said.lower(), said
    assert one.run('tazpod status --quiet') == (3, '')
    one.unlock()
    two.unlock()
    assert two.run('tazpod status --quiet') == (0, '')
    two.leave()
    public = lab.Terminal()
    tree = json.loads(public.check('tazpod status --json'))
    assert len(tree['sessions']) == 1, tree
    session = tree['sessions'][0]
    assert lab.PUBLIC in session.values() and 'su-l' in session.values(), session
    assert re.search(r'"pts/\d+"', json.dumps(session)), session
    assert lab.sh(f'cryptsetup luksUUID {lab.VAULT}').strip() in json.dumps(tree), tree
    assert lab.DRIVER in json.dumps(tree), tree
    again = lab.Terminal()
    again.unlock()
    again.leave()
    tree = json.loads(again.check('tazpod status --json'))
    numbers = [value for value in (tree['stash'] or {}).values() if isinstance(value, int) and not isinstance(value, bool)]
    assert numbers and 0 < numbers[0] <= 900, tree
    said = again.check('tazpod status')
    assert lab.PUBLIC in said and 'pts/' in said, said


def test_lock():
    """lock ends every session and makes every stash void, and says what it ended"""
    lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal('other')
    one.unlock()
    one.leave()
    one.unlock_again()
    two.unlock()
    public = lab.Terminal()
    said = public.check('tazpod lock', 60)
    assert said.count('pts/') == 2 and lab.PUBLIC in said and 'other' in said, said
    for terminal in one, two:
        terminal.expect(lab.PROMPT)
    lab.nothing_left(lab.VAULT, keys_too=False)
    one.send(f'su -l {lab.GHOST}\n')
    one.expect('Vault passphrase: ')
    said = public.check('tazpod lock', 60)
    assert 'open' in said, said


def test_lock_stopped():
    """a stopped su holds the vault, and lock does not say otherwise"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    public = lab.Terminal()
    su = lab.sh('pgrep -x su').split()[0]
    public.check(f'kill -STOP {su}')
    status, said = public.run('tazpod lock', LOCK_WAITS)
    assert status == 1 and 'still open' in said and 'stopped su' in said, said
    public.run(f'kill -CONT {su}')
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_lock_held_up():
    """a shell that a stopped terminal keeps from ending holds the vault: lock does not say otherwise, and it ends with that"""
    lab.fresh_vault()
    terminal, public = lab.Terminal(), lab.Terminal()
    terminal.unlock()
    device = terminal.check('tty').strip()
    writer = subprocess.Popen(['sh', '-c', f'exec yes >{device}'])
    lab.later(writer.kill)
    # lab.wait_for() would have the terminal take it
    while 'n_tty_write' not in lab.kernel_calls(f'/proc/{writer.pid}'):
        time.sleep(0.1)
    status, said = public.run('tazpod lock', LOCK_WAITS)
    if status == 0: # the shell was killed before it came to its terminal, or this kernel can end it
        assert lab.open_devices() == 0, (said, lab.leftovers())
    else:
        assert 'still open' in said and 'Ctrl-Q' in said, said
        assert lab.open_devices() == 1, said
    writer.kill()
    writer.wait()
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_lock_within():
    """lock from within an enclave ends that one, too"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.send('tazpod lock\n')
    terminal.expect('@@tazpod:')
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_lock_forbidden():
    """who is neither public user, ghost nor root may not lock"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    other = lab.Terminal('other')
    status, said = other.run('tazpod lock')
    assert status != 0 and 'public user' in said, said
    assert terminal.user() == lab.GHOST


def test_needs_root():
    """what needs root says so"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    for words in ('create', 'info', 'check', 'grow 1G', 'backup-header /tmp/x', 'restore-header /tmp/x', 'add-recovery',
                  'remove-recovery'):
        status, said = terminal.run(f'tazpod vault {words}')
        assert status == 1 and 'root' in said, (words, said)


def test_create():
    """vault create makes one, once, above the floor, and says how far it is"""
    lab.no_vault()
    said = tazpod('vault create --size 48M --stdin', [lab.PASSPHRASE, lab.PASSPHRASE])
    assert '100' in said, said
    assert os.path.getsize(lab.VAULT) == 48 << 20
    before = open(lab.VAULT, 'rb').read()
    said = tazpod('vault create --stdin', [lab.PASSPHRASE, lab.PASSPHRASE], status=1)
    assert 'already' in said, said
    assert open(lab.VAULT, 'rb').read() == before
    lab.no_vault()
    for first, second, words in ('short', 'short', 'too short'), (lab.PASSPHRASE, NEW, 'differ'):
        said = tazpod('vault create --stdin', [first, second], status=1)
        assert words in said, said
    assert os.listdir(os.path.dirname(lab.VAULT)) == []
    lab.nothing_left()


def test_create_killed():
    """vault create killed at any moment leaves nothing, and the next one works"""
    lab.no_vault()
    for delay in (0.1, 0.3, 0.5, 0.8, 1.1, 1.5):
        child = subprocess.Popen(['tazpod', 'vault', 'create', '--size', '64M', '--stdin', '--quiet'], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        child.stdin.write(f'{lab.PASSPHRASE}\n{lab.PASSPHRASE}\n')
        child.stdin.close()
        time.sleep(delay)
        child.kill()
        child.wait()
        if os.path.exists(lab.VAULT):
            break
        lab.nothing_left()
    if not os.path.exists(lab.VAULT):
        tazpod('vault create --size 64M --stdin', [lab.PASSPHRASE, lab.PASSPHRASE])
    assert os.listdir(os.path.dirname(lab.VAULT)) == ['vault.img']
    lab.Terminal().unlock()


def test_info():
    """vault info, in words and in JSON"""
    lab.fresh_vault()
    uuid = lab.sh(f'cryptsetup luksUUID {lab.VAULT}').strip()
    assert uuid in tazpod('vault info')
    text = json.dumps(json.loads(tazpod('vault info --json')))
    assert uuid in text and 'aes-xts-plain64' in text, text
    lab.no_vault()
    assert 'tazpod unlock' in tazpod('vault info', status=1) or 'create' in tazpod('vault info', status=1)


def test_check():
    """vault check reads only; --repair repairs; an open vault is left alone"""
    lab.fresh_vault(files={f'f{n}': 'x' * 3000 for n in range(20)})
    tazpod('vault check --stdin', [lab.PASSPHRASE])
    assert 'wrong passphrase' in tazpod('vault check --stdin', ['no'], status=4)
    with lab.opened() as device:
        lab.sh(f'debugfs -w -R "sif <2> links_count 77" {device}')
    assert 'repair' in tazpod('vault check --stdin', [lab.PASSPHRASE], status=1)
    tazpod('vault check --repair --stdin', [lab.PASSPHRASE])
    tazpod('vault check --stdin', [lab.PASSPHRASE])
    terminal = lab.Terminal()
    terminal.unlock()
    assert 'tazpod lock' in tazpod('vault check --stdin', [lab.PASSPHRASE], status=1)
    assert terminal.check('cat ~/secrets/f1 | wc -c') == '3000'
    # What locks the vault has closed it when it comes back.
    lab.sh('tazpod lock && tazpod vault check --stdin', input=lab.PASSPHRASE + '\n')
    terminal.user()
    lab.nothing_left(lab.VAULT, keys_too=False)


@lab.timeout(400)
def test_grow():
    """vault grow keeps what is there, and can be killed and done again; where it is not allowed it says so"""
    lab.fresh_vault(files={'token': 'kept\n'})
    assert 'shrink' in tazpod('vault grow 40M --stdin', [lab.PASSPHRASE], status=1)
    for delay in (0.3, 0.6, 1.0):
        child = subprocess.Popen(['tazpod', 'vault', 'grow', '128M', '--stdin'], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        child.stdin.write(lab.PASSPHRASE + '\n')
        child.stdin.close()
        time.sleep(delay)
        child.kill()
        child.wait()
        lab.nothing_left()
    if not lab.capable(CAP_SYS_RESOURCE):
        assert 'needs CAP_SYS_RESOURCE' in tazpod('vault grow 128M --stdin', [lab.PASSPHRASE], status=1)
        terminal = lab.Terminal()
        terminal.unlock()
        assert terminal.check('cat ~/secrets/token') == 'kept'
        return
    tazpod('vault grow 128M --stdin', [lab.PASSPHRASE])
    assert os.path.getsize(lab.VAULT) == 128 << 20
    lab.nothing_left(lab.VAULT)
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/token') == 'kept'
    assert int(terminal.check("df --output=size -m ~/secrets | tail -n 1")) > 90
    assert 'tazpod lock' in tazpod('vault grow 256M --stdin', [lab.PASSPHRASE], status=1)


@lab.only('native')
def test_recovery():
    """a recovery passphrase can be added later, opens, survives passwd, and can be removed"""
    lab.fresh_vault(files={'token': 'kept\n'})
    assert 'wrong passphrase' in tazpod('vault add-recovery --stdin', ['no', RECOVERY, RECOVERY], status=4)
    tazpod('vault add-recovery --stdin', [lab.PASSPHRASE, RECOVERY, RECOVERY])
    assert opens(RECOVERY) and opens(lab.PASSPHRASE)
    tazpod('vault add-recovery --stdin', [lab.PASSPHRASE, NEW, NEW], status=1)
    terminal = lab.Terminal()
    terminal.unlock(RECOVERY)
    # Who forgot the ordinary one sets a new one with the recovery passphrase.
    terminal.send('passwd\n')
    for prompt, answer in (('Present vault passphrase: ', RECOVERY), ('New vault passphrase: ', NEW), ('once more: ', NEW)):
        terminal.expect(prompt)
        terminal.secret(answer)
    terminal.expect('was changed')
    terminal.expect(lab.PROMPT)
    assert terminal.check('cat ~/secrets/token') == 'kept'
    terminal.leave()
    assert opens(RECOVERY) and opens(NEW) and not opens(lab.PASSPHRASE)
    tazpod('vault remove-recovery')
    assert opens(NEW) and not opens(RECOVERY)
    assert 'no recovery passphrase' in tazpod('vault remove-recovery', status=1)
    tazpod('vault add-recovery --stdin', [NEW, RECOVERY, RECOVERY])
    assert opens(RECOVERY)


@lab.only('native')
def test_header_backup():
    """a header goes to a file and comes back; another vault's, or garbage, does not"""
    lab.fresh_vault(files={'token': 'kept\n'})
    lab.sh('rm -f /root/lab-*')
    lab.later(lab.sh, 'rm -f /root/lab-*')
    tazpod('vault backup-header /root/lab-header')
    assert os.stat('/root/lab-header').st_mode & 0o777 == 0o600
    before = open('/root/lab-header', 'rb').read()
    assert 'not touched' in tazpod('vault backup-header /root/lab-header', status=1)
    assert open('/root/lab-header', 'rb').read() == before
    with open(lab.VAULT, 'r+b') as file:
        file.write(os.urandom(1 << 20))
    tazpod('vault restore-header /root/lab-header --yes')
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/token') == 'kept'
    said = tazpod('vault restore-header /root/lab-header --yes', status=1)
    assert 'tazpod lock' in said, said
    terminal.leave()
    lab.nothing_left(keys_too=False)
    with open('/root/lab-garbage', 'wb') as file:
        file.write(os.urandom(1 << 20))
    assert 'not a backup' in tazpod('vault restore-header /root/lab-garbage --yes', status=1)
    shutil.copy(lab.VAULT, '/root/lab-other')
    lab.fresh_vault()
    assert 'another vault' in tazpod('vault restore-header /root/lab-header --yes', status=1)
    tazpod('vault restore-header /root/lab-header', status=None)
    assert opens(lab.PASSPHRASE)


def test_passwd_command():
    """tazpod passwd goes in first where it must, and changes the passphrase"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.send('tazpod passwd\n')
    answers = [('Vault passphrase: ', lab.PASSPHRASE), ('Present vault passphrase: ', lab.PASSPHRASE),
               ('New vault passphrase: ', NEW), ('once more: ', NEW)]
    for prompt, answer in answers:
        terminal.expect(prompt)
        terminal.secret(answer)
    terminal.expect('was changed')
    assert terminal.expect(lab.PROMPT).group(2) == '0'
    assert opens(NEW) and not opens(lab.PASSPHRASE)


@lab.timeout(400)
def test_passwd_killed():
    """a change of the passphrase killed at any moment: the old or the new one opens"""
    lab.fresh_vault()
    old, new = lab.PASSPHRASE, NEW
    terminal = lab.Terminal()
    terminal.unlock()
    for delay in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        terminal.send('passwd\n')
        for prompt, answer in (('Present vault passphrase: ', old), ('New vault passphrase: ', new), ('once more: ', new)):
            terminal.expect(prompt)
            terminal.secret(answer)
        time.sleep(delay)
        for pid in lab.sh('pgrep -x tazpod-worker || true').split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        terminal.expect(lab.PROMPT)
        old_opens, new_opens = opens(old), opens(new)
        assert old_opens or new_opens
        if new_opens:
            if old_opens:
                lab.sh(f'printf %s "{old}" | cryptsetup luksRemoveKey {lab.VAULT} -')
            old, new = new, old


def test_doctor():
    """doctor finds this guest fit, and says what is wrong once it is not"""
    lab.fresh_vault()
    said = tazpod('doctor')
    tree = json.loads(tazpod('doctor --json'))
    assert tree, said
    os.rename('/usr/libexec/tazpod-worker', '/usr/libexec/tazpod-worker.away')
    lab.later(os.rename, '/usr/libexec/tazpod-worker.away', '/usr/libexec/tazpod-worker')
    assert 'tazpod-worker' in tazpod('doctor', status=1)
    public = lab.Terminal()
    status, said = public.run('tazpod doctor')
    assert status == 1 and 'root' in said, said


def test_lost_small_files():
    """no small file that is lost locks anybody out"""
    lab.fresh_vault(files={'token': 'kept\n'})
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    lab.nothing_left(keys_too=False)
    lab.sh('rm -rf /run/tazpod')
    lab.later(lab.write_settings, lab.CHEAP)
    os.unlink(lab.SETTINGS)
    lab.sh('rm -rf /home/tazpod-ghost/secrets /home/tazpod-ghost/.infisical')
    terminal.unlock()
    assert terminal.check('cat ~/secrets/token') == 'kept'
    terminal.leave()
    assert terminal.check(f'su -l {lab.GHOST} -c "cat secrets/token"') == 'kept'


def test_setup():
    """tazpod-setup takes its PAM lines out again, and puts them back"""
    before = {path: open(path).read() for path in lab.sh('grep -l pam_tazpod /etc/pam.d/*').split()}
    assert len(before) >= 4, before
    lab.later(lab.sh, f'tazpod-setup --public-user {lab.PUBLIC}')
    lab.sh('tazpod-setup --remove')
    assert lab.sh('grep -l pam_tazpod /etc/pam.d/* || true') == ''
    other = lab.Terminal('other')
    assert other.check('id -un') == 'other'
    lab.sh(f'tazpod-setup --public-user {lab.PUBLIC}')
    lab.sh(f'tazpod-setup --public-user {lab.PUBLIC}')
    assert {path: open(path).read() for path in before} == before
