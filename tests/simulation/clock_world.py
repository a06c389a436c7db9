"""The core and the timetable with a clock on the wall that somebody sets: by minutes, by months, back and forth.

The kernel's alarm rings at its time, or at once when the clock is set. Programs run for a while and end. What must hold
is judged by an independent list of the times, from what is announced.
"""

import re
from dataclasses import dataclass, field
from random import Random

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import Announce, AnnounceSchedule, ScheduleAt, Spawn
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    GroupChanged,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, ProcessType, Schedule
from procman.core.states import UP, State
from procman.cron.times import Cron, zone_of
from procman.runtime.times_file import TimesFile
from procman.runtime.timetable import Timetable

BEGIN = 1_774_700_000.0  # two hours before the clocks change in Europe/Berlin
NAME = "job"
A_HAIR = 1e-3
EXPRESSIONS = ("*/5 * * * *", "0 * * * *", "30 2 * * *", "0,30 1-3 * * *", "15 */6 * * *")
STEPS = (-86400 * 40, -86400, -7200, -3600, -301, -61, -1, 1, 59, 300, 3600, 7300, 86400, 86400 * 33)


class Violation(AssertionError):
    """Something that must always be true was not."""


@dataclass
class Alarm:
    ring: object
    at: float | None = None

    def set(self, when):
        self.at = when

    def close(self):
        self.at = None


