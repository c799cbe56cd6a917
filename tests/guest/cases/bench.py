#!/usr/bin/env python3
"""How long it takes to get into a vault, against what else there is. Each number is a median; peers take turns in one
run, so that what slows one down slows them all."""
import glob
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench_disk  # noqa: E402
import lab  # noqa: E402
import setup  # noqa: E402

ROUNDS = 9
USER = 'other'
MOUNT = '/run/lab-bench'
# Where pam_mount's volume is: beside the vault, and as cheap to open.
PEER = '/var/lib/tazpod-bench.img'
PAM_MOUNT = f"""\
<?xml version="1.0" encoding="utf-8" ?>
<!DOCTYPE pam_mount SYSTEM "pam_mount.conf.xml.dtd">
<pam_mount>
<volume user="{USER}" fstype="crypt" path="{PEER}" mountpoint="{MOUNT}" options="" />
<mntoptions allow="*" />
<mkmountpoint enable="1" remove="false" />
</pam_mount>
"""


SU = '/etc/pam.d/su-l'
STACK = ''.join(f'{kind} required {module}.so\n' for kind, module in (
    ('auth', 'pam_unix'), ('auth', 'pam_mount'), ('account', 'pam_unix'), ('session', 'pam_unix'), ('session', 'pam_mount')))


def clock(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


def rounds(**functions):
    """The median time of each function, called in turns."""
    times = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            took = function()
            times[name].append(took)
    return {name: statistics.median(all_times) for name, all_times in times.items()}


def enter(user, prompt, passphrase, leave=True):
    """Seconds from `su` to a shell's prompt, with the waiting for the person who types left out."""
    terminal = lab.Terminal('tazpod')
    took = 0.0
    terminal.run('keyctl new_session >/dev/null; true')
    began = time.monotonic()
    terminal.send(f'su -l {user}\n')
    terminal.expect(prompt)
    took += time.monotonic() - began
    began = time.monotonic()
    terminal.send(passphrase + '\n')
    terminal.expect(lab.SHELL_PROMPT)
    took += time.monotonic() - began
    if leave:
        terminal.close()
    return took if leave else (took, terminal)


def by_hand():
    """cryptsetup open, then mount."""
    def both():
        lab.sh(f'cryptsetup open --key-file - {lab.VAULT} lab-bench', input=lab.PASSPHRASE)
        lab.sh(f'mount /dev/mapper/lab-bench {MOUNT}')
    took = clock(both)
    lab.sh(f'umount {MOUNT} && cryptsetup close lab-bench')
    return took


def derivation():
    """What deriving the key takes, in a program that is started for it."""
    whole = clock(lambda: lab.sh(f'cryptsetup open --test-passphrase --key-file - {lab.VAULT}', input=lab.PASSPHRASE))
    start = clock(lambda: lab.sh(f'cryptsetup luksUUID {lab.VAULT}'))
    return max(0.0, whole - start)


def tazpod():
    took = enter(lab.GHOST, 'Vault passphrase: ', lab.PASSPHRASE)
    lab.nothing_left(keys_too=False)
    return took


def pam_mount():
    """As tazpod(), through a PAM stack that has nothing but what pam_mount needs."""
    with open(SU) as file:
        stack = file.read()
    lab.replace_file(SU, STACK)
    try:
        took = enter(USER, 'Password: ', lab.PASSPHRASE)
    finally:
        lab.replace_file(SU, stack)
    lab.wait_for(lambda: MOUNT not in open('/proc/mounts').read(), 'pam_mount to unmount', 30)
    return took


def with_pam_mount():
    """tazpod, cryptsetup and pam_mount in turns."""
    lab.sh(f'cp --sparse=never {lab.VAULT} {PEER}')
    with open('/etc/security/pam_mount.conf.xml', 'w') as file:
        file.write(PAM_MOUNT)
    lab.sh('chpasswd -c SHA256 -s 1000', input=f'{USER}:{lab.PASSPHRASE}\n')
    return rounds(tazpod=tazpod, by_hand=by_hand, derivation=derivation, pam_mount=pam_mount)


def stash_and_plain():
    terminal = lab.Terminal('tazpod')
    terminal.unlock()
    terminal.leave()
    root = lab.Terminal('root')
    return rounds(stash=lambda: clock(lambda: terminal.check(f'su -l {lab.GHOST} -c true')),
                  plain=lambda: clock(lambda: root.check(f'su -l {USER} -c true')))


def resident(name):
    """KiB that the processes of this name have for themselves and altogether: (RssAnon, VmRSS), of the largest."""
    sizes = []
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(folder + '/status') as file:
                status = file.read()
        except OSError:
            continue
        if re.search(rf'^Name:\t{name}$', status, re.M):
            sizes.append(tuple(int(re.search(rf'^{key}:\s+(\d+)', status, re.M).group(1)) for key in ('RssAnon', 'VmRSS')))
    return max(sizes)


def memory():
    _, terminal = enter(lab.GHOST, 'Vault passphrase: ', lab.PASSPHRASE, leave=False)
    ours, init = resident('su'), resident('tazpod-init')
    terminal.close()
    lab.nothing_left(keys_too=False)
    root = lab.Terminal('root')
    root.send(f'su -l {USER}\n')
    root.expect(lab.SHELL_PROMPT)
    plain = resident('su')
    root.close()
    return ours, init, plain


def say(text):
    print('ok - ' + text, flush=True)


def main():
    setup.main()
    os.makedirs(MOUNT, exist_ok=True)
    lab.fresh_vault()
    entry = with_pam_mount()
    ours, hand, peer = (entry[name] - entry['derivation'] for name in ('tazpod', 'by_hand', 'pam_mount'))
    say(f'bench: from su to the prompt, less the key derivation: {ours:.2f} s; cryptsetup open and mount {hand:.2f} s '
        f'(ratio {ours / hand:.2f}), pam_mount {peer:.2f} s (ratio {ours / peer:.2f})')
    again = stash_and_plain()
    say(f'bench: entry by the stash: {again["stash"]:.2f} s; a plain su -l {again["plain"]:.2f} s '
        f'(ratio {again["stash"] / again["plain"]:.2f})')
    su, init, plain = memory()
    say(f'bench: memory of the waiting su: {su[1]} KiB resident, {su[0]} KiB of its own; in a plain session {plain[1]} KiB '
        f'and {plain[0]} KiB (ratio {su[1] / plain[1]:.2f}); tazpod-init {init[1]} KiB and {init[0]} KiB')
    bench_disk.main(say)


if __name__ == '__main__':
    main()
