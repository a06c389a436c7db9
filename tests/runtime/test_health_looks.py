"""Looks beside the schedule: their answer is that of whatever look the process has in the end."""

import asyncio
from types import SimpleNamespace

import pytest

from procman.core.actions import Announce, CheckHealth
from procman.core.spec import Condition, ReadyKind
from procman.core.states import State
from procman.runtime.health_looks import HealthLooks
from procman.runtime.looks import Seen
from tests.support.log_lines import PATIENCE
from tests.support.programs import program

CHECK = Condition(ReadyKind.EXEC, "exec:check")


class Looks:
    """Each look begins with `begun`, and gets the next one of `answers`."""

    def __init__(self):
        self.begun, self.answers = asyncio.Queue(), asyncio.Queue()

    async def look(self, *_, **__):
        self.begun.put_nowait(None)
        return await self.answers.get()


@pytest.fixture
def looking():
    """Run the steps of a test with the health of one program, its looks, and what is posted about them."""

    def run(steps):
        async def whole():
            looks, posted = Looks(), asyncio.Queue()
            fleet = SimpleNamespace(processes={"web": SimpleNamespace(program=program("web"))})
            health = HealthLooks(fleet, looks, post=posted.put_nowait, remark=None)
            await asyncio.wait_for(steps(health, looks, posted), PATIENCE)

        asyncio.run(whole())

    return run


def order(look):
    return CheckHealth("web", 1, look, CHECK, 1.0, 1000)


@pytest.mark.parametrize("first", [None, order(1)], ids=["by hand", "by the schedule"])
def test_a_look_of_the_schedule_takes_the_place_of_the_one_before_and_answers_for_it(looking, first):
    """As after an upgrade: the core orders a new look while somebody waits for the one before."""

    async def steps(health, looks, posted):
        if first is not None:
            health.carry_out(first)
            await looks.begun.get()
        asked = asyncio.ensure_future(health.look_now("web", CHECK, 1.0))
        if first is None:
            await looks.begun.get()
        else:
            await asyncio.sleep(0)
        health.carry_out(order(2))
        await looks.begun.get()
        looks.answers.put_nowait(Seen(True, "fine"))
        assert await asked == Seen(True, "fine")
        seen = await posted.get()
        assert (seen.look, seen.ok, posted.qsize()) == (2, True, 0)

    looking(steps)


def test_a_process_that_stops_meanwhile_is_said_to_have_stopped(looking):
    async def steps(health, looks, posted):
        asked = asyncio.ensure_future(health.look_now("web", CHECK, 1.0))
        await looks.begun.get()
        health.hear(SimpleNamespace(event=Announce("web", program("web"), State.RUNNING, State.STOPPING, 1000)))
        assert await asked == Seen(False, "it has ended, or was stopped, meanwhile")
        assert posted.empty()

    looking(steps)


def test_who_does_not_wait_for_the_answer_any_more_ends_no_look(looking):
    async def steps(health, looks, posted):
        health.carry_out(order(1))
        await looks.begun.get()
        asked = asyncio.ensure_future(health.look_now("web", CHECK, 1.0))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        looks.answers.put_nowait(Seen(True, "fine"))
        assert (await posted.get()).ok

    looking(steps)
