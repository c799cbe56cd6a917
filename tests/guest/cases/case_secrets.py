"""secrets.yml, pull, env and run: from the provider into the vault, and from there into programs, and nowhere else."""
import glob
import json
import os
import stat

import lab

world = 'native'  # nothing here has to do with the driver or the kernel

SECRETS = '/workspace/secrets.yml'
SERVED = '/srv/lab-secrets.json'  # what the provider, a program, prints
VALUE = 'correct horse $(touch /tmp/lab-canary) `id` \'"\\'
MAP = f'''\
config:
  command: [cat, {SERVED}]
secrets:
  - name: TOKEN
    env: API_TOKEN
  - name: KUBE
    file: cluster/kubeconfig
    env: KUBECONFIG
  - name: PASSWORD
    file: password
    env: DB_PASSWORD
    value: true
'''
SERVED_FIRST = {'TOKEN': VALUE, 'KUBE': 'clusters: []\n', 'PASSWORD': 'pa\nss\n'}


def serve(secrets):
    with open(SERVED, 'w', encoding='utf-8') as file:
        json.dump(secrets, file)


def write_map(text):
    lab.replace_file(SECRETS, text)


def before():
    lab.later(lab.sh, f'rm -f {SECRETS} {SERVED}')
    write_map(MAP)
    serve(SERVED_FIRST)


def opened(size='48M'):
    lab.fresh_vault(size=size)
    terminal = lab.Terminal()
    terminal.unlock()
    return terminal


def pulled():
    terminal = opened()
    terminal.check('tazpod pull --yes')
    return terminal


def again(terminal):
    """Goes in once more, by the kept key, and gives what was said."""
    terminal.send(f'su -l {lab.GHOST}\n')
    assert terminal.expect([lab.SECRET_PROMPT, lab.SHELL_PROMPT]) == 1, 'the passphrase was asked for'
    said = terminal.child.before
    terminal.shell()
    return said


def test_pull():
    """what secrets.yml names is fetched, written with mode 0600, and is in the vault when it is opened again"""
    terminal = opened()
    said = terminal.check('tazpod pull --yes')
    assert 'new      TOKEN' in said and 'new      KUBE  ~/secrets/cluster/kubeconfig' in said, said
    assert '3 new, 0 changed, 0 as they were' in said, said
    assert 'horse' not in said and 'clusters' not in said, said
    assert terminal.check('stat -c %a ~/secrets/password ~/secrets/cluster/kubeconfig ~/secrets/cluster').split() == \
        ['600', '600', '700']
    assert terminal.check('cat ~/secrets/cluster/kubeconfig') == 'clusters: []'
    said = terminal.check('tazpod pull')
    assert '0 new, 0 changed, 3 as they were' in said, said
    terminal.leave()
    lab.nothing_left(lab.VAULT, keys_too=False)
    with lab.looked_into() as folder:
        with open(folder + '/password', encoding='utf-8') as file:
            assert file.read() == 'pa\nss\n'
        assert stat.S_IMODE(os.stat(folder + '/.tazpod').st_mode) == 0o700


def test_changes():
    """a changed, a new and a gone secret are told; what is gone goes with --prune; --dry-run changes nothing"""
    terminal = pulled()
    serve({'TOKEN': 'another', 'PASSWORD': 'pa\nss\n', 'EXTRA': 'x', 'LD_PRELOAD': 'x'})
    status, said = terminal.run('tazpod pull --dry-run')
    assert status == 1 and 'changed  TOKEN' in said and 'missing  KUBE' in said and 'nothing was written' in said, said
    assert terminal.check('cat ~/secrets/.tazpod/values/TOKEN') == VALUE
    status, said = terminal.run('tazpod pull')
    assert status == 1 and 'gone     KUBE' in said and 'is missing at the provider' in said, said
    assert 'new      EXTRA' in said and 'refused  LD_PRELOAD' in said, said
    assert terminal.check('cat ~/secrets/.tazpod/values/TOKEN') == 'another'
    assert terminal.check('tazpod env; echo "$EXTRA ${LD_PRELOAD-none}"') == 'x none'
    assert terminal.check('ls ~/secrets/cluster') == 'kubeconfig'
    write_map(MAP.replace('  - name: KUBE\n    file: cluster/kubeconfig\n    env: KUBECONFIG\n', ''))
    said = terminal.check('tazpod pull --prune')
    assert '1 gone and removed' in said, said
    assert 'cluster' not in terminal.check('ls -A ~/secrets')


