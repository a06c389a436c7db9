"""The hooks that nothing waits for, and what a process is to do to read its configuration again. No I/O, no clock.

- post_start runs when a process has become RUNNING, beside it, and ends with it at the latest.
- on_failure runs when a process is down because it has failed: not where it is blocked by the failure of another one,
  which has its own. It goes on whatever happens to the process; only the end of the master waits for it.
- A refresh sends a signal or runs commands. It is over when the process has said so (READY=1 after RELOADING=1), if it
  says READY=1 at all, else when it still lives a moment later. Nothing is stopped if it fails.
- Each has a deadline of its own here, as those of a process end with its state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from procman.core.actions import (
    Action,
    Announce,
    AnnounceRefresh,
    AnnounceRefreshed,
    EndHook,
    Kill,
    ProcessRemoved,
    RunHook,
)
from procman.core.events import Adopted, Event, HookEnded, KillFailed, Notified
from procman.core.process import Process
from procman.core.readiness import is_said_ready
from procman.core.spec import Hook, HookCommand, ReadyKind, Scope
from procman.core.states import State

# How long a process has to live after a signal or a command that it does not answer, in seconds.
LIVES_ON = 1.0


@dataclass(slots=True)
class Side:
    """One that is under way."""

    commands: tuple[HookCommand, ...]
    deadline: float
    place: int = 0  # of the command that runs
    number: int = 0  # `RunHook.number`; 0: none runs
    # Of a refresh:
    run: int = 0
    answers: bool = False  # the process says when it is done
    begun: bool = False  # it has said that it reloads
    ready: bool = False  # it has said that it is ready since then
    ends_at: float = 0.0  # when all of it has to be over


Key = tuple[str, Hook]


class SideHooks:
    """Those of a fleet."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        """The processes are those of the fleet at any time."""
        self._processes = processes
        self._sides: dict[Key, Side] = {}

    @property
    def waits(self) -> bool:
        """Is there one that the end of the master waits for?"""
        return any(hook is Hook.ON_FAILURE for _, hook in self._sides)

    def deadlines(self) -> list[float]:
        """When something happens by itself."""
        return [side.deadline for side in self._sides.values()]

    def is_refreshing(self, name: str) -> bool:
        """Is the process about to read its configuration again?"""
        return (name, Hook.RELOAD) in self._sides

    def refresh(self, process: Process, now: float) -> list[Action]:
        """Have it read its configuration again."""
        program, name = process.program, process.name
        if process.state is not State.RUNNING or process.pid is None or process.ties.deferred:
            return [AnnounceRefreshed(name, ok=False, words="it is not RUNNING")]
        if program.reload is None:
            return [AnnounceRefreshed(name, ok=False, words="it has no option reload, which says how")]
        if self.is_refreshing(name):
            return [AnnounceRefreshed(name, ok=False, words="it is reading its configuration already")]
        answers = any(condition.kind is ReadyKind.NOTIFY for condition in program.ready)
        side = Side(program.reload.commands, now + program.reload_timeout, run=process.attempt, answers=answers)
        side.ends_at = side.deadline
        self._sides[name, Hook.RELOAD] = side
        if program.reload.signal:
            return [
                Kill(name, process.pid, program.reload.signal, Scope.PROCESS),
                *self._reload_goes_on(name, side, now),
            ]
        return [self._run(process, Hook.RELOAD, side)]

    def follow(self, event: Event, actions: Iterable[Action], now: float, *, ending: bool) -> list[Action]:
        """What comes of what has happened and was decided; `ending`: the master shuts down, and nothing is begun."""
        followed: list[Action] = []
        match event:
            case HookEnded():
                followed += self._ended(event, now)
            case Notified(name, run, fields):
                followed += self._notified(name, run, fields)
            case KillFailed(name, reason) if (name, Hook.RELOAD) in self._sides:
                followed += self._refreshed(name, reason)
            case _:
                pass
        for action in actions:
            if isinstance(action, Announce):
                if self._sides:
                    followed += self._left(action)
                if not ending and (process := self._processes.get(action.name)) is not None:
                    followed += self._entered(process, event, action, now)
            elif isinstance(action, AnnounceRefresh) and not ending:
                followed += self.refresh(self._processes[action.name], now)
        return followed

    def goes_on(self, actions: Iterable[Action]) -> list[Action]:
        """What comes of what a shutdown has decided, or a change of the groups: nothing begins by that."""
        followed: list[Action] = []
        if not self._sides:
            return followed
        for action in actions:
            if isinstance(action, Announce):
                followed += self._left(action)
            elif isinstance(action, ProcessRemoved):
                followed += self._end_all_of(action.name, "it has been removed")
        return followed

    def serve_deadlines(self, now: float) -> list[Action]:
        """Serve those that have come."""
        due = [key for key, side in self._sides.items() if side.deadline <= now]
        return [action for key in due for action in self._overdue(*key, now)]

    def end_all(self, reason: str) -> list[Action]:
        """Nothing is waited for any more."""
        return [action for name in {name for name, _ in self._sides} for action in self._end_all_of(name, reason)]

    # ---- over a recording

    def snapshot(self) -> list[list[Any]]:
        """Plain data for `restore`."""
        return [
            [
                name,
                hook.name,
                [["", *command[1:]] for command in side.commands],  # a recording holds no command
                side.deadline,
                side.place,
                side.number,
                side.run,
                side.answers,
                side.begun,
                side.ready,
                side.ends_at,
            ]
            for (name, hook), side in self._sides.items()
        ]

    def restore(self, data: Iterable[list[Any]]) -> None:
        """Go on from what `snapshot` returned."""
        for name, hook, commands, *rest in data:
            self._sides[name, Hook[hook]] = Side(tuple(HookCommand(*command) for command in commands), *rest)

    # ---- one of them

    def _left(self, news: Announce) -> list[Action]:
        if news.before is not State.RUNNING:
            return []
        process = self._processes.get(news.name)
        # One that has ended by itself is STOPPING, too, while its post_stop runs.
        has_ended = news.after is not State.STOPPING or (process is not None and process.pending_end is not None)
        why = "it has ended" if has_ended else "it is being stopped"
        ended = self._end(news.name, Hook.POST_START, why)
        return [*ended, *self._refreshed(news.name, why)] if self.is_refreshing(news.name) else ended

    def _entered(self, process: Process, event: Event, news: Announce, now: float) -> list[Action]:
        if news.after is State.RUNNING:
            adopted_up = isinstance(event, Adopted) and not event.post_start
            is_up = process.state is State.RUNNING and not adopted_up
            return self._begin(process, Hook.POST_START, now) if is_up else []
        if not _has_failed(process, news):
            return []
        again = self._end(news.name, Hook.ON_FAILURE, "it has failed again")
        return [*again, *self._begin(process, Hook.ON_FAILURE, now)]

    def _begin(self, process: Process, hook: Hook, now: float) -> list[Action]:
        commands = process.program.commands_of(hook)
        if not commands:
            return []
        side = self._sides[process.name, hook] = Side(commands, now + process.program.hook_timeout)
        return [self._run(process, hook, side)]

    def _run(self, process: Process, hook: Hook, side: Side) -> RunHook:
        process.hooks.number += 1
        side.number = process.hooks.number
        return RunHook(
            name=process.name,
            run=process.attempt,
            hook=hook,
            place=side.place,
            command=side.commands[side.place],
            number=side.number,
            pid=process.pid or 0,
            status=process.last_end if hook is Hook.ON_FAILURE else None,
            by_itself=hook is Hook.ON_FAILURE,
        )

    def _ended(self, event: HookEnded, now: float) -> list[Action]:
        for (name, hook), side in self._sides.items():
            if name == event.name and side.number == event.number:
                return self._answered(name, hook, side, event, now)
        return []

    def _answered(self, name: str, hook: Hook, side: Side, event: HookEnded, now: float) -> list[Action]:
        side.number = 0
        if not event.ok and not side.commands[side.place].may_fail:
            if hook is Hook.RELOAD:
                return self._refreshed(name, f"{event.words}{f': {event.said}' if event.said else ''}")
            del self._sides[name, hook]
            return []
        return self._next(name, hook, side, now)

    def _next(self, name: str, hook: Hook, side: Side, now: float) -> list[Action]:
        side.place += 1
        process = self._processes.get(name)
        if hook is Hook.POST_START and (process is None or process.state is not State.RUNNING):
            pass  # it is being stopped in this step
        elif process is not None and side.place < len(side.commands):
            if hook is not Hook.RELOAD:
                side.deadline = now + process.program.hook_timeout
            return [self._run(process, hook, side)]
        if hook is Hook.RELOAD:
            return self._reload_goes_on(name, side, now)
        del self._sides[name, hook]
        return []

    def _overdue(self, name: str, hook: Hook, now: float) -> list[Action]:
        side, process = self._sides[name, hook], self._processes.get(name)
        if hook is Hook.RELOAD:
            return self._reload_is_due(name, side)
        limit = process.program.hook_timeout if process is not None else 0.0
        ended = EndHook(name, hook, side.number, f"{hook.value} timed out after {round(limit, 2):g} s", late=True)
        if side.commands[side.place].may_fail:
            side.number = 0
            return [ended, *self._next(name, hook, side, now)]
        del self._sides[name, hook]
        return [ended]

    def _end(self, name: str, hook: Hook, reason: str, *, late: bool = False) -> list[Action]:
        side = self._sides.pop((name, hook), None)
        return [] if side is None or not side.number else [EndHook(name, hook, side.number, reason, late)]

    def _end_all_of(self, name: str, reason: str) -> list[Action]:
        refreshed = self._refreshed(name, reason) if self.is_refreshing(name) else []
        return [*refreshed, *self._end(name, Hook.POST_START, reason), *self._end(name, Hook.ON_FAILURE, reason)]

    # ---- a refresh

    def _reload_goes_on(self, name: str, side: Side, now: float) -> list[Action]:
        """The signal was sent, or all commands have succeeded."""
        if side.answers:
            return self._refreshed(name) if side.ready else []
        side.deadline = min(now + LIVES_ON, side.ends_at)
        return []

    def _reload_is_due(self, name: str, side: Side) -> list[Action]:
        if side.number:
            return self._refreshed(name, "its reload command did not end in time", late=True)
        if not side.answers:
            return self._refreshed(name)
        return self._refreshed(name, "no READY=1 came in time" if side.begun else "no RELOADING=1 came in time")

    def _notified(self, name: str, run: int, said: tuple[tuple[str, str], ...]) -> list[Action]:
        side = self._sides.get((name, Hook.RELOAD))
        if side is None or side.run != run:
            return []
        # Both may be in one message, and only in this order do they mean that it is done.
        side.begun = side.begun or ("RELOADING", "1") in said
        side.ready = side.ready or (side.begun and is_said_ready(said))
        return self._refreshed(name) if side.answers and side.ready and not side.number else []

    def _refreshed(self, name: str, failure: str = "", *, late: bool = False) -> list[Action]:
        ended = self._end(name, Hook.RELOAD, failure, late=late)
        return [*ended, AnnounceRefreshed(name, ok=not failure, words=failure)]


def _has_failed(process: Process, news: Announce) -> bool:
    """Is it down because of that, and not to be started again?"""
    if news.after is State.FATAL:
        return not news.blocked
    return news.after is State.EXITED and not news.expected and not process.wanted
