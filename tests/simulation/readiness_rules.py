"""What must hold of readiness, judged from events, orders and announcements alone."""

from procman.core.actions import Action, Announce, Probe
from procman.core.events import Adopted, Event, Notified, ProbeResult, Spawned
from procman.core.process import Process
from procman.core.spec import Condition, ReadyKind
from procman.core.states import State

A_HAIR = 1e-6
LOOK_LOST = 10.0
ASLEEP = 1.0  # a timer that rings so much later has found procman asleep
TOLD = {ReadyKind.NOTIFY, ReadyKind.FD, ReadyKind.LOG, ReadyKind.LISTENER}


class Run:
    """One run of a process that has conditions."""

    def __init__(self, conditions: tuple[Condition, ...], number: int, born: float, since: float, timeout):
        self.conditions = conditions
        self.number = number
        self.up_at = born + max((condition.delay for condition in conditions), default=0.0)
        self.timeout = timeout
        self.due = None if timeout is None else since + timeout
        self.held = {n for n, condition in enumerate(conditions) if condition.kind is ReadyKind.DELAY}
        self.look: tuple[int, float] | None = None  # the condition that is being looked at, and since when

    @property
    def ready(self) -> bool:
        return len(self.held) == len(self.conditions)


class ReadinessRules:
    """Watches one world; `must` raises what is not so."""

    def __init__(self, must, late: float):
        self._must = must
        self._late = late
        self._runs: dict[str, Run] = {}

    def go_on(self, process: Process, now: float) -> None:
        """Begin in the middle of a story."""
        if process.state is not State.STARTING or process.pid is None or not process.readiness.conditions:
            return
        known = process.readiness
        run = Run(known.conditions, process.attempt, now, now, known.timeout)
        run.up_at = process.deadlines.start if process.deadlines.start is not None else now
        run.due = process.deadlines.unready
        run.held |= known.held
        # When the look began is not known: another one may follow at any time.
        run.look = None if known.looking is None else (known.looking, now - LOOK_LOST)
        self._runs[process.name] = run

    def is_ready(self, name: str, now: float) -> bool:
        """As far as conditions matter."""
        run = self._runs.get(name)
        return run is None or (run.ready and now >= run.up_at and (run.due is None or now < run.due))

    def has_conditions(self, name: str) -> bool:
        """Whether its run has any."""
        return name in self._runs

    def event_comes(self, event: Event, processes: dict[str, Process], now: float) -> None:
        match event:
            case Spawned(name):
                program = processes[name].program
                self._begin(name, Run(program.ready, processes[name].attempt, now, now, program.start_timeout))
            case Adopted(name, _, age, ready) if processes[name].state is State.STOPPED:
                program = processes[name].program
                ready |= program.start_timeout is not None and age >= program.start_timeout
                run = Run(program.ready, processes[name].attempt + 1, now - age, now, program.start_timeout)
                run.held |= {n for n, c in enumerate(run.conditions) if c.kind in TOLD}
                run.conditions = () if ready else run.conditions
                self._begin(name, run)
            case ProbeResult(name, number, place, ok) if self._waits(name, number, processes):
                run = self._runs[name]
                if run.look is not None and run.look[0] == place:
                    run.look = None
                if ok and place < len(run.conditions):
                    run.held.add(place)
            case Notified(name, number, fields) if self._waits(name, number, processes) and ("READY", "1") in fields:
                run = self._runs[name]
                run.held |= {n for n, c in enumerate(run.conditions) if c.kind is ReadyKind.NOTIFY}

    def decided(self, actions: list[Action], processes: dict[str, Process], now: float) -> None:
        for action in actions:
            match action:
                case Probe():
                    self._is_looked_at(action, processes, now)
                case Announce(name=name, before=State.STARTING, after=State.RUNNING):
                    run = self._runs.get(name)
                    self._must(run is None or run.ready, f"{name} is RUNNING before its conditions have held")
                    self._must(run is None or now >= run.up_at - A_HAIR, f"{name} is RUNNING before its delay is over")
                case Announce(name=name, before=State.STARTING, after=State.STOPPING, reason=reason) if reason:
                    run = self._runs.get(name)
                    self._must(run is not None and run.due is not None, f"{name} is stopped: {reason}")
                    self._must(run and run.due and now >= run.due - A_HAIR, f"{name} is stopped before its time")
                    awake = run and run.due and now < run.due + ASLEEP
                    self._must(awake, f"{name} is stopped for what procman has slept over")
                    self._must(reason.startswith("Not ready after"), reason)
                    self._must(processes[name].wanted, f"{name} is stopped before its wave of the shutdown")
        for name, process in processes.items():
            run = self._runs.get(name)
            if run is None or process.state is not State.STARTING or process.pid is None:
                continue
            if not process.wanted:
                continue  # its wave of a shutdown comes
            in_time = run.due is None or now <= run.due + self._late + A_HAIR
            self._must(in_time, f"{name} is not ready, and is not stopped in time")
            if run.due is not None and now >= run.due + ASLEEP and process.deadlines.unready != run.due:
                run.due = now + run.timeout
            self._must(process.deadlines.unready == run.due, f"{name} has until {run.due}")
            waits = process.deadlines.start is not None
            self._must(not run.ready or waits, f"{name} is ready, and not RUNNING")
            asked = {n for n, c in enumerate(run.conditions) if c.kind not in TOLD} - run.held
            looks = process.deadlines.look is not None
            self._must(looks is bool(asked), f"{name} is looked at for {asked}, or is not")

    def _begin(self, name: str, run: Run) -> None:
        self._runs.pop(name, None)
        if run.conditions:
            self._runs[name] = run

    def _waits(self, name: str, number: int, processes: dict[str, Process]) -> bool:
        run, process = self._runs.get(name), processes.get(name)
        if run is None or process is None or process.pid is None or process.state is not State.STARTING:
            return False
        return run.number == number

    def _is_looked_at(self, probe: Probe, processes: dict[str, Process], now: float) -> None:
        name, run = probe.name, self._runs.get(probe.name)
        self._must(run is not None and run.number == probe.run, f"{probe} is for another run")
        assert run is not None
        self._must(processes[name].pid == probe.pid, f"{probe} is for another process")
        self._must(run.conditions[probe.number] == probe.condition, f"{probe} looks at something else")
        self._must(probe.condition.kind not in TOLD | {ReadyKind.DELAY}, f"{probe} asks what is told")
        self._must(probe.number not in run.held, f"{probe} looks at what has held")
        alone = run.look is None or now >= run.look[1] + LOOK_LOST - A_HAIR
        self._must(alone, f"{name} is looked at twice at the same time")
        run.look = (probe.number, now)
