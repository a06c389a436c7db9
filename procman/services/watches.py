"""Which files the processes watch, whether that works, and what was done last about a change."""

from dataclasses import dataclass
from typing import Literal

from procman.config.schema import kinds
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import HookCommand, WatchAction
from procman.runtime.definitions import program_of
from procman.runtime.file_watches import FileWatches, LastChange
from procman.runtime.hook_words import short_command
from procman.services.selectors import ALL, Narrowable, Selectors

# `starting`: not yet. `suspended`: it has changed its own files again and again. `failed`: it cannot be done.
# `off`: by no_watch.
WatchState = Literal["watching", "starting", "suspended", "failed", "off"]


@dataclass(frozen=True, slots=True)
class WatchOfProcess:
    """What one process watches."""

    namespec: str
    watch: tuple[str, ...]  # as a file has it, as is the next one
    ignore: tuple[str, ...]
    action: str  # of a command only its name
    state: WatchState
    words: str  # why, where it is suspended, or has failed
    last: LastChange | None


class WatchService(Narrowable):
    """Of one run of the master; all is only read."""

    def __init__(self, fleet: Fleet, watches: FileWatches) -> None:
        """`watches` has the files watched."""
        self._fleet = fleet
        self._watches = watches
        self._selectors = Selectors(fleet)

    def of(self, spec: str) -> list[WatchOfProcess]:
        """Those of the processes that are meant which watch any, in their order; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        return [self._of(process) for process in meant if process.definition.watch]

    def is_watched(self, name: str) -> bool | None:
        """Whether a change of its files would be seen; None: it watches none."""
        process = self._fleet.processes.get(name)
        if process is None or not process.definition.watch:
            return None
        return self._state(process)[0] == "watching"

    def trouble(self, name: str) -> str:
        """Why its files are not watched that should be, for people; "": they are, or it watches none."""
        process = self._fleet.processes.get(name)
        if process is None or not process.definition.watch:
            return ""
        state, words = self._state(process)
        return f"its files are not watched: {words}" if state in ("suspended", "failed") else ""

    def last(self, name: str) -> LastChange | None:
        """What was done last about a change of its files; None: nothing."""
        return self._watches.last.get(name)

    def _of(self, process: Process) -> WatchOfProcess:
        program = program_of(process.definition)
        state, words = self._state(process)
        return WatchOfProcess(
            namespec=process.name,
            watch=program.watch,
            ignore=program.watch_ignore,
            action=_shown(program.watch_action),
            state=state,
            words=words,
            last=self._watches.last.get(process.name),
        )

    def _state(self, process: Process) -> tuple[WatchState, str]:
        name = process.name
        if self._watches.is_off:
            return "off", ""
        if self._fleet.watches.is_suspended(name):
            last = self._watches.last.get(name)
            again = f"{last.words} again and again" if last is not None else "they change again and again"
            return "suspended", f"{again}, each time just after the last"
        if name in self._watches.failed:
            return "failed", self._watches.failed[name]
        return ("watching" if self._watches.is_watched(name) else "starting"), ""


def _shown(action: WatchAction) -> str:
    """As a file has it, but of a command only its name: its arguments may be secret."""
    if action.what == "exec":
        return f"exec:{short_command(HookCommand(action.command))}"
    return kinds.WATCH_ACTION.show(action)
