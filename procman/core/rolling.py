"""Rolling restarts: the processes of a program one batch after the other. No I/O and no clock here.

- A batch is restarted together. When each of it is ready (RUNNING in a new run, and found healthy once if it has a
  health check), the next one follows. So never more than one batch is down for it.
- Those that are not up come first: if the new version is bad, what is up stays up.
- The first that does not get there, or is asked to stop meanwhile, stops it. What has not been restarted goes on with
  the definition that it has. From there it continues, or is aborted.
- An update brings a new definition to each process when it is its turn. The one before is kept until the next update
  of the program, so that an abort can give it back: that is a rolling restart, too.
- There is one for a program at a time. The next update takes its place; the end of the master ends it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from procman.core.actions import Action, AnnounceRolling
from procman.core.events import (
    Event,
    GroupChanged,
    GroupRemoved,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    StopRequested,
)
from procman.core.groups import ActiveGroup
from procman.core.health_checks import is_to_become_healthy
from procman.core.process import Process
from procman.core.requests import redefine, restart
from procman.core.snapshot import Data, DefinitionReaders, Writer
from procman.core.spec import GroupSpec, ProcessSpec, batch_size
from procman.core.states import UP, State

# What a process of a batch may be in while it comes up.
_FAILED = frozenset({State.BACKOFF, State.FATAL, State.EXITED, State.UNKNOWN})


@dataclass(slots=True)
class Rolling:
    """One of them."""

    program: str  # `ProcessSpec.program`
    operation: int  # that has asked for it; 0: none
    batch: int
    total: int = 0
    coming: list[str] = field(default_factory=list)  # namespecs, in the order in which they are restarted
    under_way: dict[str, list[int]] = field(default_factory=dict)  # with attempts and restarts before that
    ready: list[str] = field(default_factory=list)
    state: Literal["going", "stopped", "done"] = "going"
    aborting: bool = False
    failed: str = ""  # stopped: the process that did not get there
    reason: str = ""  # in words
    targets: dict[str, ProcessSpec] = field(default_factory=dict)  # new definitions that are to be taken over
    previous: dict[str, ProcessSpec] = field(default_factory=dict)  # what was replaced

    @property
    def is_unfinished(self) -> bool:
        """Another one may not begin: it goes on, or has stopped between two definitions."""
        return self.state == "going" or (self.state == "stopped" and bool(self.targets))


class Rollings:
    """Those of one fleet, by program."""

    def __init__(
        self,
        groups: Mapping[str, ActiveGroup],
        processes: Mapping[str, Process],
        define: Callable[[Process, ProcessSpec], None],
    ) -> None:
        """Groups and processes are those of the fleet at any time; `define` is told of each new definition."""
        self.by_program: dict[str, Rolling] = {}
        self._groups = groups
        self._processes = processes
        self._define = define

    def __bool__(self) -> bool:
        return bool(self.by_program)

    def is_going(self, program: str) -> bool:
        """Is the program being restarted now?"""
        rolling = self.by_program.get(program)
        return rolling is not None and rolling.state == "going"

    def is_unfinished(self, program: str) -> bool:
        """Would a request for another one be of no effect?"""
        rolling = self.by_program.get(program)
        return rolling is not None and rolling.is_unfinished

    def has_stopped(self, program: str) -> bool:
        """Has it stopped at a process that is not ready?"""
        rolling = self.by_program.get(program)
        return rolling is not None and rolling.state == "stopped"

    def target_of(self, process: Process) -> ProcessSpec | None:
        """The definition that it gets when it is its turn."""
        rolling = self.by_program.get(process.program.program)
        return rolling.targets.get(process.name) if rolling is not None else None

    # ---- what is asked for

    def ask(self, event: RollingRequested | RollingContinued | RollingAborted, now: float) -> list[Action]:
        """Begin, go on or put back; what cannot be done is not done. The first batch comes with `follow`."""
        rolling = self.by_program.get(event.program)
        match event:
            case RollingRequested(program, names, batch, operation):
                if rolling is not None and rolling.is_unfinished:
                    return []
                return self._begin(Rolling(program, operation, batch), (name for name in names if self._is_there(name)))
            case RollingContinued(_, operation):
                return self._continue(rolling, operation, now) if rolling and rolling.state == "stopped" else []
            case RollingAborted(_, operation):
                return self._abort(rolling, operation, now) if rolling and not rolling.aborting else []

    def stop_asked(self, event: StopRequested) -> list[Action]:
        """Whoever stops a process of it does not want it to go on; what is stopped has the new definition then."""
        process = self._processes.get(event.name)
        rolling = self.by_program.get(process.program.program) if process is not None else None
        if process is None or rolling is None:
            return []
        if event.name in rolling.coming:
            self._give(process, rolling)
            rolling.coming.remove(event.name)
            rolling.total -= 1
        elif event.name not in rolling.under_way:
            return []
        return self._stop(rolling, event.name, "it was asked to stop") if rolling.state == "going" else []

    def update(
        self, members: ActiveGroup, group: GroupSpec, replaced: frozenset[str], operation: int
    ) -> tuple[frozenset[str], frozenset[str], list[Action]]:
        """A group is to have another definition: which processes get theirs later, and which are replaced now."""
        waits, at_once = set[str](), set(replaced)
        actions: list[Action] = []
        by_program: dict[str, dict[str, ProcessSpec]] = {}
        for spec in group.programs:
            process = members.processes.get(spec.namespec)
            if process is not None and not process.leaving:
                by_program.setdefault(spec.program, {})[spec.namespec] = spec
        before = {spec.namespec: spec for spec in members.spec.programs}
        for program, specs in by_program.items():
            rolling = self.by_program.get(program)
            pending = dict(rolling.targets) if rolling is not None else {}
            if all(spec == before.get(name) for name, spec in specs.items()):
                waits.update(pending.keys() & specs.keys())
                continue
            due = {name: spec for name, spec in specs.items() if name in replaced or name in pending}
            targets = {name: spec for name, spec in due.items() if spec != self._processes[name].definition}
            rolled = {name: spec for name, spec in targets.items() if _rolls(self._processes[name], spec)}
            at_once.difference_update(due.keys() - (targets.keys() - rolled.keys()))
            at_once.update(targets.keys() - rolled.keys())
            waits.update(rolled)
            actions += self._take_place(program, rolling, rolled, operation)
        return frozenset(waits), frozenset(at_once), actions

    def end_all(self) -> list[Action]:
        """The master ends."""
        ended: list[Action] = []
        for rolling in self.by_program.values():
            if rolling.is_unfinished:
                rolling.reason = "the master stops"
                ended.append(_announced(rolling, "ended"))
        self.by_program.clear()
        return ended

    # ---- what happens

    def follow(self, event: Event, now: float) -> list[Action]:
        """Go on after an event, as far as the processes are now."""
        actions: list[Action] = []
        for rolling in list(self.by_program.values()):
            if isinstance(event, GroupRemoved | GroupChanged):
                self._forget_gone(rolling)
            if rolling.state == "going":
                actions += self._advance(rolling, now)
            if rolling.state == "done" and not rolling.previous:
                del self.by_program[rolling.program]
        return actions

    def _advance(self, rolling: Rolling, now: float) -> list[Action]:
        actions: list[Action] = []
        while True:
            for name in list(rolling.under_way):
                verdict = _verdict(self._processes[name], *rolling.under_way[name])
                if verdict == "":
                    del rolling.under_way[name]
                    rolling.ready.append(name)
                    actions.append(_announced(rolling, "ready", name))
                elif verdict is not None:
                    return [*actions, *self._stop(rolling, name, verdict)]
            if rolling.under_way or any(_is_renewed(self._processes[name]) for name in rolling.coming):
                return actions
            if not rolling.coming:
                rolling.state = "done"
                return [*actions, _announced(rolling, "done")]
            coming = self._in_order(rolling.coming)
            batch, rolling.coming = coming[: rolling.batch], coming[rolling.batch :]
            for name in batch:
                process = self._processes[name]
                rolling.under_way[name] = [process.attempt, process.restarts]
                self._give(process, rolling)
                process.ties.pulls = True
                actions += [_announced(rolling, "restarting", name), *restart(process, now)]

    # ---- the pieces of the above

    def _begin(self, rolling: Rolling, names: Iterable[str]) -> list[Action]:
        rolling.coming = self._in_order(names)
        rolling.total = len(rolling.coming) + len(rolling.under_way)
        if not rolling.total:
            return []
        self.by_program[rolling.program] = rolling
        return [_announced(rolling, "began")]

    def _take_place(
        self, program: str, before: Rolling | None, targets: dict[str, ProcessSpec], operation: int
    ) -> list[Action]:
        """An update has definitions for it; what is under way by another one is waited for, too."""
        actions: list[Action] = []
        rolling = Rolling(program, operation, 1, targets=targets)
        first: list[str] = []
        if before is not None:
            del self.by_program[program]
            under_way = {name: was for name, was in before.under_way.items() if name not in targets}
            if before.state == "going":
                before.reason = "an update takes its place"
                actions = [_announced(before, "ended")]
                rolling.under_way = under_way
                first = [name for name in before.under_way if name in targets]
            else:
                first = list(before.under_way)
        if not targets:
            return actions
        rolling.batch = batch_size(next(iter(targets.values())).rolling_batch, len(targets))
        rolling.previous = {name: self._processes[name].definition for name in targets}
        return [*actions, *self._begin(rolling, dict.fromkeys([*first, *targets]))]

    def _continue(self, rolling: Rolling, operation: int, now: float) -> list[Action]:
        rolling.coming = [*rolling.under_way, *rolling.coming]
        rolling.under_way.clear()
        actions: list[Action] = []
        for name in list(rolling.coming):
            process = self._processes[name]
            if not process.wanted and process.state is State.STOPPED:
                # Whoever was asked to stop stays down.
                rolling.coming.remove(name)
                target = rolling.targets.pop(name, None)
                if target is not None:
                    self._define(process, target)
                    actions += redefine(process, target, now)
        rolling.state, rolling.failed, rolling.reason = "going", "", ""
        rolling.operation = operation
        rolling.total = len(rolling.coming) + len(rolling.ready)
        return [_announced(rolling, "continued"), *actions]

    def _abort(self, rolling: Rolling, operation: int, now: float) -> list[Action]:
        del self.by_program[rolling.program]
        old = {name: spec for name, spec in rolling.previous.items() if self._is_there(name)}
        # Whoever waits for the one that goes on hears that it has not got to its end.
        rolling.reason = "it was aborted"
        ended: list[Action] = [_announced(rolling, "ended")] if rolling.state == "going" or not old else []
        if not old:
            return ended
        members = self._groups[next(iter(old.values())).group]
        programs = tuple(old.get(spec.namespec, spec) for spec in members.spec.programs)
        members.spec = replace(members.spec, programs=programs)
        targets: dict[str, ProcessSpec] = {}
        actions: list[Action] = []
        for name, spec in old.items():
            process = self._processes[name]
            if process.definition == spec:
                continue  # it has waited for its turn, and goes on
            if process.wanted or process.state is State.FATAL:
                targets[name] = spec
            else:
                self._define(process, spec)
                actions += redefine(process, spec, now)
        back = Rolling(rolling.program, operation, rolling.batch, targets=targets, aborting=True)
        begun = self._begin(back, targets)
        if not begun:
            back.state = "done"
            begun = [_announced(back, "done")]
        return [*ended, *begun, *actions]

    def _stop(self, rolling: Rolling, name: str, reason: str) -> list[Action]:
        rolling.state, rolling.failed, rolling.reason = "stopped", name, reason
        return [_announced(rolling, "stopped", name)]

    def _give(self, process: Process, rolling: Rolling) -> None:
        target = rolling.targets.pop(process.name, None)
        if target is not None:
            process.successor = target
            self._define(process, target)

    def _in_order(self, names: Iterable[str]) -> list[str]:
        """What is not up comes first."""
        there = [self._processes[name] for name in names if name in self._processes]
        return [process.name for process in sorted(there, key=lambda process: process.state is State.RUNNING)]

    def _is_there(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and not process.leaving

    def _forget_gone(self, rolling: Rolling) -> None:
        rolling.coming = [name for name in rolling.coming if self._is_there(name)]
        rolling.ready = [name for name in rolling.ready if self._is_there(name)]
        for names in (rolling.under_way, rolling.targets, rolling.previous):
            for name in [name for name in names if not self._is_there(name)]:
                del names[name]
        rolling.total = len(rolling.coming) + len(rolling.under_way) + len(rolling.ready)
        if not (rolling.total or rolling.previous):
            rolling.state = "done"


def _rolls(process: Process, spec: ProcessSpec) -> bool:
    """Is it replaced when it is its turn? What is down, and stays down, has no turn."""
    if spec.restart_strategy != "rolling" or spec.is_oneshot or process.program.is_oneshot:
        return False
    if spec.schedule is not None or process.program.schedule is not None or process.state is State.UNKNOWN:
        return False
    return process.state in UP or process.state is State.FATAL or (process.state is State.STOPPING and process.wanted)


def _is_renewed(process: Process) -> bool:
    """It is restarted for its memory or its age, and is not up again."""
    return bool(process.wear.renewing) and process.state in (State.STOPPING, State.STARTING)


def _verdict(process: Process, attempt: int, restarts: int) -> str | None:
    """Whether it has got there since: "" if so, None if it is on its way, else what is wrong."""
    if process.state in _FAILED:
        return process.reason or f"it is {process.state.name}"
    if process.restarts > restarts:
        return "it has ended, and was started again"
    if process.state is State.STOPPED:
        if process.listens:
            return ""
        return None if process.wanted else "it was asked to stop"
    if process.state is not State.RUNNING or process.attempt <= attempt or process.goes_down:
        return process.sick or process.unready or None
    return _verdict_on_health(process)


def _verdict_on_health(process: Process) -> str | None:
    if is_to_become_healthy(process):
        return None
    return "it is unhealthy" if process.healthy is False else ""


def _announced(
    rolling: Rolling,
    what: Literal["began", "restarting", "ready", "stopped", "continued", "done", "ended"],
    name: str = "",
) -> AnnounceRolling:
    return AnnounceRolling(
        rolling.program,
        what,
        name=name,
        operation=rolling.operation,
        ready=len(rolling.ready),
        total=rolling.total,
        aborting=rolling.aborting,
        reason=rolling.reason,
        new_definition=bool(rolling.targets or rolling.previous or rolling.aborting),
    )


def write_rollings(rollings: Iterable[Rolling], write_definition: Writer) -> list[Data]:
    """Plain data of them, for `read_rollings`."""
    return [
        {
            "program": rolling.program,
            "operation": rolling.operation,
            "batch": rolling.batch,
            "total": rolling.total,
            "coming": list(rolling.coming),
            "under_way": {name: list(before) for name, before in rolling.under_way.items()},
            "ready": list(rolling.ready),
            "state": rolling.state,
            "aborting": rolling.aborting,
            "failed": rolling.failed,
            "reason": rolling.reason,
            "targets": {name: write_definition(spec) for name, spec in rolling.targets.items()},
            "previous": {name: write_definition(spec) for name, spec in rolling.previous.items()},
        }
        for rolling in rollings
    ]


def read_rollings(data: Iterable[Data], readers: DefinitionReaders) -> dict[str, Rolling]:
    """What `write_rollings` has written, by program."""
    known = {one.name for one in fields(Rolling)}
    rollings = {}
    for plain in data:
        values = {name: value for name, value in plain.items() if name in known}
        for name in ("targets", "previous"):
            values[name] = {process: readers.process(spec) for process, spec in plain[name].items()}
        rollings[plain["program"]] = Rolling(**values)
    return rollings
