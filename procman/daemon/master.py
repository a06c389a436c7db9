"""One run of the master: from boot, or from an upgrade, until it leaves or reloads.

Sockets are bound before any child exists, so that whatever is wrong is reported before anything has been started.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from procman import __version__
from procman.config.problems import ConfigError
from procman.config.schema.configuration import Config
from procman.config.schema.master import Master
from procman.config.schema.notify import LAST_WORDS
from procman.core.actions import Quit
from procman.core.attribution import BOOT, Actor, Origin
from procman.core.events import BootRequested, SpawnFailed
from procman.core.states import MasterState
from procman.daemon.context import ProcessContext
from procman.daemon.listeners import Listeners
from procman.daemon.snapshot import MasterSnapshot, handed_over, obstacle
from procman.daemon.stop_budget import stop_warning
from procman.daemon.upgrade import Upgrade
from procman.daemon.wiring import build
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.ledger import NoLedger
from procman.system.memory import give_back_what_is_free
from procman.system.pidfile import CannotUsePidFile, PidFile, PidFileHeld
from procman.system.proc import boot_id
from procman.system.signals import signal_name
from procman.system.spawn import TOO_MANY_FILES

if TYPE_CHECKING:
    from procman.daemon.control_plane import ControlPlane

# How long clients wait at most while the first programs are started, in seconds.
SERVE_AFTER = 0.1
# How often it tries to import what answers clients, where that has failed, in seconds.
ANSWER_AGAIN = 2.0
# How long closing may wait for answers that are on their way, and for buffers to be written, in seconds.
LAST_WRITES = 0.5


class MasterRun:
    """Runs everything that one configuration brings to life."""

    def __init__(
        self,
        context: ProcessContext,
        config: Config,
        notes: list[str],
        deliver_signals: Callable[[], None],
        snapshot: MasterSnapshot | None,
    ) -> None:
        """`notes` are for the log, `deliver_signals` hands out those that were noted, `snapshot` is gone on from."""
        self._context = context
        self._config = config
        self._snapshot = snapshot
        self._pidfile: PidFile | None = None
        self._began = int(time.time()) if snapshot is None else snapshot.began
        self._upgrades = 0 if snapshot is None else snapshot.upgrades + 1
        self._tasks: set[asyncio.Task[None]] = set()
        self._adoption = context.adoption(config)
        self._rooms = rooms = build(context, config, snapshot)
        self._log = rooms.outputs.log
        rooms.bus.subscribe(self._hear, SpawnFailed)
        self._quit: asyncio.Future[Quit] = asyncio.get_running_loop().create_future()
        rooms.bus.subscribe(self._hear_quit, Quit)
        if snapshot is None:
            self._log_at_first(notes)
        self._upgrade = Upgrade(
            rooms.engine,
            self._log,
            rooms.commands,
            context.start,
            number=self._upgrades + 1,
            obstacle=self._obstacle,
            snapshot=self._handed_over,
            environment=lambda: context.notifier.environment,
            deliver=deliver_signals,
            hold=rooms.outputs.disks.pause,
            go_on=rooms.outputs.disks.resume,
            hold_checks=rooms.health_looks.hold,
            check_again=rooms.health_looks.go_on,
            leaving=context.notifier.upgrading,
        )
        self._listeners = Listeners(config, self._log, None if snapshot is None else snapshot.listening)
        self._control_plane: ControlPlane | None = None  # it comes when the first programs have been started

    def _log_at_first(self, notes: list[str]) -> None:
        for warning in self._config.warnings:
            self._log.warn(str(warning))
        for remark in self._config.remarks:
            self._log.info(remark)
        too_long = stop_warning(self._config)
        if too_long is not None:
            self._log.warn(too_long)
        for note in notes:
            self._log.info(note)

    async def run(self) -> Quit:
        """From the beginning to the end; returns whether to reload, and the exit status."""
        if self._snapshot is None:
            self._pidfile = self._take_pidfile()
        elif self._snapshot.pidfile is not None:
            self._pidfile = PidFile(self._config.master.pidfile, self._snapshot.pidfile)
        try:
            self._listeners.open()
            if self._snapshot is None:
                self._boot()
            else:
                self._go_on(self._snapshot)
            await asyncio.wait((self._rooms.engine.caught_up(), self._quit), timeout=SERVE_AFTER)
            snapshot, self._snapshot = self._snapshot, None
            await self._answer_clients(snapshot)
            await self._report_up()
            # What the imports have left behind goes, too.
            gc.collect()
            give_back_what_is_free()
            end = await self._quit
            if end.restart and self._rooms.fleet.state is MasterState.SHUTDOWN:
                # A stop was asked for in the very moment in which the reload was through.
                end = replace(end, restart=False)
            if end.restart:
                self._context.held_sockets = self._rooms.engine.held.hand_over()
                self._context.crash_reports = self._rooms.crashes.snapshot()
                self._context.run_history = self._rooms.run_history.snapshot()
                self._context.hook_results = self._rooms.hook_results.snapshot()
                self._context.unsent = self._rooms.notifying.snapshot(goes_on=False)
            else:
                await self._rooms.notifying.finish(min(LAST_WORDS, self._rooms.fleet.time_left(time.monotonic())))
                await self._rooms.farewell.part()
                self._context.notifier.ended(end.code)
                if end.code:
                    self._log.info(f"leaving with exit status {end.code}")
        finally:
            await self._close()
        return end

    # ---- what signals ask for

    def stop(self, number: int) -> None:
        """Stop everything and leave; the second time, wait for nothing any more."""
        self._log.warn(f"received {signal_name(number)} indicating exit request")
        if self._rooms.fleet.state is MasterState.SHUTDOWN:
            self._rooms.farewell.hurry()
        self._rooms.master.insist("shutdown", Actor("signal", via=signal_name(number)))

    def reload(self) -> None:
        """Reload, if the configuration can be used."""
        if self._rooms.fleet.state is MasterState.SHUTDOWN:
            self._log.warn("ignored SIGHUP indicating restart request (shutdown in progress)")
            return
        self._log.warn("received SIGHUP indicating restart request")
        self._do(self._reload())

    def reap(self) -> None:
        """Collect the children that have ended."""
        self._rooms.engine.reap()
        self._log.debug("received SIGCHLD indicating a child quit")

    def reopen(self) -> None:
        """Open the log files again, and control sockets whose file is gone."""
        self._log.info("received SIGUSR2 indicating log reopen request")
        self._rooms.outputs.reopen()
        self._rooms.journal.reopen()
        opened = self._listeners.open_again()
        if self._control_plane is not None:
            self._do(self._control_plane.serving.start(opened))

    # ---- what else comes from outside

    def make_room(self) -> None:
        """Close a few idle connections, as file descriptors are short."""
        if self._control_plane is not None:
            self._control_plane.serving.make_room()

    def complain(self, text: str) -> None:
        """Log an error of the loop."""
        self._log.error(text)

    # ---- the pieces of `run`

    def _boot(self) -> None:
        outputs, engine, adoption = self._rooms.outputs, self._rooms.engine, self._adoption
        outputs.clear_old_logs(adoption.kept_logs(self._config) if adoption else {})
        self._log.info(f"procman started with pid {os.getpid()}")
        self._note_in_journal("began")
        if adoption is not None:
            adoption.begin(engine, self._log)
        elif isinstance(self._context.ledger, NoLedger):
            engine.sources.clean(frozenset())  # nothing has outlived an earlier master
        self._rooms.timetable.remember()
        engine.post(BootRequested(), Origin(BOOT))
        engine.held.close_spare()
        self._rooms.watching.files.begin()
        # Strangers that ended before SIGCHLD was caught.
        engine.reap()

    def _go_on(self, snapshot: MasterSnapshot) -> None:
        processes = self._rooms.fleet.processes
        programs = {name: program_of(process.program) for name, process in processes.items()}
        self._rooms.outputs.restore(snapshot.outputs, programs)
        running = sum(process.pid is not None for process in processes.values())
        self._log.info(f"upgraded: procman {__version__} goes on with pid {os.getpid()} and {running} processes")
        self._note_in_journal("upgraded", processes=running)
        # The upgrade has blocked signals until they can be carried out; `restore` finds what has ended before. What is
        # started from here on has none blocked, and none is delivered before this turn of the loop is over.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._rooms.engine.restore(snapshot.engine)
        self._rooms.timetable.go_on()
        self._rooms.watching.files.begin()

    async def _answer_clients(self, snapshot: MasterSnapshot | None, *, again: bool = False) -> None:
        trouble = self._build_control_plane(snapshot)
        if self._control_plane is not None:
            await self._control_plane.open(self._listeners.all, is_upgrade=snapshot is not None)
            if again:
                self._log.info("now it answers clients")
            return
        if not again:
            self._log.critical(f"cannot answer clients, and tries again every {ANSWER_AGAIN:g} seconds: {trouble}")
        self._do(self._answer_later(snapshot))

    async def _answer_later(self, snapshot: MasterSnapshot | None) -> None:
        await asyncio.sleep(ANSWER_AGAIN)
        await self._answer_clients(snapshot, again=True)

    def _build_control_plane(self, snapshot: MasterSnapshot | None) -> str | None:
        """Import what only clients need, and build it; returns why that cannot be done.

        By now the files may have gone, or belong to another version. That must not take the programs down.
        """
        try:
            from procman.daemon.control_plane import ControlPlane  # noqa: PLC0415 - the first programs do not wait for it

            self._control_plane = ControlPlane(
                self._context,
                self._config,
                self._rooms,
                snapshot,
                began=self._began,
                upgrades=self._upgrades,
                upgrade=self._upgrade.prepare,
                obstacle=self._obstacle,
                do=self._do,
            )
        except Exception as error:  # noqa: BLE001 - whatever a file leads to that is cut off, or does not fit
            return f"{type(error).__name__}: {error}"
        return None

    def _obstacle(self) -> str | None:
        """Why no other code could go on from here just now."""
        theirs = None if self._control_plane is None else self._control_plane.obstacle
        return obstacle(self._rooms, self._context) or theirs

    async def _report_up(self) -> None:
        """Clients do not wait for disks that do not answer; the notification that all is up does, for a while."""
        engine, notifier = self._rooms.engine, self._context.notifier
        all_started = engine.caught_up(patient=True)
        await asyncio.wait((engine.caught_up(), self._quit), return_when=asyncio.FIRST_COMPLETED)
        if all_started.done() or self._quit.done():
            notifier.up(self._rooms.fleet)
            return

        async def later() -> None:
            await all_started
            if not self._quit.done():
                notifier.up(self._rooms.fleet)

        self._do(later())

    async def _reload(self) -> None:
        try:
            await self._context.read()
        except ConfigError as error:
            for problem in error.problems:
                say = self._log.warn if problem.severity == "warning" else self._log.critical
                say(str(problem))
            self._log.critical("cannot restart with this configuration; everything goes on as it was")
            return
        self._rooms.master.insist("reload", Actor("signal", via="SIGHUP"))

    def _hear_quit(self, notification: Notification) -> None:
        if isinstance(notification.event, Quit) and not self._quit.done():
            self._quit.set_result(notification.event)

    def _hear(self, notification: Notification) -> None:
        news = notification.event
        if isinstance(news, SpawnFailed) and news.reason.startswith(TOO_MANY_FILES):
            self.make_room()  # idle clients hold the descriptors that the next try needs

    def _note_in_journal(self, what: str, **more: int) -> None:
        data = {"version": __version__, "pid": os.getpid(), "boot": boot_id(), **more}
        actor = BOOT if what == "began" else Actor("upgrade")
        self._rooms.journal.note("master", what, data=data, origin=Origin(actor))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_pidfile(self) -> PidFile | None:
        """Write it and hold it; None where it cannot be written, which the log says. Raises PidFileHeld.

        The default file, in the folder where the master stands, is shared by all masters of that folder.
        """
        path = self._config.master.pidfile
        named = os.path.basename(path) != Master().pidfile
        try:
            return PidFile.take(path)
        except PidFileHeld as held:
            if named or self._context.notifier.is_awaited:
                raise
            self._log.critical(f"could not write pidfile {path}: {held}")
        except CannotUsePidFile as error:
            if self._context.notifier.is_awaited:
                raise
            self._log.critical(f"could not write pidfile {path}: {error}")
        return None

    def _handed_over(self) -> dict[str, Any]:
        assert self._control_plane is not None  # a client has asked for the upgrade
        self._control_plane.serving.flush()
        return handed_over(
            self._context,
            self._config,
            self._rooms,
            self._control_plane.services.snapshot(),
            began=self._began,
            upgrades=self._upgrades,
            pidfile=None if self._pidfile is None else self._pidfile.fd,
            listening=self._listeners.descriptors,
        )

    async def _close(self) -> None:
        if self._adoption is not None:
            self._adoption.close()
        rooms = self._rooms
        rooms.engine.close()
        rooms.probes.close()
        rooms.memory.close()
        rooms.hooks.close()
        rooms.health_looks.close()
        rooms.timetable.close()
        rooms.watching.files.close()
        rooms.watching.commands.close()
        rooms.leftovers.close()
        await rooms.notifying.stop()
        rooms.start_gate.close()
        for task in self._tasks:
            task.cancel()
        rooms.trees.close()
        rooms.hub.close()
        rooms.event_log.close()
        rooms.outputs.end_followers()
        if self._control_plane is not None:
            await self._control_plane.close(LAST_WRITES)
        self._context.counters.keep_output(rooms.outputs.written.counted)
        self._listeners.close()
        if self._pidfile is not None:
            self._pidfile.release()
        await rooms.crashes.close(LAST_WRITES)
        rooms.journal.close()
        rooms.outputs.close(LAST_WRITES)
