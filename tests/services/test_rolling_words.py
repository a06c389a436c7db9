"""The words of a rolling restart."""

from procman.core.rolling import Rolling
from procman.services.rolling import _status


def test_one_that_goes_on_after_a_kill_has_no_number():
    """The operation that began it is one of the killed master."""
    rolling = Rolling("web", 7, 1, total=2, ready=["web:a"], under_way={"web:b": [0, 0]})
    assert _status(rolling).text == "rolling restart (operation 7): 1 of 2 ready, b on the way"
    rolling.operation = 0
    assert _status(rolling).text == "rolling restart: 1 of 2 ready, b on the way"
