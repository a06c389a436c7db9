"""What is known of each process: its state, its times, how it ended and what it wrote last.

A `ProcessStatus` is the same object until something happens to the process, so that clients that ask often are answered
quickly, and a front end may keep what it has made of it. What goes on meanwhile, the uptime for one, is asked for with
a `Moment`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from procman.config.schema.programs import Program
from procman.core.actions import Announce, ProcessRemoved
from procman.core.events import Adopted, RunRemembered, Spawned
from procman.core.fleet import Fleet
from procman.core.oneshots import timed_out
from procman.core.process import Process
from procman.core.spec import ProcessType
from procman.core.states import Phase, State
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.ending import ending
from procman.runtime.engine import Engine
from procman.services.explain_texts import duration
from procman.services.schedule_words import next_run
from procman.services.status_words import (
    HookUnderWay,
    failed_as_unready,
    health_in_words,
    not_ready_yet,
    tells_next_try,
    time_to_be_ready,
    under_way,
    uptime,
    waits_for,
    waits_in_words,
)

# A process that autorestart starts FLAPS times within so many seconds is flapping; the shorter time is for one whose
# exits are expected, as such a process may well end now and then.
FLAPS = 3
FLAPS_WITHIN = 300.0
FLAPS_WITHIN_AS_EXPECTED = 60.0
# The last words of a run that was shorter than this, in seconds, and is restarted at once are not looked up.
WORTH_A_LOOK = 1.0
# A moment that is further away, in seconds, is given with its date.
_HALF_A_DAY = 43200.0

# Takes a line and its channel.
Later = Callable[[str, str], None]


@dataclass(slots=True)
class Times:
    """When a process last came and went, in seconds since the epoch, and what it said then; 0: never."""

    start: float = 0.0
    stop: float = 0.0
    ran_for: float = 0.0  # how long the last run lasted, by the steady clock
    started: float = 0.0  # the same start on the steady clock, for the uptime
    last_words: str = ""  # of the run that ended last, where it failed
    last_words_on: str = ""  # stdout or stderr
    brought_back: list[float] = field(default_factory=list)  # the last FLAPS times that autorestart did
    flapping_until: float = 0.0
    entered: float = 0.0  # its present state
    entered_steady: float = 0.0
    first_try: float = 0.0  # the first of the starts that have failed in a row, on the steady clock
    tries: int = 0  # how many these are


_NEVER = Times()


class Moment(NamedTuple):
    """A point in time by both clocks."""

    now: int  # seconds since the epoch
    steady: float

    @classmethod
    def present(cls) -> Self:
        """This one."""
        return cls(int(time.time()), time.monotonic())


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ProcessStatus:
    """One process, until something happens to it. Times are seconds since the epoch, 0: never."""

    name: str
    group: str
    namespec: str
    state: State
    pid: int  # 0: none
    start: int
    stop: int
    started: float  # the same start on the steady clock
    exit_code: int  # of the last run; -1: killed by a signal
    ending: str  # how the last run, or try, ended; "": none has
    last_words: str  # what it wrote last, where it failed
    last_words_on: str  # stdout or stderr
    reason: str  # why it could not be started, or is not known
    stdout_log: str  # paths; "": none
    stderr_log: str
    redirect_stderr: bool
    wanted: bool
    restarts: int
    flapping_until: int
    phase: str  # what it does within its state, where that does not say it all
    done: bool  # a one-shot that has succeeded
    words: str  # the description without the uptime
    waits_for: tuple[str, ...]  # what keeps it from starting, as it was written: db@ready
    made_of: object  # equal as long as all of this holds
    ready: bool | None = None  # whether all conditions of its option ready have held in this run; None: it has none
    waits: str = ""  # of one that is not ready yet: what does not hold
    status_text: str = ""  # what the run has said of itself
    healthy: bool | None = None  # whether its health check succeeds; None: it has none, or that is not known
    health: str = ""  # of one that is unhealthy: what was seen
    paused_until: float | None = None  # its health is not looked at until then, by the steady clock
    pause_reason: str = ""
    type: ProcessType = ProcessType.SERVICE
    timeout: float | None = None  # seconds from its spawn in which it has to be ready, of one that is not ready yet
    hook: HookUnderWay | None = None  # that it waits for
    program: Program | None = None  # of one with a schedule
    next: float | None = None  # when it runs next by its schedule, or is tried again, in seconds since the epoch
    retry: float | None = None  # when it is tried again, by the steady clock, where its description says so

    @property
    def stopping(self) -> bool:
        """Whether it has its stop signal, and has not ended yet."""
        return self.state is State.STOPPING

    @property
    def has_failed(self) -> bool:
        """Whether it is down because it failed, waits for another try, or does not stay up."""
        match self.state:
            case State.BACKOFF | State.UNKNOWN:
                return True
            case State.FATAL:
                return self.wanted
            case State.EXITED:
                return bool(self.reason)
            case State.STARTING | State.RUNNING:
                return self.flapping_until > time.time()
            case _:
                return False

    def description(self, moment: Moment) -> str:
        """Supervisor's words, which monitors parse."""
        if self.hook is not None:
            return self.hook.in_words(moment.steady)
        if self.phase == Phase.SCHEDULED.value and self.program is not None and self.next is not None:
            return self.words + next_run(self.program, self.next, moment.now)
        if self.phase == Phase.UNREADY.value:
            age = max(0, int(moment.steady - self.started))
            return not_ready_yet(self.waits, age, self.timeout)
        if self.retry is not None:
            return f"{self.words}, next try in {duration(max(0.0, self.retry - moment.steady))}"
        if self.state is not State.RUNNING:
            return self.words
        words = self.words + uptime(int(moment.steady - self.started))
        if self.paused_until is not None and self.paused_until > moment.steady:
            why = f" ({self.pause_reason})" if self.pause_reason else ""
            return f"{words}, health paused for {duration(self.paused_until - moment.steady)}{why}"
        return f"{words}, {self.health}" if self.health else words

    def uptime(self, moment: Moment) -> int:
        """In seconds; 0 without a process."""
        return int(moment.steady - self.started) if self.pid else 0


