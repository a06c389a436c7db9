"""What has become of the hooks of each process: which command runs now, and how the last one of each hook ended."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from procman.core.actions import AnnounceRefreshed, EndHook, ProcessRemoved, RunHook, SkipHook
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import Hook
from procman.runtime.bus import HookRan, Notification
from procman.runtime.definitions import program_of
from procman.runtime.hook_words import short_command
from procman.services.selectors import ALL, Narrowable, Selectors
from procman.system.signals import signal_name

# How a command of a hook has ended: `ignored` has failed, and that does not matter; `broken off` was killed as what it
# was for went on without it; `skipped` was not begun.
Result = Literal["done", "failed", "ignored", "broken off", "skipped"]


@dataclass(frozen=True, slots=True)
class LastResult:
    """How the command of a hook ended that was over last."""

    ended: float  # seconds since the epoch
    result: Result
    command: str  # without its arguments; "": it is about the whole hook
    words: str  # such as "./migrate exited 1"
    seconds: float | None = None  # that it took
    line: str = ""  # the last one that it wrote, if it has failed


@dataclass(frozen=True, slots=True)
class HookOfProcess:
    """One hook of one process."""

    namespec: str
    hook: Hook
    commands: tuple[str, ...]  # without their arguments; of a reload by a signal, that
    runs: str  # the command that runs now; "": none
    since: float | None  # when that was begun, in seconds since the epoch
    last: LastResult | None


class HookResults(Narrowable):
    """Subscribe `hear`."""

    hears = (RunHook, EndHook, SkipHook, HookRan, AnnounceRefreshed, ProcessRemoved)

    def __init__(self, fleet: Fleet) -> None:
        """The fleet is only read."""
        self._fleet = fleet
        self._selectors = Selectors(fleet)
        self._last: dict[str, dict[Hook, LastResult]] = {}
        self._running: dict[tuple[str, Hook], tuple[str, float]] = {}  # the command, and when it was begun

    def of(self, spec: str) -> list[HookOfProcess]:
        """All hooks of the processes that are meant, in their order; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        return [one for process in meant for one in self._of(process)]

    def last(self, name: str) -> Mapping[Hook, LastResult]:
        """How the last command of each hook of that process ended, of those that have run."""
        return self._last.get(name, {})

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image; no command runs during an upgrade."""
        return {
            name: {hook.value: asdict(last) for hook, last in results.items()} for name, results in self._last.items()
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._last = {
            name: {Hook(hook): LastResult(**last) for hook, last in results.items()} for name, results in data.items()
        }

    def hear(self, notification: Notification) -> None:
        """Take note of what has happened."""
        match event := notification.event:
            case RunHook(name=name, hook=hook, command=command):
                self._running[name, hook] = short_command(command), time.time()
            case EndHook(name=name, hook=hook):
                self._running.pop((name, hook), None)
            case SkipHook(name, hook, reason):
                self._note(name, hook, LastResult(time.time(), "skipped", "", reason))
            case HookRan():
                self._ran(event)
            case AnnounceRefreshed(name, ok, words):
                result: Result = "done" if ok else "failed"
                self._note(name, Hook.RELOAD, LastResult(time.time(), result, "", words))
            case ProcessRemoved(name):
                self._last.pop(name, None)
                self._running = {key: value for key, value in self._running.items() if key[0] != name}
            case _:
                pass

    def _ran(self, event: HookRan) -> None:
        self._running.pop((event.name, event.hook), None)
        result: Result = "done"
        if not event.ok:
            result = "broken off" if event.broken_off else "ignored" if event.ignored else "failed"
        line = event.lines[-1] if event.lines else ""
        seconds = round(event.seconds, 3)
        words = "" if event.ok else event.words
        self._note(event.name, event.hook, LastResult(time.time(), result, event.command, words, seconds, line))

    def _note(self, name: str, hook: Hook, last: LastResult) -> None:
        if name in self._fleet.processes:
            self._last.setdefault(name, {})[hook] = last

    def _of(self, process: Process) -> list[HookOfProcess]:
        found = []
        for hook, commands in hooks_of(process).items():
            command, since = self._running.get((process.name, hook), ("", None))
            last = self._last.get(process.name, {}).get(hook)
            found.append(HookOfProcess(process.name, hook, commands, command, since, last))
        return found


def hooks_of(process: Process) -> dict[Hook, tuple[str, ...]]:
    """The hooks that it has, with their commands, without arguments; a reload by a signal has the name of that."""
    program = program_of(process.program)
    found = {hook: tuple(map(short_command, program.commands_of(hook))) for hook in Hook}
    if program.reload is not None and program.reload.signal:
        found[Hook.RELOAD] = (signal_name(program.reload.signal),)
    return {hook: commands for hook, commands in found.items() if commands}
