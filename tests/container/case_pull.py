"""Secrets in the container: pulled from the host, refreshed, run, and found nowhere outside of the enclave."""
import base64
import glob
import json
import os
import re
import stat
import subprocess
import time

import lab
import pod
from pod import PASSPHRASE, Project, nothing_left, unlock

# What is looked for: a word of the secrets, and one that lies about, so that who finds nothing has looked.
HIDDEN, PLANTED = 'lantern-otter', 'lantern-heron'
VALUE = HIDDEN + ' $(touch /workspace/canary) `id` \'"\\'
FILE = f'token: {HIDDEN}\n'
MAP = '''\
config:
  command: [base64, -d, served]
secrets:
  - {name: TOKEN, env: API_TOKEN}
  - {name: KUBE, file: cluster/kubeconfig, env: KUBECONFIG}
'''
KUBECONFIG = '/home/tazpod-ghost/secrets/cluster/kubeconfig'
LOOK = r'''# Where the two words are, in files and in the processes that pgrep finds; so written that it does not find itself.
find / \( -path /proc -o -path /sys \) -prune -o -type f -readable -print0 2>/dev/null |
	xargs -0 sh -c 'grep -aoHE "[l]antern-[a-z]+" "$@"; test $? -lt 2 || exit 255' sh || exit 2
for pid in $(pgrep "$@"); do
	grep -asoHE "[l]antern-[a-z]+" /proc/$pid/environ /proc/$pid/cmdline
	ps eww -o args= -p $pid | grep -aoE "[l]antern-[a-z]+" | sed 's/^/ps:/'
done
:
'''


# ---------------------------------------------------------------- a project with secrets

def write(project, name, text):
    with open(f'{project.folder}/{name}', 'w', encoding='utf-8') as file:
        file.write(text)


def serve(project, secrets):
    """What the provider prints from now on. It lies in the workspace as what has been encrypted would: not as it is."""
    write(project, 'served', base64.b64encode(json.dumps(secrets).encode()).decode())


def started(secrets, text=MAP, vault=True, **more):
    """A project with a secrets.yml, whose container runs, and which may have a vault."""
    project = Project(**more)
    write(project, 'secrets.yml', text)
    serve(project, secrets)
    project.own()
    project.up()
    if vault:
        project.create_vault()
    return project


def begun(project, *words):
    """A command on the host that opens the vault, at a terminal, once the passphrase was given."""
    session = project.terminal(*words)
    session.expect(lab.SECRET_PROMPT)
    session.secret(PASSPHRASE)
    return session


def in_ghost_shell(session):
    session.expect(lab.SHELL_PROMPT)
    session.shell()
    assert session.user() == 'tazpod-ghost'
    return session


def pulled(project, *words):
    """'tazpod pull' on the host, which has left one in the ghost shell."""
    return in_ghost_shell(begun(project, 'pull', '--yes', *words))


def left(session):
    """Leaves the shell that the command on the host ended in."""
    session.send('exit\n')
    assert session.status() == 0
    nothing_left()


# ---------------------------------------------------------------- from the host