class StatusBoard:
    """Keeps the status of every process, and what the core does not know of it."""

    def __init__(
        self,
        engine: Engine,
        where_logs_are: Callable[[str], tuple[str, str]],
        last_words: Callable[[str, int, Later], tuple[str, str]] = lambda *_: ("", ""),
        next_run: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        """Subscribes to the engine's bus for as long as it lives.

        Args:
            engine: what drives the processes.
            where_logs_are: gives the paths of a process's two logs, "" where there is none.
            last_words: gives the last line that a run of that namespec and pid has written, and the channel; or calls
                the function with these later, where a disk is slow.
            next_run: gives the time at which the process of that namespec runs next by its schedule.
        """
        self._fleet = engine.fleet
        self._where_logs_are = where_logs_are
        self._last_words = last_words
        self._next_run = next_run
        self._times: dict[str, Times] = {}
        self._statuses: dict[str, ProcessStatus] = {}
        self._ages: dict[str, float] = {}  # of processes that are being adopted
        engine.bus.subscribe(self._hear, Announce, ProcessRemoved, Adopted, RunRemembered, Spawned)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """When processes came and went, as plain data for another process image to go on with."""
        return {name: asdict(times) for name, times in self._times.items()}

    def restore(self, data: dict[str, dict[str, Any]]) -> None:
        """Go on from what `snapshot` returned."""
        self._times = {name: Times(**times) for name, times in data.items()}

    def began(self, name: str) -> float:
        """When the latest run of the process of that namespec began, in seconds since the epoch; 0: there was none."""
        return self._times.get(name, _NEVER).start

    def of(self, process: Process) -> ProcessStatus:
        """Its present status."""
        name = process.name
        times = self._times.get(name, _NEVER)
        logs = self._where_logs_are(name)
        # To the second: one that goes by the steady clock would differ each time.
        coming = self._next_run(name) if process.timing.on else None
        coming = None if coming is None else round(coming)
        # Not every change of a process is announced (that of its pid is not), so this compares.
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
            process.phase,
            process.status_text,
            process.deadlines.retry,
            process.readiness.missing() if process.state is State.STARTING else "",
            waits_for(self._fleet, process) if process.phase is not Phase.NONE else (),
            process.hooks.waited,
            process.health and (process.healthy, process.health.paused_until, process.health.pause_reason),
            process.healthy is False and health_in_words(process, 0.0),
            process.timing.on,
            coming,
        )
        status = self._statuses.get(name)
        if status is None or status.made_of != made_of:
            status = self._statuses[name] = _status(process, times, logs, made_of, self._fleet, coming=coming)
        return status

    def times(self, name: str) -> Times:
        """When the process of that namespec last came and went; not to be changed."""
        return self._times.get(name, _NEVER)

    def ending_of(self, name: str) -> str:
        """How the last run of the process of that namespec ended, in words."""
        process = self._fleet.processes.get(name)
        return "" if process is None else _ending(process)

    def why(self, name: str) -> str:
        """Why the process of that namespec has failed, for people: how it ended and what it said then."""
        process, times = self._fleet.processes.get(name), self._times.get(name, _NEVER)
        if process is None or process.last_end is None:
            return process.reason if process is not None else ""
        said = f"; its last line on {times.last_words_on}: {times.last_words}" if times.last_words else ""
        unready = process.state in (State.BACKOFF, State.FATAL) and failed_as_unready(process) and process.reason
        return (process.reason if unready else _ending(process)) + said

    # ---- what the bus tells

    def _hear(self, notification: Notification) -> None:
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            self._enters(event)
            return
        match event:
            case Spawned(name=name):
                # It may have waited for that, and its uptime is its own.
                self._starts(self._times_of(name), 0.0)
            case ProcessRemoved(name):
                self._times.pop(name, None)
                self._statuses.pop(name, None)
            case RunRemembered(name, _, began, ended):
                times = self._times_of(name)
                times.start, times.stop, times.ran_for = began, ended, max(0.0, ended - began)
            case Adopted(name=name, age=age):
                self._ages[name] = age
            case _:
                pass

    def _times_of(self, name: str) -> Times:
        times = self._times.get(name)
        if times is None:
            times = self._times[name] = Times()
        return times

    def _enters(self, news: Announce) -> None:
        times = self._times_of(news.name)
        now = time.monotonic()
        ago, process = 0.0, self._fleet.processes.get(news.name)
        if news.after is State.RUNNING and process is not None and process.ready_after is None:
            ago = max(0.0, now - times.started - news.program.startsecs)  # adopted, so it has been up for long
        times.entered, times.entered_steady = time.time() - ago, now - ago
        match news.after:
            case State.STARTING:
                if news.before is not State.BACKOFF:
                    times.first_try, times.tries = times.entered_steady, 0
                self._starts(times, self._ages.pop(news.name, 0.0))
            case State.BACKOFF | State.FATAL:
                times.tries = news.tries
            case _:
                pass
        if news.after is State.FATAL:
            return  # its end was announced with BACKOFF
        if news.status is not None:
            self._ends(times, news)
        elif news.before is State.STARTING and news.after is State.BACKOFF:
            times.last_words = times.last_words_on = ""

    @staticmethod
    def _starts(times: Times, age: float) -> None:
        times.start, times.started = time.time() - age, time.monotonic() - age

    def _ends(self, times: Times, news: Announce) -> None:
        now, ran_for = time.time(), time.monotonic() - times.started
        times.stop, times.ran_for = now, ran_for
        process = self._fleet.processes.get(news.name)
        failed = news.after is State.BACKOFF or (news.after is State.EXITED and not news.expected)
        comes_back = news.after is State.EXITED and process is not None and process.wanted
        comes_back &= not news.program.is_oneshot
        # What the core has decided is done: where a delay follows, or no start at all, it is not STARTING.
        at_once = comes_back and process is not None and process.state is State.STARTING
        looked = failed and (not at_once or ran_for >= WORTH_A_LOOK)

        def say(line: str, channel: str) -> None:
            if times.stop == now and (process is None or process.last_end is not None):  # that is still its last end
                times.last_words, times.last_words_on = line, channel

        times.last_words, times.last_words_on = self._last_words(news.name, news.pid, say) if looked else ("", "")
        times.brought_back = [*times.brought_back, now][-FLAPS:] if comes_back else []
        within = FLAPS_WITHIN_AS_EXPECTED if news.expected else FLAPS_WITHIN
        times.flapping_until = 0.0 if len(times.brought_back) < FLAPS else times.brought_back[0] + within


