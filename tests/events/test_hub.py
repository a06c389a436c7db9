"""From what happens in a fleet to what its listeners are given; the fleet is real, its processes are not."""

import asyncio
import dataclasses
import functools
from collections import deque
from itertools import count
from types import SimpleNamespace

import pytest

from procman.config.schema.groups import Group, ListenerOptions
from procman.core.actions import Spawn
from procman.core.events import (
    BootRequested,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    ProbeResult,
    ShutdownRequested,
    Spawned,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Condition, ReadyKind
from procman.events import hub as hub_module
from procman.events.hub import Hub, _Ticks
from procman.runtime.bus import Sequence
from tests.support.listener_pools import RecordedLog
from tests.support.notifications import notify
from tests.support.programs import group, program


def listener(name="ear", events=("EVENT",), names=None, **options):
    programs = tuple(program(own, name, startsecs=0, **options) for own in (names or (name,)))
    wanted = ListenerOptions(events=tuple(events), buffer_size=100)
    return Group(name=name, kind="eventlistener", priority=-1, programs=programs, listener=wanted)


class World:
    """A fleet whose spawns always succeed, and its hub.

    Listeners answer every event with OK, but for those in `slow`. `got` has what each was given, as (type, payload).
    """

    def __init__(self, *groups, serials=None):
        self.fleet = Fleet(groups)
        self.answers = []  # to what the core waits for
        engine = SimpleNamespace(fleet=self.fleet, post=self.answers.append)
        self.hub = Hub(engine, self, "here", serials or Sequence(-1), RecordedLog())
        self.headers = {}
        self.got = {}
        self.slow = set()
        self.unread = set()
        self._pids = count(100)
        self.first_words = b"READY\n"  # of each listener

    def deliver(self, name, data, when_read):
        if name in self.unread:
            self.when_read = when_read
            return False
        header, _, payload = data.decode().partition("\n")
        words = dict(word.split(":", 1) for word in header.split())
        self.headers.setdefault(name, []).append(words)
        self.got.setdefault(name, []).append((words["eventname"], payload))
        if name not in self.slow:
            asyncio.get_running_loop().call_soon(self.hub.heard, name, b"RESULT 2\nOKREADY\n")
        return True

    async def boot(self):
        self.hub.boot()
        await self.post(BootRequested())

    async def post(self, *events):
        """As the engine does: each event to its end, then the spawns; then whatever is due on the loop."""
        queue, spawns = deque(events), deque()
        while queue or spawns:
            if not queue:
                name = spawns.popleft().name
                spawned = Spawned(name, next(self._pids))
                queue.append(spawned)
                self.hub.tell(notify(spawned))
                if self.hub.listens(self.fleet.processes[name].program):
                    self.hub.heard(name, self.first_words)
                continue
            event = queue.popleft()
            for action in self.fleet.handle(event, 0.0):
                if isinstance(action, Spawn):
                    spawns.append(action)
                else:
                    self.hub.tell(notify(action))
        await settle()

    def end(self, name, code=0):
        return Exited(self.fleet.processes[name].pid, ExitStatus(code))

    def take(self, name="ear"):
        """What a listener was given since this was asked last."""
        return self.got.pop(name, [])


async def settle():
    """As many turns of the loop as a hundred events may take."""
    for _ in range(300):
        await asyncio.sleep(0)


def looped(test):
    """Run it on a loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


def state(name, after, **more):
    rest = "".join(f" {key}:{value}" for key, value in more.items())
    return f"PROCESS_STATE_{after}", f"processname:{name} groupname:{name}{rest}"


@looped
async def test_boot_is_told_as_supervisord_tells_it():
    """The groups, the master, and then the processes, the listener's own among them."""
    world = World(listener(), group("web", startsecs=0))
    await world.boot()
    assert world.take() == [
        ("PROCESS_GROUP_ADDED", "groupname:ear\n"),
        ("PROCESS_GROUP_ADDED", "groupname:web\n"),
        ("SUPERVISOR_STATE_CHANGE_RUNNING", ""),
        state("ear", "STARTING", from_state="STOPPED", tries=0),
        state("web", "STARTING", from_state="STOPPED", tries=0),
        state("ear", "RUNNING", from_state="STARTING", pid=100),
        state("web", "RUNNING", from_state="STARTING", pid=101),
    ]


NEEDED = {"ready": (Condition(ReadyKind.DELAY), Condition(ReadyKind.LISTENER))}


@looped
async def test_the_core_is_told_once_that_a_listener_is_ready_whose_readiness_it_waits_for():
    """Of all others it does not ask."""
    world = World(listener(), listener("needed", **NEEDED))
    await world.boot()
    assert world.answers == [ProbeResult("needed", 1, 1, ok=True)]
    world.fleet.handle(world.answers[0], 0.0)
    world.hub.heard("needed", b"READY\n")
    assert len(world.answers) == 1


@looped
async def test_the_core_is_told_once_that_a_listener_cannot_become_ready_any_more():
    """It has written something else, and goes on to do so."""
    world = World(listener("needed", **NEEDED))
    world.first_words = b"hello\n"
    await world.boot()
    words = "listener: it has violated the event protocol"
    assert world.answers == [ProbeResult("needed", 1, 1, ok=False, words=words)]
    world.fleet.handle(world.answers[0], 0.0)
    world.hub.heard("needed", b"READY\n")
    assert len(world.answers) == 1
    assert world.fleet.processes["needed"].readiness.missing() == words


@looped
async def test_a_listener_that_comes_later_hears_nothing_of_before():
    """A pool knows what happens from its own addition on."""
    world = World(group("web", startsecs=0))
    await world.boot()
    await world.post(GroupAdded(listener(events=["PROCESS_GROUP", "PROCESS_STATE_RUNNING"])))
    assert world.take() == [
        ("PROCESS_GROUP_ADDED", "groupname:ear\n"),
        state("ear", "RUNNING", from_state="STARTING", pid=101),
    ]


@looped
async def test_who_has_been_removed_hears_nothing_more():
    """Of its own removal only the others hear."""
    world = World(listener("ear", ["PROCESS_GROUP"]), listener("other", ["PROCESS_GROUP"]))
    await world.boot()
    pid = world.end("other")
    await world.post(StopRequested("other"), pid)
    world.take("ear")
    world.take("other")
    await world.post(GroupRemoved("other"))
    assert world.take("ear") == [("PROCESS_GROUP_REMOVED", "groupname:other\n")]
    assert world.take("other") == []
    assert not world.hub.listens(program("other"))


@looped
async def test_the_end_is_told_once():
    """Also where a second signal turns a restart into a shutdown."""
    world = World(listener(events=["SUPERVISOR_STATE_CHANGE_STOPPING"]), group("web", startsecs=0))
    await world.boot()
    await world.post(ShutdownRequested(restart=True))
    assert world.take() == [("SUPERVISOR_STATE_CHANGE_STOPPING", "")]
    await world.post(ShutdownRequested())
    assert world.take() == []


@looped
async def test_a_listener_that_has_just_died_is_given_nothing():
    """What happened in the same turn waits behind what it had."""
    world = World(listener(events=["PROCESS_STATE_EXITED", "REMOTE_COMMUNICATION"]), group("web", startsecs=0))
    await world.boot()
    world.slow.add("ear")
    world.hub.remote("first", "")
    await settle()
    world.slow.clear()
    await world.post(world.end("web"), world.end("ear", code=1))
    assert [what for what, _ in world.take()] == [
        "REMOTE_COMMUNICATION",
        "REMOTE_COMMUNICATION",
        "PROCESS_STATE_EXITED",
        "PROCESS_STATE_EXITED",
    ]
    serials = [words["serial"] for words in world.headers["ear"]]
    assert serials == ["0", "0", "1", "2"]


@looped
async def test_last_words_count():
    """A result that is read at its death is a result."""
    world = World(listener(events=["REMOTE_COMMUNICATION"]))
    await world.boot()
    world.slow.add("ear")
    world.hub.remote("once", "")
    await settle()
    world.hub.heard("ear", b"RESULT 2\nOK")
    await world.post(world.end("ear", code=1))
    assert world.take() == [("REMOTE_COMMUNICATION", "type:once\n")]


@looped
async def test_a_type_that_is_named_twice_is_sent_once():
    """Supervisord would send it twice."""
    world = World(listener(events=["EVENT", "REMOTE_COMMUNICATION"]))
    await world.boot()
    world.take()
    world.hub.remote("a", "b")
    await settle()
    assert world.take() == [("REMOTE_COMMUNICATION", "type:a\nb")]


@looped
async def test_serials_count_what_somebody_wanted():
    """One count for all pools, one for each, and the former outlives the master."""
    serials = Sequence(-1)
    for first in (0, 3):
        world = World(
            listener("ear", ["REMOTE_COMMUNICATION"]),
            listener("other", ["SUPERVISOR_STATE_CHANGE", "REMOTE_COMMUNICATION"]),
            serials=serials,
        )
        await world.boot()
        world.hub.remote("a", "")
        world.hub.remote("b", "")
        await settle()
        numbers = {
            name: [(int(words["serial"]) - first, int(words["poolserial"])) for words in headers]
            for name, headers in world.headers.items()
        }
        assert numbers == {"ear": [(1, 0), (2, 1)], "other": [(0, 0), (1, 1), (2, 2)]}


@looped
async def test_other_events_make_a_new_pool():
    """What waited is gone, and its count begins anew, as if the group had been removed and added."""
    world = World(listener(events=["REMOTE_COMMUNICATION"]))
    await world.boot()
    world.slow.add("ear")
    world.hub.remote("a", "")
    world.hub.remote("b", "")
    await settle()
    world.slow.clear()
    world.take()
    end = world.end("ear")
    await world.post(GroupChanged(listener(events=["REMOTE_COMMUNICATION", "TICK_3600"]), frozenset({"ear"})), end)
    assert world.take() == []
    world.hub.remote("c", "")
    await settle()
    assert world.take() == [("REMOTE_COMMUNICATION", "type:c\n")]
    assert world.headers["ear"][-1]["poolserial"] == "0"
    world.hub.close()


@looped
async def test_other_options_of_its_processes_leave_the_pool_alone():
    """Nothing that waits is lost."""
    world = World(listener(events=["REMOTE_COMMUNICATION"]))
    await world.boot()
    world.slow.add("ear")
    world.hub.remote("a", "")
    world.hub.remote("b", "")
    await settle()
    world.slow.clear()
    world.take()
    end = world.end("ear")
    two = listener(events=["REMOTE_COMMUNICATION"], names=["ear", "two"])
    await world.post(GroupChanged(two, frozenset({"ear"})), end)
    told = [*world.take("ear"), *world.take("ear:two")]
    assert sorted(told) == [("REMOTE_COMMUNICATION", "type:a\n"), ("REMOTE_COMMUNICATION", "type:b\n")]


@looped
async def test_a_group_may_become_a_listener_and_cease_to_be_one():
    """By an update."""
    plain = group("ear", startsecs=0)
    world = World(plain)
    await world.boot()
    assert not world.hub.listens(program("ear"))
    end = world.end("ear")
    await world.post(GroupChanged(listener(events=["REMOTE_COMMUNICATION"]), frozenset({"ear"})), end)
    assert world.hub.listens(program("ear"))
    world.hub.remote("a", "")
    await settle()
    assert world.take() == [("REMOTE_COMMUNICATION", "type:a\n")]
    end = world.end("ear")
    await world.post(GroupChanged(dataclasses.replace(plain, priority=1), frozenset({"ear"})), end)
    assert not world.hub.listens(program("ear"))


@looped
async def test_who_has_not_read_is_asked_again_when_it_has():
    """Not before, and without anything else having to happen."""
    world = World(listener(events=["REMOTE_COMMUNICATION"]))
    await world.boot()
    world.unread.add("ear")
    world.hub.remote("a", "")
    await settle()
    assert world.take() == []
    world.unread.clear()
    world.when_read()
    await settle()
    assert world.take() == [("REMOTE_COMMUNICATION", "type:a\n")]


@looped
async def test_output_and_messages_are_told_to_who_wants_them():
    """Of processes in all groups."""
    world = World(listener(events=["PROCESS_LOG_STDERR", "PROCESS_COMMUNICATION"]))
    await world.boot()
    world.hub.logged(program("web"), 7, "stdout", b"not wanted")
    world.hub.logged(program("web"), 7, "stderr", b"wanted")
    world.hub.captured(program("web"), 7, "stdout", b"message")
    await settle()
    assert world.take() == [
        ("PROCESS_LOG_STDERR", "processname:web groupname:web pid:7 channel:stderr\nwanted"),
        ("PROCESS_COMMUNICATION_STDOUT", "processname:web groupname:web pid:7\nmessage"),
    ]


@looped
async def test_after_its_end_a_hub_is_silent():
    """A master that begins anew has another one."""
    world = World(listener())
    await world.boot()
    world.take()
    world.hub.close()
    world.hub.remote("a", "")
    await settle()
    assert world.take() == []


class Clock:
    """A loop and a wall clock that are only pretended. `timer` is the seconds until something is due, None: nothing."""

    def __init__(self, monkeypatch, now):
        self.now = now
        self.timer = None
        self.told = []
        monkeypatch.setattr(hub_module.time, "time", lambda: self.now)
        self.ticks = _Ticks(self, lambda event: self.told.append((event.name, event.payload())))

    def call_later(self, delay, call):
        self.timer, self._call = delay, call
        return self

    def cancel(self):
        self.timer = None

    def wait(self, *, jump=0.0):
        """Until the timer rings; what was told by that."""
        self.now += self.timer + jump
        self.timer, self.told = None, []
        self._call()
        return self.told


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(hub_module, "_LATEST", 0.0)
    return Clock(monkeypatch, 7196.5)


def test_without_a_subscriber_nothing_is_armed(clock):
    """An idle master does not wake up."""
    clock.ticks.want(frozenset())
    assert clock.timer is None


def test_the_shortest_wanted_period_is_armed(clock):
    """The timer has the shortest period that is wanted, and goes with the last subscriber."""
    clock.ticks.want(frozenset({"TICK_3600"}))
    assert clock.timer == 3.5
    assert clock.wait() == [("TICK_3600", "when:7200")]
    assert clock.timer == 3600
    clock.ticks.want(frozenset({"TICK_3600", "TICK_60"}))
    assert clock.timer == 60
    clock.ticks.want(frozenset())
    assert clock.timer is None


def test_ticks_that_fall_together_come_in_the_order_of_their_periods(clock):
    """As in supervisord."""
    clock.ticks.want(frozenset({"TICK_5", "TICK_60", "TICK_3600"}))
    assert clock.wait() == [("TICK_5", "when:7200"), ("TICK_60", "when:7200"), ("TICK_3600", "when:7200")]
    assert clock.wait() == [("TICK_5", "when:7205")]


def test_who_is_told_of_a_tick_finds_that_its_own_clock_says_so_too(monkeypatch):
    """time(2) is behind the clock that timers are set by: it would say 01:59:59 to whoever hears of two o'clock."""
    clock = Clock(monkeypatch, 7196.5)
    clock.ticks.want(frozenset({"TICK_3600", "TICK_5"}))
    assert clock.wait() == [("TICK_5", "when:7200"), ("TICK_3600", "when:7200")]
    assert 7200.009 < clock.now < 7200.1
    assert clock.wait() == [("TICK_5", "when:7205")]
    assert 7205.009 < clock.now < 7205.1


def test_a_timer_that_rings_too_early_tells_nothing(clock):
    """The steady clock and the wall clock may differ a little."""
    clock.ticks.want(frozenset({"TICK_5"}))
    assert clock.wait(jump=-0.25) == []
    assert clock.timer == 0.25
    assert clock.wait() == [("TICK_5", "when:7200")]


def test_a_clock_that_was_set_goes_on_from_there(clock):
    """One tick of the present slice, whatever was skipped or comes again."""
    clock.ticks.want(frozenset({"TICK_5"}))
    assert clock.wait(jump=1000) == [("TICK_5", "when:8200")]
    assert clock.wait(jump=-2000) == [("TICK_5", "when:6205")]
