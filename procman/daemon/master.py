"""The composition root: builds everything from a configuration, boots, waits for the end, and cleans up.

Sockets are bound before any child exists, so that whatever is wrong is said before anything has been started.
"""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from procman import __version__
from procman.api.health import Health
from procman.api.log_tails import LogTails
from procman.api.rest import Rest, route_problem
from procman.api.shapes import MasterInfo
from procman.api.sse import Live
from procman.config.auto_logs import within_memory
from procman.config.checks.permissions import may_refuse
from procman.config.diff import fingerprint
from procman.config.discovery import default_socket, ensure_runtime_dir, mark, own_sockets, runtime_dir, state_files
from procman.config.host import is_importable
from procman.config.load import load
from procman.config.problems import ConfigError, Problem
from procman.config.schema.kinds import is_loopback
from procman.config.schema.model import AUTO, DAEMON_UMASK, Config, InetServer, Master, Program, UnixServer
from procman.core.actions import Quit
from procman.core.events import BootRequested, ShutdownRequested, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import MasterState
from procman.daemon.event_log import EventLog
from procman.daemon.farewell import Farewell
from procman.daemon.handover import from_file, from_json, to_json
from procman.daemon.service_notify import ServiceNotifier
from procman.daemon.upgrade import HERE, Start, Upgrade, how_started, stand_again
from procman.errors import BadRequest, CannotListen, ProcmanError
from procman.events.hub import Hub
from procman.events.result_handlers import CannotImport, load_handler
from procman.events.snapshot import PoolSnapshot
from procman.http.auth import BasicAuth, HostGuard, User
from procman.http.messages import Request, Response, Role
from procman.http.routing import Router
from procman.http.server import Server, connection_class
from procman.logs.console import console_target
from procman.runtime.adoption import Adoption, NoLedger, ProcessLedger
from procman.runtime.definitions import program_of
from procman.runtime.engine import Engine, EngineSnapshot, Notification
from procman.runtime.output_router import OutputRouter, OutputsSnapshot
from procman.runtime.process_trees import Trees
from procman.runtime.start_gate import StartGate
from procman.services.configuration import ConfigService
from procman.services.processes import ProcessService, Times
from procman.system.blocking import BlockingCalls, TakesTooLong
from procman.system.limits import raise_limits
from procman.system.memory import give_back_large_blocks, give_back_what_is_free
from procman.system.mounts import is_in_memory, mounts
from procman.system.notify import Notifier
from procman.system.oom import OomKills
from procman.system.pidfile import CannotUsePidFile, PidFile, PidFileHeld
from procman.system.privileges import drop_privileges
from procman.system.proc import call_itself
from procman.system.shared_sockets import SharedSockets
from procman.system.signals import STOP, disinherit, signal_name
from procman.system.sockets import (
    UnixAddress,
    identity_of,
    lead_to,
    listen_tcp,
    listen_unix,
    remove_socket,
    remove_stale,
)
from procman.system.spawn import TOO_MANY_FILES
from procman.system.state_file import FileSnapshot, StateFile, StateFileHeld
from procman.system.subreaper import become_subreaper
from procman.system.thread_cwd import leave_common_folder

API_VERSION = "3.0"
NAME = "procman"
if TYPE_CHECKING:
    from procman.api.xmlrpc import XmlRpc

# What the web page is made of, and what supervisor's had besides.
_WEB = ("/", "/index.html", "/page.css", "/page.js", "/tail.html", "/ok.html")
# Imported when first used, if ever. Before the user is changed all of it is: the new one may not be able to read it, in
# root's home say. A test finds what is missing here.
IMPORTED_LATER = (
    "array",
    "ctypes",
    "difflib",
    "encodings.ascii",
    "encodings.idna",
    "grp",
    "procman.api.web_forms",
    "procman.api.xmlrpc_wire",
    "procman.api.xmlrpc",
    "procman.config.checks.background",
    "procman.config.checks.doubtful_values",
    "procman.config.checks.paths",
    "procman.config.checks.ports",
    "procman.config.formats.other_formats",
    "procman.config.formats.toml_hints",
    "procman.config.stop_plan",
    "procman.config.formats.toml",
    "procman.events.pool",
    "procman.http.connection",
    "procman.http.passwords",
    "procman.logs.syslog",
    "procman.logs.filters",
    "procman.system.daemonize",
    "procman.web.page",
    "psutil",
)
# The exit status of a daemon that cannot be.
BAD_START = 2
# How long what is left in buffers may take to be written at the very end, in seconds.
LAST_WORDS = 0.5
# How long whoever wants the configuration to be read again waits for that, in seconds.
READ_WITHIN = 30.0
# And whoever only asks whether it could be read.
LOOK_WITHIN = 2.0
# How often the same complaint of the event loop is written down, in seconds.
COMPLAIN_EVERY = 60.0


