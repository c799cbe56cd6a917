"""What others can and cannot see of an open vault."""
import pwd
import re
import subprocess

import lab
import payload

TOKEN = 'sesame-0815'


def opened():
    lab.fresh_vault(files={'token': TOKEN + '\n'})
    terminal = lab.Terminal()
    terminal.unlock()
    terminal.check('chmod 644 ~/secrets/token; chmod 755 ~/secrets; echo more > ~/.infisical/file')
    return terminal


def test_public_sees_nothing():
    """the public user sees an empty ~/secrets and no image, whatever the ghost has open"""
    lab.sh(f'install -d -o {lab.PUBLIC} /home/{lab.PUBLIC}/secrets')
    terminal = opened()
    public = lab.Terminal()
    assert public.check('ls -A ~/secrets') == ''
    for place in '/home/tazpod-ghost/secrets', '/home/tazpod-ghost/.infisical':
        _, said = public.run(f'ls -A {place}')
        assert said == '' or 'ermission denied' in said, said
    status, said = public.run('ls /var/lib/tazpod/vault; cat /var/lib/tazpod/vault/vault.img')
    assert status != 0 and said.count('ermission denied') == 2, said
    terminal.leave()
    assert public.check('ls -A ~/secrets') == ''


def test_root_sees_no_mount():
    """outside the enclave the vault is mounted nowhere, for root's shell neither"""
    opened()
    assert lab.sh('ls -A /home/tazpod-ghost/secrets') == ''
    table = open('/proc/self/mountinfo').read()
    assert '/home/tazpod-ghost' not in table, table


def test_nodes():
    """the nodes of its devices, whoever makes them, are for root alone"""
    opened()
    public = lab.Terminal()
    loop, = lab.loop_devices()
    loop = '/dev/' + loop.split(':')[0]
    nodes = lab.sh('find /dev /run -type b').split()
    assert loop in nodes, (loop, nodes)
    for node in nodes:
        status, said = public.run(f'head -c 1 {node}')
        assert status != 0 and 'ermission denied' in said, (node, said)
    status, said = public.run(f'dmsetup ls; dmsetup table --showkeys; losetup -d {loop}')
    assert status != 0 and 'aes' not in said, said


def test_proc():
    """no process of the public user or of another gets in by /proc, by ptrace or by its namespaces"""
    terminal = opened()
    shell = int(terminal.check("sed -n 's/^NSpid:[[:space:]]*//p' /proc/self/status | cut -f1") or 0)
    ghost = pwd.getpwnam(lab.GHOST).pw_uid
    pids = [pid for pid, _ in lab.processes(ghost)]
    assert pids, 'no process of the ghost is seen'
    del shell
    for user in lab.PUBLIC, lab.OTHER:
        other = lab.Terminal(user)
        for pid in pids:
            for command in (f'ls /proc/{pid}/root/home/tazpod-ghost/secrets', f'cat /proc/{pid}/environ', f'cat /proc/{pid}/maps',
                            f'ls /proc/{pid}/fd', f'ls /proc/{pid}/cwd/', f'strace -p {pid}',
                            f'nsenter -m -t {pid} true', f'kill -9 {pid}'):
                status, said = other.run(command)
                assert status != 0 and TOKEN not in said, (user, command, said)
        other.close()
    assert terminal.check('cat ~/secrets/token') == TOKEN


def test_outside_is_kept_out():
    """inside, the processes outside are not in view"""
    terminal = opened()
    listing = terminal.check('ls /proc | grep -c "^[0-9]"; cat /proc/*/comm')
    assert 'systemd' not in listing and 'run.py' not in listing, listing


def test_proc_masks():
    """the enclave's /proc has the masks of the one around it"""
    lab.sh('mount -t tmpfs -o ro tmpfs /proc/scsi 2>/dev/null || mount -t tmpfs -o ro tmpfs /proc/fs')
    lab.later(lab.sh, 'umount /proc/scsi 2>/dev/null || umount /proc/fs')
    lab.sh('mount --bind /dev/null /proc/kallsyms')
    lab.later(lab.sh, 'umount /proc/kallsyms')
    terminal = opened()
    assert terminal.check('wc -c < /proc/kallsyms') == '0'
    masks = terminal.check("awk '$5 ~ \"^/proc/\" { print $5 }' /proc/self/mountinfo").split()
    assert '/proc/kallsyms' in masks and len(masks) >= 2, masks


def test_nothing_propagates():
    """a mount made inside does not come out, and one made outside later does not pin the device"""
    lab.sh('mount --make-rshared /')
    opened()
    lab.sh('mkdir -p /run/lab-mount && mount -t tmpfs tmpfs /run/lab-mount && umount /run/lab-mount')
    found = [line for line in lab.mounts() if re.search(r'in process 1:', line)]
    assert not found, found


def test_shared_copies():
    """a process that copies the mounts of root outside holds nothing of the vault"""
    terminal = opened()
    holder = subprocess.Popen(['unshare', '-m', 'sleep', '1000'])
    lab.later(holder.wait)
    lab.later(holder.kill)
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_user_namespace():
    """a user who makes a user namespace gets no enclave out of it"""
    lab.fresh_vault(files={'token': TOKEN + '\n'})
    terminal = lab.Terminal()
    _, said = terminal.run('unshare -Urmpf --mount-proc cat /home/tazpod-ghost/secrets/token')
    assert TOKEN not in said, said
    lab.nothing_left()


def test_memory():
    """while the session runs, su and the init hold no key, and no process the passphrase"""
    terminal = opened()
    key = payload.volume_key(lab.VAULT, lab.PASSPHRASE)
    assert len(key) == 64, len(key)
    names = lab.sh('pgrep -x su; pgrep -x tazpod-init; pgrep -u tazpod-ghost').split()
    assert len(names) >= 3, names
    for pid in names:
        for half in key[:32], key[32:]:
            assert half not in memory(int(pid)), f'the volume key is in process {pid}'
        assert lab.PASSPHRASE.encode() not in memory(int(pid)), f'the passphrase is in process {pid}'
    assert terminal.check('cat ~/secrets/token') == TOKEN


def memory(pid):
    """All that a process can read of its own memory."""
    parts = []
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as file:
        for line in maps:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
            if not match:
                continue
            start, end = (int(word, 16) for word in match.groups())
            try:
                file.seek(start)
                parts.append(file.read(end - start))
            except (OSError, ValueError, OverflowError):
                continue
    return b'\n'.join(parts)


def test_core():
    """nothing in an enclave leaves a core dump"""
    terminal = opened()
    terminal.run('sh -c "kill -SEGV \\$\\$"')
    assert terminal.check('ls ~/core* /tmp/core* 2>/dev/null | wc -l') == '0'
    status, _ = terminal.run('ulimit -c unlimited')
    assert status != 0
