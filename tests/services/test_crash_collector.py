"""Which ends have crash reports, what is in them, and how equal ones are folded."""

import asyncio
from itertools import count
from signal import SIGKILL, SIGSEGV, SIGTERM

import pytest

from procman.config.schema.master import Master
from procman.core.actions import AnnounceDescendants, CheckHealth, Spawn
from procman.core.attribution import NOBODY, Actor, Origin
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    GroupRemoved,
    HealthSeen,
    MemoryMeasured,
    RestartRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Condition, ProcessType, ReadyKind
from procman.runtime.bus import Notification, ProcessEnded
from procman.runtime.digests import Digests
from procman.runtime.process_trees import OrphanedDescendants
from procman.services.crash_reports.collector import FOLD_WITHIN, LOOK_EVERY, MOST_NEW, Collector, Sources
from procman.services.crash_reports.facts import SENT_BY_US
from procman.services.crash_reports.report import CrashReport, from_plain
from procman.services.crash_reports.runs import Runs
from procman.services.endings import Why
from procman.services.ends import Ends
from procman.services.figures import ProcessFigures
from procman.services.last_looks import LastLooks
from procman.services.memory_watch import MemoryWatch
from procman.services.signals_sent import SignalsSent
from procman.system.glance import Glance
from procman.system.memory_events import MemoryCounters, Whose
from procman.system.reaper import Rusage
from tests.support.programs import group

CLIENT = Origin(Actor("client", uid=0))


class Counters:
    """Stands for `MemoryEvents`."""

    folder = "/cgroup/container"
    whose = Whose.CONTAINER

    def __init__(self) -> None:
        self.kills = 0

    def look(self) -> MemoryCounters:
        return MemoryCounters(self.kills, self.kills, 1024)


class Story:
    """A fleet, and the reports about it; events come from the test alone, and so do the clock and the output."""

    def __init__(self, *groups) -> None:
        self.now = 100.0
        self.seqs = count(1)
        self.pids = count(500)
        self.fleet = Fleet(groups, Master(restart_brake=False))
        self.memory = Counters()
        self.looks = LastLooks(lambda: self.now)
        self.reports: list[CrashReport] = []
        self.told: list[tuple[CrashReport, bool]] = []
        self.looks_at_health: list[CheckHealth] = []
        self.output: dict[str, bytes | None] = {"stdout": b"hello\n"}
        self.later: list = []  # answers that the test gives
        self.explanation = {"explanation": "", "core_file": "", "core_handler": ""}
        ends = Ends(
            self.fleet,
            MemoryWatch(self.memory, lambda *_: None, lambda: self.now),  # type: ignore[arg-type]
            SignalsSent(self.fleet, lambda: self.now),
        )
        sources = Sources(
            self.last_output,
            lambda: "/home",
            lambda seq: f"the client of {seq}",
            self.looks,
            lambda name, now: self.runs.restarts.within_hour(name, now),  # noqa: PLW0108 - they come later
            self.explain,
            lambda _name, _now: {"health": [], "hooks": []},
        )
        self.collector = Collector(
            ends,
            sources,
            self.take,
            lambda name: next((one for one in reversed(self.reports) if one.name == name), None),
            clock=lambda: self.now,
        )
        self.runs = Runs(
            self.fleet,
            self.collector.ended,
            on_kill=lambda name, pid: self.looks.note_one(name, pid, Glance("idle", 1, 1, 0.5, 3)),
            on_left=self.collector.left,
            on_removed=self.collector.forget,
            clock=lambda: self.now,
        )
        self.ends = ends
        self.fails: str | None = None
        self.happens(BootRequested())

    def take(self, report: CrashReport, is_new: bool) -> None:
        self.told.append((report, is_new))
        if is_new:
            self.reports.append(report)

    async def explain(self, _name: str, _within: float) -> dict[str, str]:
        return dict(self.explanation)

    def last_output(self, _name, _pid, _length, then):
        for channel, data in self.output.items():
            if data is None:
                self.later.append(lambda data, channel=channel: then(channel, data, 3))
            else:
                then(channel, data, len(data))
        return list(self.output)

    def hear(self, event, origin: Origin = NOBODY) -> int:
        news = Notification(next(self.seqs), event, origin)
        self.ends.hear(news)
        self.runs.hear(news)
        return news.seq

    def happens(self, event: Event, origin: Origin = NOBODY) -> None:
        for action in self.fleet.handle(event, self.now):
            self.hear(action, origin)
            if isinstance(action, CheckHealth):
                self.looks_at_health.append(action)
            if isinstance(action, Spawn):
                answer = (
                    Spawned(action.name, next(self.pids))
                    if self.fails is None
                    else SpawnFailed(action.name, self.fails)
                )
                self.hear(answer)
                self.happens(answer)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.happens(DeadlineReached())

    def ends_by(self, status: ExitStatus, name: str = "web", *, left: tuple[int, ...] = ()) -> int:
        pid = self.fleet.processes[name].pid
        usage = Rusage(1 << 20, 0.5, 0.25, 1, 2, 3)
        seq = self.hear(ProcessEnded(name, pid, status, left, usage))
        self.happens(Exited(pid, status))
        return seq

    def exits(self, code: int = 1, name: str = "web") -> int:
        return self.ends_by(ExitStatus(code), name)