def run(path: str, overrides: Mapping[str, str], *, allow_writable: bool = False) -> int:
    """Run the master until it is told to stop, and return its exit status.

    Where the file or `overrides` say `daemon`, it goes on as a daemon, and the process that was started exits when that
    is up or has failed. `allow_writable`: root takes files that others may write, too. Raises ProcmanError before it
    has started anything.
    """
    # What was started as `python3 -m procman`, or is after an upgrade, has Python's.
    call_itself(NAME)
    if not is_importable(["h11"]):
        # It is imported when the programs have been started: nobody could be answered then.
        raise ProcmanError("h11 is not installed, without which no client can be answered: python3 -m pip install h11")
    start = how_started()
    # PID 1 has no default actions: a stop that comes before the loop runs, or has come already, must not be lost.
    for number in STOP:
        signal.signal(number, lambda *_: sys.exit(0))
    # A shell's `nohup`, or whatever else started this, must not decide what signals mean to the programs.
    disinherit()
    source = ConfigSource(os.path.abspath(path), dict(overrides), allow_writable)
    read = source.read
    reporter = ServiceNotifier(Notifier())
    try:
        config = read()
        background = config.master.daemon
        if background or config.master.directory is not None:
            source.folder = os.getcwd()
            config = read()
        if background:
            unseen = _unseen(config)
            if unseen:
                print(
                    f"procman: nobody sees what a daemon writes to its console: name a file in {', '.join(unseen)}",
                    file=sys.stderr,
                )
            from procman.system.daemonize import start_daemon  # noqa: PLC0415 - only here

            reporter.daemon = start_daemon(directory=config.master.directory or "/", umask=DAEMON_UMASK)
        notes = _become(config)
        if config.wants_background and reporter.daemon is None:
            notes.append("nodaemon=false is ignored: procman stays in the foreground unless --daemon is given")
        give_back_large_blocks()
        # As PID 1 the orphans of all programs are ours anyway.
        refusal = None if os.getpid() == 1 else become_subreaper()
        if refusal is not None:
            notes.append(f"{refusal}: descendants of programs are lost sight of when their parents end")
        journal = _journal(config, source.fingerprint, notes)
        return _live(ProcessContext(source, start, reporter, journal, adopts=refusal is None), config, notes)
    except ProcmanError as error:
        if reporter.failed(str(error), BAD_START):
            return BAD_START
        raise


def restore(handed: str) -> int:
    """Go on in the place of a master that has executed this code, or only look whether that could be done.

    `handed` is the value of handover.VARIABLE. Returns the exit status; raises CannotTakeOver.
    """
    number, _, check = handed.partition(" ")
    handed_over = from_file(int(number))
    snapshot: MasterSnapshot = from_json(MasterSnapshot, handed_over.get("master"))
    # What the file says now is for the next reload or update.
    _check_handlers(snapshot.config)
    journal: ProcessLedger | NoLedger = NoLedger()
    if snapshot.journal is not None:
        journal = ProcessLedger(StateFile.restore(snapshot.journal), snapshot.source.fingerprint)
    if check:
        # Anything that is imported later has to be there, too.
        _import_the_rest()
        return 0
    call_itself(NAME)
    os.close(int(number))
    for fd in (*snapshot.fds, *([] if snapshot.pidfile is None else [snapshot.pidfile])):
        os.set_inheritable(fd, False)
    start = how_started()
    stand_again(handed_over.get(HERE))
    if snapshot.config.master.uid is not None:
        _import_the_rest()
    give_back_large_blocks()
    whole = ProcessContext(
        snapshot.source, start, ServiceNotifier(Notifier()), journal, snapshot.adopts, count(snapshot.serial)
    )
    return _live(whole, snapshot.config, [], snapshot)


def _import_the_rest() -> None:
    """What else would be imported when it is first used."""
    for name in IMPORTED_LATER:
        import_module(name)


def _live(whole: "ProcessContext", config: Config, notes: list[str], snapshot: "MasterSnapshot | None" = None) -> int:
    try:
        return asyncio.run(Lifetime(whole, config, notes, snapshot).live())
    finally:
        whole.journal.close()


class _SharesFolder(Exception):
    """A thread that would stand in another folder would take all others with it."""


@dataclass(slots=True)
class ConfigSource:
    """Where the configuration comes from."""

    path: str
    overrides: dict[str, str]
    allow_writable: bool
    folder: str | None = None  # where a master was started that stands elsewhere now
    at_home: str | None = None  # and where its programs run that have no directory of their own

    def read(self) -> Config:
        """Read it; raises ConfigError."""
        return self._accepted(self._read())

    async def read_again(self, aside: BlockingCalls) -> Config:
        """The same, while everything else goes on."""
        try:
            return self._accepted(await aside.do(self._read_aside))
        except _SharesFolder:
            return self.read()
        except TakesTooLong:
            message = f"cannot be read: that has not ended within {READ_WITHIN:.0f} s; does its disk answer?"
            raise ConfigError([Problem(self.path, None, None, None, message)]) from None

    async def warnings(self, aside: BlockingCalls) -> list[str]:
        """Why the file could not be used now; whatever its handlers are, none of them is imported for that."""
        read = asyncio.ensure_future(aside.do(self._read_aside))
        await asyncio.wait({read}, timeout=LOOK_WITHIN)
        if not read.done():
            read.cancel()
            return [f"cannot tell whether {self.path} could be used: that takes too long; does its disk answer?"]
        error = read.exception()
        if not isinstance(error, ConfigError):
            return []
        first, *others = [problem for problem in error.problems if problem.severity == "error"]
        more = f" (and {len(others)} more)" if others else ""
        warning = (
            f"the configuration on the disk cannot be used: {first}{more}. All goes on as it was read before, but a "
            "reload or a new start would fail: mend the file, and see with procman check whether it is good"
        )
        return [warning]

    def _read_aside(self) -> Config:
        if self.folder is not None and not leave_common_folder():
            raise _SharesFolder
        return self._read()

    def _read(self) -> Config:
        read = partial(_load, self.path, self.overrides, allow_writable=self.allow_writable)
        return read() if self.folder is None else _where_it_stands(read, self.path, self.folder)

    def _accepted(self, config: Config) -> Config:
        # Not in a thread: what somebody's module does when it is imported may not be fit for that.
        _check_handlers(config)
        if self.folder is not None:
            self.at_home = config.master.directory or self.folder
        return config

    def fingerprint(self, program: Program) -> int:
        """What tells a definition from one that a running process cannot have.

        The same for a daemon and in the foreground, where a program without a directory has none: either may go on
        with what the other has left running.
        """
        return fingerprint(replace(program, directory=None) if program.directory == self.at_home else program)


