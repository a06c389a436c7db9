"""From arguments to a process that may begin: limits, user, folder, background, and the ledger of what runs.

The order matters. What needs root is done before the user is changed, and whatever may be imported later is imported
before that, too: the new user may not be able to read it.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping

from procman.config.host import is_importable
from procman.config.runtime_dir import ensure_runtime_dir, runtime_dir, state_files
from procman.config.schema.configuration import Config
from procman.config.schema.master import DAEMON_UMASK
from procman.config.schema.options import Orphans
from procman.config.schema.programs import Program
from procman.daemon.config_source import ConfigSource, check_result_handlers
from procman.daemon.context import ProcessContext, anchor
from procman.daemon.features import import_features
from procman.daemon.handover import from_file
from procman.daemon.lifetime import Lifetime
from procman.daemon.service_notify import ServiceNotifier
from procman.daemon.snapshot import MasterSnapshot, read, restored_fleet
from procman.daemon.upgrade import how_started, stand_again
from procman.errors import ProcmanError
from procman.logs.console import console_target
from procman.runtime.ledger import NoLedger, ProcessLedger
from procman.runtime.program_sockets import open_privileged
from procman.runtime.scales_file import read_scales, write_scales
from procman.system.daemonize import start_daemon
from procman.system.limits import raise_limits
from procman.system.memory import give_back_large_blocks
from procman.system.notify import Notifier
from procman.system.privileges import drop_privileges
from procman.system.proc import call_itself
from procman.system.signals import STOP, disinherit
from procman.system.state_file import StateFile, StateFileHeld, survivors
from procman.system.subreaper import become_subreaper

NAME = "procman"
# The exit status of a daemon that cannot be.
BAD_START = 2


def run(path: str, overrides: Mapping[str, str], *, allow_writable: bool = False) -> int:
    """Run the master until it is stopped, and return its exit status.

    Where the file or `overrides` say `daemon`, it goes on as a daemon, and the process that was started exits when that
    is up or has failed. `allow_writable`: root takes files that others may write, too. Raises ProcmanError before it
    has started anything.
    """
    # What was started as `python3 -m procman`, or is after an upgrade, has Python's name.
    call_itself(NAME)
    if not is_importable(["h11"]):
        # It is imported only when the programs have been started.
        raise ProcmanError("h11 is not installed, without which no client can be answered: python3 -m pip install h11")
    start = how_started()
    # PID 1 has no default actions: a stop that comes before the loop runs, or has come already, must not be lost.
    for number in STOP:
        signal.signal(number, lambda *_: sys.exit(0))
    # A shell's `nohup`, or whatever else started this, must not decide what signals mean to the programs.
    disinherit()
    source = ConfigSource(os.path.abspath(path), dict(overrides), allow_writable)
    notifier = Notifier()
    service = ServiceNotifier(notifier)
    try:
        config = source.read()
        background = config.master.daemon
        if background or config.master.directory is not None:
            source = ConfigSource(source.path, source.overrides, allow_writable, folder=os.getcwd())
            config = source.read()
        if background:
            _warn_of_unseen_output(config)
            daemon = start_daemon(directory=config.master.directory or "/", umask=DAEMON_UMASK)
            service = ServiceNotifier(notifier, daemon)
        sockets = open_privileged(config)
        notes = _become(config)
        if config.wants_background and not service.is_awaited:
            notes.append("nodaemon=false is ignored: procman stays in the foreground unless --daemon is given")
        give_back_large_blocks()
        # As PID 1 the orphans of all programs are ours anyway.
        refusal = None if os.getpid() == 1 else become_subreaper()
        if refusal is not None:
            notes.append(f"{refusal}: descendants of programs are lost sight of when their parents end")
        ledger = _ledger(config, source.fingerprint, notes)
        if _is_scaled(source, ledger, config):
            config = source.read()
        context = ProcessContext(source, start, service, ledger, adopts=refusal is None)
        context.held_sockets = sockets
        return _live(context, config, notes)
    except ProcmanError as error:
        if service.failed(str(error), BAD_START):
            return BAD_START
        raise


def restore(handed: str) -> int:
    """Go on in the place of a master that has executed this code, or only check whether that could be done.

    `handed` is the value of handover.VARIABLE. Returns the exit status; raises CannotTakeOver.
    """
    number, _, check = handed.partition(" ")
    snapshot = read(from_file(int(number)))
    restored_fleet(snapshot)
    # What the file says now is for the next reload or update.
    check_result_handlers(snapshot.config)
    import_features(snapshot.config)
    ledger: ProcessLedger | NoLedger = NoLedger()
    if snapshot.ledger is not None:
        ledger = ProcessLedger(StateFile.restore(snapshot.ledger), snapshot.source.fingerprint)
    if check:
        # Anything that is imported later has to be there, too.
        _import_the_rest()
        return 0
    call_itself(NAME)
    os.close(int(number))
    for fd in snapshot.descriptors:
        os.set_inheritable(fd, False)
    start = how_started()
    stand_again(snapshot.here)
    if snapshot.config.master.uid is not None:
        _import_the_rest()
    give_back_large_blocks()
    service = ServiceNotifier(Notifier())
    context = ProcessContext(
        snapshot.source,
        start,
        service,
        ledger,
        adopts=snapshot.adopts,
        first_serial=snapshot.serial,
        first_operation=snapshot.operation,
    )
    return _live(context, snapshot.config, [], snapshot)


def _import_the_rest() -> None:
    # What looks for all modules takes 2 ms, and few masters change their user.
    from procman.daemon.late_imports import import_optional_features  # noqa: PLC0415

    import_optional_features()


def _live(context: ProcessContext, config: Config, notes: list[str], snapshot: MasterSnapshot | None = None) -> int:
    try:
        return asyncio.run(Lifetime(context, config, notes, snapshot).live())
    finally:
        context.ledger.close()
        # Python looks for cycles in all of the memory when it ends, which takes longer than all else of a stop.
        gc.freeze()


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


def _ledger(config: Config, fingerprint: Callable[[Program], int], notes: list[str]) -> ProcessLedger | NoLedger:
    """Of what runs, for a later master. Raises StateFileHeld where another master has one for the same socket."""
    if os.getpid() == 1:
        return NoLedger()  # nothing outlives it
    path, *others = state_files(anchor(config))
    try:
        ensure_runtime_dir()
        return ProcessLedger(StateFile.take(path, others), fingerprint)
    except StateFileHeld:
        raise
    except (OSError, ProcmanError) as error:
        notes.append(f"should this master be killed, the next one will not know what runs: {error}")
        return NoLedger()


def _is_scaled(source: ConfigSource, ledger: ProcessLedger | NoLedger, config: Config) -> bool:
    """Whether programs of a killed master go on that has scaled them: then they stay so."""
    if isinstance(ledger, NoLedger):
        return False
    path = f"{ledger.file.path}.scales"
    scales = read_scales(path)
    if scales and config.master.orphans is Orphans.ADOPT and survivors(ledger.file.before):
        source.scales = scales
    elif scales:
        write_scales(path, {})
    return bool(source.scales)


def _warn_of_unseen_output(config: Config) -> None:
    """The console of a daemon is /dev/null."""
    logs: dict[str, tuple[str | None, ...]] = {"logfile": (config.master.logfile,)}
    for program in (program for group in config.groups for program in group.programs):
        logs[f"[{program.section}] stdout_logfile"] = (program.stdout_logfile, *program.stdout_also)
        logs[f"[{program.section}] stderr_logfile"] = (program.stderr_logfile, *program.stderr_also)
    unseen = [option for option, paths in logs.items() if all(path and console_target(path) for path in paths)]
    if unseen:
        print(
            f"procman: nobody sees what a daemon writes to its console: name a file in {', '.join(unseen)}",
            file=sys.stderr,
        )