def run(story) -> None:
    """Tell it where there is a loop."""
    asyncio.run(story())


def test_an_unexpected_exit_has_a_report():
    """Its number is that of the end in the journal; who it was and what it used is in it."""

    async def story() -> None:
        told = Story(group("web", autorestart=Autorestart.NEVER))
        told.passes(5)
        told.looks.note([("web", 500, ProcessFigures("web", 500, 2, 3, 4096, 1.5, 7))])
        told.now += 2
        seq = told.exits(3)
        (report,) = told.reports
        facts = report.facts
        assert (report.seq, report.name, report.times) == (seq, "web", 1)
        assert (facts["kind"], facts["how"], facts["run"], facts["pid"]) == ("exit", "exit status 3", 1, 500)
        assert facts["exit"]["code"] == 3
        assert facts["sender"] is None
        assert facts["usage"]["user"] == 0.5
        assert facts["last_look"] == {"ago": 2.0, "processes": 2, "threads": 3, "rss": 4096, "cpu": 1.5, "fds": 7} | {
            "state": "",
            "tree": [],
        }
        assert (facts["directory"], facts["cgroup"]) == ("/home", "/cgroup/container")
        assert facts["running"] is not None
        assert report.output["stdout"].data == b"hello\n"

    run(story)


def test_an_expected_exit_has_none():
    """Nor has a stop, by whatever code it ends."""

    async def story() -> None:
        told = Story(group("web"), group("db"), group("job", exitcodes=(0, -SIGTERM)))
        told.passes(5)
        told.exits(0)
        told.ends_by(ExitStatus(-1, SIGTERM), "job")
        told.happens(StopRequested("db"))
        told.exits(1, "db")
        told.happens(StopRequested("web"))
        told.ends_by(ExitStatus(-1, SIGTERM))
        assert told.reports == []

    run(story)


def test_a_restart_for_its_memory_is_no_failure():
    """Also where it does not help, so that the next start has to wait; unless it had to be killed."""

    async def story() -> None:
        told = Story(group("web", memory_restart=1, memory_interval=1, startsecs=0))
        for status in (ExitStatus(-1, SIGTERM), ExitStatus(-1, SIGTERM), ExitStatus(-1, SIGKILL)):
            for _ in range(2):
                told.passes(1.1)
                run = told.fleet.processes["web"].attempt
                told.happens(MemoryMeasured("web", run, 1000))
            if status.signal is SIGKILL:
                told.passes(11)
            told.ends_by(status)
            told.passes(10)
        assert [report.facts["kind"] for report in told.reports] == ["killed"]

    run(story)


