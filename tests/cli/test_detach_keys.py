"""The keys that leave a terminal: how they are written, and how they are found in what is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.detach_keys import DetachKeys, read_keys
from procman.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "keys"),
    [("ctrl-p,ctrl-q", b"\x10\x11"), ("ctrl-a,d", b"\x01d"), ("CTRL-]", b"\x1d"), ("ctrl-@", b"\0"), ("~,.", b"~.")],
)
def test_keys_are_written_as_for_docker(text, keys):
    """Letters, and control characters by their letters."""
    assert read_keys(text) == keys


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-1", "alt-x", "ctrl-p,", "é", "ab"])
def test_what_is_no_key_is_refused(text):
    """With what can be written."""
    with pytest.raises(BadRequest, match="expected keys such as ctrl-p,ctrl-q"):
        read_keys(text)


@given(st.lists(st.sampled_from([b"\x10", b"\x11", b"a"]), max_size=12), st.integers(1, 4))
def test_what_is_typed_arrives_and_the_keys_do_not(parts, size):
    """However the bytes come; one key alone is held back until the next, and is not lost."""
    typed = b"".join(parts)
    keys, got, left = DetachKeys(b"\x10\x11"), b"", False
    for start in range(0, len(typed), size):
        data, left = keys.feed(typed[start : start + size])
        got += data
        if left:
            break
    place = typed.find(b"\x10\x11")
    if place >= 0:
        assert (got, left) == (typed[:place], True)
    else:
        assert (got, left) == (typed.removesuffix(b"\x10"), False)
