"""What runs by a schedule, and what becomes of a time when it cannot. No I/O and no clock here.

The rules:

- start switches a schedule on, and stop switches it off; neither starts a run. A run that is asked for counts as one
  that is under way, and not as one of the schedule.
- A time runs at most once. `Timing.behind` has those that have come; a time in it is passed over.
- A time that has come while a run is under way is left out, or queued (one at most), or that run is stopped for it.
- A time that is later than schedule_deadline is missed; with schedule_missed=once it runs all the same. Of several that
  have passed together only the newest is told of, so one runs at most.
- A run waits for what the program depends on, no longer than schedule_deadline. It is not made up for later.
- With `every`, the next time comes so long after the last one, by the core's clock: that is a deadline of the fleet.
- During a shutdown nothing is scheduled.
"""

from collections.abc import Mapping

from procman.core.actions import (
    Action,
    Announce,
    AnnounceInPlace,
    AnnounceSchedule,
    ScheduleAt,
)
from procman.core.events import (
    ClockStepped,
    Event,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    ScheduleDue,
    ScheduleRemembered,
)
from procman.core.process import Process
from procman.core.requests import restart, start
from procman.core.spec import ProcessSpec, Schedule
from procman.core.states import UP, State
from procman.core.switching import ask, switch_off, switch_on
from procman.core.timing import is_behind, put_behind

# The time of a schedule that goes by no clock on the wall.
NO_TIME = 0.0

_Times = tuple[Schedule | None, str, float]
_REDEFINED = (GroupChanged, GroupAdded, GroupRemoved)