@dataclass(slots=True)
class MasterSnapshot:
    """All that a running master is, for another process image to go on with."""

    source: ConfigSource
    config: Config
    current: Config  # as it was last read
    adopts: bool
    began: int
    upgrades: int
    serial: int  # of the next event
    pidfile: int | None
    journal: FileSnapshot | None
    listening: dict[str, int]  # descriptors by label
    fds: list[int]  # all but that of the pid file
    times: dict[str, Times]
    engine: EngineSnapshot
    outputs: OutputsSnapshot
    pools: list[PoolSnapshot]


def _load(path: str, overrides: Mapping[str, str], *, allow_writable: bool) -> Config:
    """The file; raises ConfigError."""
    try:
        config = load(path, overrides=overrides, refuse_writable=may_refuse() and not allow_writable)
    except FileNotFoundError:
        message = "cannot tell what relative paths mean: the directory procman is in was removed; make them absolute"
        raise ConfigError([Problem(path, None, None, None, message)]) from None
    # The memory of a container is all that its programs have, too.
    in_memory = os.getpid() == 1 and is_in_memory(config.master.childlogdir, mounts())
    return within_memory(config) if in_memory else config


def _check_handlers(config: Config) -> None:
    problems = []
    for group in config.groups:
        if group.listener is not None:
            try:
                load_handler(group.listener.result_handler)
            except CannotImport as error:
                message = f"{error}; name a function of an installed module"
                section = f"eventlistener:{group.name}"
                problems.append(Problem(config.file, None, section, "result_handler", message))
    if problems:
        raise ConfigError(problems)


def _where_it_stands(read: Callable[[], Config], file: str, folder: str) -> Config:
    """A file that means the same when the master itself has left the folder where it was started.

    Programs run in the master's `directory`, as under supervisord, or where it was started.
    """
    # Not by its name: where it stands may have been removed.
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.chdir(folder)
        except OSError as error:
            message = f"cannot look from {folder}, where this master was started: {error.strerror}; make it again"
            raise ConfigError([Problem(file, None, None, None, message)]) from None
        config = read()
    finally:
        os.fchdir(here)
        os.close(here)
    master = config.master
    home = os.path.join(folder, master.directory) if master.directory else folder

    def absolute(path: str | None) -> str | None:
        return path if path in (None, AUTO) else os.path.join(home, path)

    groups = [
        replace(
            group,
            programs=tuple(
                replace(
                    program,
                    directory=os.path.join(home, program.directory) if program.directory else home,
                    stdout_logfile=absolute(program.stdout_logfile),
                    stderr_logfile=absolute(program.stderr_logfile),
                    stdout_also=tuple(os.path.join(home, path) for path in program.stdout_also),
                    stderr_also=tuple(os.path.join(home, path) for path in program.stderr_also),
                )
                for program in group.programs
            ),
        )
        for group in config.groups
    ]
    at_home = replace(
        master,
        logfile=master.logfile if master.logfile == "syslog" else os.path.join(folder, master.logfile),
        pidfile=os.path.join(folder, master.pidfile),
        childlogdir=os.path.join(folder, master.childlogdir),
        directory=None if master.directory is None else home,
    )
    return replace(config, master=at_home, groups=tuple(groups))


def _become(config: Config) -> list[str]:
    """Make this process what the configuration says, as far as that is done once."""
    notes = []
    master = config.master
    notes += raise_limits(master.minfds, master.minprocs)
    if master.uid is not None:
        _import_the_rest()
        if drop_privileges(master.uid):
            notes.append(f"Set uid to user {master.uid} succeeded")
    if master.directory is not None:
        try:
            os.chdir(master.directory)
        except OSError as error:
            raise ProcmanError(f"cannot change to {master.directory}: {error.strerror}; check directory=") from None
    if master.umask is not None:
        os.umask(master.umask)
    if runtime_dir() in map(os.path.dirname, (master.pidfile, master.logfile)):
        try:
            ensure_runtime_dir()
        except ProcmanError as error:
            notes.append(str(error))
    return notes


