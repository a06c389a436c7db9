"""Who has sent the signal that ended a process, and what the counters of memory say of it."""

from itertools import count
from signal import SIGKILL, SIGTERM

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
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.services.endings import End, Oom, Sender, Why
from procman.services.ends import Ends
from procman.services.memory_watch import TOGETHER, MemoryWatch
from procman.services.signals_sent import SignalsSent
from procman.system.memory_events import MemoryCounters, MemoryEvents, Whose
from tests.support.notifications import notify
from tests.support.programs import group

KILLED = ExitStatus(-1, SIGKILL)


class Counters:
    """Stands for `MemoryEvents`: the test counts."""

    def __init__(self, whose: Whose = Whose.CONTAINER) -> None:
        self.whose = whose
        self.kills = 0

    def look(self) -> MemoryCounters:
        return MemoryCounters(self.kills, None, 1024)


class Story:
    """A fleet, and what is made of the ends of its processes; events come from the test alone."""

    def __init__(self, *groups, master: Master | None = None) -> None:
        self.now = 100.0
        self.pids = count(100)
        self.fleet = Fleet(groups, master or Master())
        self.container = Counters()
        self.own: dict[int, Counters] = {}
        watch = MemoryWatch(self.container, lambda pid, _: self.own.get(pid), lambda: self.now)
        self.ends = Ends(self.fleet, watch, SignalsSent(self.fleet, lambda: self.now))
        self.happens(BootRequested())

    def happens(self, event: Event) -> None:
        for action in self.fleet.handle(event, self.now):
            self.ends.hear(notify(action))
            if isinstance(action, Spawn):
                spawned = Spawned(action.name, next(self.pids))
                self.ends.hear(notify(spawned))
                self.happens(spawned)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.happens(DeadlineReached())

    def ends_by(self, status: ExitStatus, name: str = "web") -> End:
        self.happens(Exited(self.fleet.processes[name].pid, status))
        end = self.ends.last(name)
        assert end is not None
        return end


def test_a_kill_from_elsewhere_is_not_procmans():
    """Nobody here has sent a signal."""
    story = Story(group("web"))
    story.passes(60)
    assert story.ends_by(KILLED).sender is Sender.OTHERS


def test_a_process_that_outlives_its_stopwaitsecs_is_killed_for_that():
    """The time that it had is in the sentence."""
    story = Story(group("web", stopwaitsecs=3))
    story.happens(StopRequested("web"))
    story.passes(3)
    end = story.ends_by(KILLED)
    assert end.sent.why is Why.STOPWAITSECS
    assert end.sentence == "terminated by SIGKILL; by procman: it had not stopped after 3 s (stopwaitsecs)"


def test_the_first_of_several_kills_is_the_one_that_ends_it():
    """SIGKILL is sent again as long as a process hangs in the kernel."""
    story = Story(group("web", stopwaitsecs=3))
    story.happens(StopRequested("web"))
    story.passes(3)
    story.passes(3)
    assert story.ends_by(KILLED).sent.waited == 3


def test_a_stop_signal_that_ends_the_process_is_procmans():
    """Also where it is SIGKILL itself."""
    story = Story(group("web"), group("hard", stopsignal=SIGKILL))
    story.happens(StopRequested("web"))
    story.happens(StopRequested("hard"))
    assert story.ends_by(ExitStatus(-1, SIGTERM)).sent.why is Why.STOP
    assert story.ends_by(KILLED, "hard").sent.why is Why.STOP


def test_a_signal_that_a_client_asks_for_is_procmans():
    """`procmanctl signal KILL web`; the next run has not had it."""
    story = Story(group("web"))
    story.passes(60)
    story.happens(SignalRequested("web", SIGKILL))
    assert story.ends_by(KILLED).sent.why is Why.REQUEST
    story.passes(60)
    assert story.ends_by(KILLED).sender is Sender.OTHERS


def test_a_second_request_for_the_shutdown_kills_at_once():
    """An operator's second SIGTERM."""
    story = Story(group("web"))
    story.happens(ShutdownRequested())
    story.now += 1
    story.happens(ShutdownRequested())
    assert story.ends_by(KILLED).sent.why is Why.SECOND_REQUEST


def test_a_shutdown_timeout_cuts_the_time_to_stop():
    """Each wave has its share of it; at its end all are killed."""
    story = Story(group("web", stopwaitsecs=60), master=Master(shutdown_timeout=5))
    story.happens(ShutdownRequested())
    deadline = story.fleet.processes["web"].deadlines.stop
    story.passes(deadline - story.now)
    assert story.ends_by(KILLED).sent.why is Why.SHUTDOWN_SHARE


