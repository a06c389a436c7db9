"""Adopts the programs that a killed master left running.

The next master with the same control socket reads the ledger and takes over each process that still runs
(`orphans=adopt`), with its pid and its pipes, which contain what it has written meanwhile. Processes are identified by
pid and start time.

A program is restarted instead if its definition has changed, if its pipes may not be opened, if its sockets may
not be taken back from it (pidfd_getfd(2), for which another user needs CAP_SYS_PTRACE), if it is an event listener
(its unanswered events are unknown), or if it is a FastCGI program (its socket is lost). A program that is no longer in
the configuration is stopped.

Where something is adopted, the life of the earlier master goes on: a one-shot that is done does not run again.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from procman.config.schema.configuration import Config
from procman.config.schema.options import Orphans
from procman.core.attribution import POLICY, Origin
from procman.core.events import (
    EndedUnseen,
    HealthPauseRequested,
    RestartRequested,
    RollingRequested,
    RunRemembered,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.readiness import TOLD
from procman.core.spec import Hook, ReadyKind, batch_size
from procman.core.states import State
from procman.logs.protocol import Log
from procman.runtime.definitions import group_of, program_of
from procman.runtime.engine import Engine
from procman.runtime.ledger import ProcessLedger
from procman.runtime.rolling_mark import forget_left, read_left, rolling_path
from procman.system.foreign_process import WatchedProcess, reopen_pipes, watch
from procman.system.pidfd import send_to
from procman.system.proc import TICKS, boot_id
from procman.system.signals import signal_name
from procman.system.spawn import Child
from procman.system.state_file import Survivor, survivors
from procman.system.state_lines import Record
from procman.system.tree import ProcSnapshot, Tree, look

OTHER_DEFINITION = "it was started with another definition"
# Where one of these had not ended, post_stop has to follow.
_BEGUN = (Hook.PRE_START.value, Hook.POST_STOP.value)


@dataclass(slots=True)
class _Leaving:
    """A process that is being stopped and is not in the fleet."""

    record: Record
    watched: WatchedProcess
    kill: asyncio.TimerHandle | None = None


class Adoption:
    """Handles the survivors once, when the process of a master starts."""

    def __init__(self, ledger: ProcessLedger, policy: Orphans) -> None:
        """Finds them, without doing anything yet."""
        self._ledger = ledger
        self._policy = policy
        self._found = survivors(ledger.file.before)
        self._reaped: set[str] = set()  # namespecs of those that have ended since
        self._leaving: dict[int, _Leaving] = {}
        self._lost: dict[str, str] = {}  # why the sockets of a program could not be taken back
        self._old: dict[str, list[Process]] = {}  # by program: those that are restarted one batch after the other
        self._adopted: list[str] = []  # namespecs
        self._adopts = False  # something of the earlier master goes on
        self._log: Log | None = None
        self._remove_credentials: Callable[[str], None] = lambda _: None

    def kept_logs(self, config: Config) -> dict[tuple[str, str], str]:
        """The AUTO logs that stay in use, by namespec and channel."""
        if self._policy is not Orphans.ADOPT:
            return {}
        names = {program.namespec for group in config.groups for program in group.programs}
        names &= {survivor.record.name for survivor in self._found}
        return {key: path for key, path in self._ledger.file.before.logs.items() if key[0] in names}

    def begin(self, engine: Engine, log: Log) -> None:
        """Adopt, stop or ignore them; to be called before the first start."""
        self._log = log
        self._end_hooks()
        self._remove_credentials = engine.sources.remove
        engine.sources.clean(frozenset(survivor.record.tag for survivor in self._found))
        self._take_sockets_back(engine)
        for survivor in self._found:
            record = survivor.record
            if self._policy is Orphans.IGNORE:
                text = f"{record.name} (pid {record.pid}) of an earlier master still runs, and is left alone"
                log.warn(text)
                continue
            process = engine.fleet.processes.get(record.name)
            if process is None or process.state is not State.STOPPED:
                self._stop(survivor, "is not in the configuration any more" if process is None else "runs twice")
            else:
                self._adopt(engine, process, survivor)
        self._roll(engine)
        if self._policy is not Orphans.IGNORE:
            self._clean_up(engine)
        if self._adopts:
            self._remember(engine)
        self._pause(engine)
        self._ledger.file.begin()

    def _take_sockets_back(self, engine: Engine) -> None:
        """From the programs that have them, before anything listens; where that may not be, they are opened anew."""
        if self._policy is Orphans.IGNORE:
            return
        found: ProcSnapshot | None = None
        for survivor in self._found:
            process = engine.fleet.processes.get(survivor.record.name)
            program = None if process is None else program_of(process.program)
            for spec in program.sockets if program is not None else ():
                found = found or look()
                members = Tree(survivor.identity, survivor.record.tag).members(found)
                holders = [survivor.identity, *(one.identity for one in members if one.identity != survivor.identity)]
                for address in spec.addresses(survivor.record.name):
                    why = engine.held.take_back(address, spec, holders)
                    if why:
                        self._lost.setdefault(survivor.record.name, f"{address.url} cannot be taken back: {why}")

    def _end_hooks(self) -> None:
        """Kill the commands of hooks that still run: they are begun anew."""
        assert self._log is not None
        hooks = self._ledger.file.before.hooks
        found = look() if hooks else None
        for tag, hook in hooks.items():
            bearers = found.tagged(tag) if found is not None else []
            for process in bearers:
                send_to(process.identity, signal.SIGKILL)
            if bearers:
                self._log.warn(f"{hook.hook} of {hook.name} still ran, which an earlier master has begun: killed")

    def _clean_up(self, engine: Engine) -> None:
        """What has ended while there was no master has its post_stop now, and what had not ended of that as well."""
        assert self._log is not None
        before = self._ledger.file.before
        if before.boot != boot_id():
            return
        living = {survivor.record.name for survivor in self._found} - self._reaped
        ended = {record.name for record in before.records.values() if record.pid}
        begun = {hook.name for hook in before.hooks.values() if hook.hook in _BEGUN}
        for name in sorted((ended | begun) - living):
            process = engine.fleet.processes.get(name)
            if process is not None and process.state is State.STOPPED and process.program.post_stop:
                self._log.info(f"{name} has ended while there was no master to see it: its post_stop runs now")
                engine.post(EndedUnseen(name))

    def _remember(self, engine: Engine) -> None:
        """The one-shots that are done, and that are not to run again: this is still the life of the earlier master."""
        assert self._log is not None
        for name, run in self._ledger.file.before.done.items():
            process = engine.fleet.processes.get(name)
            if process is None or process.state is not State.STOPPED or not process.program.is_oneshot:
                continue
            if self._ledger.fingerprint(program_of(process.program)) == run.definition:
                self._ledger.file.done(name, run)
                then = "it is not run again" if process.program.schedule is None else "it runs by its schedule"
                self._log.info(f"{name} was done before the earlier master ended: {then}")
                engine.remember_run(RunRemembered(name, run.code, run.began, run.ended))

    def _pause(self, engine: Engine) -> None:
        """A pause of health checks is about a program that somebody works on, whoever the master is."""
        before, now = self._ledger.file.before, time.monotonic()
        for name, pause in before.pauses.items() if before.boot == boot_id() else ():
            if name in engine.fleet.processes and pause.until > now:
                engine.post(HealthPauseRequested(name, pause.until - now, pause.reason), Origin(POLICY))

    def close(self) -> None:
        """Kill those that were asked to stop and still run."""
        for leaving in list(self._leaving.values()):
            leaving.watched.send(signal.SIGKILL, as_group=False)
            self._forget(leaving)

    def _adopt(self, engine: Engine, process: Process, survivor: Survivor) -> None:
        assert self._log is not None
        record, identity = survivor.record, survivor.identity
        watched = self._watch(survivor)
        if watched is None:
            return
        reason = self._why_not(engine.fleet, process, record)
        child = Child(identity.pid, None, None, None)
        try:
            pipes = reopen_pipes(identity, record.pipes)
            child = Child(identity.pid, pipes.stdin, pipes.stdout, pipes.stderr)
        except OSError as error:
            reason = reason or f"its pipes cannot be opened ({error.strerror})"
        # Recorded first, and unchanged, so that the next master would decide the same.
        ready_after = self._ledger.file.before.ready.get(record.tag)
        self._ledger.file.adopted(record, ready_after)
        age = max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - identity.start / TICKS)
        post_start = self._has_begun(record.name)
        engine.adopt(record.name, child, watched, record.tag, age, post_start=post_start, ready_after=ready_after)
        # A listener is started again, and says it then.
        asked = TOLD - {ReadyKind.LISTENER}
        told = ", ".join(one.kind.value for one in process.readiness.conditions if one.kind in asked)
        if told:
            self._log.warn(f"{record.name} may not be ready: it cannot say that again ({told}), so it counts as said")
        self._adopts = self._adopts or not reason
        self._adopted.append(record.name)
        if reason == OTHER_DEFINITION and process.program.restart_strategy == "rolling" and process.program.autostart:
            self._old.setdefault(process.program.program, []).append(process)
        elif reason:
            again = process.program.autostart
            self._log.warn(f"{record.name} is {'restarted' if again else 'stopped'}: {reason}")
            engine.post(RestartRequested(record.name) if again else StopRequested(record.name), Origin(POLICY))

    def _roll(self, engine: Engine) -> None:
        """What the earlier master would have restarted one batch after the other."""
        assert self._log is not None
        processes, path = engine.fleet.processes, rolling_path(self._ledger.file.path)
        left = read_left(path) if self._policy is Orphans.ADOPT else {}
        adopted = {processes[name].program.program for name in self._adopted}
        for program in dict.fromkeys([*left, *self._old]):
            if program not in adopted:
                continue
            cut_off, old = left.get(program), self._old.get(program, [])
            # Those that were on their way come first: more must not be down at a time.
            there = [name for name in cut_off.names if name in processes] if cut_off is not None else []
            names = tuple(dict.fromkeys([*there, *(process.name for process in old)]))
            if not names:
                continue
            if cut_off is not None:
                what = f"a rolling restart was cut off when procman was killed, {len(names)} are left of it"
            else:
                what = f"{len(old)} have another definition"
            self._log.warn(f"{program} is restarted one batch after the other: {what}")
            self._adopts = True
            batch = cut_off.batch if cut_off is not None else batch_size(old[0].program.rolling_batch, len(old))
            engine.post(RollingRequested(program, names, batch), Origin(POLICY))
        if not engine.fleet.rollings:
            forget_left(path)

    def _has_begun(self, name: str) -> bool:
        """Its post_start had not ended."""
        hooks = self._ledger.file.before.hooks.values()
        return any(hook.name == name and hook.hook == Hook.POST_START.value for hook in hooks)

    def _why_not(self, fleet: Fleet, process: Process, record: Record) -> str:
        """Why it cannot be adopted; "" if it can."""
        group = group_of(fleet.groups[process.program.group].spec)
        if self._policy is Orphans.STOP:
            return "orphans=stop"
        if self._ledger.fingerprint(program_of(process.program)) != record.definition:
            return OTHER_DEFINITION
        if group.listener is not None:
            return "what it was told by the other master is not known"
        if group.socket is not None:
            return "its socket was the other master's"
        return self._lost.get(record.name, "")

    def _watch(self, survivor: Survivor) -> WatchedProcess | None:
        assert self._log is not None
        record = survivor.record
        try:
            watched = watch(survivor.identity)
        except OSError as error:
            self._log.critical(
                f"cannot watch {record.name} (pid {record.pid}) of an earlier master: {error.strerror}; it goes on "
                "beside this master"
            )
            return None
        if watched is None:
            self._reaped.add(record.name)
            self._remove_credentials(record.tag)
        return watched

    def _stop(self, survivor: Survivor, reason: str) -> None:
        assert self._log is not None
        record = survivor.record
        watched = self._watch(survivor)
        if watched is None:
            return
        self._log.warn(
            f"{record.name} (pid {record.pid}) of an earlier master {reason}: "
            f"stopping it with {signal_name(record.signal)}"
        )
        loop = asyncio.get_running_loop()
        leaving = self._leaving[record.pid] = _Leaving(record, watched)
        loop.add_reader(watched.fileno(), self._gone, leaving)
        refusal = watched.send(record.signal, as_group=False)
        if refusal is not None:
            self._log.critical(f"{record.name}: {refusal}; it goes on beside this master")
            self._forget(leaving)
            return
        kill = partial(watched.send, signal.SIGKILL, as_group=False)
        leaving.kill = loop.call_later(record.patience, kill)

    def _gone(self, leaving: _Leaving) -> None:
        assert self._log is not None
        self._log.info(f"{leaving.record.name} (pid {leaving.record.pid}) of an earlier master has ended")
        self._remove_credentials(leaving.record.tag)
        self._forget(leaving)

    def _forget(self, leaving: _Leaving) -> None:
        if leaving.kill is not None:
            leaving.kill.cancel()
        asyncio.get_running_loop().remove_reader(leaving.watched.fileno())
        leaving.watched.close()
        self._leaving.pop(leaving.record.pid, None)
