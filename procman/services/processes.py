"""The operations that every front end uses: start, stop, restart, signal, status, and the end of it all.

A waiter is a future that announcements resolve, never a poll. What cannot be done is an `OperationError`, or,
for one process among many, an `Outcome` with the reason.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, Self

from procman.api.shapes import FiguresInfo, ProcessInfo
from procman.api.supervisor_states import supervisor_state
from procman.config.schema.model import Program
from procman.core.actions import Announce, ProcessRemoved
from procman.core.events import (
    Adopted,
    KillFailed,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.states import SETTLED, SIGNALLABLE, UP, MasterState, State
from procman.errors import ProcmanError, Reason, UnknownProcess, WrongState
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.ending import ending
from procman.runtime.engine import Engine
from procman.services.operations import Outcome
from procman.system.commands import CannotSpawn, find_command
from procman.system.proc import CannotLook
from procman.system.resource_usage import figures
from procman.system.signals import signal_number
from procman.system.tree import ProcSnapshot

ALL = "all"


# What is brought back so often within so long goes round in circles, in seconds; it may end as expected now and then.
FLAPS = 3
FLAPS_WITHIN = 300.0
FLAPS_WITHIN_AS_EXPECTED = 60.0
# Of one that ends sooner than this and is brought back at once, nobody looks up the last words, in seconds.
WORTH_A_LOOK = 1.0


@dataclass(slots=True)
class Times:
    """When a process last came and went, in seconds since the epoch, and what it said then; 0: never."""

    start: float = 0.0
    stop: float = 0.0
    started: float = 0.0  # the same start on the steady clock, for the uptime
    last_words: str = ""  # of the run that ended last, where it failed
    last_words_on: str = ""  # stdout or stderr
    brought_back: list[float] = field(default_factory=list)  # the last FLAPS times that autorestart did
    flapping_until: float = 0.0


_NEVER = Times()


class Moment(NamedTuple):
    """A point in time by both clocks."""

    now: int  # seconds since the epoch
    steady: float

    @classmethod
    def present(cls) -> Self:
        """This one."""
        return cls(int(time.time()), time.monotonic())


class Status:
    """What is known of one process until something happens to it, so that whoever asks often is answered quickly.

    What goes on meanwhile, its uptime for one, is asked for with a moment: in `steady` whatever `info` sets is not yet.
    """

    __slots__ = ("_description", "_runs", "_started", "made_of", "prepared", "steady")

    def __init__(self, process: Process, times: Times, logs: tuple[str, str], made_of: object) -> None:
        """`made_of` tells whether it still holds, `logs` are the paths of stdout and stderr."""
        self.made_of = made_of
        # What a front end has made of it for the next time that it is asked; it goes where this goes.
        self.prepared: Any = None
        self._started = times.started
        self._runs = process.state is State.RUNNING
        self._description = _description(process, times)
        state = supervisor_state(process.state)
        self.steady = ProcessInfo(
            name=process.program.name,
            group=process.program.group,
            namespec=process.name,
            description=self._description,
            state=state.code,
            statename=state.name,
            start=int(times.start),
            stop=int(times.stop),
            now=0,
            uptime=0,
            pid=process.pid or 0,
            exitstatus=process.exit_status.code if process.exit_status else 0,
            ending=ending(process.last_end) if process.last_end else "",
            last_words=times.last_words,
            last_words_on=times.last_words_on,
            spawnerr=process.reason,
            logfile=logs[0],
            stdout_logfile=logs[0],
            stderr_logfile=logs[1],
            redirect_stderr=program_of(process.program).redirect_stderr,
            wanted=process.wanted,
            restarts=process.restarts,
            flapping_until=math.ceil(times.flapping_until),
            lost=0,
        )

    def description(self, moment: Moment) -> str:
        """Supervisor's words, which monitors parse."""
        return self._description + uptime(int(moment.steady - self._started)) if self._runs else self._description

    def info(self, moment: Moment, lost: int) -> ProcessInfo:
        """All of it; `lost` are the bytes of its output that no sink could take."""
        info = self.steady.copy()
        info["description"] = self.description(moment)
        info["now"] = moment.now
        info["uptime"] = int(moment.steady - self._started) if info["pid"] else 0
        info["lost"] = lost
        return info


# Says what became of a wait once an announcement decides it; None: not yet.
_Verdict = Callable[[Announce], Outcome | None]


async def _all_answer(_: list[Program]) -> set[str]:
    return set()


