"""Readers of a ring as it grows."""

import asyncio

from procman.logs.followers import RingFollower
from procman.logs.ring import Ring
from tests.support.piped import running


@running
async def test_a_follower_may_read_slowly():
    """It gets new bytes, learns how many it missed, and sees the end."""
    ring = Ring(4)
    ring.append(b"old")
    follower = RingFollower(ring)
    waiting = asyncio.ensure_future(follower.read())
    await asyncio.sleep(0)  # lets it wait
    ring.append(b"new")
    assert await waiting == (b"new", 0)
    ring.append(b"123456")
    ring.append(b"78")
    assert await follower.read() == (b"5678", 4)
    ring.close()
    assert await follower.read() == (b"", 0)
    follower.close()


@running
async def test_a_follower_may_begin_in_the_past():
    """From a position of the ring, as with `tail -f`."""
    ring = Ring(10)
    ring.append(b"0123456789ab")
    follower = RingFollower(ring, ring.end - 3)
    assert await follower.read() == (b"9ab", 0)
    follower.close()
    other = RingFollower(ring, 0)
    assert await other.read() == (b"23456789ab", 2)
    other.close()