class Schedules:
    """The schedules of a fleet."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        """The processes are those of the fleet at any time."""
        self._processes = processes
        self._due: dict[str, float] = {}  # of those with `every`, by the core's clock
        self._asked: dict[str, _Times] = {}  # the definitions of the orders to tell when a time has come

    def due_at(self, name: str) -> float | None:
        """When the next run of one with `every` is due; None: it has no such schedule, or that is off."""
        return self._due.get(name)

    def next_deadline(self) -> float | None:
        """When to call `serve`."""
        return min(self._due.values(), default=None)

    # ---- events

    def note(self, event: ScheduleDue | ScheduleRemembered, now: float) -> list[Action]:
        """A time has come; or an earlier master has seen some."""
        process = self._processes.get(event.name)
        if process is None or process.leaving:
            return []
        if isinstance(event, ScheduleRemembered):
            process.timing.since, process.timing.behind = event.since, event.behind
            return []
        return self._due_now(process, event, now)

    def stepped(self, event: ClockStepped) -> list[Action]:
        """The clock on the wall was set: what lies ahead is looked for anew."""
        actions: list[Action] = []
        for name in sorted(self._asked.keys() - self._due.keys()):
            process = self._processes[name]
            timing = process.timing
            if timing.on:
                if timing.since is not None:
                    timing.since = min(timing.since, event.time)
                actions.append(ask(process))
        return actions

    def serve(self, now: float) -> list[Action]:
        """What is due with `every`."""
        actions: list[Action] = []
        for name in [name for name, due in self._due.items() if due <= now]:
            process = self._processes[name]
            actions += [*self._meet(process, NO_TIME, 0.0, now), ask(process)]
        return actions

    def run_on_start(self, process: Process, now: float) -> list[Action]:
        """The boot has switched it on."""
        if process.program.run_on_start and process.timing.on and process.state not in UP:
            return start(process, now, run=True)
        return []

    # ---- what follows from all that was decided

    def follow(self, event: Event, actions: list[Action], now: float) -> list[Action]:
        """The same actions, and what follows from them."""
        changed = isinstance(event, _REDEFINED)
        if not self._asked and not changed and not _has_order(actions):
            return actions
        if changed:
            actions = [*actions, *self._redefined(actions)]
        passed = self._passed_on(actions, now)
        for name in dict.fromkeys(action.name for action in passed if isinstance(action, Announce)):
            process = self._processes.get(name)
            if process is not None and process.timing.on:
                passed += self._passed_on(self._changed(process, now), now)
        return passed

    def end(self) -> list[Action]:
        """The master shuts down."""
        actions: list[Action] = []
        for name in sorted(self._asked):
            timing = self._processes[name].timing
            timing.on, timing.queued = False, None
            actions.append(ScheduleAt(name, None))
        self._due.clear()
        self._asked.clear()
        return actions

    # ---- over an upgrade

    def snapshot(self) -> dict[str, float]:
        """When those with `every` are due."""
        return dict(self._due)

    def restore(self, due: Mapping[str, float]) -> None:
        """Go on from what `snapshot` returned; the processes have their part already."""
        self._due = {name: float(when) for name, when in due.items()}
        self._asked = {
            name: _times(process.definition) for name, process in self._processes.items() if process.timing.on
        }

    def asked(self) -> list[ScheduleAt]:
        """The orders that hold: another process image has to get them anew."""
        return [ask(self._processes[name]) for name in sorted(self._asked.keys() - self._due.keys())]

    # ---- the pieces of the above

    def _due_now(self, process: Process, event: ScheduleDue, now: float) -> list[Action]:
        timing, program = process.timing, process.definition
        if not timing.on or program.schedule is None or program.schedule.every is not None:
            return []
        known = is_behind(timing.behind, event.time)
        timing.behind = put_behind(timing.behind, None if event.missed else timing.since, event.time)
        timing.since = event.time
        actions: list[Action] = [ask(process)]
        if known:
            return actions
        limit = program.schedule_deadline
        late = limit is not None and event.late > limit
        missed = event.missed + late
        if program.schedule_missed == "once" and late:
            missed -= 1
            late = False
        if missed:
            # Where the newest runs, those before it were missed.
            actions.append(AnnounceSchedule(process.name, "missed", event.time if late else NO_TIME, missed))
        return actions if late else [*actions, *self._meet(process, event.time, event.late, now)]

    def _meet(self, process: Process, time: float, late: float, now: float) -> list[Action]:
        """It is to run now."""
        timing = process.timing
        if process.state is State.UNKNOWN:
            return [AnnounceSchedule(process.name, "missed", time, 1)]
        if process.state not in UP and process.state is not State.STOPPING:
            return [AnnounceSchedule(process.name, "run", time), *start(process, now, run=True)]
        match process.definition.schedule_overlap:
            case "restart":
                return [AnnounceSchedule(process.name, "run", time), *restart(process, now)]
            case "queue" if timing.queued is None:
                timing.queued, timing.queued_late, timing.queued_at = time, late, now
                return [AnnounceSchedule(process.name, "queued", time)]
            case _:
                timing.left_out += 1
                return [AnnounceSchedule(process.name, "skipped", time, 1)] if timing.left_out == 1 else []

    def _passed_on(self, actions: list[Action], now: float) -> list[Action]:
        """Without the orders that are carried out here."""
        passed: list[Action] = []
        for action in actions:
            match action:
                case ScheduleAt(name, None):
                    self._due.pop(name, None)
                    self._asked.pop(name, None)
                    passed.append(action)
                case ScheduleAt(name, ProcessSpec() as program):
                    self._asked[name] = _times(program)
                    if program.schedule is not None and program.schedule.every is not None:
                        self._due[name] = now + program.schedule.every
                    else:
                        passed.append(action)
                case _:
                    passed.append(action)
        return passed

    def _redefined(self, actions: list[Action]) -> list[Action]:
        """Some have another definition."""
        found: list[Action] = []
        for action in actions:
            if isinstance(action, AnnounceInPlace) and action.before.schedule is None and action.after.autostart:
                found += switch_on(self._processes[action.name])
        for name, times in sorted(self._asked.items()):
            process = self._processes.get(name)
            if process is None or not process.timing.on:
                continue
            if process.definition.schedule is None or process.leaving:
                found += switch_off(process)
            elif _times(process.definition) != times:
                # From now on: what has passed by the schedule before has nothing to do with this one.
                process.timing.since = None
                found += [ScheduleAt(name, None), ask(process)]
        return found

    def _changed(self, process: Process, now: float) -> list[Action]:
        """It has changed its state; what if its run is over?"""
        timing = process.timing
        if process.state in UP or process.state is State.STOPPING:
            return []
        if process.ties.blocked:
            # The time for it is over; it is not made up for when that comes back.
            process.ties.blocked = process.ties.timed_out = False
        actions: list[Action] = []
        if timing.left_out > 1:
            actions.append(AnnounceSchedule(process.name, "skipped", NO_TIME, timing.left_out))
        timing.left_out = 0
        if timing.queued is None or process.leaving:
            return actions
        time, timing.queued = timing.queued, None
        late = timing.queued_late + now - timing.queued_at
        limit = process.definition.schedule_deadline
        by_clock = process.definition.schedule is not None and process.definition.schedule.every is None
        if by_clock and limit is not None and late > limit and process.definition.schedule_missed != "once":
            return [*actions, AnnounceSchedule(process.name, "missed", time, 1)]
        actions += [AnnounceSchedule(process.name, "run", time), *start(process, now, run=True)]
        return actions if by_clock else [*actions, ask(process)]


def _has_order(actions: list[Action]) -> bool:
    # A generator for `any` would take longer, and this is asked after each event.
    for action in actions:  # noqa: SIM110 - see above
        if isinstance(action, ScheduleAt):
            return True
    return False


def _times(program: ProcessSpec) -> _Times:
    """All that decides when it runs."""
    return program.schedule, program.schedule_tz, program.schedule_jitter
