"""Several sessions on one vault."""
import lab

shared = False  # kernels differ in what these are about


def test_two():
    """two sessions share one device and see each other's files; the vault closes with the last"""
    vault = lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal('other')
    one.unlock()
    two.unlock()
    assert lab.open_devices() == 1
    one.check('echo shared > ~/secrets/file')
    assert two.check('cat ~/secrets/file') == 'shared'
    spaces = {terminal.check('readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/ipc') for terminal in (one, two)}
    assert len(spaces) == 2, spaces
    one.check('touch /tmp/private')
    assert two.check('ls -A /tmp') == ''
    one.leave()
    assert two.check('cat ~/secrets/file; echo more > ~/secrets/file; sync -f ~/secrets') == 'shared'
    two.leave()
    lab.nothing_left(vault, keys_too=False)


@lab.timeout(600)
def test_eight():
    """eight sessions write at once, and nothing is lost"""
    vault = lab.fresh_vault(size='64M')
    terminals = [lab.Terminal() for _ in range(8)]
    # All of them type before any of them is answered.
    for terminal in terminals:
        terminal.send(f'su -l {lab.GHOST}\n')
    for terminal in terminals:
        terminal.expect('Vault passphrase: ', 180)
        terminal.secret(lab.PASSPHRASE)
    for terminal in terminals:
        terminal.expect(lab.SHELL_PROMPT, 180)
        terminal.shell()
    assert lab.open_devices() == 1
    for number, terminal in enumerate(terminals):
        terminal.send(f'for i in $(seq 50); do echo $i >> ~/secrets/file-{number}; done; '
                      f'dd if=/dev/urandom of=~/secrets/data-{number} bs=64k count=16 status=none; '
                      f'cd ~/secrets && sha256sum data-{number} > sum-{number}; sync -f .; echo fin"ished"\n')
    for terminal in terminals:
        terminal.expect('finished', 180)
        terminal.expect(lab.PROMPT)
    for terminal in terminals[:-1]:
        terminal.leave(60)
    last = terminals[-1]
    assert last.check('cat ~/secrets/file-* | wc -l') == '400'
    last.check('cd ~/secrets && cat sum-* | sha256sum -c --quiet && cd')
    last.leave(60)
    lab.nothing_left(vault, keys_too=False)


@lab.timeout(400)
def test_in_and_out():
    """one leaves as another comes, over and over: never busy"""
    lab.fresh_vault()
    lab.settings('key_timeout: 5m\n')
    one, two = lab.Terminal(), lab.Terminal()
    one.unlock()
    one.leave()
    two.unlock()
    two.leave()
    for _ in range(6):
        for terminal in one, two:
            terminal.send(f'su -l {lab.GHOST} -c "echo run >> ~/secrets/log"\n')
        for terminal in one, two:
            assert terminal.expect(lab.PROMPT).group(2) == '0', terminal.tail(5)
    two.send(f'su -l {lab.GHOST} -c "wc -l < ~/secrets/log"\n')
    two.expect('\r\n12\r\n')
    two.expect(lab.PROMPT)
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_another_vault():
    """while one vault is open, a session for another is refused, and says why"""
    lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal()
    one.unlock()
    lab.sh(f'mkdir -m 700 -p /var/lib/tazpod/other && cp {lab.VAULT} /var/lib/tazpod/other/vault.img')
    lab.later(lab.sh, 'rm -rf /var/lib/tazpod/other')
    lab.settings('vault: /var/lib/tazpod/other/vault.img\n')
    worked, said = two.try_unlock()
    assert not worked and 'sessions of another vault' in said and 'tazpod lock' in said, said
    one.check('echo still fine > ~/secrets/file')


def test_within():
    """a session opened from within another one works, and ends alone"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('echo outer > ~/secrets/file; echo outer > /tmp/file')
    terminal.unlock()
    assert terminal.check('cat ~/secrets/file; ls -A /tmp') == 'outer'
    terminal.leave()
    assert terminal.check('cat ~/secrets/file /tmp/file') == 'outer\nouter'
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)