def test_an_end_before_startsecs_says_so():
    """With exit status 0, too; of a retry that fails as well there is one report for both."""

    async def story() -> None:
        told = Story(group("web"))
        told.exits(0)
        told.passes(1.5)
        told.exits(0)
        (report,) = told.reports
        assert report.facts["kind"] == "early-exit"
        assert report.facts["how"] == "exit status 0, sooner than startsecs (1 s)"
        assert report.facts["running"] is None
        assert (report.times, report.facts["run"], report.facts["restarts"]) == (2, 2, {"early-exit": 1})

    run(story)


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (ExitStatus(-1, SIGTERM), "terminated by SIGTERM; by procman"),
        (ExitStatus(0), "exit status 0"),
    ],
)
def test_a_start_that_is_not_ready_in_time_says_what_was_missing(status, then):
    """Not only that it was asked to stop, and by whatever it ended then; each try counts as that."""

    async def story() -> None:
        ready = (Condition(ReadyKind.NOTIFY, "notify"),)
        told = Story(group("web", startsecs=0, ready=ready, start_timeout=5.0))
        for _ in range(2):
            told.passes(5)
            told.ends_by(status)
            told.passes(1.5)
        (report,) = told.reports
        assert report.facts["kind"] == "unready"
        assert report.facts["how"] == f"Not ready after 5 s (notify: no READY=1 came); {then}"
        assert (report.times, report.facts["restarts"]) == (2, {"unready": 1})

    run(story)


def test_an_end_before_it_was_ready_says_what_was_missing():
    """Its startsecs are 0, so they say nothing."""

    async def story() -> None:
        told = Story(group("web", startsecs=0, ready=(Condition(ReadyKind.NOTIFY, "notify"),), start_timeout=5.0))
        told.passes(1)
        told.exits(1)
        (report,) = told.reports
        assert report.facts["kind"] == "early-exit"
        assert report.facts["how"] == "exit status 1, before it was ready (notify: no READY=1 came)"

    run(story)


def test_a_run_that_took_too_long_says_so():
    """Its report has who sent the signal, and for what."""

    async def story() -> None:
        job = {"type": ProcessType.ONESHOT, "startsecs": 0, "startretries": 0, "autorestart": Autorestart.NEVER}
        told = Story(group("web", run_timeout=5.0, **job))
        told.passes(5)
        told.ends_by(ExitStatus(-1, SIGTERM))
        (report,) = told.reports
        assert report.facts["kind"] == "timed-out"
        assert report.facts["how"] == "timed out after 5 s; terminated by SIGTERM; by procman: its run_timeout was over"
        assert report.facts["sender"]["words"] == "us: run_timeout over"

    run(story)


def test_an_unhealthy_run_says_what_the_checks_have_shown():
    """The restart that follows counts as that."""

    async def story() -> None:
        told = Story(
            group("web", startsecs=0, health=Condition(ReadyKind.TCP, "tcp:1"), health_retries=1, health_interval=2.0)
        )
        for _ in range(2):
            told.passes(3)
            look = told.looks_at_health[-1]
            told.happens(HealthSeen("web", look.run, look.look, False, "tcp:1 refused"))
            told.ends_by(ExitStatus(-1, SIGTERM))
            told.passes(2)
        (report,) = told.reports
        assert report.facts["kind"] == "unhealthy"
        assert report.facts["how"] == "unhealthy: tcp:1 refused (1 in a row); terminated by SIGTERM; by procman"
        assert report.facts["restarts"] == {"unhealthy": 1}

    run(story)


def test_every_reason_for_a_signal_has_words():
    """A report of an end by it cannot be made without."""
    assert set(SENT_BY_US) == set(Why) - {Why.REQUEST}  # who asked for that is said


def test_a_failed_start_has_the_reason_and_an_explanation():
    """There is no pid, no output and no usage; what is found out beside the loop comes later."""

    async def story() -> None:
        told = Story(group("db", autostart=False))
        told.fails = "can't find command 'x'"
        told.explanation = {"explanation": "write /bin/x", "core_file": "", "core_handler": ""}
        told.happens(RestartRequested("db"))
        (report,) = told.reports
        assert (report.facts["kind"], report.facts["how"]) == ("failed-start", "can't find command 'x'")
        assert (report.facts["pid"], report.facts["exit"], report.output) == (0, None, {})
        await told.collector.settled(report, 30)
        assert report.facts["explanation"] == "write /bin/x"
        assert told.told[-1] == (report, False)

    run(story)


