"""The volume key in the kernel keyring, for one login session, for a while."""
import time

import lab

# What going in and out takes, with much to spare; where that is not enough, a test takes more by itself.
SECONDS = 3 if lab.NATIVE else 6


def asks(terminal):
    """Does su ask for the passphrase? Where it does not, its shell is left again."""
    terminal.send(f'su -l {lab.GHOST}\n')
    if terminal.expect(['Vault passphrase: ', lab.SHELL_PROMPT]) == 0:
        terminal.send('\x03')
        terminal.expect(lab.PROMPT)
        return True
    terminal.shell()
    assert terminal.user() == lab.GHOST
    terminal.leave()
    return False


def test_reentry():
    """the same login goes in again without the passphrase; another login, of the same user too, does not"""
    lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal()
    one.unlock()
    assert asks(two)
    one.leave()
    assert not asks(one)
    assert asks(two)
    assert asks(lab.Terminal('other'))
    assert asks(lab.Terminal('root'))
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_unattended():
    """with a stash no terminal is needed"""
    lab.fresh_vault(files={'token': 'seen\n'})
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    assert terminal.check(f'setsid -w su -l {lab.GHOST} -c "cat secrets/token" </dev/null 2>&1 | cat') == 'seen'


def in_time(terminal, seconds):
    """Stashes the key for so many seconds. Does su take it, unasked, while it must be there? None: it came too late."""
    lab.settings(f'key_timeout: {seconds}s\n')
    began = time.monotonic()
    terminal.unlock()
    terminal.leave()
    if not asks(terminal):
        return True
    # Its end is kept in whole seconds, and so may come up to one early.
    return None if time.monotonic() - began >= seconds - 1 else False


@lab.timeout(400)
def test_timeout():
    """after the timeout there is no key, and the passphrase is asked for"""
    lab.fresh_vault()
    for seconds in (SECONDS, SECONDS * 4, SECONDS * 16):
        terminal = lab.Terminal()
        taken = in_time(terminal, seconds)
        if taken is not None:
            break
    assert taken, f'the passphrase is asked for within {seconds} s'
    time.sleep(seconds + 1)
    assert asks(terminal)
    lab.wait_for(lambda: not lab.keys(), 'the key to go')


def test_not_prolonged():
    """going in by the stash does not give it more time"""
    lab.fresh_vault()
    lab.settings(f'key_timeout: {SECONDS + 2}s\n')
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    limit = time.monotonic() + 60
    while not asks(terminal):
        assert time.monotonic() < limit, 'the stash never ends'
        time.sleep(SECONDS / 6)


def test_never():
    """with key_timeout 0 nothing is stashed"""
    lab.fresh_vault()
    lab.settings('key_timeout: 0\n')
    terminal = lab.Terminal()
    terminal.unlock()
    assert not lab.keys()
    terminal.leave()
    assert asks(terminal)


def test_logout():
    """the stash goes with its login session"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.leave() == 0
    assert len(lab.keys()) == 1, lab.keys()
    terminal.send('exit\n')
    terminal.close()
    lab.nothing_left()


def test_unreadable():
    """who possesses the stash can neither read, change nor prolong it"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    key = terminal.check("keyctl show @s | awk '/tazpod:stash/ { print $1 }'")
    assert key.isdigit(), key
    for command in (f'keyctl print {key}', f'keyctl timeout {key} 99999', f'keyctl setperm {key} 0x3f3f3f3f',
                    f'keyctl chown {key} 1000', f'keyctl update {key} x', f'keyctl pipe {key}'):
        status, said = terminal.run(command)
        assert status != 0 and 'ermission denied' in said, (command, said)


def test_planted():
    """a key that the user planted under the stash's name opens nothing, and breaks nothing"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    uuid = lab.sh(f'cryptsetup luksUUID {lab.VAULT}').strip()
    terminal.check(f'keyctl add user tazpod:stash:{uuid}:9999999999:1 0123456789abcdef @s')
    assert asks(terminal)
    terminal.unlock()
    terminal.leave()
    assert not asks(terminal)


def test_changed_vault():
    """a stash does not open another vault that took the image's place"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.leave()
    lab.nothing_left(keys_too=False)
    lab.fresh_vault()
    assert asks(terminal)


def test_shared_keyring():
    """a login without a session keyring of its own gets no stash"""
    lab.fresh_vault()
    user = lab.Session('no keyring', ['setpriv', '--reuid', lab.PUBLIC, '--regid', lab.PUBLIC, '--init-groups',
                                      'keyctl', 'session', 'named', 'bash', '--norc'])
    user.shell()
    user.unlock()
    user.leave()
    assert not lab.keys(), lab.keys()
    assert asks(user)
