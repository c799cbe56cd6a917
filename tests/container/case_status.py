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
    assert second['sessions'] == []
    with project.login() as login:
        unlock(login)
        (session,) = state(project)['sessions']
        assert (session['caller'], session['service'], session['driver']) == ('tazpod', 'su-l', 'fuse'), session
    blind = json.loads(project.run('status', '--json', DOCKER_HOST='unix:///srv/nowhere.sock').stdout)
    assert blind['container']['state'] is None and blind['container']['reason'] and blind['sessions'] is None


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
