"""The note about rolling restarts for the next master."""

import json

import pytest

from procman.core.actions import AnnounceRolling
from procman.core.rolling import Rolling, Rollings
from procman.runtime.rolling_mark import Left, RollingMark, read_left


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.rolling"


@pytest.fixture
def rollings():
    return Rollings({}, {}, lambda *_: None)


NEWS = AnnounceRolling("web", "ready")


def test_what_is_left_is_read_again_until_nothing_is(path, rollings):
    """First what was on its way."""
    mark = RollingMark(str(path), rollings, pytest.fail)
    rolling = rollings.by_program["web"] = Rolling("web", 7, 2, coming=["c"], under_way={"b": [1, 0]}, ready=["a"])
    mark.hear(NEWS)
    assert read_left(str(path)) == {"web": Left(("b", "c"), 2)}
    rolling.state = "done"
    mark.hear(NEWS)
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"boot": "another", "left": {"web": [["a"], 1]}}', '{"left": {}}', "[" * 100_000],
)
def test_what_makes_no_sense_is_nothing(path, text):
    """What is of another boot is gone with its processes."""
    path.write_text(text)
    assert read_left(str(path)) == {}


@pytest.mark.parametrize(
    "left", [None, [], {"web": 1}, {"web": [["a"], "x"]}, {"web": [["a"], 1e999]}, {"web": [3, 1]}]
)
def test_a_damaged_note_is_nothing(path, rollings, left):
    """Whatever is in it."""
    rollings.by_program["web"] = Rolling("web", 7, 1, coming=["a"])
    RollingMark(str(path), rollings, pytest.fail).hear(NEWS)
    path.write_text(json.dumps({**json.loads(path.read_text()), "left": left}))
    assert read_left(str(path)) == {}


def test_a_full_disk_is_told(tmp_path, rollings):
    """The rolling restart goes on."""
    told = []
    rollings.by_program["web"] = Rolling("web", 7, 1, coming=["a"])
    RollingMark(str(tmp_path / "missing" / "x"), rollings, told.append).hear(NEWS)
    assert told[0].startswith("cannot write ")
