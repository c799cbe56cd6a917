"""Whose files the workspace has, for each kind of host user."""
import os

from pod import Project, unlock


def check(project, uid):
    """Both users of the container write to the workspace, and to the host all of it is uid's."""
    project.up()
    project.create_vault()
    project.ssh('mkdir here && echo public >here/public')
    with project.login() as login:
        unlock(login)
        login.check('echo ghost >/workspace/here/ghost && echo more >>/workspace/here/public && mkdir /workspace/ghosts')
        assert login.check('cat /workspace/here/public').split() == ['public', 'more']
    project.ssh('echo more >>here/ghost && rmdir ghosts')
    for name in 'here', 'here/public', 'here/ghost':
        owner = os.stat(f'{project.folder}/{name}')
        assert (owner.st_uid, owner.st_gid) == (uid, uid), f'{name}: {owner.st_uid}:{owner.st_gid}'


def test_uid_1000():
    """The files of a host user with uid 1000"""
    check(Project(uid=1000), 1000)


def test_another_uid():
    """With uid 4711: the public user in the container has that uid, and his home is his"""
    project = Project(uid=4711)
    check(project, 4711)
    assert project.ssh('id -u && id -g && test -O ~ && touch ~/x').stdout.split() == ['4711', '4711']
    project.down()
    project.up()
    assert project.ssh('id -u').stdout == '4711\n'


def test_the_ghosts_uid():
    """A host user who has the uid that the ghost has in the container is told so"""
    project = Project(uid=900)
    project.up()
    assert 'uid 900' in project.run('logs').said


def test_root():
    """root's project: the container runs, and its log says who may not write"""
    project = Project(uid=0)
    project.up()
    project.create_vault()
    assert project.ghost('id -un') == 'tazpod-ghost\n'
    log = project.run('logs').said
    assert '/workspace belongs to uid 0' in log and 'ordinary user' in log, log