@pytest.mark.parametrize(("number", "sender", "words"), [(SIGSEGV, "itself", "itself"), (SIGTERM, "others", "not us")])
def test_an_unasked_signal_has_a_report(number, sender, words):
    """Also while the process is being stopped, if it is not the stop signal."""

    async def story() -> None:
        told = Story(group("web", autorestart=Autorestart.NEVER), group("db", stopsignal=SIGKILL))
        told.passes(5)
        told.ends_by(ExitStatus(-1, number, number == SIGSEGV))
        told.happens(StopRequested("db"))
        told.ends_by(ExitStatus(-1, SIGSEGV), "db")
        first, second = told.reports
        assert (first.facts["kind"], first.facts["sender"]["kind"]) == ("signal", sender)
        assert (first.facts["sender"]["words"], first.facts["exit"]["signal"]) == (words, number.name)
        assert (second.facts["kind"], second.facts["sender"]["kind"]) == ("signal", "itself")

    run(story)


def test_our_sigkill_has_a_report_that_says_what_for_and_at_whose_request():
    """The process had not stopped in time."""

    async def story() -> None:
        told = Story(group("web", stopwaitsecs=5.0))
        told.passes(5)
        told.happens(StopRequested("web"))
        told.passes(5)
        seq = told.ends_by(ExitStatus(-1, SIGKILL))
        (report,) = told.reports
        assert report.facts["kind"] == "killed"
        assert report.facts["sender"] == {
            "kind": "procman",
            "words": "us: stopwaitsecs over",
            "why": "stopwaitsecs",
            "waited": 5.0,
            "asked_by": f"the client of {seq}",
        }
        assert (report.facts["last_look"]["state"], report.facts["last_look"]["fds"]) == ("idle", 3)

    run(story)


def test_a_signal_that_a_client_sent_is_the_operators():
    """The report names it."""

    async def story() -> None:
        told = Story(group("web", autorestart=Autorestart.NEVER))
        told.passes(5)
        told.happens(SignalRequested("web", SIGKILL))
        seq = told.ends_by(ExitStatus(-1, SIGKILL))
        assert told.reports[0].facts["sender"]["words"] == f"operator: the client of {seq}"

    run(story)


def test_an_end_for_want_of_memory_is_of_its_own_kind():
    """With the counters before and after."""

    async def story() -> None:
        told = Story(group("web", autorestart=Autorestart.NEVER))
        told.passes(5)
        told.memory.kills = 2
        told.ends_by(ExitStatus(-1, SIGKILL))
        assert told.reports[0].facts["kind"] == "out-of-memory"
        assert told.reports[0].facts["oom"] == {
            "verdict": "likely",
            "whose": "container",
            "before": {"oom_kill": 0, "oom": 0},
            "after": {"oom_kill": 2, "oom": 2},
            "limit": 1024,
        }

    run(story)


def looping(**options) -> Story:
    return Story(group("web", startsecs=0, autorestart=Autorestart.ALWAYS, **options))


def test_a_loop_of_equal_ends_is_one_report():
    """It has the first and the last end, and is looked at closely once in a while."""

    async def story() -> None:
        told = looping()
        first = told.exits()
        told.output = {"stdout": b"not looked at\n"}
        for _ in range(98):
            told.now += LOOK_EVERY / 1000
            last = told.exits()
        (report,) = told.reports
        assert (report.seq, report.last_seq, report.times, len(told.told)) == (first, last, 99, 1)
        assert (report.facts["run"], report.output["stdout"].data) == (1, b"hello\n")
        told.now += LOOK_EVERY
        told.output = {"stdout": b"the latest\n"}
        told.exits()
        assert (report.times, report.facts["run"]) == (100, 100)
        assert report.output["stdout"].data == b"the latest\n"
        assert report.facts["restarts"] == {"exit": 99}

    run(story)


def test_a_later_end_has_a_report_of_its_own():
    """So has another kind of end, and one after a change of the definition."""

    async def story() -> None:
        told = looping()
        told.exits(1)
        told.now += FOLD_WITHIN + 1
        told.exits(1)
        told.exits(2)
        told.ends_by(ExitStatus(-1, SIGSEGV))
        assert [report.facts["how"].partition(";")[0] for report in told.reports] == [
            "exit status 1",
            "exit status 1",
            "exit status 2",
            "terminated by SIGSEGV",
        ]

    run(story)


def test_ends_that_alternate_are_folded_each():
    """They do not make a report each time."""

    async def story() -> None:
        told = looping()
        for _ in range(50):
            told.exits(1)
            told.exits(2)
        assert [report.times for report in told.reports] == [50, 50]

    run(story)


