#!/usr/bin/env python3
"""Sets a guest up for TazPod, as its administrator would. It may be run again."""
import os
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lab  # noqa: E402

SHELL = '/usr/libexec/tazpod-shell'

SSHD = f"""\
Port {lab.SSH_PORT}
ListenAddress 127.0.0.1
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd-lab.pid
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication yes
PubkeyAuthentication no
PermitRootLogin no
PrintMotd no
UseDNS no
Subsystem sftp internal-sftp
"""


def ghost():
    """The ghost has a home, and its shell is TazPod's."""
    home = pwd.getpwnam(lab.GHOST).pw_dir
    if not os.path.isdir(home):
        lab.sh(f'cp -r /etc/skel {home} && chown -R {lab.GHOST}: {home} && chmod 700 {home}')
    if pwd.getpwnam(lab.GHOST).pw_shell != SHELL:
        lab.sh(f'usermod -s {SHELL} {lab.GHOST}')


def pam():
    """The services' PAM stacks ask TazPod about the ghost, and about nobody else."""
    lab.sh('pam-auth-update --enable tazpod && pam-auth-update --disable libpam-mount', timeout=120)


def settings():
    """The vault's folder is root's alone, and deriving a key is cheap: the guest's processor is an emulated one."""
    os.makedirs(os.path.dirname(lab.VAULT), mode=0o700, exist_ok=True)
    os.chmod(os.path.dirname(lab.VAULT), 0o700)
    lab.write_settings(lab.CHEAP)


def sshd():
    """An sshd of our own, at a port of its own."""
    with open('/etc/ssh/sshd_lab', 'w') as file:
        file.write(SSHD)
    os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
    if shutil.which('systemd-run') and subprocess.run(['systemctl', '-q', 'is-active', 'lab-sshd']).returncode:
        lab.sh('systemd-run -q --unit=lab-sshd -p KillMode=process '
               '/usr/sbin/sshd -D -f /etc/ssh/sshd_lab')


def main():
    ghost()
    pam()
    settings()
    sshd()


if __name__ == '__main__':
    main()
