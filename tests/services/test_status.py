"""What is known of a process; how /v1 and XML-RPC show it is in tests/api/test_process_info.py."""

import asyncio
import re
import time

import pytest

from procman.core.events import Adopted, StartRequested
from procman.core.spec import Autorestart, ProcessType, Schedule
from procman.core.states import State
from procman.services.status import Moment, StatusBoard
from procman.services.status_words import uptime
from tests.support.programs import group
from tests.support.virtual_engine import Services


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (62, "0:01:02"), (86_399, "23:59:59"), (86_400, "1 day, 0:00:00"), (273_906, "3 days, 4:05:06")],
)
def test_an_uptime_is_written_like_supervisors(seconds, text):
    assert uptime(seconds) == text


def test_a_status_is_the_same_object_until_something_happens():
    async def steps():
        services = Services(group("web"))
        services.engine.run("web")
        before = services.processes.table.one("web")
        assert services.processes.table.one("web") is before
        services.engine.end("web")
        assert services.processes.table.one("web") is not before

    asyncio.run(steps())


def test_the_description_of_a_running_process_ends_with_its_uptime():
    async def steps():
        services = Services(group("web"))
        services.engine.run("web")
        status = services.processes.table.one("web")
        moment = Moment(0, status.started + 62.5)
        assert (status.state, status.uptime(moment)) == (State.RUNNING, 62)
        assert status.description(moment) == f"pid {status.pid}, uptime 0:01:02"

    asyncio.run(steps())


def test_a_process_that_never_ran_is_not_started():
    status = Services(group("web")).processes.table.one("web")
    assert (status.description(Moment.present()), status.pid, status.start) == ("Not started", 0, 0)


def test_a_schedule_that_is_off_is_a_part_of_the_description():
    """Without it nothing says why no run comes."""
    services = Services(group("job", type=ProcessType.ONESHOT, schedule=Schedule("@daily")))
    assert services.processes.table.one("job").description(Moment.present()) == "Not started; its schedule is off"


def test_the_times_survive_a_snapshot():
    async def steps():
        services, other = Services(group("web")), Services(group("web"))
        services.engine.run("web")
        other.board.restore(services.board.snapshot())
        assert other.processes.table.one("web").start == services.processes.table.one("web").start > 0

    asyncio.run(steps())


@pytest.mark.parametrize(
    ("options", "state", "words"),
    [
        ({}, State.STARTING, ""),
        ({"backoff": (5.0, 60.0)}, State.BACKOFF, "no database"),
        ({"restart_limit": (1, 600.0)}, State.FATAL, "no database"),
    ],
    ids=["at-once", "after-a-delay", "not-any-more"],
)
def test_last_words_are_looked_up_unless_it_is_restarted_at_once(options, state, words):
    """A program that is started again a hundred times a second is not read each time; a success is no early end."""

    async def steps():
        services = Services(group("web", startsecs=0, autorestart=Autorestart.ALWAYS, exitcodes=(7,), **options))
        engine = services.engine
        board = StatusBoard(engine, lambda _: ("", ""), lambda *_: ("no database", "stderr"))
        engine.run("web")
        engine.end("web", 0)
        engine.spawn_all()
        if engine.fleet.processes["web"].pid is not None:
            engine.end("web", 0)
        status = board.of(engine.fleet.processes["web"])
        assert (status.state, status.last_words) == (state, words)
        assert status.ending == "exit status 0"

    asyncio.run(steps())


def test_last_words_that_come_later_are_those_of_their_run():
    """A slow disk has them when the program may have ended once more."""

    async def steps():
        services = Services(group("web", startsecs=0, autorestart=Autorestart.NEVER))
        engine, asked = services.engine, []
        board = StatusBoard(engine, lambda _: ("", ""), lambda *of: asked.append(of) or ("", ""))
        for _ in range(2):
            engine.run("web")
            engine.end("web", 1)
        (*_, first), (*_, second) = asked[0], asked[-1]
        first("too late", "stderr")
        assert board.of(engine.fleet.processes["web"]).last_words == ""
        second("no database", "stderr")
        assert board.of(engine.fleet.processes["web"]).last_words == "no database"
        assert board.why("web") == "exit status 1; its last line on stderr: no database"

    asyncio.run(steps())


def test_a_limit_that_is_waited_out_is_said_with_its_end():
    """After a failed start, too, of which the reason says nothing of that."""

    async def steps():
        limit = {"restart_limit": (1, 600.0), "on_restart_limit": ("wait", 300.0)}
        services = Services(group("web", startsecs=1000, startretries=10, **limit))
        engine = services.engine
        engine.post(StartRequested("web"))
        words = []
        for _ in range(2):
            engine.spawn_all()
            engine.end("web", 1)
            words.append(services.processes.table.one("web").words)
            engine.pass_time(20)
        return words

    first, second = asyncio.run(steps())
    assert first.endswith("(process log may have details)")
    assert re.search(r"; restart_limit is waited out until (\w+ \d+ )?\d\d:\d\d:\d\d$", second)


def test_a_process_that_is_adopted_has_been_up_since_its_own_start():
    """Not since this master knows it."""

    async def steps():
        services = Services(group("web", startsecs=1))
        adopted = Adopted("web", 7, 3600.0)
        services.engine.bus.publish(adopted)
        services.engine.post(adopted)
        times = services.board.times("web")
        assert services.processes.table.one("web").state is State.RUNNING
        assert 3598 < time.time() - times.entered < 3660
        assert abs((time.monotonic() - times.entered_steady) - (time.time() - times.entered)) < 1

    asyncio.run(steps())
