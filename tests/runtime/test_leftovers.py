"""The report of what programs have left behind: once for all that have ended within a moment."""

import asyncio
from signal import SIGKILL

from procman.core.actions import Announce
from procman.core.events import ExitStatus
from procman.core.states import State
from procman.runtime import leftovers
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.process_trees import OrphanedDescendants
from tests.support.notifications import new_bus
from tests.support.programs import program


class Trees:
    """Knows what a test says; `asked` counts the looks."""

    def __init__(self):
        self.left = {}
        self.asked = 0

    def take_leftovers(self):
        self.asked += 1
        left, self.left = self.left, {}
        return left


def ended(name, status=ExitStatus(-1, SIGKILL)):  # noqa: B008 - it is frozen
    return Announce(name, program(name), State.RUNNING, State.EXITED, 11, status=status)


def test_all_that_end_in_a_moment_are_reported_by_one_look(monkeypatch):
    """A look costs time in proportion to the processes of the machine."""
    monkeypatch.setattr(leftovers, "REPORT_AFTER", 0.0)

    async def steps():
        bus, trees, heard = new_bus(), Trees(), []
        reporter = LeftoverReporter(bus, trees)
        bus.subscribe(lambda news: heard.append(news.event))
        trees.left = {"a": (12,), "b": (13, 14)}
        bus.publish(ended("a"))
        bus.publish(ended("b"))
        await bus.wait_for(lambda news: True if news.event == OrphanedDescendants("b", (13, 14)) else None, within=30)
        assert OrphanedDescendants("a", (12,)) in heard
        assert trees.asked == 1
        reporter.close()

    asyncio.run(steps())


def test_what_is_no_end_is_no_reason_to_look(monkeypatch):
    """Only an end makes it look, and nothing does after the close."""
    monkeypatch.setattr(leftovers, "REPORT_AFTER", 0.0)

    async def steps():
        bus, trees = new_bus(), Trees()
        reporter = LeftoverReporter(bus, trees)
        bus.publish(Announce("a", program("a"), State.STARTING, State.RUNNING, 11))
        await asyncio.sleep(0.01)
        bus.publish(ended("a"))
        reporter.close()
        await asyncio.sleep(0.01)
        assert trees.asked == 0

    asyncio.run(steps())