def _ending(process: Process) -> str:
    """How its last run ended. An exit status of 0 alone does not say why the process has failed."""
    end = process.last_end
    if end is None:
        return ""
    if process.timed_out and process.program.is_oneshot and process.state is not State.STOPPED:
        return f"{timed_out(process.program.run_timeout or 0.0)}; {ending(end)}"
    if failed_as_unready(process):
        return ending(end)
    # BACKOFF and FATAL may also follow a run that was up.
    failed_start = process.failures > 0 if process.state is State.BACKOFF else not process.limited
    is_down = process.state in (State.BACKOFF, State.FATAL) and not process.program.is_oneshot
    early = end.known and end.signal is None and end.code == 0 and is_down and failed_start
    return ending(end) + (f", sooner than startsecs ({process.program.startsecs:g} s)" if early else "")


def _status(
    process: Process, times: Times, logs: tuple[str, str], made_of: object, fleet: Fleet, *, coming: float | None
) -> ProcessStatus:
    return ProcessStatus(
        name=process.program.name,
        group=process.program.group,
        namespec=process.name,
        state=process.state,
        pid=process.pid or 0,
        start=int(times.start),
        stop=int(times.stop),
        started=times.started,
        exit_code=process.exit_status.code if process.exit_status else 0,
        ending=_ending(process),
        last_words=times.last_words,
        last_words_on=times.last_words_on,
        reason=process.reason,
        stdout_log=logs[0],
        stderr_log=logs[1],
        redirect_stderr=program_of(process.program).redirect_stderr,
        wanted=process.wanted or process.timing.on,
        restarts=process.restarts,
        flapping_until=math.ceil(times.flapping_until),
        phase=process.phase.value,
        done=process.done,
        words=waits_in_words(fleet, process) or _words(process, times, coming),
        waits_for=waits_for(fleet, process),
        ready=process.state is State.RUNNING if process.program.ready else None,
        waits=process.readiness.missing() if process.phase is Phase.UNREADY else "",
        status_text=process.status_text if process.pid else "",
        timeout=time_to_be_ready(process),
        hook=under_way(process),
        healthy=process.healthy,
        health=health_in_words(process, 0.0) if process.healthy is False else "",
        paused_until=process.health.paused_until if process.health is not None else None,
        pause_reason=process.health.pause_reason if process.health is not None else "",
        program=program_of(process.definition) if process.timing.on else None,
        next=coming if process.deadlines.retry is None else round(_at(process.deadlines.retry), 1),
        retry=process.deadlines.retry if tells_next_try(process) else None,
        type=process.program.type,
        made_of=made_of,
    )


