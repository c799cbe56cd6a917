"""However a session ends, nothing of it stays."""
import contextlib
import os
import signal
import time

import lab

shared = False  # kernels differ in what these are about


def opened(**more):
    """A fresh vault, a session that writes in it, and the pids of its parts."""
    lab.fresh_vault()
    terminal = lab.Terminal(**more)
    terminal.unlock()
    terminal.check('echo kept > ~/secrets/file; sync -f ~/secrets')
    return terminal


def pid_of(name, user=None):
    command = f'pgrep -x {name}' + (f' -u {user}' if user else '')
    return [int(word) for word in lab.sh(command).split()]


def kill_all(pids):
    """SIGKILL for each; who has gone with another one is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def gone(kept=True):
    lab.nothing_left(lab.VAULT, keys_too=False)
    if kept:
        with lab.looked_into() as folder:
            assert lab.sh(f'cat {folder}/file') == 'kept\n'


def test_exit():
    """after exit"""
    opened().leave()
    gone()


def test_hang_up():
    """after the terminal hangs up"""
    terminal = opened()
    terminal.close()
    lab.nothing_left(lab.VAULT)


def test_kill_su():
    """after SIGKILL of su"""
    opened()
    for pid in pid_of('su'):
        os.kill(pid, signal.SIGKILL)
    gone()


def test_kill_shell():
    """after SIGKILL of the shell"""
    opened()
    for pid in pid_of('bash', lab.GHOST):
        os.kill(pid, signal.SIGKILL)
    gone()


def test_kill_init():
    """after SIGKILL of the session's init"""
    opened()
    for pid in pid_of('tazpod-init'):
        os.kill(pid, signal.SIGKILL)
    gone()


def test_kill_everything():
    """after SIGKILL of everything at once"""
    terminal = opened()
    terminal.check('nohup sleep 1000 >/dev/null 2>&1 & cd ~/secrets; nohup sh -c "exec 9>~/secrets/held; sleep 1000" >/dev/null 2>&1 &')
    pids = pid_of('su') + pid_of('tazpod-init') + [pid for pid, _ in lab.processes(1001)]
    kill_all(pids)
    gone()


def test_background_job():
    """with a background job left behind, which holds a file open in the vault"""
    terminal = opened()
    terminal.check('setsid nohup sh -c "trap : HUP TERM; exec 9>~/secrets/held; cd ~/secrets; while :; do sleep 1000; done" '
                   '>/dev/null 2>&1 </dev/null &')
    terminal.check('sleep 1')
    terminal.send('exit\n')
    terminal.expect('(?i)exit|jobs|@@')
    terminal.send('exit\n')
    gone()


def test_stopped_job():
    """with a stopped job left behind"""
    terminal = opened()
    terminal.check('sleep 1000 & kill -STOP $!')
    terminal.send('exit\n')
    terminal.send('exit\n')
    gone()


def test_kill_worker():
    """after SIGKILL of the worker while it opens the vault, at many moments"""
    lab.fresh_vault(files={'file': 'kept\n'})
    lab.later(lab.write_settings, lab.CHEAP)
    terminal = lab.Terminal()
    killed = 0
    for delay in [number * 0.015 for number in range(12)] if lab.NATIVE else (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7):
        terminal.send(f'su -l {lab.GHOST}\n')
        if terminal.expect(['Vault passphrase: ', lab.SHELL_PROMPT]) == 0:
            worker = pid_of('tazpod-worker')
            terminal.secret(lab.PASSPHRASE)
            time.sleep(delay)
            try:
                os.kill(worker[0], signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
            if terminal.expect([lab.PROMPT, lab.SHELL_PROMPT, 'Vault passphrase: ']) != 0:
                terminal.send('\x03\n')
        terminal.close()
        lab.nothing_left()
        terminal = lab.Terminal()
    assert killed >= 3, killed
    gone()


def test_kill_su_in_between():
    """after SIGKILL of su while it opens the vault"""
    lab.fresh_vault(files={'file': 'kept\n'})
    for delay in (0.0, 0.1, 0.2, 0.3, 0.5):
        terminal = lab.Terminal()
        terminal.send(f'su -l {lab.GHOST}\n')
        terminal.expect('Vault passphrase: ')
        su = pid_of('su')
        terminal.secret(lab.PASSPHRASE)
        time.sleep(delay)
        kill_all(su)
        terminal.close()
        lab.nothing_left()
    gone()


def test_ssh_cut():
    """after the ssh client is killed"""
    lab.fresh_vault()
    ssh = lab.Ssh(lab.GHOST, lab.PASSPHRASE)
    ssh.check('echo kept > ~/secrets/file; sync -f ~/secrets')
    os.kill(ssh.child.pid, signal.SIGKILL)
    gone()


def test_ssh_server_killed():
    """after SIGKILL of the sshd that serves the session"""
    lab.fresh_vault()
    ssh = lab.Ssh(lab.GHOST, lab.PASSPHRASE)
    ssh.check('echo kept > ~/secrets/file; sync -f ~/secrets')
    lab.sh(f'pkill -KILL -f "sshd[^/]*: {lab.GHOST}"')
    gone()


def test_writing():
    """after SIGKILL of everything while much is being written: what was synced is there"""
    terminal = opened()
    terminal.send('while :; do dd if=/dev/zero of=~/secrets/noise bs=64k count=100 status=none; done\n')
    time.sleep(2)
    kill_all(pid_of('su') + pid_of('tazpod-init'))
    gone()


def test_unclean():
    """a vault that was not cleanly unmounted is checked, and opens with what was synced"""
    terminal = opened()
    terminal.send('while :; do echo x >> ~/secrets/noise; done\n')
    time.sleep(1)
    # As after a power cut: the image as it lies on the disk at this moment.
    lab.sh(f'cp --sparse=never {lab.VAULT} /var/tmp/lab-cut')
    lab.later(lab.sh, 'rm -f /var/tmp/lab-cut')
    terminal.close()
    lab.nothing_left()
    with lab.opened('/var/tmp/lab-cut', readonly=True) as device:
        assert 'needs_recovery' in lab.sh(f'dumpe2fs -h {device} 2>/dev/null | grep features')
    lab.sh(f'cp --sparse=never /var/tmp/lab-cut {lab.VAULT}')
    terminal = lab.Terminal()
    terminal.unlock()
    assert terminal.check('cat ~/secrets/file') == 'kept'
    terminal.leave()
    gone()
