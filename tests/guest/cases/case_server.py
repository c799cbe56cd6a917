"""The user-space driver: the process that decrypts the vault, what it may do, and what is left when it is killed."""
import contextlib
import os
import pwd
import re
import signal
import subprocess
import time

import lab
import payload

SERVER = 'tazpod-server'


def before():
    # Natively these are the usual settings.
    if not lab.NATIVE:
        lab.settings('driver: fuse\n')


def servers():
    return [pid for pid, _ in lab.processes(names=(SERVER,))]


def opened(**more):
    """A session in a fresh vault, and its server's pid."""
    lab.fresh_vault(**more)
    terminal = lab.Terminal()
    terminal.unlock()
    pid, = servers()
    return terminal, pid


def statuses(pid):
    """What /proc tells of each of its threads, as dictionaries."""
    return [lab.fields(f'/proc/{pid}/task/{task}/status') for task in os.listdir(f'/proc/{pid}/task')]


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def ended(terminal):
    """The session ends by itself: the outer shell is back."""
    terminal.expect(r'@@tazpod:\d+@@ ')


def test_privileges():
    """the server has no capability, can gain none, and may make few system calls only, in each of its threads"""
    _, pid = opened()
    threads = statuses(pid)
    assert threads
    for status in threads:
        for which in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
            assert int(status[which], 16) == 0, (which, status)
        assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', status


@lab.only('native')
def test_descriptors():
    """the server has /dev/null, /dev/fuse, the image and a socket for syslog open, and nothing else"""
    _, pid = opened()
    vault = os.stat(lab.VAULT)
    found = []
    for number in sorted(os.listdir(f'/proc/{pid}/fd'), key=int):
        path = f'/proc/{pid}/fd/{number}'
        target = os.stat(path)
        if (target.st_dev, target.st_ino) == (vault.st_dev, vault.st_ino):
            found.append('the image')
        else:
            found.append({os.makedev(1, 3): '/dev/null', os.makedev(10, 229): '/dev/fuse'}.get(target.st_rdev,
                                                                                               os.readlink(path).split(':')[0]))
    assert found[:3] == ['/dev/null'] * 3, found
    assert sorted(found[3:]) in (['/dev/fuse', 'socket', 'the image'], ['/dev/fuse', 'the image']), found


@lab.only('native')
def test_namespaces():
    """the server sees an empty file system, and neither the session's namespaces nor those outside"""
    terminal, pid = opened()
    assert os.listdir(f'/proc/{pid}/root') == []
    assert subprocess.run(['touch', f'/proc/{pid}/root/file'], stderr=subprocess.DEVNULL).returncode != 0
    for kind in 'mnt', 'ipc':
        space = os.readlink(f'/proc/{pid}/ns/{kind}')
        assert space not in (os.readlink(f'/proc/self/ns/{kind}'), terminal.check(f'readlink /proc/self/ns/{kind}')), space
    assert os.readlink(f'/proc/{pid}/ns/pid') == os.readlink('/proc/self/ns/pid')
    assert terminal.run(f'cat /proc/[0-9]*/comm | grep -c {SERVER}')[1] == '0'


def test_others():
    """nobody but root can look into the server or send it a signal, nor can a root without the capability for it"""
    terminal, pid = opened()
    things = ('maps', 'mem', 'environ', 'root/', 'cwd/', 'fd/', 'stack', 'syscall')
    for user in lab.PUBLIC, lab.GHOST, lab.OTHER:
        entry = pwd.getpwnam(user)
        for thing in things:
            assert subprocess.run(['ls' if thing.endswith('/') else 'cat', f'/proc/{pid}/{thing}'], user=entry.pw_uid,
                                  group=entry.pw_gid, extra_groups=[], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode != 0, (user, thing)
        assert subprocess.run(['kill', '-9', str(pid)], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[],
                              stderr=subprocess.DEVNULL).returncode != 0, user
    # As it is not dumpable, its own uid gets in nowhere. Into a process that is, it does.
    weak = ['setpriv', '--bounding-set=-all', '--inh-caps=-all']
    bystander = subprocess.Popen([*weak, 'sleep', '1000'])
    lab.later(bystander.wait)
    lab.later(bystander.kill)
    lab.wait_for(lambda: open(f'/proc/{bystander.pid}/comm').read() == 'sleep\n', 'sleep')
    for target, status in (bystander.pid, 0), (pid, 1):
        assert subprocess.run([*weak, 'cat', f'/proc/{target}/maps'], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == status, target
    assert terminal.user() == lab.GHOST


def memory(pid):
    """(what is in it, its flags) of each mapping that can be written."""
    found, wanted = [], None
    with open(f'/proc/{pid}/smaps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as file:
        for line in maps:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) (\S+)', line)
            if match:
                start, end = (int(word, 16) for word in match.groups()[:2])
                wanted = (start, end) if match.group(3).startswith('rw') else None
            elif line.startswith('VmFlags:') and wanted:
                with contextlib.suppress(OSError, OverflowError, ValueError):
                    file.seek(wanted[0])
                    found.append((file.read(wanted[1] - wanted[0]), line.split()[1:]))
    return found


@lab.only('native')
def test_memory():
    """the key is in the server's memory in places that are neither swapped nor dumped, and the passphrase nowhere"""
    _, pid = opened()
    assert int(statuses(pid)[0]['VmLck'].split()[0]) > 0
    key = payload.volume_key(lab.VAULT, lab.PASSPHRASE)
    found = 0
    for content, flags in memory(pid):
        assert lab.PASSPHRASE.encode() not in content
        if key[:32] in content or key[32:] in content:
            found += 1
            assert 'lo' in flags and 'dd' in flags, flags
    assert found, 'the key is nowhere: this test does not look right'


@lab.only('native')
def test_signals():
    """signals that ask for an end do not end the server"""
    terminal, pid = opened()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1,
                   signal.SIGALRM, signal.SIGCHLD):
        os.kill(pid, number)
    terminal.check('head -c 1000000 /dev/urandom > ~/secrets/file; sync -f ~/secrets; sha256sum ~/secrets/file')
    assert servers() == [pid]
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_shared():
    """two sessions share one server and one device, whichever ends first; the server ends with the last"""
    one, pid = opened()
    two = lab.Terminal('other')
    two.unlock()
    assert servers() == [pid] and len(lab.loop_devices()) == 1
    one.check('echo shared > ~/secrets/file')
    one.leave()
    assert servers() == [pid] and len(lab.loop_devices()) == 1
    assert two.check('cat ~/secrets/file; echo more >> ~/secrets/file; sync -f ~/secrets') == 'shared'
    one.unlock_again()
    two.leave()
    assert servers() == [pid]
    assert one.check('cat ~/secrets/file') == 'shared\nmore'
    one.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)