def _anchor(config: Config) -> str:
    """The path by which a master is known: of its control socket, or of the file that the default one is made of."""
    return next((server.file for server in config.servers if isinstance(server, UnixServer)), config.file)


def _journal(config: Config, fingerprint: Callable[[Program], int], notes: list[str]) -> ProcessLedger | NoLedger:
    """Where it is written down what runs. Raises StateFileHeld: another master does so for the same socket."""
    if os.getpid() == 1:
        return NoLedger()  # nothing outlives it
    path, *others = state_files(_anchor(config))
    try:
        ensure_runtime_dir()
        return ProcessLedger(StateFile.take(path, others), fingerprint)
    except StateFileHeld:
        raise
    except (OSError, ProcmanError) as error:
        notes.append(f"should this master be killed, the next one will not know what runs: {error}")
        return NoLedger()


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What there is one of for as long as this process lives, whatever is reloaded."""

    source: ConfigSource
    start: Start
    reporter: ServiceNotifier
    journal: ProcessLedger | NoLedger
    adopts: bool  # orphans become our children
    serials: Iterator[int] = field(default_factory=count)  # of events, of which no two are the same
    aside: BlockingCalls = field(default_factory=partial(BlockingCalls, READ_WITHIN))

    async def read(self) -> Config:
        """Read the configuration again, beside the loop; raises ConfigError."""
        return await self.source.read_again(self.aside)

    def take_over(self, config: Config) -> Adoption | None:
        """What an earlier master has left running, if this is the first life of this one."""
        if isinstance(self.journal, NoLedger) or self.journal.begun:
            return None
        return Adoption(self.journal, config.master.orphans)


class Lifetime:
    """One master after the other, until one was not asked to come back."""

    def __init__(
        self, whole: ProcessContext, config: Config, notes: list[str], snapshot: MasterSnapshot | None
    ) -> None:
        self._whole = whole
        self._snapshot = snapshot
        self._config = config
        self._notes = notes
        self._master: _Master | None = None
        self._stop_asked = asyncio.Event()
        self._caught: list[int] = []  # signals that were not delivered yet
        self._said: dict[str, float] = {}  # complaints of the loop, and when they were last written down

    async def live(self) -> int:
        """Run masters, one after each reload, until one is told to stop; returns the exit status."""
        self._catch_signals()
        asyncio.get_running_loop().set_exception_handler(self._complain)
        before: Config | None = None
        while not self._stop_asked.is_set():
            try:
                snapshot, self._snapshot = self._snapshot, None
                # A reload may have brought another socket, and by that the next master looks for what runs.
                self._whole.journal.move(state_files(_anchor(self._config))[0])
                self._master = _Master(self._whole, self._config, self._notes, self._deliver, snapshot)
                end = await self._master.live()
                self._master = None
                if not end.restart or self._stop_asked.is_set():
                    return end.code
                before, self._notes = self._config, []
                self._config = await self._read_anew() or before
            except ProcmanError as error:
                # It could be read when the reload was asked for, and cannot be used now: a socket that cannot be
                # bound, say. What ran before is better than nothing.
                if before is None:
                    raise
                self._config, before = before, None
                self._notes = [f"cannot begin anew: {error}; going on with the configuration from before"]
            finally:
                self._master = None
        return 0

    async def _read_anew(self) -> Config | None:
        """What the next master is to do; None where somebody has asked for the end meanwhile. Raises ConfigError."""
        read = asyncio.ensure_future(self._whole.read())
        stopped = asyncio.ensure_future(self._stop_asked.wait())
        await asyncio.wait((read, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if read.done():
            return read.result()
        read.cancel()
        return None

    def _catch_signals(self) -> None:
        """Have signals delivered on the loop, however many come.

        asyncio passes them through a socket, byte by byte. Programs that end at once by the hundred fill it with
        SIGCHLD, and the byte of a SIGTERM would be lost; so they are noted here, and the socket only wakes the loop.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, lambda: None)
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)

        def catch(number: int, _: object) -> None:
            if number == signal.SIGCHLD and number in self._caught:
                return
            self._caught.append(number)
            if len(self._caught) == 1:
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:
                    pass  # the loop has been closed: nobody is left to be stopped

        for number in (*STOP, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
            signal.signal(number, catch)

    def _deliver(self) -> None:
        caught, self._caught = self._caught, []
        for number in caught:
            master = self._master
            if number in STOP:
                # Also where there is a master: one that is about to begin anew has no use for it any more.
                self._stop_asked.set()
            if master is None:
                continue
            if number in STOP:
                master.stop(number)
            elif number == signal.SIGHUP:
                master.reload()
            elif number == signal.SIGUSR2:
                master.reopen()
            else:
                master.reap()

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would print as a traceback, for instance that no client can be let in: a line, once a minute."""
        error = context.get("exception")
        if self._master is not None and isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            # Who waits at the door is tried again in a second (asyncio has it so).
            self._master.make_room()
        text = f"{context['message']}: {error}" if error is not None else str(context["message"])
        now = time.monotonic()
        if self._master is not None and now - self._said.get(text, -COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self._said[text] = now
            self._master.outputs.log.error(text)


class _Master:
    """Everything that one configuration brings to life."""

    def __init__(
        self,
        whole: ProcessContext,
        config: Config,
        notes: list[str],
        deliver: Callable[[], None],
        snapshot: MasterSnapshot | None,
    ) -> None:
        """`deliver` hands out signals that were noted; `standing` is what there is to go on with."""
        self._whole = whole
        self._snapshot = snapshot
        self._listening: dict[str, int] = {}
        self._pidfile: PidFile | None = None
        self._upgrades = snapshot.upgrades + 1 if snapshot is not None else 0
        self._config = config
        self._tasks: set[asyncio.Task[None]] = set()
        self._reporter = whole.reporter
        self._began = int(time.time()) if snapshot is None else snapshot.began
        self._quit: asyncio.Future[Quit] = asyncio.get_running_loop().create_future()
        self._unix: list[tuple[UnixAddress, Server]] = []
        self._socket_files: dict[str, tuple[int, int] | None] = {}
        self._servers: list[Server] = []
        self._xmlrpc: XmlRpc | None = None
        self._web: Router | None = None
        self._take_over = whole.take_over(config)
        self._less_in_the_way = asyncio.Event()
        self.outputs = OutputRouter(config, mark(_anchor(config)), whole.journal.log, self._less_in_the_way.set)
        self._log = self.outputs.log
        if snapshot is None:
            self._say_at_first(notes)
        fleet = Fleet(config.groups, config.master)
        if snapshot is not None:
            fleet.restore(snapshot.engine.fleet)
        self._trees = Trees(config.master.identifier, adopts=whole.adopts)
        self._ways = StartGate(self._log.warn, self._way_is_known)
        self.engine = Engine(
            fleet,
            self.outputs,
            self._trees,
            SharedSockets(self._log.info),
            whole.journal,
            serverurl=config.serverurl or self._implicit_url(),
            home=lambda: whole.source.at_home,
            ways=self._ways,
            on_bug=self._log.critical,
        )
        self._fleet = fleet
        self._report = EventLog(
            fleet,
            self._log,
            why=lambda name: self._control.why(name),  # noqa: PLW0108 - it comes later
            oom_kills=OomKills().since,
        )
        self._farewell = Farewell(self.engine, fleet, self._trees, self._log)
        self._hub = Hub(self.engine, self.outputs, config.master.identifier, whole.serials, self._log)
        self.outputs.watcher = self._hub
        self.outputs.definition = self._definition
        if snapshot is None:
            self._hub.boot()
        else:
            self._hub.restore(snapshot.pools)
        for hear in (
            self._report.tell,
            self._farewell.tell,
            whole.reporter.tell,
            self.outputs.hear,
            self._hub.tell,
            self._hear,
        ):
            self.engine.subscribe(hear)
        self._control = ProcessService(
            self.engine,
            self.outputs.log_paths,
            self.outputs.lost,
            self._less_in_the_way.set,
            self._ways.silent_among,
            last_words=self.outputs.last_words,
        )
        self._reconfigure = ConfigService(self.engine, self._control, config, whole.read)
        whole.aside.on_end = self._less_in_the_way.set
        if snapshot is not None:
            self._control.restore(snapshot.times)
            self._reconfigure.config = snapshot.current
        self._upgrade = Upgrade(
            self.engine,
            self._log,
            whole.start,
            number=self._upgrades + 1,
            obstacle=self._upgrade_obstacle,
            changed=self._less_in_the_way,
            snapshot=self._handed_over,
            environment=lambda: whole.reporter.environment,
            deliver=deliver,
            hold=self.outputs.hold,
            go_on=self.outputs.go_on,
            leaving=whole.reporter.upgrading,
        )
        self._health = Health(self._control)
        self._live = Live(self._control, self.engine.subscribe, self._about_for)

    def _say_at_first(self, notes: list[str]) -> None:
        for warning in self._config.warnings:
            self._log.warn(str(warning))
        for remark in self._config.remarks:
            self._log.info(remark)
        too_long = _stop_warning(self._config)
        if too_long is not None:
            self._log.warn(too_long)
        for note in notes:
            self._log.info(note)

    async def live(self) -> Quit:
        """From boot to the end, of which is said how to leave, or that there is to be a fresh beginning."""
        if self._snapshot is None:
            self._pidfile = self._take_pidfile()
        elif self._snapshot.pidfile is not None:
            self._pidfile = PidFile(self._config.master.pidfile, self._snapshot.pidfile)
        try:
            await self._listen()
            if self._snapshot is None:
                self._boot()
            else:
                self._go_on(self._snapshot)
            all_started = self.engine.caught_up(patient=True)
            await asyncio.wait((self.engine.caught_up(), self._quit), return_when=asyncio.FIRST_COMPLETED)
            if all_started.done() or self._quit.done():
                self._reporter.up(self._fleet)
            else:
                # Clients do not wait for disks that do not answer; who is told that all is up does, for a while.
                self._do(self._be_up(all_started))
            connection_class()
            # What the imports have left behind goes, too. (Were all that is there kept frozen, what `update` replaces
            # of it would never go.)
            gc.unfreeze()
            gc.collect()
            give_back_what_is_free()
            end = await self._quit
            if end.restart and self._fleet.state is MasterState.SHUTDOWN:
                # Somebody has asked for the end in the very moment in which the reload was through.
                end = replace(end, restart=False)
            if not end.restart:
                await self._farewell.part()
                self._reporter.ended(end.code)
            if end.code and not end.restart:
                self._log.info(f"leaving with exit status {end.code}")
        finally:
            if self._take_over is not None:
                self._take_over.close()
            self.engine.close()
            self._ways.close()
            for task in self._tasks:
                task.cancel()
            self._trees.close()
            self._hub.close()
            self._report.close()
            self.outputs.end_followers()
            self._live.close()
            for server in self._servers:
                await server.close(LAST_WORDS)
            for path, file in self._socket_files.items():
                # Somebody else may have taken its place meanwhile: another manager, say.
                if file is not None and identity_of(path) == file:
                    remove_socket(path)
            if self._pidfile is not None:
                self._pidfile.release()
            self.outputs.close(LAST_WORDS)
        return end

    async def _be_up(self, all_started: asyncio.Future[None]) -> None:
        await all_started
        if not self._quit.done():
            self._reporter.up(self._fleet)

    def _boot(self) -> None:
        self.outputs.clear_old_logs(self._take_over.kept_logs(self._config) if self._take_over else {})
        self._log.info(f"procman started with pid {os.getpid()}")
        if self._take_over is not None:
            self._take_over.begin(self.engine, self._log)
        self.engine.post(BootRequested())
        # Strangers that ended before there was anybody to be told of it.
        self.engine.reap()

    def _go_on(self, snapshot: MasterSnapshot) -> None:
        programs = {name: program_of(process.program) for name, process in self._fleet.processes.items()}
        self.outputs.restore(snapshot.outputs, programs)
        count_of_them = sum(process.pid is not None for process in self._fleet.processes.values())
        self._log.info(f"upgraded: procman {__version__} goes on with pid {os.getpid()} and {count_of_them} processes")
        # An upgrade has blocked signals until they can be carried out: who has ended before is found by `resume`. What
        # is started from here on has none blocked, and none is delivered before this turn of the loop is over.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.engine.restore(snapshot.engine)
        self._snapshot = None

    def _upgrade_obstacle(self) -> str | None:
        if self._trees.waits:
            return "what a program has left behind is being stopped"
        if self._control.awaited:
            return f"somebody waits for {self._control.awaited[0]}"
        if self._whole.aside.busy:
            return "the configuration is being read"
        if (silent := self._ways.silent) is not None:
            return silent
        return self.outputs.obstacle()

    def _handed_over(self) -> tuple[dict[str, Any], list[int]]:
        journal = self._whole.journal
        engine, outputs = self.engine.snapshot(), self.outputs.snapshot()
        snapshot = MasterSnapshot(
            source=self._whole.source,
            config=self._config,
            current=self._reconfigure.config,
            adopts=self._whole.adopts,
            began=self._began,
            upgrades=self._upgrades,
            serial=next(copy(self._whole.serials)),
            pidfile=self._pidfile.fd if self._pidfile is not None else None,
            journal=journal.file.snapshot() if isinstance(journal, ProcessLedger) else None,
            listening=self._listening,
            fds=[],
            times=self._control.snapshot(),
            engine=engine,
            outputs=outputs,
            pools=self._hub.snapshot(),
        )
        snapshot.fds = [
            *self._listening.values(),
            *([] if snapshot.journal is None else [snapshot.journal.fd]),
            *(known.fd for known in engine.sockets),
            *(fd for stream in outputs.streams for fd, _ in stream.pipes),
            *(known.fd for known in outputs.stdin),
        ]
        fds = snapshot.fds if snapshot.pidfile is None else [*snapshot.fds, snapshot.pidfile]
        return {"master": to_json(snapshot)}, fds

    # ---- what signals ask for

    def stop(self, number: int) -> None:
        self._log.warn(f"received {signal_name(number)} indicating exit request")
        if self._fleet.state is MasterState.SHUTDOWN:
            self._farewell.hurry()
        self.engine.post(ShutdownRequested())

    def reload(self) -> None:
        if self._fleet.state is MasterState.SHUTDOWN:
            self._log.warn("ignored SIGHUP indicating restart request (shutdown in progress)")
            return
        self._log.warn("received SIGHUP indicating restart request")
        self._do(self._reload())

    async def _reload(self) -> None:
        try:
            await self._whole.read()
        except ConfigError as error:
            for problem in error.problems:
                say = self._log.warn if problem.severity == "warning" else self._log.critical
                say(str(problem))
            self._log.critical("cannot restart with this configuration; everything goes on as it was")
            return
        self.engine.post(ShutdownRequested(restart=True))

    def make_room(self) -> None:
        for server in self._servers:
            server.make_room()

    def reap(self) -> None:
        self.engine.reap()
        self._log.debug("received SIGCHLD indicating a child quit")

    def reopen(self) -> None:
        self._log.info("received SIGUSR2 indicating log reopen request")
        self.outputs.reopen()
        gone = [(address, server) for address, server in self._unix if not os.path.lexists(address.path)]
        self._do(self._listen_again(gone))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- the pieces of `live`

    def _hear(self, news: Notification) -> None:
        if isinstance(news, Quit) and not self._quit.done():
            self._quit.set_result(news)
        elif isinstance(news, SpawnFailed) and news.reason.startswith(TOO_MANY_FILES):
            self.make_room()  # for the next try: clients that sit there are in the way

    def _way_is_known(self) -> None:
        self.engine.go_on()
        self._less_in_the_way.set()

    def _definition(self, name: str) -> Program | None:
        process = self._fleet.processes.get(name)
        return program_of(process.definition) if process else None

    def _implicit_url(self) -> str | None:
        """What programs are told where the file names no server: the socket that is always there."""
        return f"unix://{default_socket(self._config.file)}"

    def router(self) -> Router:
        """Every endpoint, on whichever socket it is asked for."""
        # Who has an answer may look in the logs for what was done. XML-RPC sees to that by itself.
        router = Router(problem=route_problem, after_change=self.outputs.catch_up)
        Rest(
            self._control,
            self._reconfigure,
            self.outputs,
            self._about_for,
            tell_listeners=self._hub.remote,
            upgrade=self._upgrade.prepare,
            file_warnings=partial(self._whole.source.warnings, self._whole.aside),
        ).add_to(router)
        LogTails(self._control, self.outputs).add_to(router)
        self._live.add_to(router)
        self._health.add_to(router)
        for path in ("/RPC2", "/RPC2/"):
            # What is asked by GET is told so. Which methods are for whom is said with each.
            router.add("GET", path, self._rpc2, role="read")
            router.add("POST", path, self._rpc2, role="read")
        for path in _WEB:
            router.add("GET", path, self._page, role="read")
        for path in ("/", "/index.html"):
            router.add("POST", path, self._page, role="control")
        return router

    async def _listen(self) -> None:
        router = self.router()
        unix = [server for server in self._config.servers if isinstance(server, UnixServer)]
        for server in unix:
            await self._serve_unix(router, UnixAddress(server.file, server.chmod, server.chown_ids), server)
        if not unix:
            try:
                ensure_runtime_dir()
                await self._serve_unix(router, UnixAddress(default_socket(self._config.file)), None)
            except CannotListen:
                raise
            except ProcmanError as error:
                # Nobody asked for it in words, and a container without a writable directory can do without.
                self._log.warn(f"there is no control socket: {error}")
        self._be_found()
        for inet in self._config.servers:
            if isinstance(inet, InetServer):
                await self._serve_tcp(router, inet)

    def _be_found(self) -> None:
        """Have the client find the socket by the path of the file alone: in an hour the file may say anything."""
        if not self._unix:
            return
        socket = os.path.abspath(self._unix[0][0].path)
        try:
            folder = ensure_runtime_dir()
        except ProcmanError as error:
            self._log.debug(f"procmanctl finds this master only while it can read {self._config.file}: {error}")
            return
        for path in own_sockets(self._config.file):
            if path != socket and lead_to(path, socket):
                self._socket_files[path] = identity_of(path)
        remove_stale(folder)

    async def _rpc2(self, request: Request) -> Response:
        if self._xmlrpc is None:
            from procman.api.xmlrpc import XmlRpc  # noqa: PLC0415 - 1.2 MiB, for those whose clients speak it

            self._xmlrpc = XmlRpc(self._control, self._reconfigure, self.outputs, self._about, self._hub.remote)
        return await self._xmlrpc.call(request)

    async def _page(self, request: Request) -> Response:
        if self._web is None:
            # Some hundred kB, for those who look at it.
            from procman.api.web_forms import Forms  # noqa: PLC0415
            from procman.web.page import Page  # noqa: PLC0415

            page = Page()
            self._web = Router()
            page.add_to(self._web)
            Forms(self._control, self.outputs, page.index).add_to(self._web)
        return await self._web(request)

    async def _serve_unix(self, router: Router, address: UnixAddress, options: UnixServer | None) -> None:
        sock = self._inherited(address.path) or listen_unix(address)
        self._socket_files[address.path] = identity_of(address.path)
        # A browser that comes through a proxy says whether it was another site's page that made it ask.
        users = _users(options) if options else []
        self._unix.append((address, self._serve(sock, address.path, router, HostGuard(), users)))
        await self._unix[-1][1].listen(sock, address.path)

    async def _listen_again(self, gone: list[tuple[UnixAddress, Server]]) -> None:
        """Where somebody has removed the file of a socket, nobody could reach this master any more."""
        for address, server in gone:
            if server.closing:
                return
            path = address.path
            try:
                if os.path.dirname(path) == runtime_dir():
                    ensure_runtime_dir()
                sock = listen_unix(address)
            except ProcmanError as error:
                self._log.critical(str(error))
                continue
            self._listening[path] = sock.fileno()
            self._socket_files[path] = identity_of(path)
            await server.listen_instead(sock, path)
            self._log.warn(f"the control socket {path} had been removed; it is there again")
        self._be_found()

    async def _serve_tcp(self, router: Router, options: InetServer) -> None:
        sock = self._inherited(options.shown)
        if self._snapshot is not None and sock is None:
            return  # it was not opened then, and that was said
        if options.is_open and not options.allow_unauthenticated:
            self._refuse_to_listen(options, options.shown)
            return
        sock = sock or listen_tcp(options.host, options.port)
        address = sock.getsockname()[0]
        if not (options.is_locked or options.allow_unauthenticated or is_loopback(address)):
            # The name says this machine, and whoever resolves names here says another thing.
            sock.close()
            self._refuse_to_listen(options, f"{options.shown}, which is {address}")
            return
        if options.is_open:
            self._log.warn(
                f"[{options.section}] asks nobody for a password: everybody who reaches {options.shown} can run "
                "programs here as this user"
            )
        elif not (options.is_locked or options.allow_unauthenticated):
            self._log.warn(
                f"[{options.section}] asks nobody for a password: every user of this machine, and every program, can "
                f"start and stop programs on {options.shown}; set username= and password=, or leave the section out "
                "(the unix socket needs none); allow_unauthenticated=true says that it is meant"
            )
        # A browser sends no password to a host name that was turned to this address, so with one any name will do.
        guard = HostGuard(["*"] if options.username else [options.host])
        await self._serve(sock, options.shown, router, guard, _users(options)).listen(sock, options.shown)

    def _refuse_to_listen(self, options: InetServer, where: str) -> None:
        self._log.critical(
            f"not listening on {where}: everybody who reaches it could run programs here; set username= and password= "
            f"in [{options.section}], listen on 127.0.0.1, or say allow_unauthenticated=true"
        )

    def _serve(self, sock: socket.socket, label: str, router: Router, guard: HostGuard, users: list[User]) -> Server:
        auth = BasicAuth(users)

        def gate(request: Request) -> Response | Role:
            verdict = guard.refusal(request) or auth.admit(request)
            if isinstance(verdict, Response) and verdict.status == HTTPStatus.UNAUTHORIZED:
                return self._health.without_password(request) or verdict
            return verdict

        server = Server(router, on_error=self._log.critical, gate=gate)
        self._servers.append(server)
        self._listening[label] = sock.fileno()
        return server

    def _inherited(self, label: str) -> socket.socket | None:
        fd = None if self._snapshot is None else self._snapshot.listening.get(label)
        return None if fd is None else socket.socket(fileno=fd)

    def _about_for(self, request: Request) -> MasterInfo:
        return self._about(request.role)

    def _about(self, role: Role = "control") -> MasterInfo:
        return MasterInfo(
            pid=os.getpid(),
            version=__version__,
            api_version=API_VERSION,
            identifier=self._config.master.identifier,
            state=int(self._fleet.state),
            statename=self._fleet.state.name,
            config_file=self._config.file,
            start=self._began,
            processes=len(self._fleet.processes),
            reaped_orphans=self.engine.orphans,
            upgrades=self._upgrades,
            may_control=role == "control",
        )

    def _take_pidfile(self) -> PidFile | None:
        """Write it and hold it; None where it cannot be written, which the log says. Raises PidFileHeld.

        One that nobody has named, in the folder where the master stands, is shared by all masters of that folder.
        """
        path = self._config.master.pidfile
        named = os.path.basename(path) != Master().pidfile
        try:
            return PidFile.take(path)
        except PidFileHeld as held:
            if named or self._reporter.daemon is not None:
                raise
            self._log.critical(f"could not write pidfile {path}: {held}")
        except CannotUsePidFile as error:
            if self._reporter.daemon is not None:
                raise
            self._log.critical(f"could not write pidfile {path}: {error}")
        return None


def _users(options: UnixServer | InetServer) -> list[User]:
    """Who may log in; nobody means that everybody may ask, as with an empty name."""
    if not options.username:
        return []
    users = [User(options.username, options.password or "")]
    if options.readonly_username:
        users.append(User(options.readonly_username, options.readonly_password or "", "read"))
    return users


def _unseen(config: Config) -> list[str]:
    """The options that lead to the console, which in the background is /dev/null."""
    logs: dict[str, tuple[str | None, ...]] = {"logfile": (config.master.logfile,)}
    for program in (program for group in config.groups for program in group.programs):
        logs[f"[{program.section}] stdout_logfile"] = (program.stdout_logfile, *program.stdout_also)
        logs[f"[{program.section}] stderr_logfile"] = (program.stderr_logfile, *program.stderr_also)
    return [option for option, paths in logs.items() if all(path and console_target(path) for path in paths)]


def _stop_warning(config: Config) -> str | None:
    """As PID 1: will whoever stops the container have the patience, of which PROCMAN_STOP_BUDGET tells?"""
    budget = os.environ.get("PROCMAN_STOP_BUDGET")
    if budget is None or os.getpid() != 1:
        return None
    from procman.config.stop_plan import read_duration, stop_plan, warning  # noqa: PLC0415 - few ask for it

    try:
        return warning(stop_plan(config), read_duration(budget))
    except BadRequest as error:
        return f"PROCMAN_STOP_BUDGET is no use: {error}"