@lab.timeout(300)
def test_pull_on_the_host():
    """pull, typed on the host, makes the vault, asks about the provider, and leaves one in the ghost shell with the variables"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE}, vault=False)
    session = project.terminal('pull')
    session.expect(r'\[Y/n\] ')
    session.send('\n')
    for question in 'New vault passphrase: ', 'once more: ':
        session.expect(question)
        session.secret(PASSPHRASE)
    session.expect("wants this program to be run in the enclave.*'base64' '-d' 'served'", 120)
    session.expect(r'\[y/N\] ')
    session.send('y\n')
    session.expect('2 new, 0 changed, 0 as they were')
    in_ghost_shell(session)
    project.note_vault()
    assert session.check("tazpod run -- sh -c 'echo ${#API_TOKEN}'") == str(len(VALUE))
    assert session.check('stat -c %a "$KUBECONFIG"; echo "$KUBECONFIG"').split() == ['600', KUBECONFIG]
    assert HIDDEN not in session.transcript
    assert session.check('printf %s "$API_TOKEN"') == VALUE
    assert session.check('cat "$KUBECONFIG"') == FILE.rstrip()
    left(session)
    assert not os.path.exists(project.folder + '/canary')


def test_refresh():
    """What another pull brought is in a running shell after a typed 'tazpod env'; after a pull of its own at once"""
    project = started({'TOKEN': 'first', 'KUBE': FILE})
    with pulled(project) as session:
        assert session.check('echo $API_TOKEN') == 'first'
        serve(project, {'TOKEN': 'second', 'KUBE': FILE, 'EXTRA': 'more'})
        said = session.check('tazpod pull')
        assert 'changed  TOKEN' in said and 'new      EXTRA' in said and 'trust' not in said, said
        assert session.check('echo $API_TOKEN $EXTRA') == 'second more'
        serve(project, {'TOKEN': 'third', 'KUBE': FILE})
        with begun(project, 'pull', '--prune') as other:
            other.expect('1 gone and removed')
            assert in_ghost_shell(other).check('echo $API_TOKEN') == 'third'
        assert session.check('echo $API_TOKEN $EXTRA') == 'second more'
        assert session.check('tazpod env') == ''
        assert session.check('echo $API_TOKEN ${EXTRA-none}') == 'third none'


def test_from_a_login():
    """From a login's shell the same, and exit leads back to it; unlock, then, has the variables from the start"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE})
    with project.login() as login:
        login.unlock(PASSPHRASE, 'tazpod pull --yes')
        assert login.user() == 'tazpod-ghost'
        assert login.check('printf %s "$API_TOKEN"') == VALUE
        login.leave()
        assert login.user() == 'tazpod'
        assert login.check('echo ${API_TOKEN-none}') == 'none'
        login.unlock_again()
        assert 'vault open' in login.transcript and '2 variables' in login.transcript, login.tail()
        assert login.check('printf %s "$API_TOKEN"') == VALUE


def test_where_to():
    """env and run, on the host and in a login's shell, print nothing and say where they belong"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE})
    for words in ('env',), ('env', '--format', 'json'), ('run', '--', 'true'):
        refused = project.run(*words, status=3)
        assert 'tazpod unlock' in refused.stderr and "in the project's container" in refused.stderr, refused.said
        assert refused.stdout == '' and 'useradd' not in refused.stderr, refused.said
    with project.terminal('env') as session:
        session.expect("in the project's container: 'tazpod unlock'")
        assert session.status() == 3
    with project.login() as login:
        for command in 'tazpod env', 'tazpod env | cat; (exit ${PIPESTATUS[0]})', 'tazpod run -- true':
            status, said = login.run(command)
            assert status == 3 and "open it with 'tazpod unlock'" in said, said


def test_pull_without_terminal():
    """Without a terminal to type the passphrase at pull fails, says so, and changes nothing"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE})
    refused = project.run('pull', '--yes', status=1)
    assert 'terminal' in refused.said, refused.said
    nothing_left()
    assert project.ghost('test ! -e ~/secrets/.tazpod/values && ls ~/secrets') == 'lost+found\n'


# Stands in for Infisical's CLI, which no registry of the suite's carries: it leaves a token where that one does.
INFISICAL = f'''#!/bin/sh
case $1 in
vault) ;;
login) echo {HIDDEN} >~/infisical-keyring/login && echo {HIDDEN} >~/.infisical/infisical-config.json ;;
*) exit 9 ;;
esac
'''


def test_login_on_the_host():
    """login, on the host, logs in in the enclave, and what that leaves is in the vault only"""
    project = started({}, 'config: {infisical_project_id: 6ab689bc-79f9-4331-8f22-c2e8b5a9f001}\n')
    project.root('cat >/usr/local/bin/infisical && chmod 755 /usr/local/bin/infisical', input=INFISICAL)
    session = begun(project, 'login')
    session.expect('wants your Infisical login to be used at this server')
    session.expect(r'\[y/N\] ')
    session.send('y\n')
    in_ghost_shell(session)
    assert session.check('cat ~/.infisical/infisical-config.json ~/infisical-keyring/login').split() == [HIDDEN, HIDDEN]
    project.root('rm /usr/local/bin/infisical')
    project.root(f'grep -rlaF -D skip -e {HIDDEN} /home /etc /var /workspace /run', status=1)
    left(session)
    with lab.looked_into(project.vault) as folder:
        for name in '.infisical-vault/infisical-config.json', '.infisical-keyring/login':
            with open(f'{folder}/{name}', encoding='utf-8') as file:
                assert file.read() == HIDDEN + '\n'
    write(project, 'secrets.yml', MAP)
    with begun(project, 'login', '--yes') as session:
        session.expect("log in with the program that they come from, 'base64'")


