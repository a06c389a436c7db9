"""What must hold of restarts by policy: delays, limits and the brake, judged from announcements alone.

What a request resets is not modelled. Where that matters, two counts are kept: one from the last moment that may have
been a reset (no rule may be broken even if it was), and one of all that happened (nothing may be refused even so).
"""

from collections import defaultdict

from procman.config.schema.programs import Program
from procman.core.actions import Action, Announce
from procman.core.events import (
    Adopted,
    BootRequested,
    Event,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    RestartRequested,
    RetryRequested,
    Spawned,
    StartRequested,
)
from procman.core.process import Process
from procman.core.restarts import BRAKED
from procman.core.spec import Autorestart, EarlyExit
from procman.core.states import State
from tests.simulation.oneshot_rules import is_oneshot

A_HAIR = 1e-6
REQUESTS = (BootRequested, StartRequested, RestartRequested, RetryRequested, GroupAdded, GroupChanged)
BRAKE_STARTS, BRAKE_WINDOW, BRAKE_DELAY = 10, 10.0, 1.0


def listed(status: ExitStatus, codes: tuple[int, ...]) -> bool:
    return status.known and (status.code if status.signal is None else -status.signal) in codes


def expected(status: ExitStatus, program: Program) -> bool:
    return listed(status, program.exitcodes) and not listed(status, program.norestart_exitcodes)


def comes_back(status: ExitStatus, program: Program) -> bool:
    """By autorestart, if it is wanted and no limit is reached."""
    if is_oneshot(program):
        return not expected(status, program)  # a failed try, if only to be given up
    if listed(status, program.norestart_exitcodes):
        return False
    always = program.autorestart is Autorestart.ALWAYS
    return always or (program.autorestart is Autorestart.UNEXPECTED and not expected(status, program))


def is_judged(status: ExitStatus, program: Program) -> bool:
    """An end before startsecs is an ordinary end."""
    if is_oneshot(program):
        return False
    return listed(status, program.norestart_exitcodes) or (
        program.early_exit is EarlyExit.JUDGE and listed(status, program.exitcodes)
    )


