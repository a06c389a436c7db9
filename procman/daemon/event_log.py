"""Writes what happens into the master's log.

The texts are supervisord's, so that existing scripts and alerts keep working. Nothing is decided here.
"""

import asyncio
import time
from collections.abc import Callable
from signal import SIGKILL

from procman.api.supervisor_states import supervisor_state
from procman.core.actions import (
    Announce,
    AnnounceDescendants,
    AnnounceMaster,
    Kill,
    Quit,
)
from procman.core.events import Adopted, ExitStatus, KillFailed, Spawned, SpawnFailed
from procman.core.exit_codes import is_listed
from procman.core.fleet import Fleet
from procman.core.idling import IDLE
from procman.core.spec import ProcessSpec, Scope
from procman.core.states import UP, MasterState, State
from procman.logs.protocol import Log
from procman.runtime.bus import LimitsLeftOut, Notification
from procman.runtime.definitions import DEBUG_MARK, program_of
from procman.runtime.ending import ending
from procman.runtime.member_ends import MemberEnded
from procman.runtime.process_trees import OrphanedDescendants
from procman.services.endings import End, Oom, Sender
from procman.system.reaper import Reaped
from procman.system.signals import signal_name
from procman.system.spawn import TOO_MANY_FILES

# How often the log names the processes that a shutdown waits for, in seconds.
WAITING_EVERY = 3.0
# The same for a process that is stopped alone.
STOPPING_EVERY = 2.0
# A shorter shutdown, in seconds, logs no times.
WORTH_A_LINE = 0.5
# A process that stopped within so many seconds is left out of them.
WORTH_A_NAME = 0.05
# How many of each wave, and of pids that a process has left behind, are named.
MOST_NAMED = 5

_WANT_OF_MEMORY = (Oom.CERTAIN, Oom.LIKELY)

_WHOLE = {Scope.PROCESS: "", Scope.GROUP: "process group ", Scope.TREE: "process tree "}


