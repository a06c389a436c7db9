"""Builds the rooms of a master from its configuration, each with what it needs, and starts none of them."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from procman.config.checks.permissions import may_refuse
from procman.config.runtime_dir import default_socket, path_digits
from procman.config.schema.configuration import Config
from procman.config.secrets import masked
from procman.config.snapshot import read_rules
from procman.core.actions import Measure, Probe, RunWatchCommand
from procman.core.fleet import Fleet
from procman.core.spec import Hook
from procman.daemon.context import ProcessContext, anchor
from procman.daemon.event_log import EventLog
from procman.daemon.farewell import MasterFarewell
from procman.daemon.feature_log import FeatureLog
from procman.daemon.records import begin_audit, open_journal, open_recording
from procman.daemon.rooms import Rooms
from procman.daemon.snapshot import MasterSnapshot, restored_fleet
from procman.daemon.watching import Watching
from procman.events.hub import Hub
from procman.runtime.bus import Bus, Interest, Subscriber
from procman.runtime.children import Children
from procman.runtime.command_runner import CommandRunner
from procman.runtime.definitions import definition_in
from procman.runtime.engine import Engine, Look
from procman.runtime.given_sources import GivenSources
from procman.runtime.health_looks import HealthLooks
from procman.runtime.hooks import Hooks
from procman.runtime.launcher import Launcher
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.limits_in_place import LimitsInPlace
from procman.runtime.log_compressor import LogCompressor
from procman.runtime.looks import Looks
from procman.runtime.memory_looks import MemoryLooks
from procman.runtime.output_router import OutputRouter
from procman.runtime.probes import Probes
from procman.runtime.process_trees import Trees
from procman.runtime.program_sockets import ProgramSockets
from procman.runtime.ready_channels import ReadyChannels
from procman.runtime.ready_lines import ReadyLines
from procman.runtime.start_gate import StartGate
from procman.runtime.timetable import Timetable
from procman.services.crash_reports.service import CrashReports
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.hook_results import HookResults
from procman.services.last_looks import LastLooks
from procman.services.master import MasterService
from procman.services.memory_watch import MemoryWatch
from procman.services.notifying import Notifying
from procman.services.run_history import RunHistory
from procman.services.status import StatusBoard
from procman.system.given_files import CredentialFolders
from procman.system.shared_sockets import SharedSockets
from procman.system.thread_cwd import working_folder

if TYPE_CHECKING:
    from procman.services.crash_reports.parts import Parts
    from procman.services.surroundings import Surroundings


def build(context: ProcessContext, config: Config, snapshot: MasterSnapshot | None) -> Rooms:
    """With `snapshot`, fleet, services and listeners go on from there; the engine and the outputs do so later."""
    return _Wiring(context, config, snapshot).rooms


class _Wiring:
    """Builds the rooms in the order in which they need each other."""

    def __init__(self, context: ProcessContext, config: Config, snapshot: MasterSnapshot | None) -> None:
        self._context, self._config, self._snapshot = context, config, snapshot
        self._lay_ground()
        self._build_starting()
        self._build_engine()
        self._build_looks()
        self._build_recorders()
        self._build_tellers()
        self.rooms = self._rooms()
        self._go_on()
        self._subscribe()
        self._apply_notify_sections()

    def _lay_ground(self) -> None:
        """What all others stand on: the fleet, the logs, the bus, the journal."""
        context, config, snapshot = self._context, self._config, self._snapshot
        self._home = lambda: context.source.at_home or working_folder()  # of programs without a directory
        if snapshot is None:
            self._fleet = Fleet(config.groups, config.master, int.from_bytes(os.urandom(4), "little"))
        else:
            self._fleet = restored_fleet(snapshot)
        self._outputs = OutputRouter(
            config,
            path_digits(anchor(config)),
            context.ledger.log,
            lambda: self._bus.nudge(),  # noqa: PLW0108 - it comes later, as does the journal
            partial(definition_in, self._fleet),
            publish=lambda event: self._bus.publish(event),  # noqa: PLW0108 - it comes later
        )
        self._log = self._outputs.log
        self._bus = Bus(context.sequence, self._log.critical)
        context.use(self._bus, self._fleet, self._log.warn)
        self._journal = open_journal(context, config, self._fleet, self._outputs, snapshot)
        begin_audit(config, self._journal, self._outputs)
        self._bus.subscribe(self._journal.hear)  # first: others look up there what they are told

    def _build_starting(self) -> None:
        """What starts a process, once the engine says so."""
        context, config = self._context, self._config
        self._trees = Trees(config.master.identifier, adopts=context.adopts)
        self._sources = GivenSources(
            CredentialFolders(path_digits(anchor(config))),
            refuse=may_refuse() and not context.source.allow_writable,
            on_change=self._gate_may_open,
            warn=self._log.warn,
        )
        self._start_gate = StartGate(self._log.warn, self._gate_may_open, self._sources.readings)
        self._children = Children()
        self._launcher = Launcher(
            self._fleet,
            self._bus,
            self._outputs,
            self._trees,
            children=self._children,
            sockets=SharedSockets(self._log.info),
            held=ProgramSockets(context.held_sockets, self._log, lambda event: self._engine.post(event)),  # noqa: PLW0108
            ledger=context.ledger,
            channels=ReadyChannels(lambda news: self._engine.post(news), self._log.info),  # noqa: PLW0108 - it comes later
            sources=self._sources,
            serverurl=config.serverurl or f"unix://{default_socket(config.file)}",
            home=lambda: context.source.at_home,
            account_of=self._start_gate.account,
            terminal_sizes=self._outputs.terminals.sizes,
        )

    def _build_engine(self) -> None:
        """What decides, and what waits for its decisions."""
        context, config, snapshot = self._context, self._config, self._snapshot
        self._timetable = Timetable(
            self._fleet,
            context.times(config, self._log.warn),
            lambda event: self._engine.post(event),  # noqa: PLW0108 - it comes later
        )
        if self._snapshot is not None:
            self._timetable.restore(self._snapshot.schedules.get("times", {}))
        self._engine = Engine(
            self._fleet,
            self._bus,
            self._outputs,
            self._trees,
            children=self._children,
            launcher=self._launcher,
            ledger=context.ledger,
            on_bug=self._log.critical,
            gate=self._start_gate,
            observer=open_recording(context, config, self._fleet, self._outputs, bus=self._bus, snapshot=snapshot),
            look=self._look,
            schedule=self._timetable.order,
            run_hook=lambda order, origin: self._hooks.carry_out(order, origin),  # noqa: PLW0108 - they come later
        )
        self._hooks = Hooks(
            self._fleet,
            self._trees,
            self._outputs,
            children=self._children,
            ledger=context.ledger,
            launch=self._launcher.command_spec,
            tell=self._engine.hook_ran,
            oom=lambda name, pid, status: self._ends.is_oom(name, pid, status),  # noqa: PLW0108 - they come later
            masked=self._sources.masked,
            ready=lambda order, program: self._sources.may_command(program, anew=order.hook is Hook.PRE_START),
        )

    def _build_looks(self) -> None:
        """What looks after processes that run."""
        config, engine, outputs, trees = self._config, self._engine, self._outputs, self._trees
        self._commands = CommandRunner(self._children, lambda: self._trees.tag(""))
        self._memory = MemoryLooks(self._fleet, trees, post=engine.post, log=self._log.warn, on_end=self._bus.nudge)
        self._outputs.keeper.compressor = LogCompressor(self._children, lambda: self._trees.tag(""))
        self._lines = ReadyLines(self._fleet, self._engine.post, self._outputs.refilter)
        self._outputs.filters.wanted_lines, self._outputs.filters.on_line = self._lines.wanted, self._lines.found
        most, count, nudge = config.master.helper_concurrency, self._context.counters.health_seen, self._bus.nudge
        launch = self._launcher.command_spec
        looks = Looks(self._trees, self._commands, launch=launch, most_commands=most, mask=self._mask, on_quiet=nudge)
        self._probes = Probes(self._fleet, looks, engine.post_soon)
        self._health_looks = HealthLooks(
            self._fleet, looks, post=engine.post_soon, remark=self._log.warn, count=count, on_quiet=nudge
        )
        self._watching = Watching(config, engine, outputs, looks, children=self._children, trees=trees, home=self._home)

    def _build_recorders(self) -> None:
        """What hears of processes from the first event on; those that only answer clients are in `client_services`."""
        context, outputs = self._context, self._outputs
        self._status = StatusBoard(self._engine, outputs.log_paths, self._last_words, self._timetable.next)
        self._run_history = RunHistory(self._fleet, self._status, self._last_lines)
        self._hook_results = HookResults(self._fleet)
        self._master = MasterService(self._engine, context.operations)
        self._ends = Ends(self._fleet, MemoryWatch(at_end=self._trees.memory_at_end.get))
        self._explanations = Explanations(self._fleet, self._trees, self._last_lines)
        self._notifying = Notifying(self._surroundings)
        self._looks = LastLooks()
        self._crashes = CrashReports(
            self._fleet,
            self._ends,
            self._crash_parts,
            looks=self._looks,
            most=self._config.master.reports,
        )

    def _crash_parts(self) -> "Parts":
        from procman.daemon.crash_parts import crash_parts  # noqa: PLC0415 - with the first crash

        return crash_parts(self.rooms, self._config, self._home)

    def _surroundings(self) -> "Surroundings":
        from procman.daemon.surroundings import surroundings  # noqa: PLC0415 - with the first notify section

        return surroundings(self.rooms, self._config)

    def _build_tellers(self) -> None:
        """What tells of events: the master's log, the last words, the event listeners."""
        self._event_log = EventLog(self._fleet, self._log, why=self._status.why, end_of=self._ends.last)
        self._farewell = MasterFarewell(self._engine, self._fleet, self._trees, self._log)
        identifier, serials = self._config.master.identifier, self._context.serials
        self._hub = Hub(self._engine, self._outputs.stdin, identifier, serials, self._log)
        self._outputs.filters.observe(self._hub)

    def _go_on(self) -> None:
        """From a snapshot, or from the beginning."""
        snapshot = self._snapshot
        self._crashes.restore(self._context.crash_reports if snapshot is None else snapshot.crashes)
        if snapshot is None:
            self._run_history.restore(self._context.run_history)
            self._hook_results.restore(self._context.hook_results)
            self._hub.boot()
            return
        self._hub.restore(snapshot.pools)
        self._status.restore(snapshot.times)
        self._run_history.restore(snapshot.schedules.get("runs", {}))
        self._watching.files.restore(snapshot.watches)
        self._hook_results.restore(snapshot.hooks)
        self._context.counters.restore(snapshot.metrics)
        self._explanations.restore(snapshot.explanations)
        self._crashes.go_on(self._status)

    def _subscribe(self) -> None:
        """In the order in which they need each other's knowledge."""
        notifier, channels = self._context.notifier, self._launcher.channels
        limits = LimitsInPlace(self._fleet, self._trees, self._bus, self._launcher.left_out)
        features = FeatureLog(self._fleet, self._log)
        subscribers: tuple[tuple[Subscriber, tuple[Interest, ...]], ...] = (
            (self._ends.hear, self._ends.hears),
            (self._crashes.hear, self._crashes.hears),
            (self._run_history.hear, self._run_history.hears),
            (self._hook_results.hear, self._hook_results.hears),
            (self._event_log.tell, self._event_log.hears),
            (features.tell, features.hears),
            (self._farewell.tell, self._farewell.hears),
            (notifier.tell, notifier.hears),
            (self._outputs.hear, self._outputs.hears),
            (self._hub.tell, self._hub.hears),
            (self._launcher.hear, self._launcher.hears),
            (self._launcher.held.hear, self._launcher.held.hears),
            (channels.hear, channels.hears),
            (limits.hear, limits.hears),
            (self._sources.hear, self._sources.hears),
            (self._lines.hear, self._lines.hears),
            (self._probes.hear, self._probes.hears),
            (self._memory.hear, self._memory.hears),
            (self._health_looks.hear, self._health_looks.hears),
            (self._watching.files.hear, self._watching.files.hears),
            (self._explanations.hear, self._explanations.hears),
        )
        for hear, interests in subscribers:
            self._bus.subscribe(hear, *interests)
        self._context.counters.watch(self._bus, self._fleet, self._ends.was_oom)

    def _apply_notify_sections(self) -> None:
        """After the others have subscribed: what it tells is their knowledge."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.notify is None:
            self._notifying.apply(self._config.notify)
            self._notifying.restore(self._context.take_unsent())
        else:
            self._notifying.apply(read_rules(snapshot.notify["rules"]))
            self._notifying.restore(snapshot.notify["state"])

    def _rooms(self) -> Rooms:
        return Rooms(
            outputs=self._outputs,
            fleet=self._fleet,
            trees=self._trees,
            start_gate=self._start_gate,
            bus=self._bus,
            journal=self._journal,
            engine=self._engine,
            launcher=self._launcher,
            children=self._children,
            commands=self._commands,
            probes=self._probes,
            memory=self._memory,
            hooks=self._hooks,
            health_looks=self._health_looks,
            timetable=self._timetable,
            watching=self._watching,
            leftovers=LeftoverReporter(self._bus, self._trees),
            event_log=self._event_log,
            farewell=self._farewell,
            hub=self._hub,
            master=self._master,
            status=self._status,
            ends=self._ends,
            explanations=self._explanations,
            crashes=self._crashes,
            looks=self._looks,
            run_history=self._run_history,
            hook_results=self._hook_results,
            notifying=self._notifying,
        )

    def _look(self, order: Look) -> None:
        match order:
            case Probe():
                self._probes.look(order)
            case Measure():
                self._memory.measure(order)
            case RunWatchCommand():
                self._watching.commands.run(order)
            case _:
                self._health_looks.carry_out(order)

    def _mask(self, name: str, text: str) -> str:
        """Without what looks like a secret, and without what it was given from files."""
        return self._sources.masked(name, masked(text))

    def _last_words(self, name: str, pid: int, later: Callable[[str, str], None]) -> tuple[str, str]:
        """Without what it was given from files."""
        mask = partial(self._sources.masked, name)
        line, channel = self._outputs.written.last_words(name, pid, lambda line, on: later(mask(line), on))
        return mask(line), channel

    def _last_lines(
        self, name: str, pid: int, count: int, later: Callable[[dict[str, list[str]]], None]
    ) -> dict[str, list[str]]:
        def masked_lines(found: dict[str, list[str]]) -> dict[str, list[str]]:
            return {channel: [self._sources.masked(name, line) for line in lines] for channel, lines in found.items()}

        return masked_lines(self._outputs.written.last_lines(name, pid, count, lambda read: later(masked_lines(read))))

    def _gate_may_open(self) -> None:
        self._engine.retry_spawns()
        self._hooks.go_on()
        self._bus.nudge()