def test_a_process_that_is_first_heard_of_while_it_stops_may_have_had_any_signal():
    """After an upgrade of the master; of one that runs, all is known from then on."""
    fleet = Fleet((group("stops"), group("runs")), Master())
    for number, name in enumerate(("stops", "runs"), 7):
        fleet.handle(StartRequested(name), 0)
        fleet.handle(Spawned(name, number), 0)
    fleet.handle(StopRequested("stops"), 1)
    signals = SignalsSent(fleet)
    assert not signals.knows_all("stops", 7)
    assert signals.knows_all("runs", 8)
    assert not signals.knows_all("runs", 9)


def test_an_end_that_another_process_image_has_seen_is_told_without_a_sender():
    """What that knew of it has gone with it, but for the status."""
    story = Story(group("web"))
    story.happens(Exited(story.fleet.processes["web"].pid, KILLED))
    ends = Ends(story.fleet, story.ends.memory)
    assert ends.last("web").sentence == "terminated by SIGKILL"
    assert ends.last("nobody") is None


def test_memory_that_ran_short_before_the_end_is_said():
    """Two that the kernel ends together have both ended for it; one that ends later has not."""
    story = Story(group("web"), group("app"), group("late"))
    story.passes(60)
    story.container.kills = 2
    ends = [story.ends_by(KILLED, name) for name in ("web", "app")]
    assert [end.oom for end in ends] == [Oom.LIKELY, Oom.LIKELY]
    assert [end.memory.kills for end in ends] == [2, 2]
    story.now += TOGETHER + 0.1
    assert story.ends_by(KILLED, "late").oom is Oom.NO


def test_the_counts_of_its_own_cgroup_are_certain():
    """Whatever the container has counted: it was not this process, where its own cgroup has counted nothing."""
    story = Story(group("web"), group("app"))
    story.own = {pid: Counters(Whose.PROGRAM) for pid in (100, 101)}
    story.passes(60)
    story.container.kills = 1
    story.own[100].kills = 1
    assert story.ends_by(KILLED, "web").oom is Oom.CERTAIN
    assert story.ends_by(KILLED, "app").oom is Oom.NO


def test_a_failed_start_is_no_end_and_what_is_removed_is_forgotten():
    """The last run is told of until there is something later."""
    story = Story(group("web"))
    story.passes(60)
    story.ends_by(ExitStatus(1))
    story.happens(StopRequested("web"))
    process = story.fleet.processes["web"]
    story.happens(GroupRemoved("web"))
    if process.pid is not None:
        story.happens(Exited(process.pid, ExitStatus(0)))
    assert story.ends.last("web") is None


def test_a_start_that_fails_has_no_end():
    """The process has not run."""
    story = Story(group("web", autostart=False))
    story.happens(StartRequested("web"))
    story.ends_by(ExitStatus(1))
    for action in story.fleet.handle(DeadlineReached(), story.now + 60):
        story.ends.hear(notify(action))
    for action in story.fleet.handle(SpawnFailed("web", "no such file"), story.now + 60):
        story.ends.hear(notify(action))
    assert story.ends.last("web") is None


@pytest.mark.parametrize("number", [SIGTERM, SIGKILL])
def test_a_signal_to_an_earlier_pid_is_not_remembered_for_this_one(number):
    """Each run has its own."""
    story = Story(group("web"))
    story.passes(60)
    story.happens(SignalRequested("web", number))
    assert story.ends.signals.sent_to("web", 100, number).why is Why.REQUEST
    assert story.ends.signals.sent_to("web", 101, number) is None


def test_a_cgroup_that_procman_has_made_is_certain():
    """Its counts are those of one run, and are known even if it is removed before anybody asks."""
    counts = {"web": ("/cg/1-web", MemoryCounters(2, 1, 1000)), "idle": ("/cg/2-idle", MemoryCounters())}
    watch = MemoryWatch(MemoryEvents(None, Whose.NOBODY), at_end=counts.get)
    change = watch.change("web")
    assert (change.whose, change.kills, change.limit_was_hit) == (Whose.PROGRAM, 2, True)
    assert watch.folder_of("web") == "/cg/1-web"
    assert watch.change("idle").whose is Whose.NOBODY
    assert watch.change("other").whose is Whose.NOBODY