def test_all_or_nothing():
    """a pull that fails half-way leaves the whole old set, and says which secret it was and why"""
    terminal = pulled()
    terminal.check('rm ~/secrets/password; mkdir ~/secrets/password')
    serve({'TOKEN': 'another', 'KUBE': 'another', 'PASSWORD': 'another'})
    status, said = terminal.run('tazpod pull')
    assert status == 1 and '~/secrets/password' in said, said
    assert terminal.check('cat ~/secrets/.tazpod/values/TOKEN') == VALUE
    assert terminal.check('cat ~/secrets/cluster/kubeconfig') == 'clusters: []'


def test_trust():
    """the provider is asked about once, and again when it changed; without a terminal it is refused"""
    terminal = opened()
    terminal.send('tazpod pull\n')
    terminal.expect('wants this program to be run in the enclave')
    terminal.expect('whoever can change what it reads or runs there decides')
    terminal.expect(r'\[y/N\] ')
    terminal.send('n\n')
    assert terminal.expect(lab.PROMPT).group(2) == '1'
    assert 'is not trusted' in terminal.child.before
    status, said = terminal.run('setsid -w tazpod pull </dev/null')
    assert status == 1 and '--yes' in said, said
    terminal.send('tazpod pull\n')
    terminal.expect(r'\[y/N\] ')
    terminal.send('y\n')
    assert terminal.expect(lab.PROMPT).group(2) == '0', terminal.tail()
    assert '3 as they were' in terminal.check('tazpod pull')
    write_map(MAP.replace('[cat,', '[tac,'))
    status, said = terminal.run('setsid -w tazpod pull </dev/null')
    assert status == 1 and 'trust' in said, said


def test_allow():
    """a variable that changes how programs run is set when its user has agreed to it, and not before"""
    terminal = pulled()
    write_map('allow: [KUBE_EDITOR]\n' + MAP + '  - {name: TOKEN, env: KUBE_EDITOR}\n')
    said = terminal.check('tazpod env')
    assert 'nobody has agreed to that yet' in said, said
    assert terminal.check('echo "${KUBE_EDITOR-none} ${API_TOKEN+there}"') == 'none there'
    terminal.send('tazpod pull\n')
    terminal.expect(r'variables that change how programs run:\s+KUBE_EDITOR')
    terminal.expect(r'\[y/N\] ')
    terminal.send('y\n')
    assert terminal.expect(lab.PROMPT).group(2) == '0', terminal.tail()
    assert terminal.check('printf %s "$KUBE_EDITOR"') == VALUE
    # what was agreed to is no other one
    write_map('allow: [PAGER]\n' + MAP + '  - {name: TOKEN, env: PAGER}\n')
    assert 'nobody has agreed' in terminal.check('tazpod env')
    assert terminal.check('echo "${PAGER-none}"') == 'none'


def test_own_files():
    """what is in the vault by other hands is neither given to programs nor replaced by a pull"""
    terminal = pulled()
    terminal.check('echo mine >~/secrets/notes')
    write_map(MAP + '  - {name: NOTES, file: notes, env: NOTES, value: true}\n')
    assert terminal.check('tazpod env; echo "${NOTES-none}"') == 'none'
    serve(SERVED_FIRST | {'NOTES': 'theirs'})
    status, said = terminal.run('tazpod pull')
    assert status == 1 and '~/secrets/notes is there already' in said, said
    assert terminal.check('cat ~/secrets/notes') == 'mine'


def test_many_names():
    """so many and long names that a program could not be started with them leave some out, and the shell works"""
    terminal = pulled()
    serve(SERVED_FIRST | {f'A_NAME_THAT_IS_RATHER_LONG_AS_NAMES_GO_{number:05}': 'v' for number in range(4000)})
    terminal.check('tazpod pull >/dev/null; /bin/true', 120)
    assert terminal.check('/bin/echo $A_NAME_THAT_IS_RATHER_LONG_AS_NAMES_GO_00001') == 'v'


def test_new_shell_has_them():
    """a ghost shell has the variables from its start, byte for byte, and nothing in them was executed"""
    terminal = pulled()
    terminal.leave()
    said = again(terminal)
    assert 'vault open' in said and '3 variables' in said, said
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE
    assert terminal.check('echo "$KUBECONFIG"') == '/home/tazpod-ghost/secrets/cluster/kubeconfig'
    assert terminal.check('test "$DB_PASSWORD" = "$(printf "pa\\nss\\n.")" || printf %s "$DB_PASSWORD" | od -An -c | tr -d " "') \
        == 'pa\\nss\\n'
    assert not os.path.exists('/tmp/lab-canary') and terminal.check('ls -A /tmp') == ''