class RestartRules:
    """Watches one world; `must` raises what is not so."""

    def __init__(self, must):
        self._must = must
        self._all: dict[str, list[float]] = defaultdict(list)  # when restarts were decided
        self._since: dict[str, list[float]] = defaultdict(list)  # the same since the last moment that may be a reset
        self._all_starts: dict[str, list[float]] = defaultdict(list)
        self._starts: dict[str, list[float]] = defaultdict(list)
        self._delays: dict[str, float] = {}  # the latest in a row
        self._spawned: dict[str, float] = {}
        self._programs: dict[str, Program] = {}
        self._was_braking: set[str] = set()  # when the story began in the middle

    def go_on(self, process: Process) -> None:
        """Begin in the middle of a story."""
        name = process.name
        self._all[name] = [when for when, _ in process.again.window]
        self._all_starts[name] = list(process.again.starts)
        if process.again.braking:
            self._was_braking.add(name)
        if process.born is not None:
            self._spawned[name] = process.born

    def limit_allows(self, name: str, program: Program, now: float) -> bool:
        """Is the limit surely not reached?"""
        if program.restart_limit is None:
            return True
        count, seconds = program.restart_limit
        return sum(when > now - seconds for when in self._all[name]) < count

    def may_brake(self, name: str) -> bool:
        """Has it been started too often, at any time?"""
        if name in self._was_braking:
            return True
        starts = self._all_starts[name]
        return any(late - early < BRAKE_WINDOW for early, late in zip(starts, starts[BRAKE_STARTS:], strict=False))

    def decided(self, event: Event, actions: list[Action], now: float, due: dict[str, float | None]) -> None:
        """`due` is when each process is started next, after the event."""
        self._note_event(event, now)
        news = [action for action in actions if isinstance(action, Announce)]
        for at, action in enumerate(news):
            later = [one.after for one in news[at + 1 :] if one.name == action.name]
            if action.after is State.BACKOFF:
                self._backs_off(action, later, now, due.get(action.name))
            elif action.after is State.STARTING:
                self._starts_again(action, now, by_policy=not isinstance(event, REQUESTS))
            elif action.after is State.EXITED and action.status is not None:
                age = now - self._spawned.get(action.name, now)
                if age >= self._reset_after(action.program):
                    self._delays.pop(action.name, None)

    def _note_event(self, event: Event, now: float) -> None:
        match event:
            case Spawned(name):
                self._spawned[name] = now
            case Adopted(name, _, age):
                self._spawned[name] = now - age
            case StartRequested(name) | RestartRequested(name) | RetryRequested(name):
                self._may_be_reset(name)
            case BootRequested():
                for name in list(self._since):
                    self._may_be_reset(name)
            case GroupChanged(group) | GroupAdded(group):
                for program in group.programs:
                    self._may_be_reset(program.namespec)
            case _:
                pass

    def _may_be_reset(self, name: str) -> None:
        self._since[name].clear()
        self._starts[name].clear()
        self._delays.pop(name, None)

    def _backs_off(self, action: Announce, later: list[State], now: float, due: float | None) -> None:
        name, program = action.name, action.program
        ended = action.status
        unready = "ready" in action.reason
        judged = ended is not None and is_judged(ended, program)
        self._must(unready or not judged, f"{name} has ended as it may, and backs off")
        begins_anew = now - self._spawned.get(name, now) >= self._reset_after(program)
        if begins_anew:
            self._delays.pop(name, None)
        if later[:1] in ([State.STOPPED], [State.FATAL]):
            return
        limit = program.restart_limit
        waits = limit is not None and not self.limit_allows(name, program, now)
        what, seconds = program.on_restart_limit
        if waits and what == "wait" and due is not None and abs(due - now - seconds) < A_HAIR:
            self._all[name].clear()
            self._since[name].clear()
            self._delays.pop(name, None)
            return
        self._decide(name, program, now)
        if due is None or program.backoff is None or action.reason == BRAKED:
            return
        least, most = program.backoff
        delay = due - now
        longest = most * (1 + program.backoff_jitter)
        self._must(least - A_HAIR <= delay <= longest + A_HAIR, f"{name} waits for {delay} s of {program.backoff}")
        before = self._delays.get(name, 0.0) / (1 + program.backoff_jitter)
        grown = min(before * program.backoff_factor, most)
        self._must(delay >= grown - A_HAIR, f"the delay of {name} after {before} s is {delay} s")
        if not begins_anew:
            # That one counts for nothing: the first delay of a row comes after it.
            self._delays[name] = delay

    def _starts_again(self, action: Announce, now: float, *, by_policy: bool) -> None:
        name = action.name
        if action.before is State.EXITED and by_policy:
            # At once.
            self._decide(name, action.program, now)
            age = now - self._spawned.get(name, now)
            younger = age < self._reset_after(action.program)
            self._must(action.program.backoff is None or not younger, f"{name} of {age} s starts without a delay")
        starts = self._starts[name]
        if by_policy and action.before in {State.EXITED, State.BACKOFF} and len(starts) > BRAKE_STARTS:
            lately = starts[-BRAKE_STARTS - 1 :]
            young = now - self._spawned.get(name, now) < BRAKE_WINDOW
            hurries = lately[-1] - lately[0] < BRAKE_WINDOW and young
            gap = now - lately[-1]
            self._must(not hurries or gap >= BRAKE_DELAY - A_HAIR, f"{name} starts after {gap} s, for the 11th time")
        starts.append(now)
        self._all_starts[name].append(now)

    def _decide(self, name: str, program: Program, now: float) -> None:
        if self._programs.get(name) is not program:
            self._programs[name] = program
            self._since[name].clear()
            self._delays.pop(name, None)
        self._all[name].append(now)
        self._since[name].append(now)
        if program.restart_limit is not None:
            count, seconds = program.restart_limit
            recent = sum(when > now - seconds for when in self._since[name])
            self._must(recent <= count, f"{name} restarts {recent} times within {seconds} s")

    @staticmethod
    def _reset_after(program: Program) -> float:
        if program.backoff_reset is not None:
            return program.backoff_reset
        return max(10.0, program.backoff[1] if program.backoff else 0.0)
