"""Going in by su, login and ssh, what is found inside, and the passphrase's life."""
import os
import re
import stat
import subprocess

import lab

NEW = 'another horse, another staple'


def test_first_login():
    """the first login offers to create the vault, and creates it"""
    lab.no_vault()
    lab.settings('vault_size: 64M\npassphrase_min_length: 12\n')
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    terminal.expect(re.escape('There is no vault yet. Create one of 64 MiB now? [Y/n] '))
    terminal.send('\n')
    terminal.expect('New vault passphrase: ')
    terminal.secret('short')
    terminal.expect('too short: at least 12 characters')
    terminal.expect('New vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect('once more: ')
    terminal.secret('something else entirely')
    terminal.expect('the two differ')
    terminal.expect('New vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect('once more: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect('100 %')
    terminal.expect(lab.SHELL_PROMPT)
    terminal.shell()
    assert terminal.user() == lab.GHOST
    terminal.check('echo mine > ~/secrets/first')
    terminal.leave()
    status = os.stat(lab.VAULT)
    assert stat.S_IMODE(status.st_mode) == 0o600 and status.st_uid == 0, status
    assert status.st_size == 64 << 20 and status.st_blocks * 512 >= status.st_size, 'not fully allocated'
    assert os.listdir(os.path.dirname(lab.VAULT)) == ['vault.img'], 'something beside the vault'
    lab.nothing_left(lab.VAULT, keys_too=False)
    with lab.looked_into() as folder:
        assert lab.sh(f'cat {folder}/first') == 'mine\n'


def test_declined():
    """without a vault and without consent nothing is made"""
    lab.no_vault()
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    terminal.expect(re.escape('[Y/n] '))
    terminal.send('n\n')
    terminal.expect('no vault was created')
    assert terminal.expect(lab.PROMPT).group(2) == '1'
    assert os.listdir(os.path.dirname(lab.VAULT)) == []
    lab.nothing_left()


@lab.timeout(400)
def test_real_derivation():
    """the key is derived at full cost where the settings do not say otherwise"""
    lab.no_vault()
    lab.later(lab.write_settings, lab.CHEAP)
    lab.write_settings('vault_size: 64M\nkdf_memory: 64M\nkdf_time: 500\n')
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    terminal.expect(re.escape('[Y/n] '))
    terminal.send('y\n')
    for prompt in 'New vault passphrase: ', 'once more: ':
        terminal.expect(prompt)
        terminal.secret(lab.PASSPHRASE)
    terminal.expect(lab.SHELL_PROMPT, 200)
    terminal.shell()
    terminal.leave()
    dump = lab.sh(f'cryptsetup luksDump {lab.VAULT}')
    assert 'argon2id' in dump and re.search(r'Memory: +\d{5}', dump), dump
    lab.Terminal().unlock(seconds=200)


def test_relogin():
    """what one session wrote, the next one reads"""
    vault = lab.fresh_vault()
    one = lab.Terminal()
    one.unlock()
    assert one.user() == lab.GHOST
    one.check('echo kept > ~/secrets/file')
    assert one.leave() == 0
    lab.nothing_left(vault, keys_too=False)
    two = lab.Terminal()
    two.unlock()
    assert two.check('cat ~/secrets/file') == 'kept'
    two.leave()


def test_plain_vault():
    """a vault made by cryptsetup and mkfs.ext4 opens, its files in their place"""
    lab.fresh_vault(files={'token': 'made elsewhere\n', 'deep/in/there': 'x\n'})
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/token ~/secrets/deep/in/there') == 'made elsewhere\nx'
    terminal.check('echo added >> ~/secrets/token')


def test_old_owner():
    """a vault whose files another uid wrote shows them as the ghost's, and leaves them that uid's on disk"""
    lab.fresh_vault()
    with lab.opened() as device:
        lab.sh(f'mkdir -p /run/lab-mount && mount {device} /run/lab-mount && echo old > /run/lab-mount/file && '
               'chown -R 1234:1234 /run/lab-mount && chmod 600 /run/lab-mount/file; umount /run/lab-mount')
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/file; stat -c %U ~/secrets/file') == f'old\n{lab.GHOST}'
    terminal.check('echo new > ~/secrets/more')
    terminal.leave()
    lab.nothing_left(keys_too=False)
    with lab.looked_into() as folder:
        assert lab.sh(f'stat -c %u {folder}/file {folder}/more') == '1234\n1234\n'


def test_wrong_three_times():
    """a wrong passphrase is asked for again, three times, and then there is no session"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    for _ in range(3):
        terminal.expect('Vault passphrase: ')
        terminal.secret('not this one')
        terminal.expect('tazpod: wrong passphrase')
    assert terminal.expect(lab.PROMPT).group(2) == '1'
    lab.nothing_left(lab.VAULT)
    assert 'not this one' not in lab.journal()


def test_wrong_then_right():
    """after two wrong passphrases the right one opens"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    for passphrase in 'not this one', '':
        terminal.expect('Vault passphrase: ')
        terminal.secret(passphrase)
        terminal.expect('tazpod: ')
    terminal.expect('Vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect(lab.SHELL_PROMPT)
    terminal.shell()
    assert terminal.user() == lab.GHOST


def test_root():
    """root's su asks for the passphrase in the session part"""
    lab.fresh_vault()
    root = lab.Terminal('root')
    root.unlock()
    assert root.user() == lab.GHOST
    root.check('touch ~/secrets/by-root')
    assert root.leave() == 0
    lab.nothing_left()
    root.refused('wrong')


def test_command():
    """su -c runs one command in an enclave, and gives its status"""
    lab.fresh_vault(files={'token': 'of the vault\n'})
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST} -c "cat ~/secrets/token; exit 7"\n')
    terminal.expect('Vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect('of the vault')
    assert terminal.expect(lab.PROMPT).group(2) == '7'
    lab.nothing_left(keys_too=False)


def test_inside():
    """the shell in an enclave: private places, no core dumps, umask 077, its own processes only"""
    lab.fresh_vault()
    lab.sh('echo of the outside > /tmp/lab-outside; echo of the outside > /dev/shm/lab-outside')
    lab.later(lab.sh, 'rm -f /tmp/lab-outside /dev/shm/lab-outside')
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('ulimit -c; umask; echo $SHELL; pwd') == '0\n0077\n/bin/bash\n/home/tazpod-ghost'
    assert terminal.check('ls -A /tmp /var/tmp /dev/shm') == '/dev/shm:\n\n/tmp:\n\n/var/tmp:'
    assert terminal.check('echo $HISTFILE') == '/home/tazpod-ghost/secrets/.shell_history'
    options = terminal.check("awk '$5 == \"/home/tazpod-ghost/secrets\" { print $6 }' /proc/self/mountinfo")
    assert 'nosuid' in options and 'nodev' in options, options
    names = terminal.check("cat /proc/[0-9]*/comm | sort -u").split()
    assert 'tazpod-init' in names and 'systemd' not in names and 'sshd' not in names, names
    assert terminal.check('echo $(readlink /proc/self/ns/ipc) $(cat /proc/1/comm)').split()[1] == 'tazpod-init'
    assert lab.sh('readlink /proc/self/ns/ipc').strip() != terminal.check('readlink /proc/self/ns/ipc')


def test_workspace():
    """files made in the workspace from inside belong to the public user outside"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    lab.later(lab.sh, 'rm -f /workspace/lab-*')
    terminal.check('echo public > /workspace/lab-public; chmod 600 /workspace/lab-public')
    terminal.unlock()
    assert terminal.check('cat /workspace/lab-public; stat -c %U /workspace/lab-public') == f'public\n{lab.GHOST}'
    terminal.check('echo ghost > /workspace/lab-ghost')
    terminal.leave()
    assert lab.sh('stat -c "%U %G" /workspace/lab-ghost /workspace/lab-public') == \
        f'{lab.PUBLIC} {lab.PUBLIC}\n' * 2


def test_bridges():
    """tool state in the home is kept in the vault, and is gone from the home afterwards"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('echo state > ~/.infisical/login; echo ring > ~/infisical-keyring/keys')
    assert terminal.check('cat ~/secrets/.infisical-vault/login ~/secrets/.infisical-keyring/keys') == 'state\nring'
    terminal.leave()
    lab.nothing_left(keys_too=False)
    assert lab.sh('ls -A /home/tazpod-ghost/.infisical /home/tazpod-ghost/infisical-keyring /home/tazpod-ghost/secrets') == \
        '/home/tazpod-ghost/.infisical:\n\n/home/tazpod-ghost/infisical-keyring:\n\n/home/tazpod-ghost/secrets:\n'


def test_bridge_in_the_way():
    """what lies where a bridge should be is neither moved nor hidden, and keeps nobody out"""
    lab.fresh_vault()
    folder = '/home/tazpod-ghost/.infisical'
    lab.sh(f'rm -rf {folder} && mkdir {folder} && echo mine > {folder}/file && chown -R {lab.GHOST}: {folder}')
    lab.later(lab.sh, f'rm -rf {folder}')
    terminal = lab.Terminal()
    said = terminal.unlock()
    assert 'is in the way of its bridge' in said, said
    assert terminal.check('cat ~/.infisical/file') == 'mine'


def test_passwd():
    """passwd changes the vault's passphrase, and nothing but that"""
    lab.fresh_vault(files={'token': 'kept\n'})
    shadow = open('/etc/shadow').read()
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.send('passwd\n')
    terminal.expect('Present vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    terminal.expect('New vault passphrase: ')
    terminal.secret(NEW)
    terminal.expect('once more: ')
    terminal.secret(NEW)
    terminal.expect("the vault's passphrase was changed")
    assert terminal.expect(lab.PROMPT).group(2) == '0'
    terminal.leave()
    assert open('/etc/shadow').read() == shadow
    other = lab.Terminal()
    other.refused(lab.PASSPHRASE)
    other.unlock(NEW)
    assert other.check('cat ~/secrets/token') == 'kept'


def test_passwd_refused():
    """passwd with a wrong passphrase, or a poor new one, changes nothing"""
    lab.fresh_vault()
    before = lab.sh(f'cryptsetup luksDump {lab.VAULT}')
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.send('passwd\n')
    terminal.expect('Present vault passphrase: ')
    terminal.secret('wrong')
    terminal.expect('wrong passphrase')
    assert terminal.expect(lab.PROMPT).group(2) != '0'
    terminal.send('passwd\n')
    terminal.expect('Present vault passphrase: ')
    terminal.secret(lab.PASSPHRASE)
    for poor in 'short', '1234567890', 'tazpod-ghost1':
        terminal.expect('New vault passphrase: ')
        terminal.secret(poor)
    assert terminal.expect(lab.PROMPT).group(2) != '0'
    terminal.leave()
    assert lab.sh(f'cryptsetup luksDump {lab.VAULT}') == before


def test_no_terminal():
    """without a terminal and without a stash there is a clear refusal, and no waiting"""
    lab.fresh_vault()
    done = subprocess.run(['setsid', 'runuser', '-u', lab.PUBLIC, '--', 'su', '-l', lab.GHOST, '-c', 'true'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 1 and 'there is no terminal to ask for the vault\'s passphrase on' in done.stdout, done
    lab.nothing_left()


def test_ssh():
    """ssh with keyboard-interactive opens the vault"""
    lab.fresh_vault(files={'token': 'by ssh\n'})
    ssh = lab.Ssh(lab.GHOST, lab.PASSPHRASE)
    assert ssh.user() == lab.GHOST
    assert ssh.check('cat ~/secrets/token; cat /proc/1/comm; tty | cut -c1-8') == 'by ssh\ntazpod-init\n/dev/pts'
    ssh.send('exit\n')
    lab.nothing_left(lab.VAULT)
    assert 'did not end in an orderly way' not in lab.journal()


def test_ssh_command():
    """ssh runs one command in an enclave, without a terminal of its own too"""
    lab.fresh_vault(files={'token': 'by ssh\n'})
    ssh = lab.Ssh(lab.GHOST, lab.PASSPHRASE, command='cat secrets/token', options=['-T'])
    ssh.expect('by ssh')
    lab.nothing_left(lab.VAULT)


def test_ssh_wrong():
    """ssh with a wrong passphrase is no session"""
    lab.fresh_vault()
    ssh = lab.Ssh(lab.GHOST, ['wrong'], ready=False)
    ssh.expect('(?i)passphrase|denied|closed')
    ssh.close()
    lab.nothing_left()


def test_login():
    """login at a console opens the vault"""
    lab.fresh_vault(files={'token': 'by login\n'})
    console = lab.Session('login', ['setsid', '-c', '-w', 'login', lab.GHOST])
    console.expect('Vault passphrase: ')
    console.secret(lab.PASSPHRASE)
    console.expect(lab.SHELL_PROMPT)
    console.shell()
    assert console.check('cat ~/secrets/token') == 'by login'
    console.send('exit\n')
    lab.nothing_left(lab.VAULT)
