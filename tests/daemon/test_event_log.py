"""What the master's log says of a shutdown, in a time of the test's own."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from procman.config.schema.master import Master
from procman.core.actions import Spawn
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    GroupRemoved,
    ShutdownRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
)
from procman.core.fleet import Fleet
from procman.daemon.event_log import EventLog
from procman.services.endings import End, Sent, Why, describe_end
from procman.system.memory_events import MemoryChange, MemoryCounters, Whose
from tests.support.notifications import notify
from tests.support.programs import group, program


class Log:
    """Records the lines of all levels."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, level: str):
        return self.lines.append


class Story:
    """A fleet whose events are logged; they come from the test alone."""

    def __init__(self, monkeypatch, *groups, master: Master | None = None) -> None:
        self.now = 100.0
        self.pids = count(100)
        monkeypatch.setattr("procman.daemon.event_log.time.monotonic", lambda: self.now)
        self.fleet = Fleet(groups, master or Master())
        self.log = Log()
        self.ends_known: dict[str, End] = {}
        self.report = EventLog(self.fleet, self.log, end_of=self.ends_known.get)
        self.happens(BootRequested())
        self.now += 60
        self.happens(DeadlineReached())

    def happens(self, event: Event) -> None:
        for action in self.fleet.handle(event, self.now):
            if isinstance(action, Spawn):
                self.happens(Spawned(action.name, next(self.pids)))
            self.report.tell(notify(action))

    def ends(self, name: str, after: float, status: ExitStatus = ExitStatus(0)) -> None:  # noqa: B008 - it is frozen
        self.now += after
        self.happens(Exited(self.fleet.processes[name].pid, status))


@pytest.fixture
def told():
    """Runs a story on a loop, which the log needs for its timers; returns its last line about the time, or None."""

    def tell(story) -> str | None:
        async def on_a_loop() -> list[str]:
            told = story()
            told.report.close()
            return told.log.lines

        return next((line for line in asyncio.run(on_a_loop()) if line.startswith("stopping took")), None)

    return tell


KILLED = ExitStatus(-1, 9)
REMEDY = "give it more memory, or have it use less"


def test_the_slowest_programs_of_each_wave_of_a_shutdown_are_logged(told, monkeypatch):
    """The slowest come first, with a mark if they were killed; programs that stopped at once are left out."""

    def story() -> Story:
        story = Story(
            monkeypatch,
            group("db", program("db"), priority=1),
            group(
                "app",
                program("web", "app"),
                program("slow", "app", stopwaitsecs=3),
                program("quick", "app"),
                priority=2,
            ),
        )
        story.happens(ShutdownRequested())
        story.ends("app:quick", after=0)
        story.ends("app:web", after=2)
        story.now += 1
        story.happens(DeadlineReached())
        story.ends("app:slow", after=0, status=KILLED)
        story.ends("db", after=1.5)
        return story

    assert told(story) == "stopping took 4.5 s: slow 3.0 s (killed), web 2.0 s; then db 1.5 s"


def test_a_quick_shutdown_logs_no_times(told, monkeypatch):
    """Most shutdowns take less than half a second."""

    def story() -> Story:
        story = Story(monkeypatch, group("web", program("web")))
        story.happens(ShutdownRequested())
        story.ends("web", after=0.4)
        return story

    assert told(story) is None


def test_a_process_that_outlives_the_shutdown_timeout_is_named(told, monkeypatch):
    """A process that survives SIGKILL is in the line about the times, too."""

    def story() -> Story:
        story = Story(monkeypatch, group("disk", program("disk")), master=Master(shutdown_timeout=5))
        story.happens(ShutdownRequested())
        story.now += 4.6
        story.happens(DeadlineReached())
        story.now += 0.4
        story.happens(DeadlineReached())
        return story

    assert told(story) == "stopping took 5.0 s: disk 5.0 s (still there)"


def test_a_program_that_an_update_removes_during_the_shutdown_is_timed(told, monkeypatch):
    """Its group has gone when its end is announced."""

    def story() -> Story:
        story = Story(monkeypatch, group("old", program("old")), group("web", program("web")))
        story.happens(GroupRemoved("old"))
        story.happens(ShutdownRequested())
        story.ends("web", after=1)
        story.ends("old", after=1)
        return story

    assert told(story) == "stopping took 2.0 s: old 2.0 s, web 1.0 s"


def test_a_program_that_is_given_up_is_logged_with_the_reason(monkeypatch):
    """Supervisor's own line has no reason: how the process ended, or why it could not be spawned."""
    story = Story(monkeypatch, group("web", program("web", startretries=0, autostart=False)))
    story.report = EventLog(story.fleet, story.log, why=lambda name: {"web": "exit status 3; it said so"}[name])
    story.happens(StartRequested("web"))
    story.ends("web", after=0.5, status=ExitStatus(3))
    assert story.log.lines[-2:] == [
        "gave up: web entered FATAL state, too many start retries too quickly",
        "web is FATAL after 1 try: exit status 3; it said so",
    ]


def test_a_lack_of_descriptors_is_logged_once_with_the_remedy(monkeypatch):
    """Each failed start has its own line; the remedy is logged once for all of them."""
    story = Story(monkeypatch, group("a", program("a")), group("b", program("b")))
    for name in ("a", "b"):
        story.report.tell(notify(SpawnFailed(name, f"too many open files to spawn '{name}'")))
    assert story.log.lines[-3:] == [
        "spawnerr: too many open files to spawn 'a'",
        "there are too few file descriptors, up to 5 for each program: raise minfds=",
        "spawnerr: too many open files to spawn 'b'",
    ]


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        (MemoryCounters(0), "memory was not short"),
        (MemoryCounters(3), f"the container's memory limit was hit 3 times (oom_kill); {REMEDY}"),
    ],
)
def test_a_kill_by_others_is_logged_after_supervisors_line(monkeypatch, memory, said):
    """That line stays as it is; the next one says whether memory was short."""

    async def told() -> list[str]:
        story = Story(monkeypatch, group("web", program("app", "web")))
        change = MemoryChange(Whose.CONTAINER, MemoryCounters(0, None, 64), replace(memory, limit=64))
        story.ends_known["web:app"] = describe_end(KILLED, memory=change)
        story.ends("web:app", 1, KILLED)
        return story.log.lines

    lines = asyncio.run(told())
    at = lines.index("exited: app (terminated by SIGKILL; not expected)")
    assert lines[at + 1] == f"app: terminated by SIGKILL; not by procman; {said}"


def test_a_kill_by_procman_and_an_exit_are_not_said_to_be_of_others(monkeypatch):
    """A program that outlives its stopwaitsecs is killed by procman; an exit status speaks for itself."""

    async def told() -> list[str]:
        story = Story(monkeypatch, group("web"), group("app"))
        story.ends_known["web"] = describe_end(KILLED, sent=Sent(9, Why.STOPWAITSECS, 10))
        story.ends_known["app"] = describe_end(ExitStatus(1))
        story.ends("web", 0, KILLED)
        story.ends("app", 0, ExitStatus(1))
        return story.log.lines

    assert not any("not by procman" in line for line in asyncio.run(told()))


def test_a_process_that_is_given_up_is_said_to_be_killed_once(monkeypatch):
    """FATAL is announced with the status of the last try, too."""
    story = Story(monkeypatch, group("web", startretries=0, autostart=False))
    story.ends_known["web"] = describe_end(KILLED)
    story.happens(StartRequested("web"))
    story.ends("web", 0.5, KILLED)
    assert sum("not by procman" in line for line in story.log.lines) == 1