def test_a_program_that_ends_in_ever_new_ways_begins_few_reports():
    """The other ends are counted."""

    async def story() -> None:
        told = looping()
        for code in range(1, 101):
            told.exits(code)
        assert len(told.reports) == MOST_NEW
        assert sum(report.times + report.unreported for report in told.reports) == 100

    run(story)


def test_a_report_that_has_given_way_is_not_counted_in():
    """A new one begins."""

    async def story() -> None:
        told = looping()
        told.exits()
        told.reports[0].is_kept = False
        told.exits()
        assert [report.times for report in told.reports] == [1, 1]

    run(story)


def test_a_loop_goes_on_over_an_upgrade():
    """The report that another process image has begun stands for the ends after it, too, and so do the restarts."""

    async def story() -> None:
        before, after = looping(), looping()
        for _ in range(3):
            before.exits()
        (report,) = before.reports
        plain = report.to_plain(Digests(), lambda _: {})
        after.reports.append(from_plain(plain))
        after.runs.restarts.restore(before.runs.restarts.snapshot(before.now), after.now)
        after.exits()
        after.ends_by(ExitStatus(-1, SIGSEGV))
        folded, new = after.reports
        assert (folded.seq, folded.times, folded.facts["restarts"]) == (report.seq, 4, {"exit": 3})
        assert new.times == 1

    run(story)


def test_output_that_a_disk_has_to_read_comes_later():
    """Until then the report is pending; the answer about an earlier end changes nothing."""

    async def story() -> None:
        told = looping()
        told.output = {"stdout": None}
        told.exits()
        (report,) = told.reports
        assert report.is_pending
        told.now += LOOK_EVERY
        told.exits()
        told.later[0](b"old")
        assert report.is_pending
        told.later[1](b"new")
        assert (report.output["stdout"].data, report.is_pending) == (b"new", False)
        await told.collector.settled(report, 30)

    run(story)


def test_what_is_left_behind_is_in_the_report():
    """Known at the end, or a second later; of a process that is gone the name is not known."""

    async def story() -> None:
        told = Story(group("web", autorestart=Autorestart.NEVER), group("db", autorestart=Autorestart.NEVER))
        told.passes(5)
        told.ends_by(ExitStatus(1), left=(999_999_999,))
        assert told.reports[0].facts["left_behind"] == [{"pid": 999_999_999, "command": ""}]
        told.exits(1, "db")
        told.now += 1
        told.hear(OrphanedDescendants("db", (1, 999_999_999)))
        assert [one["pid"] for one in told.reports[1].facts["left_behind"]] == [1, 999_999_999]
        assert told.reports[1].facts["left_behind"][0]["command"]
        told.now += 60
        told.hear(OrphanedDescendants("db", (1,)))
        assert len(told.reports[1].facts["left_behind"]) == 2
        told.hear(AnnounceDescendants("db", ExitStatus(1), (1,)))

    run(story)


def test_restarts_are_counted_by_who_asked():
    """A client's are the operator's; the first start of all is none."""

    async def story() -> None:
        told = looping()
        told.happens(RestartRequested("web"), CLIENT)
        told.ends_by(ExitStatus(-1, SIGTERM))
        told.exits()
        assert told.reports[-1].facts["restarts"] in ({"operator": 1}, {"exit": 1})

    run(story)


def test_an_adopted_run_is_as_old_as_it_is():
    """Where it was started by a killed master, its status may be unknown."""

    async def story() -> None:
        told = Story(group("web", autostart=False, autorestart=Autorestart.NEVER))
        event = Adopted("web", 77, 3600.0)
        told.hear(event)
        told.happens(event)
        told.ends_by(ExitStatus(-1, known=False))
        facts = told.reports[0].facts
        assert facts["age"] >= 3600
        assert facts["exit"] == {
            "known": False,
            "code": None,
            "signal": None,
            "core": False,
            "words": "exit status unknown",
            "meaning": "",
        }

    run(story)


def test_a_process_that_leaves_takes_what_is_remembered_along():
    """Another one may have its name."""

    async def story() -> None:
        told = looping()
        told.exits()
        told.happens(GroupRemoved("web"))
        told.ends_by(ExitStatus(-1, SIGTERM))
        assert (told.runs._runs, told.runs._reasons, told.collector._of) == ({}, {}, {})

    run(story)
