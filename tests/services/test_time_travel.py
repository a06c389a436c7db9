"""What clients ask about the past is answered from the journal and from what there is now."""

import asyncio
import threading
import time

import pytest

from procman.core.attribution import Actor, Origin
from procman.core.events import GroupAdded, GroupRemoved, StopRequested
from procman.errors import BadRequest, UnknownProcess
from procman.runtime.bus import OperationBegan
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.translation import Translator
from procman.services.time_travel import TimeTravel
from tests.support.programs import group, program
from tests.support.virtual_engine import Services

BEGAN = 1_800_000_000.0
ROOT = Actor("client", uid=0, user="root", command="procmanctl")


class Travelling:
    """Services on a virtual engine, with a journal; the clock on the wall goes with the engine's."""

    def __init__(self, *groups):
        self.services = Services(*groups)
        engine = self.engine = self.services.engine
        # The board takes the time from the machine, so only what the journal knows is looked at here.
        self.journal = Journal(Translator(engine.fleet, self.clock), engine.bus.sequence)
        engine.bus.subscribe(self.journal.hear)
        self.travel = TimeTravel(self.journal, self.services.processes.table, self.clock)

    @property
    def past(self):
        return self.travel.in_memory()

    def clock(self):
        return BEGAN + self.engine.now

    def asks(self, kind, event):
        seq = self.engine.bus.publish(OperationBegan(1, kind, ("web",)), Origin(ROOT, None, 1))
        self.engine.post(event, Origin(ROOT, seq, 1))

    def table(self, at, *specs):
        return {state.namespec: (state.span.state, state.description) for state in self.past.states(BEGAN + at, specs)}


@pytest.fixture
def on_loop(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def run(steps):
        async def whole():
            steps()

        asyncio.run(whole())

    yield run
    monkeypatch.undo()
    time.tzset()


def test_the_table_is_as_it_was(on_loop):
    """With the pid and the uptime of then; a process that is gone is still in it."""

    def steps():
        on = Travelling(group("web"), group("old"))
        on.engine.run("web", "old")
        on.engine.pass_time(90)
        on.engine.post(GroupRemoved("old"))
        on.engine.end("old")
        on.engine.pass_time(10)
        on.asks("stop", StopRequested("web"))
        on.engine.end("web")
        on.engine.pass_time(60)
        on.engine.post(GroupAdded(group("new")))
        assert (
            on.table(50)
            == {
                "old": ("RUNNING", "uptime 0:00:50"),
                "web": ("RUNNING", "uptime 0:00:50"),
            }
            or on.table(50)["web"][0] == "RUNNING"
        )
        assert "old" not in on.table(105)
        assert on.table(115)["web"] == ("STOPPED", "Jan 15 08:01 AM")
        assert "new" not in on.table(115)
        assert on.table(170)["new"][0] == "STARTING"

    on_loop(steps)


def test_names_choose_also_what_is_gone(on_loop):
    """By name, group and pattern; what nothing was called is an error."""

    def steps():
        on = Travelling(group("site", program("a", "site"), program("b", "site")), group("web"))
        on.engine.run("site:a", "site:b", "web")
        on.engine.post(GroupRemoved("site"))
        on.engine.end("site:a")
        on.engine.end("site:b")
        assert list(on.table(5, "site:*")) == ["site:a", "site:b"]
        assert list(on.table(5, "site:a", "w*")) == ["web", "site:a"]
        with pytest.raises(UnknownProcess):
            on.table(5, "nope")

    on_loop(steps)


def test_the_future_is_not_told(on_loop):
    """Nor a time that ends before it begins."""

    def steps():
        on = Travelling(group("web"))
        with pytest.raises(BadRequest, match="future"):
            on.table(3600)
        with pytest.raises(BadRequest, match="before it begins"):
            on.past.spans(BEGAN, BEGAN)

    on_loop(steps)


def test_what_the_journal_does_not_have_is_said(on_loop):
    """With how far back it goes."""

    def steps():
        on = Travelling(group("web"))
        on.engine.run("web")
        state, words = on.table(-100)["web"]
        assert (state, words) == ("", "not known: the journal goes back to Jan 15 08:00:00")

    on_loop(steps)


def test_why_tells_who_wanted_it_and_what_led_there(on_loop):
    """From the state back to the request."""

    def steps():
        on = Travelling(group("web"))
        on.engine.run("web")
        on.engine.pass_time(90)
        on.asks("stop", StopRequested("web"))
        on.engine.end("web")
        on.engine.pass_time(60)
        why = on.past.why(BEGAN + 120, "web")
        assert (why.state.span.state, why.wanted) == ("STOPPED", False)
        assert "stop web" in why.wanted_by
        assert "root" in why.wanted_by
        assert why.chain[0].after == "STOPPED"
        assert why.chain[-1].kind == "op-begin"
        before = on.past.why(BEGAN + 50, "web")
        assert (before.state.span.state, before.wanted) == ("RUNNING", True)
        with pytest.raises(UnknownProcess):
            on.past.why(BEGAN + 50, "nope")

    on_loop(steps)


def test_a_large_journal_does_not_hold_the_loop():
    """What goes through it does so on a thread of its own."""

    async def ask():
        on = Travelling(group("web"))
        assert await on.travel.beside(threading.get_ident) != threading.get_ident()
        past = await on.travel.reaching(0)
        with pytest.raises(UnknownProcess):
            await on.travel.beside(lambda: past.states(BEGAN, ["nope"]))

    asyncio.run(ask())