def _no_words(_name: str, _pid: int) -> tuple[str, str]:
    return "", ""


def split_namespec(namespec: str) -> tuple[str, str | None]:
    """("group", "name"); the name is None for "group:*" and "group:"."""
    group, colon, name = namespec.partition(":")
    if not colon:
        return namespec, namespec
    return group, None if name in ("", "*") else name


class ProcessService:
    """The operations on processes."""

    def __init__(
        self,
        engine: Engine,
        where_logs_are: Callable[[str], tuple[str, str]],
        lost: Callable[[str], int],
        on_waited: Callable[[], None] = lambda: None,
        silent_among: Callable[[list[Program]], Awaitable[set[str]]] = _all_answer,
        *,
        last_words: Callable[[str, int], tuple[str, str]] = _no_words,
    ) -> None:
        """Subscribes to the engine for as long as it lives.

        Args:
            engine: what drives the processes.
            where_logs_are: gives the paths of a process's two logs, "" where there is none.
            lost: gives the bytes of its output that could not be written.
            on_waited: is told when nobody waits for a process any more (see `awaited`).
            silent_among: gives the namespecs of those that are on a disk that does not answer (see `ways`).
            last_words: gives the last line that a run of that namespec and pid has written, and the channel.
        """
        self._engine = engine
        self._fleet = engine.fleet
        self._where_logs_are = where_logs_are
        self._lost = lost
        self._on_waited = on_waited
        self._silent_among = silent_among
        self._last_words = last_words
        self._looked_for: list[str] = []  # those of whom it is not known yet
        self._times: dict[str, Times] = {}
        self._statuses: dict[str, Status] = {}
        self._ages: dict[str, float] = {}  # of those that are being adopted
        self._refused: dict[str, str] = {}  # why the kernel did not take the latest signal
        self._waiting_for: list[str] = []  # processes that clients wait for, one for each client
        engine.bus.subscribe(self._hear)

    # ---- another process image in the place of this one

    @property
    def awaited(self) -> list[str]:
        """The processes for which a client waits."""
        return sorted({*self._waiting_for, *self._looked_for})

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """When processes came and went, as plain data for another process image to go on with."""
        return {name: asdict(times) for name, times in self._times.items()}

    def restore(self, data: dict[str, dict[str, Any]]) -> None:
        """Go on from what `snapshot` returned."""
        self._times = {name: Times(**times) for name, times in data.items()}

    # ---- looking

    @property
    def state(self) -> MasterState:
        """Of the master."""
        return self._fleet.state

    def processes(self, spec: str = ALL) -> list[ProcessInfo]:
        """What is known of each process that `spec` names; raises UnknownProcess."""
        moment = Moment.present()
        return [status.info(moment, self._lost(status.steady["namespec"])) for status in self.statuses(spec)]

    def statuses(self, spec: str = ALL) -> list[Status]:
        """The same for who asks often: the same object each time, until something happens to the process."""
        if spec == ALL:
            # As supervisor shows them: by name, whatever the order in which they start.
            found = sorted(self._fleet.processes.values(), key=_by_name)
        else:
            found = self._named(spec)
            if not found:
                raise UnknownProcess(f"no such process or group: {spec}")
        return [self._status(process) for process in found]

    def names(self, group: str) -> list[str]:
        """The namespecs of a group's processes; none where there is no such group."""
        return [process.name for process in self._named(f"{group}:*")]

    def info(self, name: str) -> ProcessInfo | None:
        """What is known of the process of that namespec; None where there is none (any more)."""
        process = self._fleet.processes.get(name)
        return self._status(process).info(Moment.present(), self._lost(name)) if process else None

    def why(self, name: str) -> str:
        """Why the process of that namespec has failed, for people: how it ended and what it said then."""
        process, times = self._fleet.processes.get(name), self._times.get(name, _NEVER)
        if process is None or process.last_end is None:
            return process.reason if process is not None else ""
        said = f"; its last line on {times.last_words_on}: {times.last_words}" if times.last_words else ""
        return ending(process.last_end) + said

    def missing(self) -> list[str]:
        """A line for each process that is wanted up and is not RUNNING (and for the master when it is going)."""
        lines = [] if self._fleet.state is MasterState.RUNNING else ["procman is shutting down"]
        for process in self._fleet.in_start_order():
            if process.wanted and process.state is not State.RUNNING:
                reason = f" ({process.reason})" if process.reason else ""
                lines.append(f"{process.name}: {supervisor_state(process.state).name}{reason}")
        return lines

    def is_active(self, group: str) -> bool:
        """Is there such a group?"""
        return group in self._fleet.groups

    async def figures(self) -> list[FiguresInfo]:
        """What each process that is there uses of the machine; everything else goes on meanwhile."""
        try:
            look = ProcSnapshot()
            complete = look.read()
            while not complete:
                await asyncio.sleep(0)
                complete = look.read()
        except CannotLook:
            return []
        found = []
        for name, pid in [(process.name, process.pid) for process in self._fleet.in_start_order()]:
            used = None
            for used in figures(pid, look) if pid is not None else ():  # noqa: B007 - the last one is wanted
                await asyncio.sleep(0)
            if used is not None:
                found.append(
                    FiguresInfo(
                        namespec=name,
                        pid=pid or 0,
                        processes=used.processes,
                        threads=used.threads,
                        rss=used.rss,
                        cpu=used.cpu,
                        fds=used.fds,
                    )
                )
        return found

    def process(self, spec: str) -> Process:
        """The one process of that name; raises UnknownProcess."""
        group, name = split_namespec(spec)
        process = self._find(group, name) if name is not None else None
        if process is None:
            raise UnknownProcess(spec)
        return process

    # ---- doing

    async def start(self, specs: Iterable[str], *, wait: bool = True) -> list[Outcome]:
        """Start them together; with `wait`, answer when each has been up for its startsecs or has failed."""
        self.refuse_while_ending()
        specs = list(specs)
        silent = await self._silent(specs)
        self.refuse_while_ending()
        return await self._each(
            specs, lambda p: p.state not in UP, lambda p: self._start(p, wait=wait, looks=p.name not in silent)
        )

    async def stop(self, specs: Iterable[str], *, wait: bool = True) -> list[Outcome]:
        """Stop them together; with `wait`, answer when each has ended."""
        self.refuse_while_ending()
        return await self._each(
            specs, lambda p: p.state in UP or self._engine.has_left(p.name), lambda p: self._stop(p, wait=wait)
        )

    async def restart(self, specs: Iterable[str], *, wait: bool = True) -> list[Outcome]:
        """Stop what is up, and start all of them when they have settled."""
        self.refuse_while_ending()
        return await self._each(specs, lambda _: True, lambda p: self._restart(p, wait=wait))

    async def signal(self, specs: Iterable[str], signal: str) -> list[Outcome]:
        """Send a signal, by name or number, without meaning to end anything; 0 only asks whether it could be sent."""
        self.refuse_while_ending()
        number = 0 if signal.strip() == "0" else signal_number(signal)

        async def send(process: Process) -> Outcome:
            if number is None:
                return _result(process, Reason.BAD_SIGNAL, signal)
            if process.state not in SIGNALLABLE:
                return _result(process, Reason.NOT_RUNNING, process.name)
            self._refused.pop(process.name, None)
            self._engine.post(SignalRequested(process.name, number))
            refusal = self._refused.pop(process.name, None)
            return _result(process) if refusal is None else _result(process, Reason.FAILED, refusal)

        return await self._each(specs, lambda p: p.state in SIGNALLABLE, send)

    async def clear_logs(self, specs: Iterable[str], clear: Callable[[str], Awaitable[None]]) -> list[Outcome]:
        """Empty the logs of each, by `clear(name)`; raises nothing for one that cannot be emptied."""
        self.refuse_while_ending()

        async def empty(process: Process) -> Outcome:
            try:
                await clear(process.name)
            except ProcmanError as error:
                return _result(process, Reason.FAILED, str(error))
            return _result(process)

        return await self._each(specs, lambda _: True, empty)

    def shut_down(self, *, restart: bool = False) -> None:
        """Stop everything and leave, or come back with a fresh configuration."""
        self.refuse_while_ending()
        self._engine.post(ShutdownRequested(restart))

    def refuse_while_ending(self) -> None:
        """Raises WrongState once the end has been asked for."""
        if self._fleet.state is not MasterState.RUNNING:
            raise WrongState("procman is shutting down", Reason.SHUTTING_DOWN)

    async def until(self, name: str, verdict: _Verdict) -> Outcome:
        """Wait until an announcement about that process is decisive."""
        self._waiting_for.append(name)
        try:
            return await self._engine.bus.wait_for(
                lambda news: verdict(news.event) if isinstance(news.event, Announce) else None, name=name
            )
        finally:
            self._waiting_for.remove(name)
            self._on_waited()

    # ---- one process

    async def _start(self, process: Process, *, wait: bool, looks: bool) -> Outcome:
        name = process.name
        try:
            if looks:
                find_command(program_of(process.definition))
        except CannotSpawn as why:
            return _result(process, Reason.NO_COMMAND if why.not_found else Reason.NOT_EXECUTABLE, str(why))
        if process.state in UP:
            return _result(process, Reason.ALREADY_STARTED, name)
        if process.state is State.UNKNOWN:
            return _result(process, Reason.FAILED, f"{name} is in an unknown process state")
        self._engine.post(StartRequested(name))
        return await self._up(process, wait=wait)

    async def _up(self, process: Process, *, wait: bool) -> Outcome:
        name = process.name
        if process.state in (State.BACKOFF, State.FATAL):
            return _result(process, Reason.CANNOT_SPAWN, name)
        if not wait or process.state is State.RUNNING:
            return _result(process)

        def verdict(news: Announce) -> Outcome | None:
            match news.after:
                case State.RUNNING:
                    return _result(process)
                case State.STARTING:
                    return None
                case State.BACKOFF | State.FATAL:
                    return _result(process, Reason.CANNOT_SPAWN, name)
                case State.STOPPED if process.wanted:
                    return None  # on its way round
                case _:
                    return _result(process, Reason.ENDED_TOO_SOON, name)

        return await self.until(name, verdict)

    async def _stop(self, process: Process, *, wait: bool) -> Outcome:
        has_left = self._engine.has_left(process.name)
        if process.state is State.FATAL and not has_left:
            # It is down as it is; from now on it is meant to be.
            self._engine.post(StopRequested(process.name))
        if process.state not in UP and process.state is not State.STOPPING and not has_left:
            return _result(process, Reason.NOT_RUNNING, process.name)
        self._engine.post(StopRequested(process.name))
        if wait and not process.settled:
            await self.until(process.name, lambda news: _result(process) if news.after in SETTLED else None)
        if process.state is State.UNKNOWN:
            return _result(process, Reason.FAILED, process.reason)
        return _result(process)

    async def _restart(self, process: Process, *, wait: bool) -> Outcome:
        if process.state is State.UNKNOWN:
            return _result(process, Reason.FAILED, f"{process.name} is in an unknown process state")
        self._engine.post(RestartRequested(process.name))
        return await self._up(process, wait=wait)

    # ---- many

    async def _silent(self, specs: list[str]) -> set[str]:
        """Those that are to be started, and whose disk must not be asked for them here, as it does not answer.

        It is found out for all of them before any is started, so that they are started in their order.
        """
        found = [(spec, process) for spec in specs for process in self._named(spec)]
        meant = [process for spec, process in found if process.state not in UP or _is_plain(spec)]
        names = [process.name for process in meant]
        self._looked_for += names
        try:
            return await self._silent_among([program_of(process.definition) for process in meant])
        finally:
            for name in names:
                self._looked_for.remove(name)
            if not self._looked_for:
                self._on_waited()

    async def _each(
        self, specs: Iterable[str], picks: Callable[[Process], bool], work: Callable[[Process], Awaitable[Outcome]]
    ) -> list[Outcome]:
        """Do it to all at once. Of a group, a glob and "all" only those that `picks` are meant; a name is always."""
        answers: list[list[Outcome]] = []
        tasks: list[Awaitable[None]] = []

        async def answer(process: Process, answered: list[Outcome]) -> None:
            answered.append(await work(process))

        for spec in specs:
            # In the order in which they are done, as supervisor answers; clients take the last failure for the whole.
            answered: list[Outcome] = []
            answers.append(answered)
            found = self._named(spec)
            if not found and spec != ALL:
                group, name = split_namespec(spec)
                answered.append(Outcome(name or "*", group, Reason.UNKNOWN_NAME, spec))
            plain = _is_plain(spec)
            tasks += [answer(process, answered) for process in found if plain or picks(process)]
        await asyncio.gather(*tasks)
        return [result for answered in answers for result in answered]

    def _named(self, spec: str) -> list[Process]:
        if spec == ALL:
            return list(self._fleet.in_start_order())
        group, name = split_namespec(spec)
        if name is None:
            members = self._fleet.groups.get(group)
            return list(members.processes.values()) if members else []
        if _is_plain(spec):
            process = self._find(group, name)
            return [process] if process else []
        return [
            process
            for process in self._fleet.in_start_order()
            if fnmatchcase(process.name, spec) or fnmatchcase(f"{process.program.group}:{process.program.name}", spec)
        ]

    def _find(self, group: str, name: str) -> Process | None:
        members = self._fleet.groups.get(group)
        # A program whose process_name differs is "group:name", so the key follows from both.
        return members.processes.get(group if group == name else f"{group}:{name}") if members else None

    # ---- what is heard, and what is told

    def _hear(self, notification: Notification) -> None:
        news = notification.event
        if isinstance(news, ProcessRemoved):
            self._times.pop(news.name, None)
            self._statuses.pop(news.name, None)
            self._refused.pop(news.name, None)
        if isinstance(news, Adopted):
            self._ages[news.name] = news.age
        if isinstance(news, KillFailed):
            self._refused[news.name] = news.reason
        if isinstance(news, Spawned):
            # It may have waited for that, and its uptime is its own.
            self._starts(news.name, 0.0)
        if not isinstance(news, Announce):
            return
        if news.after is State.STARTING:
            self._starts(news.name, self._ages.pop(news.name, 0.0))
        elif news.after is State.FATAL:
            pass  # what has ended was told of as BACKOFF
        elif news.status is not None:
            self._ends(news)
        elif news.after is State.BACKOFF:
            times = self._times.setdefault(news.name, Times())
            times.last_words = times.last_words_on = ""

    def _starts(self, name: str, age: float) -> None:
        times = self._times.setdefault(name, Times())
        times.start, times.started = time.time() - age, time.monotonic() - age

    def _ends(self, news: Announce) -> None:
        times = self._times.setdefault(news.name, Times())
        now, ran_for = time.time(), time.monotonic() - times.started
        times.stop = now
        process = self._fleet.processes.get(news.name)
        failed = news.after is State.BACKOFF or (news.after is State.EXITED and not news.expected)
        comes_back = news.after is State.EXITED and process is not None and process.wanted
        looked = failed and (not comes_back or ran_for >= WORTH_A_LOOK)
        times.last_words, times.last_words_on = self._last_words(news.name, news.pid) if looked else ("", "")
        times.brought_back = [*times.brought_back, now][-FLAPS:] if comes_back else []
        if len(times.brought_back) < FLAPS:
            times.flapping_until = 0.0
        else:
            within = FLAPS_WITHIN_AS_EXPECTED if news.expected else FLAPS_WITHIN
            times.flapping_until = times.brought_back[0] + within

    def _status(self, process: Process) -> Status:
        name = process.name
        times = self._times.get(name, _NEVER)
        logs = self._where_logs_are(name)
        # Not everything that changes a process is announced (its pid is not), so it is compared and not heard of.
        made_of = (
            process.program,
            process.state,
            process.pid,
            process.wanted,
            process.restarts,
            process.exit_status,
            process.reason,
            times.start,
            times.stop,
            times.started,
            times.last_words,
            times.last_words_on,
            times.flapping_until,
            process.last_end,
            logs,
        )
        status = self._statuses.get(name)
        if status is None or status.made_of != made_of:
            status = self._statuses[name] = Status(process, times, logs, made_of)
        return status


_by_name = attrgetter("program.group", "program.name")


def _is_plain(spec: str) -> bool:
    return spec != ALL and split_namespec(spec)[1] is not None and not any(c in spec for c in "*?[")


def _result(process: Process, reason: Reason | None = None, text: str = "OK") -> Outcome:
    return Outcome(process.program.name, process.program.group, reason, text)


def _description(process: Process, times: Times) -> str:
    """Supervisor's words; of one that runs without its uptime, with which they end."""
    match process.state:
        case State.RUNNING:
            return f"pid {process.pid}, uptime "
        case State.FATAL | State.BACKOFF:
            return process.reason or f'unknown error (try "tail {process.program.name}")'
        case State.STOPPED | State.EXITED:
            if not times.start or not times.stop:
                return "Not started"  # nor has one that failed to start, and was stopped before the next try
            return time.strftime("%b %d %I:%M %p", time.localtime(times.stop))
        case _:
            return ""


@lru_cache(maxsize=64)  # most processes have been started in the same second
def uptime(seconds: int) -> str:
    """0:01:02, or "3 days, 4:05:06"."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02}:{second:02}"
    return f"{days} day{'s' if days != 1 else ''}, {clock}" if days else clock
