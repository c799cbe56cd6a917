"""Part of the cli suite: tazpod at a terminal. Arguments: the program, the vault's passphrase, a recovery one."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

tazpod, passphrase, recovery = sys.argv[1:4]
failed = False


def report(name, good, text):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
    if not good:
        failed = True
        for line in text.splitlines():
            print(f"# {line!r}", flush=True)


class Terminal:
    def __init__(self, *arguments, leader=None, **environment):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", **environment})
            if leader:
                leader(arguments)
            os.execv(tazpod, [tazpod, *arguments])

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def read(self, until=None, seconds=20):
        """Reads until the end, or until the text shows up."""
        end, start = time.monotonic() + seconds, len(self.text)
        while until is None or until not in self.text[start:]:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(self.text)
            try:
                data = os.read(self.fd, 4096)
            except OSError:  # EIO: the other end is closed
                data = b""
            if not data:
                break
            self.text += data.decode()
        return self.text[start:]

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def answer(self, question, line):
        """Waits for the question, and for the terminal to be silent, which it is before the question comes."""
        self.read(question)
        silent = not self.echoes()
        self.type(line)
        return silent

    def status(self):
        self.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def add_recovery():
    here = Terminal("vault", "add-recovery")
    silent = [
        here.answer("Present vault passphrase: ", passphrase),
        here.answer("Recovery passphrase: ", "short"),
        here.answer("Recovery passphrase: ", recovery),
        here.answer("once more: ", "something else"),
        here.answer("Recovery passphrase: ", recovery),
        here.answer("once more: ", recovery),
    ]
    status = here.status()
    report("add-recovery at a terminal", status == 0 and "is added" in here.text, here.text)
    report("a bad passphrase may be tried again", "too short" in here.text and "differ" in here.text, here.text)
    report("passphrases are not echoed", all(silent) and passphrase not in here.text and recovery not in here.text,
           here.text)
    os.close(here.fd)


def wrong():
    subprocess.run([tazpod, "vault", "remove-recovery"], check=True, stdout=subprocess.DEVNULL)
    here = Terminal("vault", "add-recovery")
    here.answer("Present vault passphrase: ", "not the right one")
    here.answer("Recovery passphrase: ", recovery)
    here.answer("once more: ", recovery)
    status = here.status()
    report("a wrong passphrase at a terminal", status == 4 and "wrong passphrase" in here.text, here.text)
    os.close(here.fd)


def interrupted():
    for number in (signal.SIGINT, signal.SIGTERM):
        here = Terminal("vault", "add-recovery")
        here.read("Present vault passphrase: ")
        silent = not here.echoes()
        if number == signal.SIGINT:
            os.write(here.fd, b"\x03")
        else:
            os.kill(here.pid, number)
        _, status = os.waitpid(here.pid, 0)
        report(f"{number.name} at the question gives the terminal back",
               silent and os.WIFSIGNALED(status) and os.WTERMSIG(status) == number and here.echoes(), here.text)
        os.close(here.fd)


def lead(arguments):
    """What a shell does: runs the program as a job of its own, and lets it go on a second after it has stopped."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(tazpod, [tazpod, *arguments])
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            os._exit(0)
        os.write(1, b"[stopped]")
        time.sleep(1)
        os.kill(pid, signal.SIGCONT)


def stopped():
    here = Terminal("vault", "add-recovery", leader=lead)
    here.read("Present vault passphrase: ")
    os.write(here.fd, b"\x1a")
    here.read("[stopped]")
    echoed = here.echoes()
    here.read("Present vault passphrase: ")
    silent = not here.echoes()
    os.write(here.fd, b"\x03")
    report("stopped at the question, it gives the terminal back and asks again", echoed and silent, here.text)
    here.status()
    os.close(here.fd)


def confirm():
    for answer, status, said in (("n", 1, "nothing was changed"), ("", 1, "nothing was changed"),
                                 ("y", 0, "header is restored")):
        here = Terminal("vault", "restore-header", "/run/header")
        here.read("[y/N] ")
        here.type(answer)
        got = here.status()
        report(f"restore-header asks, and takes {answer!r} for an answer", got == status and said in here.text, here.text)
        os.close(here.fd)


def colours():
    for environment, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                ({"TERM": "dumb"}, False)):
        here = Terminal("doctor", **environment)
        here.status()
        coloured = re.search(r"\x1b\[3[0-9]m", here.text) is not None
        report(f"colours at a terminal with {environment or 'nothing set'}: {wanted}",
               coloured == wanted and "Linux" in here.text, here.text)
        os.close(here.fd)


add_recovery()
wrong()
interrupted()
stopped()
confirm()
colours()
sys.exit(failed)
