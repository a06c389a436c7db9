"""The last bytes of a stream, and their followers."""

from hypothesis import given
from hypothesis import strategies as st

from procman.logs.ring import Ring


@given(st.lists(st.binary(max_size=30)), st.integers(1, 20), st.integers(0, 40))
def test_a_ring_keeps_the_last_bytes(parts, capacity, length):
    """Tail and positions are those of the whole stream."""
    ring = Ring(capacity)
    for part in parts:
        ring.append(part)
    stream = b"".join(parts)
    assert ring.end == len(stream)
    assert ring.start == max(0, len(stream) - capacity)
    assert ring.tail(length) == stream[max(0, len(stream) - min(length, capacity)) :]


@given(st.lists(st.tuples(st.binary(max_size=30), st.booleans())), st.integers(1, 20))
def test_a_slow_reader_learns_what_it_missed(parts, capacity):
    """What it reads and what it is told to have missed are together the whole stream, in order."""
    ring = Ring(capacity)
    stream = b""
    position = 0
    for part, reads in [*parts, (b"", True)]:
        ring.append(part)
        stream += part
        if reads:
            data, after, lost = ring.read(position)
            assert data == stream[position + lost :]
            assert after == position + lost + len(data) == len(stream)
            position = after


def test_an_unused_ring_uses_no_memory():
    """A thousand silent programs cost nothing."""
    ring = Ring(1 << 30)
    assert ring.tail(10) == b""
    assert ring.read(0) == (b"", 0, 0)


def test_followers_are_woken_until_they_unfollow():
    """The callback comes with each append and at the end."""
    ring = Ring(10)
    woken = []
    unfollow = ring.follow(lambda: woken.append("one"))
    ring.follow(lambda: woken.append("two"))
    ring.append(b"x")
    unfollow()
    unfollow()
    ring.close()
    assert woken == ["one", "two", "two"]
    assert ring.closed


def test_a_cleared_ring_goes_on_counting():
    """After clear() nothing old is returned, and readers' positions keep their meaning."""
    ring = Ring(10)
    ring.append(b"old")
    ring.clear()
    ring.append(b"new")
    assert ring.tail(10) == b"new"
    assert ring.read(0) == (b"new", 6, 3)
