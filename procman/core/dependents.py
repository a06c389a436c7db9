"""What becomes of a process when another one changes, by the edges between them. No I/O and no clock here.

The rules:

- A process with edges waits in STARTING until all of them hold at the same moment, and is spawned in the same step.
- A start that was asked for starts what it needs, whatever state that is in. One by policy starts only what was never
  started, or has ended by itself: not what an operator has stopped, and not what was given up.
- When an edge cannot come to hold by itself any more, the process is blocked: FATAL, and still wanted. It starts by
  itself when the target is on its way again; if it was depends_timeout that was over, when all its edges hold.
- With on_dependency_stop=stop, a process that is up is bound to its targets: it stops before them and starts with them.
- The stop of a target waits for those that depend on it and are being stopped.
- Only the dependents of what has changed are looked at after an event, so a thousand of them cost a thousand looks.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from procman.core.actions import Action, Announce, AnnounceHealth, AnnounceHealthPause, AnnounceInPlace, Spawn
from procman.core.dependencies import DOWN, Dependencies, Need, binds, holds, is_hopeless, is_true, may_come
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    GroupAdded,
    GroupChanged,
    RestartRequested,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.requests import signal, start
from procman.core.starting import block, come_back, hold_again, release
from procman.core.states import UP, Phase, State
from procman.core.stopping import bind, break_off, go_down, renew

_TIED = frozenset({Phase.WAITING, Phase.BLOCKED, Phase.BOUND})


class Dependents:
    """Applies the rules to the processes of a fleet."""

    def __init__(
        self,
        graph: Dependencies,
        processes: Mapping[str, Process],
        refresh: Callable[[Process, float], list[Action]] = lambda _process, _now: [],
    ) -> None:
        """Edges and processes are those of the fleet at any time; `refresh` has one read its configuration again."""
        self._graph = graph
        self._refresh = refresh
        self._processes = processes
        # What has to stop, with the name of the one that it stops for, and again where it is to start again at once.
        self._stopping: dict[str, tuple[Process, str, str]] = {}
        # What may have waited for something to stop that has changed: it stops when nothing else has to stop first.
        self._go_next: dict[str, None] = {}

    def stop_bound(self, name: str, now: float) -> list[Action]:
        """The process is going to be taken down: those first that are bound to it."""
        return [action for other in self.going_with(name) for action in self.take_along(other, name, now)]

    def going_with(self, name: str) -> list[Process]:
        """Those that go down with it now, as they are bound to it, in the order in which they stop."""
        self._graph.touched.append(name)
        # One that is asked to stop, and waits for others to do so, does not come back with this one.
        return [
            other
            for other in self._graph.stop_order(self._graph.bound_to(name))
            if other.state in UP and other.wanted and not other.ties.bound and not other.leaving
        ]

    def going_with_any(self, processes: Iterable[Process]) -> dict[str, tuple[Process, str]]:
        """The same for several, by name, each with the name of the first that it is bound to."""
        found: dict[str, tuple[Process, str]] = {}
        for process in processes if self._graph else ():
            for other in self.going_with(process.name):
                found.setdefault(other.name, (other, process.name))
        return found

    def take_along(self, process: Process, name: str, now: float) -> list[Action]:
        """It goes down with that one, as it is bound to it."""
        return _because(bind(process, now), name)

    def follow(self, event: Event, actions: list[Action], now: float) -> list[Action]:
        """What becomes of others when that has been decided."""
        followed: list[Action] = []
        changed = deque([*_changed(event, actions), *((name, False) for name in self._graph.touched)])
        self._graph.touched.clear()
        if isinstance(event, BootRequested):
            followed += self._pull_for_adopted(now)
            changed.extend(_announced(followed))
        if isinstance(event, DeadlineReached):
            # One whose time is over may have to wait for others to stop; what was to start with it does not any more.
            changed.extend((p.name, False) for p in self._processes.values() if p.ties.deferred)
        while changed or self._stopping or self._go_next:
            if changed:
                name, enters = changed.popleft()
                news = list(self._changed(name, now, enters=enters))
            elif self._stopping:
                news = self._stop(now)
            else:
                name = next(iter(self._go_next))
                del self._go_next[name]
                news = self._go_down(self._processes.get(name), now)
            followed += news
            changed.extend(_announced(news))
            changed.extend((touched, False) for touched in self._graph.touched)
            self._graph.touched.clear()
        return followed

    def _stop(self, now: float) -> list[Action]:
        """Stop what has to stop for what it depends on: all of this event at once, each before what it depends on."""
        stopping, self._stopping = self._stopping, {}
        # First what is bound to any of them: something may depend on that, and on another one.
        for process, _, renewed in list(stopping.values()):
            for other in () if renewed else self.going_with(process.name):
                stopping.setdefault(other.name, (other, process.name, ""))
        actions: list[Action] = []
        for process in self._graph.stop_order(process for process, _, _ in stopping.values()):
            _, because, renewed = stopping[process.name]
            if renewed:
                actions += _because(renew(process, now, f"restart of {renewed}"), because)
            else:
                actions += _because(bind(process, now), because)
            if process.ties.deferred:
                self._graph.touched.append(process.name)  # what was to start with it, in this event, does not any more
        return actions

    def _pull_for_adopted(self, now: float) -> list[Action]:
        """Start what those need that are up already: an earlier master has started them."""
        return [
            action
            for process in list(self._processes.values())
            if process.pid is not None and process.wanted
            for action in self._pull(process, now)
        ]

    def _changed(self, name: str, now: float, *, enters: bool) -> Iterator[Action]:
        process = self._processes.get(name)
        # Its last edge may have been taken out.
        if process is not None and (self._graph.needs(name) or process.phase in _TIED):
            if enters and process.ties.waiting:
                yield from self._pull(process, now)
            yield from self._look(process, None, now)
        for dependent in list(self._graph.needed_by(name).values()):
            yield from self._look(dependent, name, now)
        # Those may stop now that have waited for it to do so.
        self._go_next[name] = None
        if process is None or not process.goes_down:
            self._go_next |= dict.fromkeys(need.target for need in self._graph.needs(name))

    @staticmethod
    def _go_down(process: Process | None, now: float) -> list[Action]:
        if process is None or not process.ties.deferred:
            return []
        return [] if any(other.goes_down for other in process.needed_by.values()) else go_down(process, now)

    def _look(self, process: Process, changed: str | None, now: float) -> list[Action]:
        """What becomes of a process when it has changed itself (None), or that target of it."""
        ties = process.ties
        if process.leaving or process.successor is not None:
            return []
        match process.state:
            case State.STARTING if ties.waiting:
                return self._wait(process, changed, now)
            case State.STARTING if process.hooks.running is not None:
                # Its pre_start is not broken off for that; before it is spawned, all has to be there again.
                return self._mind(process, changed, now) if process.wanted else []
            case State.STARTING if process.pid is None and not ties.alone:
                if self._graph.first_unmet(process) is None:
                    return []
                if process.hooks.owed and process.program.post_stop:
                    return break_off(process, now)  # its pre_start has to be followed by that, and then runs again
                hold_again(process, now)
                return self._wait(process, None, now)
            case State.FATAL | State.STOPPED if process.wanted and (ties.blocked or ties.bound):
                return self._come_back(process, changed, now)
            case State.STARTING | State.RUNNING | State.BACKOFF if process.wanted and not ties.deferred:
                return self._mind(process, changed, now)
            case _:
                return []

    def _pull(self, process: Process, now: float) -> list[Action]:
        """Start what it needs, as it is to start itself."""
        asked, process.ties.pulls = process.ties.pulls, False
        actions: list[Action] = []
        for need in self._graph.needs(process.name):
            target = self._processes.get(need.target)
            if target is None or target.leaving or need.optional or is_true(need.condition, target):
                continue
            if target.definition.schedule is not None and not asked:
                continue  # by policy, it is neither run nor switched on
            ended = target.state is State.EXITED and not target.failed
            untouched = ended or target.listens or (target.state is State.STOPPED and not target.attempt)
            if untouched or (asked and (target.state in DOWN or (target.goes_down and not target.wanted))):
                target.ties.pulls = asked
                self._graph.touched.append(target.name)
                actions += _because(start(target, now), process.name)
        return actions

    def _wait(self, process: Process, changed: str | None, now: float) -> list[Action]:
        for need in self._that_may_be_hopeless(process, changed):
            target = self._processes.get(need.target)
            if target is not None and is_hopeless(need, target):
                return _because(block(process, _why_blocked(target)), target.name)
        unmet = self._graph.first_unmet(process)
        if unmet is None:
            return release(process, now)
        process.ties.waits_for = unmet.written
        target = self._processes.get(unmet.target)
        # It has been stopped meanwhile, as nobody had connected.
        return _because(start(target, now), process.name) if target is not None and target.listens else []

    def _that_may_be_hopeless(self, process: Process, changed: str | None) -> tuple[Need, ...]:
        needs = self._graph.needs(process.name)
        if changed is None:
            return needs
        target = self._processes.get(changed)
        if target is None or (target.state not in DOWN and target.state is not State.UNKNOWN):
            return ()
        return tuple(need for need in needs if need.target == changed)

    def _come_back(self, process: Process, changed: str | None, now: float) -> list[Action]:
        if self._graph.first_unmet(process, holds if process.ties.timed_out else may_come) is not None:
            return []
        return _because(come_back(process, now), changed or "")

    def _mind(self, process: Process, changed: str | None, now: float) -> list[Action]:
        """It is up, or between two tries."""
        program, ties = process.program, process.ties
        if program.on_dependency_stop == "stop" and changed is not None:
            for need in self._that_may_be_hopeless(process, changed):
                if binds(need) and is_hopeless(need, self._processes.get(need.target)):
                    self._stopping[process.name] = process, need.target, ""
                    return []
        what, number = program.on_dependency_restart
        if what == "ignore" or process.pid is None or process.name in self._stopping:
            return []
        for need in self._graph.needs(process.name):
            if changed not in (None, need.target):
                continue
            target = self._processes.get(need.target)
            if target is not None and need.condition != "exited" and is_true(need.condition, target):
                if ties.seen.get(need.target, target.attempt) != target.attempt:
                    ties.stale = need.target
                ties.seen[need.target] = target.attempt
        if not ties.stale or self._graph.first_unmet(process) is not None:
            return []
        renewed, ties.stale = ties.stale, ""
        if what == "reload":
            return self._refresh(process, now) if process.state is State.RUNNING else []
        if what == "signal":
            return signal(process, number)
        self._stopping[process.name] = process, renewed, renewed
        return []


def _changed(event: Event, actions: list[Action]) -> list[tuple[str, bool]]:
    """The processes that have changed, and whether they have begun to start."""
    names = _announced(actions)
    names += [(action.name, False) for action in actions if isinstance(action, Spawn) and action.program.pre_start]
    match event:
        case Spawned(name) | StartRequested(name) | StopRequested(name) | RestartRequested(name):
            names.append((name, False))
        case GroupAdded(group) | GroupChanged(group):
            names += [(program.namespec, False) for program in group.programs]
        case _:
            pass
    return names


def _announced(actions: list[Action]) -> list[tuple[str, bool]]:
    """The processes that have changed, and whether they have begun to start."""
    return [
        (action.name, isinstance(action, Announce) and action.after is State.STARTING)
        for action in actions
        if isinstance(action, Announce | AnnounceInPlace | AnnounceHealth | AnnounceHealthPause)
    ]


def _because(actions: list[Action], name: str) -> list[Action]:
    return [action._replace(because=name) if isinstance(action, Announce) else action for action in actions]


def _why_blocked(target: Process) -> str:
    if target.ties.blocked:
        return f"blocked: {target.name} is {target.reason}"
    if target.leaving:
        return f"blocked: {target.name} is being removed"
    return f"blocked: {target.name} is {target.state.name}{f': {target.reason}' if target.reason else ''}"