def test_bridges():
    """~/.ssh and Infisical's folders are in the vault, and outside they are empty; it is told what is in the way"""
    project = started({})
    with project.login() as ghost, project.login() as public:
        unlock(ghost)
        ghost.check(f'umask 77; cd; echo {HIDDEN} | tee .ssh/id .infisical/id infisical-keyring/id')
        for home, vault in ('.ssh', '.ssh-vault'), ('.infisical', '.infisical-vault'), ('infisical-keyring', '.infisical-keyring'):
            assert ghost.check(f'stat -c "%U %a" ~/{home}; test ~/{home} -ef ~/secrets/{vault} && echo same').split() == \
                ['tazpod-ghost', '700', 'same'], home
            assert project.root(f'ls -A /home/tazpod-ghost/{home}') == '', home
        assert 'Permission denied' in public.run('ls ~tazpod-ghost/.ssh')[1]
        ghost.leave()
    nothing_left()
    project.root('echo mine >/home/tazpod-ghost/.ssh/config && chown tazpod-ghost: /home/tazpod-ghost/.ssh/config')
    said = project.ghost('cat ~/.ssh/config ~/secrets/.ssh-vault/id')
    assert '~/.ssh is in the way of its bridge' in said and said.endswith(f'mine\n{HIDDEN}\n'), said


# ---------------------------------------------------------------- nowhere outside

def found_in(text, *places):
    """Asserts that text has the word that was planted, in each of the places, and not the secret."""
    assert HIDDEN not in text, '\n'.join(line for line in text.splitlines() if HIDDEN in line)
    for place in places:
        assert re.search(f'^{place}:.*{PLANTED}$', text, re.M), f'not even what lies about is found in {place}:\n{text}'


def plant(project, public):
    """Lays the word about where a secret might be seen."""
    write(project, 'planted', PLANTED + '\n')
    for file in f'/var/tmp/{PLANTED}', '/root/.bash_history', '/proc/1/fd/1':
        project.root(f'umask 77; echo {PLANTED} >{file}')
    public.check(f'echo {PLANTED} >>~/.bash_history; MARK={PLANTED} sleep 1000 & sleep 0.1')


def words_in(folder):
    """Which of the two words are in the folder's files, and how many files there are."""
    found, files = set(), 0
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                files += 1
                with open(path, 'rb') as file:
                    text = file.read()
                found |= {word for word in (HIDDEN, PLANTED) if word.encode() in text}
    return found, files


def words_of_processes():
    """Which of the two words the machine's processes have in their environment and arguments: those of enclaves, and others."""
    namespaces = {os.readlink('/proc/self/ns/pid'), os.readlink('/proc/1/ns/pid')}
    found = {'enclave': set(), 'outside': set()}
    inits = {pid for pid, _line in lab.processes(None, ('tazpod-init',))}
    enclaves = {os.readlink(f'/proc/{pid}/ns/pid') for pid in inits} - namespaces
    assert enclaves, 'there is no enclave'
    for path in glob.glob('/proc/[0-9]*'):
        try:
            where = 'enclave' if os.readlink(path + '/ns/pid') in enclaves else 'outside'
            for name in 'environ', 'cmdline':
                with open(f'{path}/{name}', 'rb') as file:
                    text = file.read()
                found[where] |= {word for word in (HIDDEN, PLANTED) if word.encode() in text}
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def look_from_the_host(project):
    """What the engine tells of the container, its files as the engine has them, and the project's folder."""
    for command in ('logs',), ('inspect',), ('diff',), ('top', '-eo', 'pid,args'):
        said = project.engine(command[0], project.container, *command[1:])
        assert HIDDEN not in said, command
        assert PLANTED in said or command[0] == 'top', f'not even what lies about is found by {command[0]}'
    exported = subprocess.run(f'set -o pipefail; docker export {project.container} | grep -aoE "lantern-[a-z]+" | sort -u',
                              shell=True, executable='/bin/bash', stdout=subprocess.PIPE, text=True, check=True).stdout
    assert exported.split() == [PLANTED]
    for folder, least in (project.folder, 4), (os.path.dirname(project.inspect()['LogPath']), 3):
        words, files = words_in(folder)
        assert words == {PLANTED} and files >= least, (folder, words, files)
    assert os.path.getsize(project.vault) > 0


