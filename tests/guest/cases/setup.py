#!/usr/bin/env python3
"""Sets a guest up for TazPod, as its administrator would. It may be run again."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lab  # noqa: E402

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


def tazpod():
    """As its own script does it; beside pam_mount, which asks everybody."""
    if os.path.exists('/usr/share/pam-configs/libpam-mount'):
        lab.sh('pam-auth-update --disable libpam-mount', timeout=120)
    lab.sh(f'tazpod-setup --public-user {lab.PUBLIC}', timeout=120)


def settings():
    """Deriving a key is cheap: the guest's processor is an emulated one."""
    lab.write_settings(lab.CHEAP)


def sshd():
    """An sshd of our own, at a port of its own."""
    with open('/etc/ssh/sshd_lab', 'w') as file:
        file.write(SSHD)
    os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
    if lab.NATIVE:
        lab.sh('/usr/sbin/sshd -f /etc/ssh/sshd_lab')
    elif shutil.which('systemd-run') and subprocess.run(['systemctl', '-q', 'is-active', 'lab-sshd']).returncode:
        lab.sh('systemd-run -q --unit=lab-sshd -p KillMode=process '
               '/usr/sbin/sshd -D -f /etc/ssh/sshd_lab')


def main():
    tazpod()
    settings()
    sshd()


if __name__ == '__main__':
    main()
