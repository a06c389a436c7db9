"""Looks on a thread: in turn, replaced by later ones, and none that holds up the loop."""

import asyncio
import threading

import pytest

from procman.runtime import look_queue
from procman.runtime.look_queue import LookQueue
from procman.system.blocking import NoThread

PATIENCE = 60.0


def test_looks_are_made_one_after_the_other_and_the_latest_of_each_key():
    """What waits is replaced by what is asked for later."""

    async def steps():
        queue, told, may_end = LookQueue(), [], threading.Event()
        queue.add("a", may_end.wait, lambda _: told.append("first"))
        queue.add("b", lambda: "b1", told.append)
        queue.add("b", lambda: "b2", told.append)
        queue.add("c", lambda: "c", told.append)
        queue.drop("c")
        assert not await queue.settled(0)
        assert told == []
        may_end.set()
        assert await queue.settled(PATIENCE)
        assert told == ["first", "b2"]

    asyncio.run(steps())


def test_a_look_at_what_has_gone_is_dropped():
    """The next one is made."""

    async def steps():
        queue, told = LookQueue(), []

        def gone() -> None:
            raise FileNotFoundError

        queue.add("a", gone, told.append)
        queue.add("b", lambda: "b", told.append)
        assert await queue.settled(PATIENCE)
        assert told == ["b"]

    asyncio.run(steps())


@pytest.mark.parametrize("asks_no_disk", [True, False])
def test_without_threads_only_what_asks_no_disk_is_looked_at(monkeypatch, asks_no_disk):
    """As where the limit of processes is reached, which is what there is to look for."""

    def refuse(*_):
        raise NoThread

    async def steps():
        queue, told = LookQueue(), []
        monkeypatch.setattr(look_queue, "BlockingCall", refuse)
        queue.add("a", lambda: "answer", told.append, asks_no_disk=asks_no_disk)
        assert await queue.settled(PATIENCE)
        return told

    assert asyncio.run(steps()) == (["answer"] if asks_no_disk else [])