def look_from_outside(project, public):
    """Everybody outside looks everywhere: a login, and both users by docker."""
    script = 'sh /workspace/look %s | sort -u; test ${PIPESTATUS[0]} = 0'
    # With CAP_SYS_ADMIN one sees, since Linux 6.15, what an enclave's processes have in their environment.
    all_processes, not_of_enclaves = '.', '-v -u tazpod-ghost'
    places = ['/workspace/planted', '/home/tazpod/.bash_history', r'/proc/\d+/environ', 'ps']
    found_in(public.check(script % all_processes), *places)
    found_in(project.engine('exec', '-u', 'tazpod', project.container, 'bash', '-c', script % all_processes), *places)
    found_in(project.root(f'bash -c \'{script % not_of_enclaves}\''), *places, '/root/.bash_history', f'/var/tmp/{PLANTED}')
    look_from_the_host(project)


@lab.timeout(300)
def test_not_to_be_found():
    """No value is found from a login, by docker, or in the host's files and processes; in the enclave it is"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE}, name=PLANTED)
    write(project, 'look', LOOK)
    with pulled(project) as ghost, project.login() as public:
        ghost.check("tazpod pull; tazpod env; tazpod run -- sh -c 'exec sleep 1000' & sleep 0.5")
        assert HIDDEN not in ghost.transcript
        # whoever types one has it in his shell's history
        ghost.check(f': {HIDDEN}; history -a; test -s "$HISTFILE"')
        plant(project, public)
        look_from_outside(project, public)
        assert words_of_processes() == {'enclave': {HIDDEN}, 'outside': {PLANTED}}
        inside = ghost.check('sh /workspace/look . | sort -u')
        for place in KUBECONFIG, '/home/tazpod-ghost/secrets/.tazpod/values/TOKEN', r'/proc/\d+/environ', 'ps':
            assert re.search(f'^{place}:{HIDDEN}$', inside, re.M), f'{place}\n{inside}'
        ghost.send('exit\n')
        ghost.expect(lab.pexpect.EOF)
        nothing_left()
        look_from_outside(project, public)


# ---------------------------------------------------------------- death

def test_stays():
    """After docker kill and up again all that was pulled is there, and so it is in a container made anew"""
    project = started({'TOKEN': VALUE, 'KUBE': FILE, 'EXTRA': 'more'})
    with pulled(project):
        identity = project.inspect()['Id']
        pod.docker('kill', project.container)
        nothing_left(identity)
    project.noticed()
    serve(project, {})
    for words in (), ('--recreate',):
        project.up(*words)
        said = project.ghost('tazpod run -- sh -c \'printf "%s\\n" "$API_TOKEN" "$EXTRA"; cat "$KUBECONFIG"\'')
        assert said == f'{VALUE}\nmore\n{FILE}', said


COUNT = 300


def versions(project):
    """Of which versions the pulled set is, by its files and by its variables: each once."""
    said = project.ghost("cd ~/secrets && cat files/* | sort -u; tazpod env --format null | tr '\\0' '\\n' | "
                         "sed -n 's/^V[0-9]*=//p' | sort -u; cat files/* | wc -l")
    return said.split()


@lab.timeout(600)
def test_killed_while_pulling():
    """Killed at any moment of a pull, the container's next session has the old set or the new one, as a whole"""
    half = COUNT // 2
    text = 'config: {command: [base64, -d, served]}\nsecrets:\n' + ''.join(
        f'  - {{name: V{number}, file: files/{number}}}\n' for number in range(half))
    project = started({f'V{number}': '0\n' for number in range(COUNT)}, text)
    left(pulled(project))
    current, seen = '0', []
    # the lines about all secrets come just before they are put in place
    for number, (lines, pause) in enumerate(((0, 0), (1, 0), (COUNT, 0), (COUNT, 0.05), (COUNT, 0.3)), 1):
        serve(project, {f'V{name}': f'{number}\n' for name in range(COUNT)})
        identity = project.inspect()['Id']
        session = begun(project, 'pull')
        session.expect('fetching the secrets')
        for _ in range(lines):
            session.expect('changed  V')
        time.sleep(pause)
        pod.kill_all(pod.processes_of(identity))
        nothing_left(identity)
        session.close()
        project.noticed()
        project.up()
        found = versions(project)
        assert found in ([current, current, str(half)], [str(number), str(number), str(half)]), found
        seen.append('new' if found[0] != current else 'old')
        current = found[0]
    print(f'# killed while pulling: {" ".join(seen)}')