# Writes files, each synced before it is acknowledged on the terminal, with more being written all the time.
WRITER = '''
(while :; do dd if=/dev/zero of=$HOME/secrets/noise bs=256k count=16 conv=notrunc status=none; done) &
n=0
while :; do
    n=$((n + 1))
    head -c $((n * 37 % 9000 + 1)) /dev/urandom > $HOME/secrets/kept/$n || break
    sync $HOME/secrets/kept/$n && sync $HOME/secrets/kept || break
    set -- $(sha256sum $HOME/secrets/kept/$n) && echo "synced $n $1" || break
done
'''


@lab.timeout(300)
def test_killed_while_writing():
    """SIGKILL of the server while much is written ends its sessions, and loses nothing that was synced"""
    lab.fresh_vault(files={'writer': WRITER})
    one, two = lab.Terminal(), lab.Terminal('other')
    one.unlock()
    two.unlock()
    one.check('mkdir ~/secrets/kept')
    one.send('sh ~/secrets/writer\n')
    one.expect(r'synced 20 \w{64}\r\n')
    time.sleep(0.5)
    pid, = servers()
    kill(pid)
    ended(one)
    two.expect(r'@@other:\d+@@ ')
    lab.nothing_left(keys_too=False)
    synced = re.findall(r'synced (\d+) (\w{64})\r\n', one.transcript)
    assert len(synced) >= 20, synced
    again = lab.Terminal()
    again.unlock()
    kept = dict(line.split('  ')[::-1] for line in again.check('cd ~/secrets/kept && sha256sum *; cd').splitlines())
    for number, digest in synced:
        assert kept.get(number) == digest, f'the file {number} was synced, and is not there or other than it was'
    again.check('echo goes on > ~/secrets/file; sync -f ~/secrets')
    again.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)


@lab.only('native')
@lab.timeout(300)
def test_killed_idle():
    """SIGKILL of an idle server ends its session, also while a program there holds files open, and the next one opens"""
    lab.fresh_vault(files={'token': 'kept\n'})
    for _ in range(3):
        terminal = lab.Terminal()
        terminal.unlock()
        terminal.check('exec 8<~/secrets/token 9>~/secrets/held; cd ~/secrets; sleep 1000 &')
        pid, = servers()
        kill(pid)
        ended(terminal)
        lab.nothing_left(keys_too=False)
        terminal.unlock_again()
        assert terminal.check('cat ~/secrets/token') == 'kept'
        terminal.leave()
        lab.nothing_left(lab.VAULT, keys_too=False)
        terminal.close()


@lab.timeout(400)
def test_never_busy():
    """a session that comes while the last one is going finds the vault neither busy nor half closed"""
    lab.fresh_vault()
    one, two = lab.Terminal(), lab.Terminal()
    rounds = 12 if lab.NATIVE else 4
    for terminal in one, two:
        terminal.unlock()
        terminal.leave()
    loop = f'for i in $(seq {rounds}); do su -l {lab.GHOST} -c "echo run >> ~/secrets/log" || echo re"fused"; done\n'
    one.send(loop)
    time.sleep(0.05)
    two.send(loop)
    for terminal in one, two:
        terminal.expect(lab.PROMPT, 180)
        assert 'refused' not in terminal.child.before.replace('re"fused"', ''), terminal.child.before
    assert one.check(f'su -l {lab.GHOST} -c "wc -l < ~/secrets/log"') == str(2 * rounds)
    lab.nothing_left(lab.VAULT, keys_too=False)


def typed():
    """A terminal at which the passphrase was typed this moment, and the pid of the worker that got it."""
    terminal = lab.Terminal()
    terminal.send(f'su -l {lab.GHOST}\n')
    terminal.expect('Vault passphrase: ')
    worker, = [pid for pid, _ in lab.processes(names=('tazpod-worker',))]
    terminal.secret(lab.PASSPHRASE)
    return terminal, worker


@lab.timeout(600)
def test_killed_once_served():
    """SIGKILL of the worker, or of the server, as soon as there is a server: no session, nothing left"""
    lab.fresh_vault()
    for delay in (0, 0.002, 0.005, 0.01, 0.02) if lab.NATIVE else (0, 0.1):
        for victim in 'worker', 'server':
            terminal, worker = typed()
            limit = time.monotonic() + 60
            while not servers():
                assert time.monotonic() < limit, 'no server came'
            time.sleep(delay)
            for pid in [worker] if victim == 'worker' else servers():
                kill(pid)
            # There may have been a session by then, whose worker was done or whose server goes.
            terminal.expect([lab.PROMPT, lab.SHELL_PROMPT], 60)
            terminal.close()
            lab.nothing_left()
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.user() == lab.GHOST
