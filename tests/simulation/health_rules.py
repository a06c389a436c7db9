"""What must hold of health checks, judged from events, orders and announcements alone.

Each program has a model here, which counts once more what its looks have shown.
"""

from dataclasses import dataclass
from itertools import pairwise

from procman.core.actions import (
    Action,
    Announce,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceRefreshed,
    CheckHealth,
    Kill,
    RunUnhealthyCommand,
    Spawn,
)
from procman.core.events import (
    Event,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    HealthSeen,
    Notified,
    RestartRequested,
    RetryRequested,
    ShutdownRequested,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.states import MasterState, State
from tests.simulation.fake_kernel import Child, World
from tests.simulation.invariants import Violation

A_HAIR = 1e-6
LOOK_LOST = 10.0


@dataclass
class Patient:
    """One run of a process with a health check."""

    run: int
    since: float
    grace: float
    look: int | None = None  # the one that is under way
    began: float = 0.0  # when the latest was ordered
    planned: float = 0.0  # the same of the latest that was not in a hurry
    may_hurry: bool = True  # the next look need not wait for the interval
    failures: int = 0
    beat: float = 0.0  # the time from which it has to say WATCHDOG=1
    healthy: bool | None = None
    acted: int = 0  # failures since it was found to be unhealthy, or that was last acted on
    good_at: float | None = None


class HealthRules:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.patients: dict[str, Patient] = {}
        self.delays: dict[str, list[float]] = {}  # of restarts in a row, without a time in which it was well
        self.excused: set[str] = set()  # what is looked at was changed in this run
        self.expected: tuple[str, bool] | None = None  # the news that must follow
        self.counts: dict[str, int] = {}
        self.paused: dict[str, float] = {}
        self.sick: set[str] = set()  # they are stopped to be restarted, and nothing was asked for since
        self.looks_again: str | None = None  # who must be looked at again at once
        self.watchdogs: dict[str, float | None] = {}  # when WATCHDOG=1 was due before this event

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    @property
    def processes(self) -> dict[str, Process]:
        return self.world.fleet.processes

    def event_comes(self, event: Event) -> None:
        self.expected = self.looks_again = None
        self.watchdogs = {name: process.deadlines.watchdog for name, process in self.processes.items()}
        match event:
            case HealthSeen(name, run, look, ok, _, timed_out, asleep) if name in self.patients:
                patient, process = self.patients[name], self.processes[name]
                if process.state is State.RUNNING and (patient.run, patient.look) == (run, look):
                    patient.look = None
                    if timed_out and asleep >= process.program.health_timeout / 4:
                        patient.may_hurry = True
                        self.looks_again = name
                        self._count("overslept")
                    elif ok:
                        self._is_well(name, patient)
                    else:
                        self._fails(name, patient, process)
            case Notified(name, run, fields) if name in self.patients and ("WATCHDOG", "1") in fields:
                patient, process = self.patients[name], self.processes[name]
                if process.state is State.RUNNING and patient.run == run and process.program.watchdog is not None:
                    patient.beat = max(self.world.now, patient.grace)
                    if process.program.health is None:
                        patient.grace = self.world.now
            case StartRequested(name) | RestartRequested(name) | RetryRequested(name) | StopRequested(name):
                self.sick.discard(name)
                if not isinstance(event, StopRequested):
                    self.delays.pop(name, None)
            case GroupRemoved() | ShutdownRequested():
                self.sick.clear()
            case GroupChanged(group) | GroupAdded(group):
                self.excused |= {program.namespec for program in group.programs}
                # Those that leave the group as well.
                self.sick -= {name for name in self.sick if self.processes[name].program.group == group.name}
                self.sick -= self.excused
                for name in self.excused:
                    self.delays.pop(name, None)
            case _:
                pass

    def decided(self, event: Event, actions: list[Action]) -> None:
        news = [action for action in actions if isinstance(action, AnnounceHealth)]
        if self.expected is not None and self.expected[0] not in self.excused:
            told = [(one.name, one.healthy) for one in news]
            self.must(self.expected in told, f"{self.expected} should be told after {event}")
        if self.looks_again is not None and self.world.fleet.state is MasterState.RUNNING:
            again = [action.name for action in actions if isinstance(action, CheckHealth)]
            self.must(self.looks_again in again, f"procman slept, and does not look at {self.looks_again} again")
        for action in actions:
            match action:
                case CheckHealth():
                    self._is_looked_at(action)
                case AnnounceHealth():
                    self._is_judged(action, event, actions)
                case AnnounceHealthPause(name, seconds):
                    self.paused[name] = self.world.now + seconds
                    if name in self.patients:
                        patient = self.patients[name]
                        patient.look, patient.may_hurry, patient.failures = None, True, 0
                        patient.beat = self.world.now
                case Announce(name=name, after=State.RUNNING):
                    self._begins(name)
                case AnnounceInPlace(name, before, after) if name in self.patients:
                    was, now = ((p.health, p.health_interval, p.watchdog) for p in (before, after))
                    if was != now:
                        self._begins(name)
                        self.excused.add(name)
                case Announce(name=name, before=State.RUNNING, after=after):
                    patient = self.patients.pop(name, None)
                    ended = after is State.EXITED  # by itself, which counts as other ends do
                    if ended or (patient is not None and patient.good_at is not None):
                        self.delays.pop(name, None)
                case Announce(name=name, before=State.STOPPING, after=State.BACKOFF, reason=reason):
                    if reason.startswith("unhealthy"):
                        self._waits(name)
                case Announce(name=name, before=State.STOPPING, after=State.STOPPED):
                    self.delays.pop(name, None)
                    ends = self.world.fleet.state is not MasterState.RUNNING
                    self.must(name not in self.sick or ends, f"{name} was unhealthy, and does not back off")
                    self.sick.discard(name)
                case Kill() | RunUnhealthyCommand() | Spawn() | _:
                    pass

    def carried_out(self) -> None:
        for name, process in self.processes.items():
            due, watchdog = process.deadlines.health, process.deadlines.watchdog
            if process.state is not State.RUNNING or process.ties.deferred:
                self.must(due is None and watchdog is None, f"{name} is {process.state.name}, and is looked at")
                self.must(process.healthy is None or process.ties.deferred, f"{name} is down, and healthy or not")
                continue
            looked_at = process.program.health is not None
            self.must(due is not None or not looked_at, f"{name} is never looked at again")
            patient = self.patients.get(name)
            if patient is None or name in self.excused or process.health is None:
                continue
            if process.health.paused_until is None:
                self.must(process.healthy == patient.healthy, f"{name} is {process.healthy}, and not {patient.healthy}")
            if patient.healthy is False and process.wanted and self.world.fleet.state is MasterState.RUNNING:
                todo = process.program.on_unhealthy.what
                self.must(todo not in ("restart", "stop"), f"{name} is unhealthy, and goes on ({todo})")

    def spawning(self, order: Spawn) -> None: ...
    def killing(self, order: Kill) -> None: ...
    def reaped(self, child: Child) -> None: ...

    def at_rest(self) -> None:
        for name, process in self.processes.items():
            self.must(process.deadlines.health is None, f"{name} is looked at after the end")

    # ---- the model

    def _begins(self, name: str) -> None:
        process = self.processes[name]
        self.excused.discard(name)
        grace = self.world.now + process.program.health_start_period
        self.patients[name] = Patient(process.attempt, self.world.now, grace, beat=grace)

    def _is_well(self, name: str, patient: Patient) -> None:
        patient.failures, patient.good_at = 0, self.world.now
        patient.grace = self.world.now
        if patient.healthy is None:
            self.expected = name, True

    def _fails(self, name: str, patient: Patient, process: Process) -> None:
        if self.world.now < patient.grace:
            return
        patient.failures += 1
        if patient.failures >= process.program.health_retries and patient.healthy is not False:
            self.expected = name, False

    def _is_looked_at(self, order: CheckHealth) -> None:
        name, process = order.name, self.processes[order.name]
        patient = self.patients.get(name)
        self.must(patient is not None and patient.run == order.run, f"{order} is for another run")
        assert patient is not None
        ends = self.world.fleet.state is not MasterState.RUNNING  # that may follow in the same step
        is_up = process.state is State.RUNNING and process.pid == order.pid
        self.must(is_up or ends, f"{order}, and it is not up")
        self.must(self.paused.get(name, 0.0) <= self.world.now + A_HAIR, f"{order} in a pause")
        since = self.world.now - patient.began
        lost = since >= order.timeout + LOOK_LOST - A_HAIR
        if name not in self.excused:
            self.must(patient.look is None or lost, f"{name} is looked at twice at the same time")
            # On the grid of the interval: if one is late, the next one is not.
            least = process.program.health_interval - self.world.scenario.late - A_HAIR
            hurries = patient.may_hurry or patient.look is not None
            planned = self.world.now - patient.planned
            self.must(hurries or planned >= least, f"{name} is looked at after {planned} s")
            patient.planned = patient.planned if hurries else self.world.now
        patient.look, patient.began, patient.may_hurry = order.look, self.world.now, False
        self._count("look")

    def _is_judged(self, news: AnnounceHealth, event: Event, actions: list[Action]) -> None:
        name, process = news.name, self.processes[news.name]
        patient = self.patients[name]
        self.must(news.healthy is not news.before, f"{name} is told to be the same twice")
        if name in self.excused:
            patient.healthy = news.before
        else:
            self.must(news.before is patient.healthy, f"{news} is not what it was before")
            if not news.healthy and self.expected != (name, False):
                waited = self.world.now - patient.beat
                least = process.program.watchdog or 0.0
                self.must(process.program.watchdog is not None, f"{name} is unhealthy, and no look has failed")
                self.must(waited >= least - A_HAIR, f"{name} is unhealthy after {waited} s without WATCHDOG=1")
                late = self.world.now - (self.watchdogs.get(name) or self.world.now)
                self.must(late < least / 4, f"{name} was silent, but procman was not awake for {late} s")
                self._count("silent")
        patient.healthy = news.healthy
        self._count("healthy" if news.healthy else "unhealthy")
        if news.healthy or self.world.fleet.state is not MasterState.RUNNING:
            return
        after = [(action.name, action.after) for action in actions if isinstance(action, Announce)]
        kills = [action.name for action in actions if isinstance(action, Kill)]
        commands = [action.name for action in actions if isinstance(action, RunUnhealthyCommand)]
        match process.program.on_unhealthy.what:
            case "restart" | "stop" as what:
                if what == "restart":
                    self.sick.add(name)
                self.must((name, State.STOPPING) in after, f"{name} is unhealthy, and is not stopped")
                self.must(process.wanted is (what == "restart"), f"{name} is to {what}, and is wanted or not")
            case "signal":
                self.must(name in kills, f"{name} is unhealthy, and gets no signal")
            case "reload":
                # One that is under way is not begun again.
                told = [action.name for action in actions if isinstance(action, AnnounceRefreshed) and not action.ok]
                self.must(name in (*kills, *told), f"{name} is unhealthy, and does not read its configuration again")
                self._count("reload")
            case "exec":
                self.must(name in commands, f"{name} is unhealthy, and nothing is run")
            case _:
                idle = name not in kills and name not in commands
                self.must(idle, f"{name} is unhealthy, and something is done")

    def _waits(self, name: str) -> None:
        """Unhealthy again and again, it waits longer each time."""
        process = self.processes[name]
        self.sick.discard(name)
        if process.deadlines.retry is None:
            return  # it was given up
        delays = self.delays.setdefault(name, [])
        delays.append(process.deadlines.retry - self.world.now)
        self.must(delays[-1] > 0, f"{name} is unhealthy, and starts again at once")
        if process.program.backoff is None and process.program.restart_limit is None and name not in self.excused:
            grown = all(after > before for before, after in pairwise(delays))
            self.must(grown, f"the delays of {name} do not grow: {delays}")
        self._count("restart")

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
