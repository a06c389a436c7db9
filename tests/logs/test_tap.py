"""A tap keeps what a client has not read, makes the writer wait, and gives up on a client that hangs."""

import asyncio

from procman.logs.tap import LIMIT, Tap
from tests.support.piped import running


def tapped(**more):
    """A tap, and a list that has an entry for each time that it woke its reader."""
    woken = []
    return Tap(lambda: woken.append(True), **more), woken


@running
async def test_what_is_written_is_taken_once():
    """In its order, and the reader is woken for each piece."""
    tap, woken = tapped()
    assert tap.write(b"one ")
    assert tap.write(b"two")
    assert tap.take() == (b"one two", 0)
    assert tap.take() == (b"", 0)
    assert len(woken) == 2


@running
async def test_a_full_tap_makes_the_writer_wait_until_it_is_read():
    """What made it full is not lost."""
    (tap, _), gone_on = tapped(), []
    assert not tap.write(b"x" * LIMIT)
    assert not tap.ready
    tap.on_ready(lambda: gone_on.append(True))
    assert not gone_on
    data, missed = tap.take()
    assert (len(data), missed) == (LIMIT, 0)
    assert gone_on
    assert tap.ready
    tap.on_ready(lambda: gone_on.append(True))
    assert len(gone_on) == 2


@running
async def test_a_client_that_hangs_holds_the_writer_for_a_while_only():
    """What does not fit from then on is counted, until the client reads again."""
    (tap, _), goes_on = tapped(patience=0.0), asyncio.Event()
    tap.write(b"x" * LIMIT)
    tap.on_ready(goes_on.set)
    async with asyncio.timeout(60):
        await goes_on.wait()
    assert tap.write(b"lost")
    data, missed = tap.take()
    assert (len(data), missed) == (LIMIT, 4)
    tap.write(b"kept")
    assert tap.take() == (b"kept", 0)


@running
async def test_a_client_that_leaves_lets_the_writer_go_on():
    """At once."""
    (tap, _), gone_on = tapped(), []
    tap.write(b"x" * LIMIT)
    tap.on_ready(lambda: gone_on.append(True))
    tap.close()
    assert gone_on
    assert tap.ready
