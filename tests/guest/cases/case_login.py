"""Going in by su, and what is found there."""
import lab


def test_relogin():
    """what one session wrote, the next one reads"""
    vault = lab.fresh_vault()
    one = lab.Terminal()
    one.unlock()
    assert one.user() == lab.GHOST
    one.check('echo kept > ~/secrets/file')
    assert one.leave() == 0
    lab.nothing_left(vault, keys_too=False)
    two = lab.Terminal()
    two.unlock()
    assert two.check('cat ~/secrets/file') == 'kept'
    two.leave()