class EventLog:
    """Subscribe `tell` to an engine."""

    hears = (
        Announce,
        Spawned,
        Adopted,
        SpawnFailed,
        Kill,
        KillFailed,
        LimitsLeftOut,
        AnnounceDescendants,
        AnnounceMaster,
        Quit,
        OrphanedDescendants,
        MemberEnded,
        Reaped,
    )

    def __init__(
        self,
        fleet: Fleet,
        log: Log,
        why: Callable[[str], str] = lambda _: "",
        end_of: Callable[[str], End | None] = lambda _: None,
    ) -> None:
        """What the log is about.

        Args:
            fleet: only read.
            log: where the lines go.
            why: how a process that has failed ended, and what it wrote last, by its namespec.
            end_of: what is known of how a process ended last, by its namespec.
        """
        self._fleet = fleet
        self._log = log
        self._why = why
        self._end_of = end_of
        self._again: asyncio.TimerHandle | None = None
        self._awaited: dict[str, asyncio.TimerHandle] = {}  # those that were stopped by themselves
        self._began: float | None = None  # when the shutdown did
        self._stopping: dict[str, float] = {}  # since when
        self._took: dict[int, list[tuple[float, str, str]]] = {}  # by priority: seconds, name, remark
        self._short_of_files = False  # and that was said
        self._killed: set[str] = set()  # those that outlived their stopwaitsecs
        self._slowed: dict[str, str] = {}  # what was said last of the delay before its next start
        self._went_quickly: set[str] = set()  # those that ended with 0 before they were up, to daemonize

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        match news := notification.event:
            case Announce():
                self._process(news)
            case Spawned(name, pid):
                self._log.info(f"spawned: '{self._short(name)}' with pid {pid}")
            case Adopted(name, pid, age):
                self._log.info(f"adopted: '{self._short(name)}' with pid {pid}, which has been there for {age:.0f} s")
            case SpawnFailed(_, reason):
                self._log.info(f"spawnerr: {reason}")
                if reason.startswith(TOO_MANY_FILES) and not self._short_of_files:
                    self._short_of_files = True
                    self._log.critical("there are too few file descriptors, up to 5 for each program: raise minfds=")
            case Kill(name, pid, number, scope, overdue):
                what = str(pid) if pid else "what it left behind"
                if overdue:
                    self._killed.add(name)
                    self._log.warn(f"killing '{self._short(name)}' ({what}) with {signal_name(number)}")
                if pid and not self._is_stopping(name):
                    self._log.debug(f"sending {self._short(name)} (pid {pid}) sig {signal_name(number)}")
                    return
                whole = _WHOLE[scope]
                self._log.debug(f"killing {self._short(name)} (pid {pid}) {whole}with signal {signal_name(number)}")
                if not overdue and self._fleet.state is MasterState.RUNNING:
                    self._await(name)
            case KillFailed(name, reason) if self._is_up(name):
                self._log.warn(f"{self._short(name)}: {reason}")
            case LimitsLeftOut():
                self._left_out(news)
            case AnnounceDescendants():
                self._remains(news)
            case AnnounceMaster(cause=cause):
                self._began = self._began or time.monotonic()
                if cause:
                    self._log.warn(f"{cause}: shutting down")
                self._waiting()
            case Quit(unsettled=left):
                if left:
                    names = ", ".join(self._short(name) for name in left)
                    self._log.critical(f"shutdown_timeout is over: leaving without waiting for {names} any longer")
                self._stopped()
                self.close()
            case OrphanedDescendants():
                self._has_left(news)
            case MemberEnded(name, member, pid, how):
                told = "only its parent was told how" if how is None else ending(how)
                self._log.info(f"ended: {member} (pid {pid}) of {self._short(name)} ({told})")
            case Reaped():
                self._log.debug(f"reaped unknown pid {news.pid} ({ending(news)})")
            case _:
                pass

    def close(self) -> None:
        """Stop the timers."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        for name in list(self._awaited):
            self._await_no_more(name)

    def _stopped(self) -> None:
        """Log the slowest processes of a shutdown, wave by wave."""
        if self._began is None:
            return
        took = time.monotonic() - self._began
        if took < WORTH_A_LINE:
            return
        for name, since in self._stopping.items():
            if (process := self._fleet.processes.get(name)) is not None:
                self._note(process.program, time.monotonic() - since, " (still there)")
        waves = []
        for _, wave in sorted(self._took.items(), reverse=True):
            slowest = sorted((one for one in wave if one[0] >= WORTH_A_NAME), reverse=True)[:MOST_NAMED]
            if slowest:
                waves.append(", ".join(f"{name} {seconds:.1f} s{how}" for seconds, name, how in slowest))
        self._log.info(f"stopping took {took:.1f} s: {'; then '.join(waves)}")

    def _time(self, news: Announce) -> None:
        if news.after is State.STOPPING:
            self._stopping[news.name] = time.monotonic()
        elif news.before is State.STOPPING and news.name in self._stopping:
            took = time.monotonic() - self._stopping.pop(news.name)
            how = " (killed)" if news.name in self._killed else ""
            self._killed.discard(news.name)
            if self._began is not None:
                self._note(news.program, took, how)

    def _note(self, spec: ProcessSpec, took: float, how: str) -> None:
        # Of one that an update has removed, the group may have gone with it.
        members = self._fleet.groups.get(spec.group)
        priority = members.spec.priority if members else program_of(spec).priority
        self._took.setdefault(priority, []).append((took, spec.name, how))

    def _is_of_a_dependency(self, news: Announce) -> bool:
        """Whether another process has brought it about; then it is said here."""
        match news.after:
            case State.STARTING if news.because:
                self._log.info(f"{news.name} starts because of {news.because}")
            case State.STOPPING if news.because:
                self._log.info(f"{news.name} is stopped because of {news.because}")
            case State.FATAL if news.before is State.STARTING:
                self._log.info(f"gave up: {news.program.name} entered FATAL state, what it depends on is not there")
                self._log.warn(f"{news.program.name} is FATAL, {news.reason}")
            case _:
                return False
        return True

    def _process(self, news: Announce) -> None:
        self._time(news)
        if news.before is State.STOPPING:
            self._await_no_more(news.name)
        elif news.before is State.BACKOFF and news.after is State.STOPPED:
            self._log.debug(f"Attempted to kill {news.program.name}, which is in BACKOFF state.")
        name = news.program.name
        at_once = news.before is State.EXITED and news.after is State.STARTING
        if at_once or news.after in (State.STOPPED, State.FATAL):
            self._slowed.pop(news.name, None)
        if news.program.is_oneshot and self._oneshot(news):
            return
        if news.after is State.BACKOFF and news.status is not None and news.status.code == 0:
            self._went_quickly.add(news.name)
        elif news.after is State.RUNNING:
            self._went_quickly.discard(news.name)
        match news.after:
            case State.RUNNING if news.program.ready:
                self._log.info(f"success: {name} entered RUNNING state, it is ready")
            case State.STOPPING if self._is_by_policy(news):
                pass
            case State.STOPPING if news.reason:
                self._log.warn(f"{name}: {news.reason[0].lower()}{news.reason[1:]}; it is stopped")
            case State.RUNNING:
                self._log.info(
                    f"success: {name} entered RUNNING state, process has stayed up for > than "
                    f"{news.program.startsecs} seconds (startsecs)"
                )
            case State.EXITED if news.status is not None:
                how = "expected" if news.expected else "not expected"
                say = self._log.info if news.expected else self._log.warn
                say(f"exited: {name} ({ending(news.status)}; {how})")
            case State.BACKOFF if news.before is State.EXITED:
                self._delayed(news)
            case State.BACKOFF if news.status is not None:
                self._backs_off(news, name, news.status)
            case _ if self._is_of_a_dependency(news):
                pass
            case State.FATAL if self._is_limited(news.name):
                self._log.info(f"gave up: {name} entered FATAL state, restart_limit is reached")
                self._log.warn(f"{name} is FATAL after {news.reason}: {self._why(news.name)}".removesuffix(": "))
            case State.FATAL:
                self._log.info(f"gave up: {name} entered FATAL state, too many start retries too quickly")
                tries = f"{news.tries} {'try' if news.tries == 1 else 'tries'}"
                self._log.warn(f"{name} is FATAL after {tries}: {self._why(news.name) or news.reason}")
            case State.STOPPED if news.status is not None:
                expected = is_listed(news.status, news.program.exitcodes)
                say = self._log.info if expected else self._log.warn
                say(f"stopped: {name} ({ending(news.status)})")
            case State.UNKNOWN:
                self._log.warn(f"unknown problem killing {name} ({news.pid}): {news.reason}")
            case _:
                pass
        if news.status is not None and news.status.signal == SIGKILL and news.after is not State.FATAL:
            self._killed_by_others(news.name)

    def _backs_off(self, news: Announce, name: str, status: ExitStatus) -> None:
        process = self._fleet.processes.get(news.name)
        told = process is not None and (process.sick or process.wear.renewing)  # why it is restarted
        if news.before is State.STOPPING and told:
            self._log.info(f"stopped: {name} ({ending(status)})")
        else:
            self._log.warn(f"exited: {name} ({ending(status)}; not expected)")

    def _oneshot(self, news: Announce) -> bool:
        """What is told of a one-shot in other words than of a service; whether that was all."""
        name = self._short(news.name)
        match news.after:
            case State.RUNNING:
                self._log.info(f"running: {name} (pid {news.pid})")
            case State.STOPPING if news.reason:
                self._log.warn(f"{name} {news.reason}: stopping it")
            case State.EXITED if news.expected and news.status is not None:
                self._log.info(f"done: {name} ({ending(news.status)})")
            case State.BACKOFF if news.before is State.EXITED:
                pass  # its end was told; if that was its last try, FATAL follows
            case State.BACKOFF if news.status is not None:
                self._log.warn(f"failed: {name} ({news.reason}; {ending(news.status)})")
            case State.FATAL if not self._is_limited(news.name):
                tries = f"{news.tries} {'try' if news.tries == 1 else 'tries'}"
                self._log.warn(f"{name} is FATAL after {tries}: {self._why(news.name) or news.reason}")
            case _:
                return False
        return True

    def _is_by_policy(self, news: Announce) -> bool:
        """Whether policy stops it, as nobody uses it, or to restart it for its memory or its age; it is said here."""
        if news.reason.startswith(IDLE):
            self._log.info(f"{news.program.name} is stopped: {news.reason.removeprefix(IDLE)}")
            return True
        process = self._fleet.processes.get(news.name)
        if process is None or not (process.wear.renewing and process.ties.renewing):
            return False
        say = self._log.info if process.wear.renewing == "age" else self._log.warn
        say(f"{news.program.name} is restarted for its {news.reason}")
        return True

    def _delayed(self, news: Announce) -> None:
        """It starts again, and not at once; that the brake holds is said once."""
        if DEBUG_MARK in program_of(news.program).environment:
            return  # the run was for a client, and its own definition comes back at once
        if self._slowed.get(news.name) != news.reason:
            self._slowed[news.name] = news.reason
            self._log.warn(f"{self._short(news.name)}: {news.reason}")

    def _killed_by_others(self, name: str) -> None:
        """Supervisor's line for it is the same whoever has sent the signal."""
        end = self._end_of(name)
        if end is not None and end.sender is Sender.OTHERS:
            remedy = "; give it more memory, or have it use less" if end.oom in _WANT_OF_MEMORY else ""
            self._log.warn(f"{self._short(name)}: {end.sentence}{remedy}")

    def _remains(self, news: AnnounceDescendants) -> None:
        self._log.warn(
            f"{self._short(news.name)} has ended ({ending(news.status)}), and not what it has started: waiting for "
            f"{_pids(news.pids)} to end, too"
        )
        process = self._fleet.processes.get(news.name)
        if process and process.pending_end and process.pending_end.before is State.STARTING and news.status.code == 0:
            self._log.warn(f"{self._daemonized(news.name, news.pids)} (leftovers=stop stops them)")

    def _has_left(self, news: OrphanedDescendants) -> None:
        name, pids = news.name, news.pids
        if name in self._went_quickly:
            self._log.warn(f"{self._daemonized(name, pids)}, or set leftovers=stop to have {_pids(pids)} stopped")
        else:
            self._log.warn(f"{self._short(name)} has ended and left {_pids(pids)} behind (leftovers=stop stops them)")

    def _left_out(self, news: LimitsLeftOut) -> None:
        for text in news.texts:
            self._log.warn(f"{self._short(news.name)}: {text}; it goes on without")

    def _daemonized(self, name: str, pids: tuple[int, ...]) -> str:
        count = "1 process of it runs" if len(pids) == 1 else f"{len(pids)} processes of it run"
        return f"{self._short(name)} has put itself into the background ({count}): let it run in the foreground"

    def _is_stopping(self, name: str) -> bool:
        process = self._fleet.processes.get(name)
        return process is not None and process.state is State.STOPPING

    def _is_limited(self, name: str) -> bool:
        process = self._fleet.processes.get(name)
        return process is not None and process.limited

    def _is_up(self, name: str) -> bool:
        process = self._fleet.processes.get(name)
        return process is not None and process.state in UP

    def _await(self, name: str) -> None:
        self._await_no_more(name)
        self._log.info(f"waiting for {self._short(name)} to stop")
        self._awaited[name] = asyncio.get_running_loop().call_later(STOPPING_EVERY, self._await, name)

    def _await_no_more(self, name: str) -> None:
        again = self._awaited.pop(name, None)
        if again is not None:
            again.cancel()

    def _waiting(self) -> None:
        self.close()
        names = [self._short(name) for name in self._fleet.unsettled()]
        if names and self._fleet.state is not MasterState.RUNNING:
            self._log.info(f"waiting for {', '.join(names)} to die")
            for name in self._fleet.unsettled():
                self._log.blather(
                    f"{self._short(name)} state: {supervisor_state(self._fleet.processes[name].state).name}"
                )
            self._again = asyncio.get_running_loop().call_later(WAITING_EVERY, self._waiting)

    def _short(self, name: str) -> str:
        """Supervisor's log names a process without its group."""
        process = self._fleet.processes.get(name)
        return process.program.name if process else name


def _pids(pids: tuple[int, ...]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(str(pid) for pid in pids[:MOST_NAMED])
    more = len(pids) - MOST_NAMED
    return f"pid {shown} and {more} more" if more > 0 else f"pid {shown}"
