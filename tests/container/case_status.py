"""tazpod status and logs on the host."""
import json
import re

from pod import CHEAP, Project, unlock


def state(project):
    return json.loads(project.run('status', '--json').stdout)


def test_text():
    """status tells project, container, image, vault and sessions, before there is a container and while it runs"""
    project = Project()
    said = project.run('status').stdout
    assert f'{project.container}: absent' in said and "'tazpod up'" in said and 'there is none yet' in said, said
    project.up()
    project.create_vault('48M')
    said = project.run('status').stdout
    for line in (f'project   {project.folder}', f'container {project.container}: running since ', f'image     {CHEAP}',
                 f'vault     {project.vault}, 48 MiB', 'session   none is open'):
        assert line in said, f'{line!r} is not in:\n{said}'
    with project.login() as login:
        unlock(login)
        assert re.search(r'^session +tazpod on pts/\d+ by su-l, open since ', project.run('status').stdout, re.M)
    project.down()
    assert f'{project.container}: exited' in project.run('status').stdout


def test_json():
    """status --json says the same, for programs"""
    project = Project(name='with "quotes"')
    first = state(project)
    assert first['project'] == project.folder
    assert first['container'] == {'name': project.container, 'state': 'absent', 'reason': None, 'image': CHEAP, 'started': None}
    assert first['vault'] == {'path': project.vault, 'state': 'absent', 'size_bytes': None}
    assert first['sessions'] is None
    project.up()
    project.create_vault('48M')
    second = state(project)
    assert second['container']['state'] == 'running'
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*', second['container']['started'])
    assert second['vault'] == {'path': project.vault, 'state': 'present', 'size_bytes': 48 << 20}
    assert second['sessions'] == [] and second['sessions_reason'] is None
    with project.login() as login:
        unlock(login)
        (session,) = state(project)['sessions']
        assert (session['caller'], session['service'], session['driver']) == ('tazpod', 'su-l', 'fuse'), session
    blind = json.loads(project.run('status', '--json', DOCKER_HOST='unix:///srv/nowhere.sock').stdout)
    assert blind['container']['state'] is None and blind['container']['reason'] and blind['sessions'] is None


HOSTILE = r"""#!/bin/sh
cat <<'END'
{"sessions": [{"caller": "\u001b[2J\u009b1mx\nsession   none is open", "tty": "\u001b]0;x\u0007", "service": "\u007f",
               "started": "\u009b3m", "vault": {}, "more": "\u001b"}, 7]}
END
"""


def test_hostile_container():
    """What a container tells of its sessions steers no terminal, makes no line of its own, and adds no key"""
    project = Project()
    project.up()
    project.engine('exec', '--interactive', project.container, 'sh', '-c',
                   'cat >/usr/local/bin/tazpod && chmod 755 /usr/local/bin/tazpod', input=HOSTILE)
    said = [project.run('status').stdout, project.run('status', '--json').stdout, project.run('down', status=1).stderr]
    for text in said:
        assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f]', text), repr(text)
    assert re.search(r'^session   \?\[2J\?1mx\?session   none is open on .* by \?, open since \?$', said[0], re.M), said[0]
    assert not re.search(r'^session   none is open$', said[0], re.M), said[0]
    first, second = json.loads(said[1])['sessions']
    assert sorted(first) == sorted(second) == ['caller', 'driver', 'service', 'started', 'tty', 'vault'], first
    assert 'open: ?[2J?1mx?session   none is open' in said[2] and said[2].count('\n') == 3, said[2]
    project.engine('exec', project.container, 'sh', '-c', 'echo "echo x; exit 1" >/usr/local/bin/tazpod')
    mute = state(project)
    assert mute['sessions'] is None and 'does not tell' in mute['sessions_reason'], mute


def test_logs():
    """logs shows what the first process said, all or the last lines"""
    project = Project()
    assert 'no container yet' in project.run('logs', status=1).stderr
    project.up()
    assert 'tazpod: ready' in project.run('logs').said
    project.down()
    project.up()
    assert project.run('logs').said.count('tazpod: ready') == 2
    assert project.run('logs', '--tail', '1').said.count('tazpod: ready') == 1
    assert 'no number' in project.run('logs', '--tail', 'x', status=2).stderr
