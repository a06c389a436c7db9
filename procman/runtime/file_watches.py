"""Has the files of programs watched by a helper process, and tells the core what has changed.

There is a helper only while a program watches something. It does nothing for a program whose watch is suspended. What
changes while there is no helper, as it has ended or the master executes other code, is found by its time afterwards.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from procman.config.schema.kinds.environment_sources import env_file_of, env_from_of
from procman.config.schema.kinds.watch import OF_CONFIG, OF_ENVIRONMENT
from procman.config.schema.programs import Program
from procman.core.actions import (
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceWatch,
    ProcessRemoved,
)
from procman.core.events import FilesChanged
from procman.core.fleet import Fleet
from procman.runtime.bus import Interest, Notification
from procman.runtime.children import Children
from procman.runtime.definitions import program_of
from procman.runtime.helper_process import HelperProcess, register
from procman.system.commands import CannotSpawn
from procman.system.signals import send

MODULE = "procman.watcher.watch"

# Seconds from a failure of the helper to the next start, which doubles.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
# So long before its end, in seconds, a helper may have had something that it has not told.
UNTOLD = 10.0

# Directory, items to watch, and to ignore.
Watch = tuple[str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class LastChange:
    """What was done last about files of a process."""

    what: str  # as `AnnounceWatch` has it
    words: str
    time: float  # seconds since the epoch


class FileWatches:
    """Those of one run of the master; subscribe `hear` to the bus."""

    hears: tuple[Interest, ...] = (
        AnnounceGroup,
        AnnounceGroupChanged,
        AnnounceInPlace,
        AnnounceMaster,
        ProcessRemoved,
        AnnounceWatch,
    )

    def __init__(
        self,
        fleet: Fleet,
        children: Children,
        tag: Callable[[], str],
        *,
        post: Callable[[FilesChanged], None],
        own_files: Callable[[], Iterable[str]],
        directory: Callable[[], str],
        tell: Callable[[str, bool], object],
        is_off: bool,
        module: str = MODULE,
    ) -> None:
        """What it works with.

        Args:
            fleet: only read.
            children: registers the helper.
            tag: makes a tag for it (see `system.tree`).
            post: tells the core.
            own_files: what procman itself writes, and what never counts.
            directory: that of programs without one.
            tell: takes a line for the log, and whether it is a warning.
            is_off: nothing is watched, whatever programs say.
            module: the helper.
        """
        self._fleet, self._children, self._tag, self._post = fleet, children, tag, post
        self._own_files, self._directory, self._tell = own_files, directory, tell
        self.is_off = is_off
        self._module = module
        self._loop = asyncio.get_running_loop()
        self._helper: HelperProcess | None = None
        self._job: dict[str, Any] | None = None
        self._ids: dict[Watch, int] = {}
        self._names: dict[int, tuple[str, ...]] = {}  # the processes of each id
        self._known_until: dict[str, float] = {}  # by process: up to when all changes were told
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._failures = 0
        self._begun = self._closed = False
        self._watched: set[int] = set()
        self.failed: dict[str, str] = {}  # by process: why its files are not watched
        self.last: dict[str, LastChange] = {}

    @property
    def pid(self) -> int | None:
        """Of the helper, while there is one."""
        return None if self._helper is None else self._helper.pid

    def begin(self) -> None:
        """The fleet is there: watch what it wants watched."""
        self._begun = True
        self._apply()

    def is_watched(self, name: str) -> bool:
        """Would a change of the files of that process be seen now?"""
        return any(name in self._names.get(number, ()) for number in self._watched)

    def hear(self, notification: Notification) -> None:
        """What is to be watched may be something else now."""
        match event := notification.event:
            case AnnounceWatch(name, what, words) if what != "resumed":
                self.last[name] = LastChange(what, words, time.time())
            case AnnounceMaster():
                # All programs are stopped. As PID 1, procman would ask the helper to leave, like any other process.
                self._closed = True
                self._let_go()
            case ProcessRemoved(name):
                for known in (self.last, self.failed, self._known_until):
                    known.pop(name, None)
            case _:
                pass
        if isinstance(event, AnnounceWatch) and event.what not in ("suspended", "resumed"):
            return
        if self._begun and self._soon is None:
            # Once for all that is said in this turn of the loop.
            self._soon = self._loop.call_soon(self._apply)

    def close(self) -> None:
        """Watch nothing any more; the helper is killed, and reaped later."""
        self._closed = True
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    # ---- over an upgrade

    def snapshot(self) -> dict[str, Any]:
        """Plain data for `restore`."""
        until = time.time() - UNTOLD
        names = {name for names in self._names.values() for name in names}
        return {
            "helper": self.pid,
            "known_until": {name: max(until, self._known_until.get(name, 0.0)) for name in sorted(names)},
            "last": {name: [one.what, one.words, one.time] for name, one in self.last.items()},
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned; the helper of the other image cannot be heard any more."""
        self._known_until = dict(data.get("known_until", {}))
        self.last = {name: LastChange(*one) for name, one in data.get("last", {}).items()}
        if data.get("helper") is not None:
            register(self._children, data["helper"])
            send(data["helper"], signal.SIGKILL, as_group=False)

    # ---- the pieces of the above

    def _apply(self) -> None:
        """Have the helper watch what the fleet wants."""
        self._soon = None
        if self.is_off or self._closed:
            return
        wanted: dict[Watch, list[str]] = {}
        for name, process in self._fleet.processes.items():
            if process.definition.watch and not process.leaving and not self._fleet.watches.is_suspended(name):
                wanted.setdefault(self._watch_of(program_of(process.definition)), []).append(name)
        for watch in wanted:
            self._ids.setdefault(watch, max(self._ids.values(), default=0) + 1)
        self._names = {self._ids[watch]: tuple(names) for watch, names in wanted.items()}
        self._watched &= self._names.keys()
        if not wanted:
            self._let_go()
            return
        never = sorted(set(self._own_files()))
        watches = [{"id": self._ids[one], "directory": one[0], "watch": one[1], "ignore": one[2]} for one in wanted]
        job = {"watches": watches, "never": never}
        if job != self._job:
            self._job = job
            self._send()

    def _watch_of(self, program: Program) -> Watch:
        directory = os.path.normpath(os.path.join(self._directory() or "/", program.directory or ""))
        items: list[str] = []
        for item in program.watch:
            match item:
                case _ if item == OF_CONFIG:
                    items += program.config_files
                case _ if item == OF_ENVIRONMENT:
                    items += [env_file_of(text).path for text in program.env_file]
                    items += [env_from_of(text).path for text in program.env_from]
                case _:
                    items.append(item)
        return directory, tuple(items), program.watch_ignore

    def _send(self) -> None:
        """Tell the helper its job; start it if there is none, and none has just failed."""
        assert self._job is not None
        if self._helper is None:
            if self._timer is not None:
                return
            try:
                self._helper = HelperProcess(
                    self._module, self._children, self._tag(), on_line=self._take, on_end=self._ended
                )
            except CannotSpawn as error:
                self._ended(str(error))
                return
        now = time.time()
        watches = [{**one, "since": self._since(one["id"], now)} for one in self._job["watches"]]
        if not self._helper.send(json.dumps({**self._job, "watches": watches}).encode()):
            self._helper.kill()  # another one gets it from the beginning

    def _since(self, number: int, now: float) -> float:
        return min((self._known_until.setdefault(name, now) for name in self._names[number]), default=now)

    def _let_go(self) -> None:
        self._job = None
        self.failed.clear()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.end()

    def _take(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            match answer:
                case {"changed": int(number), "first": str(first), "files": list(files), "count": int(count)}:
                    told = float(answer["time"])
                    changed = tuple(int(file) for file in files)
                case {"watching": list(numbers), "folders": int(folders)}:
                    self._is_watching({int(number) for number in numbers}, folders)
                    return
                case {"failed": int(number), "words": str(words)}:
                    self._has_failed(number, words)
                    return
                case _:
                    return
        except (ValueError, TypeError, KeyError):
            return  # a warning of a library, say
        for name in self._names.get(number, ()):
            self._known_until[name] = told
            self._post(FilesChanged(name, changed, count, first))

    def _is_watching(self, numbers: set[int], folders: int) -> None:
        self._failures = 0
        news = numbers - self._watched
        self._watched = numbers & self._names.keys()
        names = [name for number in sorted(news) for name in self._names.get(number, ())]
        for name in names:
            self.failed.pop(name, None)
        if names:
            self._tell(f"watching files for {_listed(names)} ({folders} folder{'s' if folders != 1 else ''})", False)

    def _has_failed(self, number: int, words: str) -> None:
        self._watched.discard(number)
        names = [name for name in self._names.get(number, ()) if self.failed.get(name) != words]
        self.failed |= dict.fromkeys(names, words)
        if names:
            self._tell(f"the files of {_listed(names)} are not watched: {words}", True)

    def _ended(self, how: str) -> None:
        helper, self._helper = self._helper, None
        self._watched.clear()
        if self._closed or self._job is None:
            return
        until = time.time() - UNTOLD
        for names in self._names.values():
            for name in names:
                if helper is not None and name in self._known_until:
                    self._known_until[name] = max(self._known_until[name], until)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 20))
        self._failures += 1
        names_of_all = sorted(name for names in self._names.values() for name in names)
        self.failed = dict.fromkeys(names_of_all, f"the helper process has ended: {how}")
        self._tell(f"what watches files has ended ({how}); it is started again in {pause:g} s", True)
        self._timer = self._loop.call_later(pause, self._start_again)

    def _start_again(self) -> None:
        self._timer = None
        if self._job is not None and not self._closed:
            self._send()


def _listed(names: list[str]) -> str:
    most = 5
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