def test_refresh():
    """a typed 'tazpod env' brings in what changed and takes away what is gone, without a word"""
    terminal = pulled()
    terminal.leave()
    again(terminal)
    serve({'TOKEN': 'second', 'KUBE': 'k', 'PASSWORD': 'p'})
    # another login pulls; this shell is told nothing until it asks
    other = lab.Terminal()
    other.unlock()
    other.check('tazpod pull')
    assert terminal.check('echo "$API_TOKEN"') == VALUE
    assert terminal.check('tazpod env') == ''
    assert terminal.check('echo "$API_TOKEN"') == 'second'
    write_map(MAP.replace('env: API_TOKEN', 'env: OTHER_TOKEN'))
    assert terminal.check('tazpod env') == ''
    assert terminal.check('echo "${API_TOKEN-none} $OTHER_TOKEN"') == 'none second'
    # after a pull it has them, too
    serve({'TOKEN': 'third', 'KUBE': 'k', 'PASSWORD': 'p'})
    terminal.check('tazpod pull')
    assert terminal.check('echo "$OTHER_TOKEN"') == 'third'


def test_never_on_a_terminal():
    """nothing is printed to a terminal, whatever the format"""
    terminal = pulled()
    for options in '', '--shell fish', '--format json', '--format dotenv', '--format null':
        status, said = terminal.run(f'command tazpod env {options}')
        assert status == 1 and 'not shown on a terminal' in said and 'horse' not in said, said


def test_formats():
    """the formats for programs hold the same values"""
    terminal = pulled()
    assert json.loads(terminal.check('tazpod env --format json | cat')) == {
        'API_TOKEN': VALUE, 'KUBECONFIG': '/home/tazpod-ghost/secrets/cluster/kubeconfig', 'DB_PASSWORD': 'pa\nss\n'}
    assert terminal.check("tazpod env --format null | tr '\\0' '@' | grep -c 'API_TOKEN=correct horse'") == '1'
    assert terminal.check("tazpod env --format dotenv | grep -c '^API_TOKEN='") == '1'
    assert terminal.run('tazpod env --format yaml')[0] == 2
    assert terminal.run('tazpod env --shell tcsh')[0] == 2


def test_run():
    """run gives one program the variables, its exit status, and only those that were asked for"""
    terminal = pulled()
    assert terminal.check("tazpod run -- sh -c 'printf %s \"$API_TOKEN\"'") == VALUE
    assert terminal.run('tazpod run -- sh -c "exit 7"')[0] == 7
    assert terminal.run('tazpod run -- sh -c "kill -TERM \\$\\$"')[0] == 128 + 15
    assert terminal.run('tazpod run -- no-such-program')[0] == 127
    assert terminal.check("tazpod run --only DB_PASSWORD -- sh -c 'echo ${API_TOKEN-none} ${DB_PASSWORD:+some}'") == 'none some'
    status, said = terminal.run('tazpod run --only DB_PASWORD -- true')
    assert status == 1 and 'DB_PASWORD' in said, said
    assert terminal.check("MINE=1 tazpod run --no-inherit -- sh -c 'echo ${MINE-none} ${KUBECONFIG:+some} $HOME'") == \
        'none some /home/tazpod-ghost'


def test_outside():
    """outside the enclave there is nothing to be had, and the exit status says so"""
    terminal = pulled()
    terminal.leave()
    for command in 'command tazpod env | cat; exit ${PIPESTATUS[0]}', 'tazpod run -- true':
        status, said = terminal.run(f"bash -c '{command}'")
        assert status == 3 and "open it with 'tazpod unlock'" in said, (status, said)


def test_pull_from_outside():
    """pull, typed in the public shell, opens the vault, pulls, and leaves one in the ghost shell with the variables"""
    lab.fresh_vault()
    terminal = lab.Terminal()
    worked, said = terminal.try_unlock(command='tazpod pull --yes')
    assert worked and '3 new' in said, said
    assert terminal.user() == lab.GHOST
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE
    # it has job control: the terminal is its own
    assert terminal.check('sleep 100 & kill %1; wait') is not None
    terminal.leave()
    assert terminal.user() == lab.PUBLIC
    lab.nothing_left(lab.VAULT, keys_too=False)


def test_not_to_be_found():
    """from outside no value is found: not in /proc, in ps, in files, in the log, nor in what was printed"""
    terminal = pulled()
    terminal.leave()
    said = again(terminal)
    terminal.send('tazpod run -- sleep 300 &\n')
    needle = 'correct horse'
    outside = lab.Terminal()
    assert needle not in outside.check('ps axeww -o args,env 2>/dev/null || ps axeww'), 'ps'
    # so written that the one who looks is not what is found
    assert outside.check('cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -ac "[c]orrect horse"; true') == '0'
    assert needle not in said + lab.journal()
    found = lab.sh(f'grep -rlas "{needle}" /home /workspace /run /var/log /var/tmp /tmp --exclude-dir=secrets || true')
    assert found == '', found
    for path in glob.glob('/home/tazpod-ghost/.*history'):
        with open(path, 'rb') as file:
            assert needle.encode() not in file.read(), path


