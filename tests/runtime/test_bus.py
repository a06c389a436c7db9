"""The stream of notifications: its numbers, its subscribers, and the two ways to wait for something."""

import asyncio
import functools

import pytest

from procman.core.actions import Announce, ProcessRemoved
from procman.core.events import KillFailed, Spawned, SpawnFailed
from procman.core.states import State
from procman.runtime.bus import Bus, Sequence
from tests.support.notifications import new_bus
from tests.support.programs import program


def looped(test):
    """Run it on a loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


def spawned(news):
    """The pid, when a process has been spawned."""
    return news.event.pid if isinstance(news.event, Spawned) else None


def test_each_notification_has_the_next_number():
    """Subscribers see no gap, in the order in which things happened."""
    bus, heard = new_bus(), []
    bus.subscribe(heard.append)
    bus.publish(Spawned("web", 1))
    bus.publish(ProcessRemoved("web"))
    assert [(news.seq, news.event) for news in heard] == [(1, Spawned("web", 1)), (2, ProcessRemoved("web"))]
    assert {(news.actor, news.cause) for news in heard} == {(None, None)}


def test_a_number_is_not_used_again_by_the_next_bus():
    """A reload of the master makes a new bus, with the same sequence."""
    sequence, heard = Sequence(), []
    for _ in range(2):
        bus = Bus(sequence, pytest.fail)
        bus.subscribe(heard.append)
        bus.publish(ProcessRemoved("web"))
    assert [news.seq for news in heard] == [1, 2]


def test_a_number_is_used_where_nothing_subscribes():
    """So a later reader of the stream can tell that it has missed something."""
    bus, heard = new_bus(), []
    bus.publish(ProcessRemoved("web"))
    bus.subscribe(heard.append)
    bus.publish(ProcessRemoved("web"))
    assert [news.seq for news in heard] == [2]


def test_a_subscription_ends():
    """What was returned by `subscribe` ends it."""
    bus, heard = new_bus(), []
    unsubscribe = bus.subscribe(heard.append)
    unsubscribe()
    bus.publish(ProcessRemoved("web"))
    assert heard == []
    assert bus.idle


def test_a_bug_in_one_subscriber_does_not_keep_the_notification_from_the_next():
    """It is reported, with a request to pass that on."""
    bugs, heard = [], []
    bus = Bus(Sequence(), bugs.append)
    bus.subscribe(lambda news: news.no_such_thing)
    bus.subscribe(heard.append)
    bus.publish(ProcessRemoved("web"))
    assert len(heard) == 1
    assert "AttributeError" in bugs[0]
    assert "please report it" in bugs[0]


@looped
async def test_wait_for_gives_the_first_decisive_result():
    """It listens from the call on, not from the await on."""
    bus = new_bus()
    found = bus.wait_for(spawned)
    bus.publish(ProcessRemoved("web"))
    bus.publish(Spawned("web", 7))
    bus.publish(Spawned("web", 8))
    assert await found == 7
    await asyncio.sleep(0)
    assert bus.idle


@looped
async def test_wait_for_a_name_passes_over_others():
    """With `name` it is asked about that process only."""
    bus = new_bus()
    found = bus.wait_for(spawned, name="web")
    bus.publish(Spawned("db", 7))
    bus.publish(Spawned("web", 8))
    assert await found == 8


@looped
async def test_wait_for_takes_a_limit():
    """Then it raises, and forgets about it."""
    bus = new_bus()
    with pytest.raises(TimeoutError):
        await bus.wait_for(spawned, within=0)
    assert bus.idle


@looped
async def test_a_cancelled_wait_leaves_nothing_behind():
    """A client that goes away costs nothing."""
    bus = new_bus()
    found = bus.wait_for(spawned, name="web", within=60)
    found.cancel()
    await asyncio.sleep(0)
    assert bus.idle


@looped
async def test_until_looks_at_once_and_after_each_notification_and_nudge():
    """It does not poll."""
    bus, looks = new_bus(), []

    def third_time() -> bool:
        looks.append(None)
        return len(looks) == 3

    waiting = asyncio.ensure_future(bus.until(third_time))
    for count, change in enumerate((lambda: None, lambda: bus.publish(ProcessRemoved("web")), bus.nudge), start=1):
        change()
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(looks) == count
    assert await waiting
    assert bus.idle


@looped
async def test_until_says_when_it_did_not_come_true_in_time():
    """No exception: what to do then is for the caller to say."""
    bus = new_bus()
    assert not await bus.until(lambda: False, within=0)
    assert bus.idle


def test_a_subscriber_may_ask_for_some_events_only():
    """It is not called for others; the order is that of the subscriptions, and it may leave."""
    bus, heard = new_bus(), []
    leave = bus.subscribe(lambda news: heard.append(("some", news.seq)), SpawnFailed, KillFailed)
    bus.publish(Spawned("web", 1))
    bus.subscribe(lambda news: heard.append(("all", news.seq)))
    bus.publish(SpawnFailed("web", "x", 1))
    bus.publish(Spawned("web", 1))
    leave()
    bus.publish(KillFailed("web", "x"))
    assert heard == [("some", 2), ("all", 2), ("all", 3), ("all", 4)]


def test_a_state_stands_for_the_announcements_of_processes_that_enter_it():
    """Of hundreds of announcements in a second, most subscribers need one in three."""
    bus, heard = new_bus(), []
    web = program("web")
    bus.subscribe(lambda news: heard.append(news.event), State.EXITED, Spawned)
    exited = Announce("web", web, State.RUNNING, State.EXITED, 1)
    bus.publish(Announce("web", web, State.STARTING, State.RUNNING, 1))
    bus.publish(exited)
    bus.publish(Spawned("web", 2))
    assert heard == [exited, Spawned("web", 2)]
