"""The two drivers side by side: one format, and the open driver wins."""
import lab

shared = False  # kernels differ in what these are about

OPEN_BY = {'dm-crypt': lambda: len(lab.mappings()), 'fuse': lambda: len(lab.processes(names=('tazpod-server',)))}


def session(driver, name='tazpod'):
    lab.write_settings(lab.CHEAP + f'driver: {driver}\n')
    terminal = lab.Terminal(name)
    terminal.unlock()
    return terminal


def before():
    # Each test changes them; they go back to what they were.
    lab.settings('driver: fuse\n')


def is_open_by(driver):
    """Asserts that it is open once, and by this driver alone."""
    for name, count in OPEN_BY.items():
        assert count() == (1 if name == driver else 0), (driver, name, lab.leftovers())


def end(terminal):
    terminal.leave()
    terminal.close()


def other(driver):
    return 'fuse' if driver == 'dm-crypt' else 'dm-crypt'


def fill(terminal, name):
    terminal.check(f'(cd ~/secrets && head -c 6000000 /dev/urandom > {name} && sha256sum {name} >> sums) && sync -f ~/secrets')


@lab.only('guest')
@lab.timeout(600)
def test_one_format():
    """an image made and filled with either driver is read and written with the other, and by cryptsetup"""
    for driver in OPEN_BY:
        lab.write_settings(lab.CHEAP + f'vault_size: 64M\ndriver: {driver}\n')
        lab.fresh_vault(tool='tazpod', options='--stdin --quiet')
        for number, name in enumerate((driver, other(driver), driver)):
            terminal = session(name)
            is_open_by(name)
            if number:
                terminal.check('cd ~/secrets && sha256sum -c sums; cd')
            fill(terminal, f'file{number}')
            end(terminal)
            lab.nothing_left(lab.VAULT, keys_too=False)
        with lab.looked_into() as folder:
            said = lab.sh(f'cd {folder} && sha256sum -c sums')
            assert said.count(': OK') == 3, said


@lab.only('guest')
@lab.timeout(600)
def test_open_driver_wins():
    """while a session is open by one driver, the setting asks for the other: the second session shares what is open"""
    for driver in OPEN_BY:
        lab.fresh_vault()
        one = session(driver)
        fill(one, 'one')
        two = session(other(driver), 'other')
        is_open_by(driver)
        assert two.check('cd ~/secrets && sha256sum -c sums; cd') == 'one: OK'
        fill(two, 'two')
        end(one)
        is_open_by(driver)
        assert two.check('cd ~/secrets && sha256sum -c sums; cd') == 'one: OK\ntwo: OK'
        end(two)
        lab.nothing_left(lab.VAULT, keys_too=False)
        # Nobody has it open any more: now the setting counts.
        last = session(other(driver))
        is_open_by(other(driver))
        assert last.check('cd ~/secrets && sha256sum -c sums; cd') == 'one: OK\ntwo: OK'
        end(last)
        lab.nothing_left(lab.VAULT, keys_too=False)


@lab.only('guest')
@lab.timeout(300)
def test_root_while_open():
    """while it is open by one driver, root's commands with the other refuse as they do with the same"""
    for driver in OPEN_BY:
        lab.fresh_vault()
        terminal = session(driver)
        lab.write_settings(lab.CHEAP + f'driver: {other(driver)}\n')
        for command in 'vault check --stdin', 'vault grow --stdin 60M':
            said = lab.sh(f'tazpod {command}', input=lab.PASSPHRASE + '\n', status=None)
            assert 'the vault is open' in said, (driver, command, said)
            is_open_by(driver)
        end(terminal)
        lab.nothing_left(lab.VAULT, keys_too=False)


@lab.only('guest')
def test_auto():
    """where both can be used, auto is dm-crypt"""
    lab.fresh_vault()
    terminal = session('auto')
    is_open_by('dm-crypt')
    end(terminal)