def _words(process: Process, times: Times, coming: float | None) -> str:
    """Supervisor's words; those of a running process end with its uptime, which is missing here."""
    if process.phase is Phase.SCHEDULED:
        failed = f"last run failed: {_ending(process) or process.reason}; " if process.state is State.FATAL else ""
        return failed if coming is not None else f"{failed}there is no further run"
    if process.phase is Phase.LISTENING:
        return f"waiting for a connection on {', '.join(address.url for address in process.program.addresses)}"
    off = "; its schedule is off" if process.definition.schedule is not None and not process.timing.on else ""
    match process.state:
        case State.RUNNING:
            return f"pid {process.pid}, uptime "
        case State.FATAL | State.BACKOFF:
            said = process.reason or (tells_next_try(process) and _ending(process))
            reason = said or f'unknown error (try "tail {process.program.name}")'
            limited = f"; restart_limit is waited out until {_retry(process)}" if process.waits_out_limit else ""
            return f"{reason}{limited or off}"
        case State.STOPPED | State.EXITED:
            if not times.start or not times.stop:
                # The same for one that failed to start, and was stopped before the next try.
                return f"Not started{off}"
            when = time.strftime("%b %d %I:%M %p", time.localtime(times.stop))
            return f"{when}, done in {duration(times.ran_for)}{off}" if process.done else f"{when}{off}"
        case _:
            return ""


def _at(deadline: float) -> float:
    """In seconds since the epoch."""
    return time.time() + deadline - time.monotonic()  # the core's clock is that of the loop


def _retry(process: Process) -> str:
    """When it is tried again, in local time."""
    when = _at(process.deadlines.retry or 0.0)
    form = "%H:%M:%S" if when - time.time() < _HALF_A_DAY else "%b %d %H:%M:%S"
    return time.strftime(form, time.localtime(when))