def refused(terminal, text, part):
    write_map(text)
    status, said = terminal.run('tazpod pull')
    assert status == 1 and part in said, (text, said)
    status, said = terminal.run('tazpod env')
    assert status == 1 and part in said, (text, said)
    assert terminal.check('printf %s "$API_TOKEN"') == VALUE


def test_bad_map():
    """what is wrong in secrets.yml is told with line and column, nothing is changed, and a shell starts all the same"""
    terminal = pulled()
    terminal.leave()
    again(terminal)
    refused(terminal, 'secrets: [{name: A, env: LD_PRELOAD}]\n', "secrets.yml:1:26: 'env' changes")
    refused(terminal, 'secrets: [{name: A, file: ../x}]\n', 'secrets.yml:1:27:')
    refused(terminal, 'secrets: [{name: A, file: .tazpod/values/x}]\n', 'secrets.yml:1:27:')
    refused(terminal, 'a: &a [*a, *a]\n', 'secrets.yml:1:')
    refused(terminal, 'secrets:\n\t- name: A\n', 'secrets.yml:2:')
    refused(terminal, 'secrets: []\nsecrets: []\n', 'secrets.yml:2:1:')
    refused(terminal, MAP.replace('[cat,', '[cat, "a\\nb",'), 'secrets.yml:2:')
    lab.sh(f'rm -f {SECRETS}; mkfifo {SECRETS}')
    status, said = terminal.run('tazpod pull')
    assert status == 1 and 'secrets.yml' in said, said
    terminal.leave()
    said = again(terminal)
    assert 'secrets.yml' in said and 'vault open' in said, said
    lab.sh(f'rm -f {SECRETS}')


def test_bridge_is_no_place():
    """a secret is not written where a program keeps what it trusts"""
    terminal = opened()
    write_map(MAP.replace('file: password', 'file: .infisical-vault/infisical-config.json'))
    status, said = terminal.run('tazpod pull --yes')
    assert status == 1 and 'bridge' in said, said


def provider(terminal, script, part, more=''):
    """A provider that does what script says: the pull fails, tells why, and the old set is there."""
    with open('/usr/local/bin/lab-provider', 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + script + '\n')
    os.chmod('/usr/local/bin/lab-provider', 0o755)
    write_map(MAP.replace(f'[cat, {SERVED}]', '[lab-provider]\n' + more))
    status, said = terminal.run('tazpod pull --yes', 60)
    assert status == 1 and part in said, (script, said)
    assert 'unshown' not in said, said
    assert terminal.check('cat ~/secrets/cluster/kubeconfig') == 'clusters: []'


@lab.timeout(300)
def test_bad_providers():
    """a provider that hangs, dies, prints garbage, half, or nothing: each is told, and changes nothing"""
    lab.later(lab.sh, 'rm -f /usr/local/bin/lab-provider')
    terminal = pulled()
    provider(terminal, 'exec sleep 1000', 'lab-provider', '  timeout: 2\n')
    provider(terminal, "echo '{\"A\": \"unshown\"}'; exit 3", '3')
    provider(terminal, 'kill -SEGV $$', 'lab-provider')
    provider(terminal, 'echo unshown garbage', 'the output of lab-provider: line 1')
    provider(terminal, "printf '{\"TOKEN\": \"unshown'", 'the output of lab-provider')
    provider(terminal, ':', 'lab-provider')
    provider(terminal, "echo '{\"TOKEN\": {\"nested\": \"unshown\"}}'", 'TOKEN')


def test_many():
    """ten thousand secrets are pulled, and are variables for who asks for all of a provider's"""
    terminal = opened('128M')
    serve({f'N{number}': f'v{number}' for number in range(10000)})
    write_map(f'config: {{command: [cat, {SERVED}]}}\n')
    said = terminal.check('tazpod pull --yes | tail -n 1', 120)
    assert '10000 new' in said, said
    assert terminal.check('tazpod env --format null | tr -cd "\\0" | wc -c') == '10000'


def test_multiplexer():
    """tmux, started in a ghost session, has the variables, and ends with it; one started outside has none"""
    terminal = pulled()
    terminal.leave()
    terminal.check('tmux new-session -d -s outside; tmux list-sessions')
    again(terminal)
    terminal.check('tmux new-session -d -s inside; tmux list-sessions | grep -c outside | grep -qx 0')
    assert terminal.check("tmux show-environment -g API_TOKEN | cut -d= -f1") == 'API_TOKEN'
    terminal.leave()
    assert 'outside' in terminal.check('tmux list-sessions')
    assert 'API_TOKEN' not in terminal.check('tmux show-environment -g')
    assert not [line for _, line in lab.processes(names=('tmux: server',)) if 'inside' in line]
    terminal.check('tmux kill-server')