@dataclass
class ClockWorld:
    """One program with a schedule, for some days. `replace` is another class of schedules, with a fault in it."""

    random: Random
    fleet_class: type = Fleet
    now: float = 100.0  # of the steady clock
    ahead: float = BEGIN - 100.0  # the clock on the wall, from there
    met: dict[float, str] = field(default_factory=dict)  # what became of each time
    runs: int = 0
    looked: tuple[float, float | None] = (0.0, None)
    counts: dict[str, int] = field(default_factory=dict)
    history: list[tuple[float, object]] = field(default_factory=list)

    def __post_init__(self):
        pick = self.random.choice
        self.program = Program(
            name=NAME,
            group=NAME,
            command="/bin/job",
            type=ProcessType.ONESHOT,
            startsecs=0,
            startretries=0,
            autorestart=Autorestart.NEVER,
            schedule=Schedule(pick(EXPRESSIONS)),
            schedule_tz=pick(("UTC", "Europe/Berlin")),
            schedule_overlap=pick(("skip", "queue", "restart")),
            schedule_missed=pick(("skip", "once")),
            schedule_deadline=pick((30, 600, 600, 7200, None)),
            schedule_jitter=pick((0, 0, 120)),
        )
        self.cron = Cron(self.program.schedule.text, zone_of(self.program.schedule_tz))
        self.longest = pick((20, 200, 4000))
        self.pid = 100
        self.ends: tuple[float, int] | None = None
        self.since = self.wall  # from then on, it is on without a break
        self.times = TimesFile(None)
        self.fleet = self.fleet_class((Group(name=NAME, priority=1, programs=(self.program,)),), Master())
        self._begin()

    @property
    def wall(self) -> float:
        return self.now + self.ahead

    def _begin(self):
        self.timetable = Timetable(
            self.fleet,
            self.times,
            self.post,
            clock=lambda: self.wall,
            steady=lambda: self.now,
            alarm=Alarm,
            chance=self.random.random,
        )
        self.alarm = self.timetable._alarm
        self.queue: list[Event] = []
        self.working = False

    def run(self) -> "ClockWorld":
        self.post(BootRequested())
        for _ in range(self.random.randint(5, 25)):
            self._pass(self.random.choice((30.0, 301.0, 1800.0, 7200.0, 30000.0)))
            match self.random.choice(("step", "step", "step", "hand", "off", "killed", "upgraded", "changed")):
                case "step":
                    self._step(self.random.choice(STEPS))
                case "hand":
                    self.post(StartRequested(NAME, run=True))
                case "off":
                    self.post(StopRequested(NAME))
                    self._pass(self.random.choice((10.0, 4000.0)))
                    if self.program.schedule_missed == "skip":
                        self.since = self.wall
                    self.post(StartRequested(NAME))
                case "killed":
                    self._another_master()
                case "upgraded":
                    self._go_on()
                case "changed":
                    self.program = Program(**{**_fields(self.program), "stopwaitsecs": self.random.choice((5, 10))})
                    self.post(GroupChanged(Group(name=NAME, priority=1, programs=(self.program,)), frozenset()))
            self._is_met()
        return self

    # ---- what happens

    def _pass(self, seconds: float):
        until = self.now + seconds
        for _ in range(10_000):
            coming = [until]
            if self.alarm.at is not None:
                coming.append(max(self.now, self.alarm.at - self.ahead))
            if (deadline := self.fleet.next_deadline()) is not None:
                coming.append(max(self.now, deadline))
            if self.ends is not None:
                coming.append(max(self.now, self.ends[0]))
            self.now = min(coming)
            if self.ends is not None and self.ends[0] <= self.now:
                pid, self.ends = self.ends[1], None
                self.post(Exited(pid, ExitStatus(self.random.choice((0, 0, 1)))))
            elif deadline is not None and deadline <= self.now:
                self.post(DeadlineReached())
            elif self.alarm.at is not None and self.alarm.at <= self.wall + 1e-6:
                self.timetable._ring(stepped=False)
                self._is_met()
            elif self.now >= until:
                return
        raise Violation("it does not come to rest")

    def _step(self, seconds: float):
        self.ahead += seconds
        if seconds < 0:
            self.since = self.wall  # what lies before that is over
        self.history.append((self.now, f"the clock is set by {seconds}"))
        if self.alarm.at is not None:
            self.timetable._ring(stepped=True)
        self._pass(40.0)  # in which what was put off comes

    def _another_master(self):
        """The run goes with the one before, as far as this one is concerned."""
        self.history.append((self.now, "killed"))
        self.ends = None
        self.now += self.random.choice((1.0, 700.0, 90000.0))
        self.fleet = self.fleet_class((Group(name=NAME, priority=1, programs=(self.program,)),), Master())
        self._begin()
        self.timetable.remember()
        self.post(BootRequested())
        self._pass(40.0)

    def _go_on(self):
        from procman.config.snapshot import read_group, read_program
        from procman.core.snapshot import DefinitionReaders

        self.history.append((self.now, "upgraded"))
        data, orders = self.fleet.snapshot(), self.fleet.schedules.asked()
        self.now += self.random.choice((0.0, 0.5, 3.0))
        self.fleet = self.fleet_class((), Master())
        self.fleet.restore(data, DefinitionReaders(read_group, read_program))
        assert self.fleet.schedules.asked() == orders
        self._begin()
        self.timetable.go_on()
        self._pass(1.0)

    # ---- the engine

    def post(self, event: Event):
        self.queue.append(event)
        if self.working:
            return
        self.working = True
        while self.queue:
            event = self.queue.pop(0)
            self.history.append((self.now, event))
            for action in self.fleet.handle(event, self.now):
                self.history.append((self.now, action))
                self._carry_out(action)
        self.working = False

    def _carry_out(self, action):
        match action:
            case ScheduleAt():
                self.timetable.order(action)
            case Spawn() if self.fleet.awaits(action):
                self.pid += 1
                self.runs += 1
                self.ends = self.now + self.random.random() * self.longest, self.pid
                self.queue.insert(0, Spawned(NAME, self.pid))
            case AnnounceSchedule():
                self._announced(action)
            case Announce(after=State.STOPPING):
                assert self.ends is not None
                self.ends = self.now, self.ends[1]
            case _:
                pass

    # ---- what must hold

    def must(self, truth, claim):
        if not truth:
            last = "\n".join(f"{when:12.3f} {_short(what)}" for when, what in self.history[-30:])
            raise Violation(f"at {self.now:.3f} ({self.wall:.3f}): {claim}\n{self.program.schedule.text}\n{last}")

    def _announced(self, news: AnnounceSchedule):
        self.counts[news.what] = self.counts.get(news.what, 0) + 1
        if news.what in ("on", "off") or not news.time:
            return
        self.must(self.cron.after(news.time - 1) == news.time, f"{news} is no time of it")
        before, program = self.met.get(news.time), self.program
        if news.what == "missed":
            self.must(program.schedule_missed == "skip", f"{news.time} is missed, and one run is to make up for it")
        if news.what == "run":
            free = self.ends is None or program.schedule_overlap == "restart"
            self.must(free, f"{news.time} runs beside another one")
            limit = program.schedule_deadline
            # What was put off is as late as it was when it was noticed.
            late = self.wall - news.time - program.schedule_jitter - 31
            in_time = limit is None or late <= limit or program.schedule_missed == "once" or before == "queued"
            self.must(in_time, f"{news.time} runs {late} s too late")
        if news.what in ("run", "skipped", "queued"):
            allowed = (None, "queued") if news.what == "run" else (None,)
            self.must(before in allowed, f"{news.time} was {before}, and comes again")
            self.must(news.time <= self.wall + A_HAIR or before == "queued", f"{news.time} comes before its time")
        self.met[news.time] = news.what

    def _is_met(self):
        """What is within its deadline has run, or it was said why not; whatever somebody does with the clock."""
        process = self.fleet.processes[NAME]
        offset = self.timetable._entries[NAME].offset if NAME in self.timetable._entries else 0.0
        newest = self._newest(self.wall - offset)
        self.must(process.timing.on, "it is off")
        self.must(self.alarm.at is not None, "nothing is waited for")
        self.must(process.timing.queued is None or self.ends is not None, "what is queued waits for nothing")
        if newest is None or self.alarm.at is None or newest <= self.since:
            return
        if self.alarm.at <= self.wall + 1e-6:
            return  # it rings in this moment
        late, limit = self.wall - newest - offset, self.program.schedule_deadline
        if self.timetable._entries[NAME].put_off is not None:
            return
        if limit is None or late <= limit or self.program.schedule_missed == "once":
            # While one is under way, only the first that is left out is told of.
            silent = process.timing.left_out > 1 or process.state in UP
            self.must(newest in self.met or silent or self._is_behind(newest), f"{newest} has come, and nothing did")

    def _newest(self, wall: float) -> float | None:
        low, newest = self.looked
        if newest is None or not low <= wall <= low + 40_000:
            newest = self.cron.newest(wall)
        while newest is not None and (later := self.cron.after(newest)) is not None and later <= wall:
            newest = later
        self.looked = wall, newest
        return newest

    def _is_behind(self, time: float) -> bool:
        """It has come, and was left out without a word of its own."""
        return any(first <= time <= last for first, last in self.fleet.processes[NAME].timing.behind)


def _fields(program: Program) -> dict:
    from dataclasses import fields

    return {known.name: getattr(program, known.name) for known in fields(program)}


def _short(what) -> str:
    return re.sub(r"program=Program\(.*?command='/bin/job'\), ", "", str(what))
