"""Builds the rooms of a master from its configuration, each with what it needs, and starts none of them."""

import asyncio
import os
import time
from functools import partial

from procman.config.runtime_dir import default_socket, path_digits
from procman.config.schema.configuration import Config
from procman.config.schema.options import MEMORY
from procman.config.schema.programs import Program
from procman.config.snapshot import read_rules
from procman.core.fleet import Fleet
from procman.daemon.context import ProcessContext, anchor
from procman.daemon.event_log import EventLog
from procman.daemon.farewell import MasterFarewell
from procman.daemon.rooms import Rooms
from procman.daemon.snapshot import MasterSnapshot, obstacle, restored_fleet
from procman.events.hub import Hub
from procman.runtime.bus import Bus
from procman.runtime.children import Children
from procman.runtime.command_runner import CommandRunner
from procman.runtime.definitions import program_of
from procman.runtime.engine import Engine, Observer
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.translation import Translator
from procman.runtime.launcher import Launcher
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.output_router import OutputRouter
from procman.runtime.probes import Probes
from procman.runtime.process_trees import Trees
from procman.runtime.ready_channels import ReadyChannels
from procman.runtime.ready_lines import ReadyLines
from procman.runtime.start_gate import StartGate
from procman.services.configuration import ConfigService
from procman.services.crash_reports.parts import Parts as CrashParts
from procman.services.crash_reports.service import CrashReports
from procman.services.ends import Ends
from procman.services.explain_parts import AboutMaster, Parts
from procman.services.explanations import Explanations
from procman.services.journal import hide_secrets
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.processes import ProcessService
from procman.services.runs import RunService
from procman.services.status import StatusBoard
from procman.services.surroundings import Surroundings
from procman.services.why import Why
from procman.system.shared_sockets import SharedSockets
from procman.system.thread_cwd import working_folder


def _journal(
    context: ProcessContext, config: Config, fleet: Fleet, outputs: OutputRouter, snapshot: MasterSnapshot | None
) -> Journal:
    """It goes on from the snapshot, and writes to its file, if it has one."""
    sequence, path, handed = context.sequence, config.master.journal, None
    journal = Journal(Translator(fleet, hide=hide_secrets), sequence, context.records)
    if snapshot is not None:
        sequence.last = snapshot.engine["seq"]
        handed = journal.restore(snapshot.journal)
    if path != MEMORY:
        # A whole feature, and JSON with it, which others need only for clients.
        from procman.runtime.journal.file import JournalFile  # noqa: PLC0415

        report, remark = outputs.report_trouble, outputs.log.info
        maxbytes = config.master.journal_maxbytes
        journal.begin(JournalFile(outputs.disks, path, maxbytes, sequence, report=report, remark=remark), handed)
    return journal


def build(context: ProcessContext, config: Config, snapshot: MasterSnapshot | None) -> Rooms:
    """With `snapshot`, fleet, services and listeners go on from there; the engine and the outputs do so later."""
    # Longer than other functions: each room stands after those that it needs, and cut in two the parts would need all.
    fleet = (
        Fleet(config.groups, config.master, int.from_bytes(os.urandom(4), "little"))
        if snapshot is None
        else restored_fleet(snapshot)
    )

    def definition(name: str) -> Program | None:
        process = fleet.processes.get(name)
        return program_of(process.definition) if process else None

    outputs = OutputRouter(
        config,
        path_digits(anchor(config)),
        context.ledger.log,
        lambda: bus.nudge(),  # noqa: PLW0108 - it comes later
        definition,
        on_trouble=lambda text: journal.note("log-trouble", text),
    )
    log = outputs.log
    bus = Bus(context.sequence, log.critical)
    context.use(bus)
    journal = _journal(context, config, fleet, outputs, snapshot)
    bus.subscribe(journal.hear)  # first: others look up there what they are told

    def gate_may_open() -> None:
        engine.retry_spawns()
        bus.nudge()

    trees = Trees(config.master.identifier, adopts=context.adopts)
    start_gate = StartGate(log.warn, gate_may_open)
    children = Children()
    launcher = Launcher(
        fleet,
        bus,
        outputs,
        trees,
        children=children,
        sockets=SharedSockets(log.info),
        ledger=context.ledger,
        channels=ReadyChannels(lambda news: engine.post(news), log.info),  # noqa: PLW0108 - it comes later
        serverurl=config.serverurl or f"unix://{default_socket(config.file)}",
        home=lambda: context.source.at_home,
        account_of=start_gate.account,
    )
    engine = Engine(
        fleet,
        bus,
        outputs,
        trees,
        children=children,
        launcher=launcher,
        ledger=context.ledger,
        on_bug=log.critical,
        gate=start_gate,
        observer=_observer(config, fleet, outputs, bus, _how_it_begins(context, snapshot)),
        look=lambda order: probes.look(order),  # noqa: PLW0108 - it comes later
    )
    commands = CommandRunner(children, lambda: trees.tag(""))
    lines, probes = _readiness(engine, trees, outputs, commands, launcher)
    status = StatusBoard(engine, outputs.log_paths, outputs.last_words)
    master = MasterService(engine, context.operations)
    processes = ProcessService(engine, master, status, outputs.lost, start_gate.silent_among)
    ends = Ends(fleet)
    explanations = Explanations(fleet, trees, outputs.last_lines)
    notifying = Notifying(
        Surroundings(
            bus=bus,
            commands=commands,
            children=children,
            log=log,
            host=os.uname().nodename,
            identifier=config.master.identifier,
            tag=lambda: trees.tag(""),
            why=status.why,
            end_of=ends.last,
            finding=explanations.of,
            may_run=start_gate.may_run,
            environment=config.master.environment,
        )
    )
    configuration = ConfigService(engine, master, processes, config, context.read, notifying=notifying)
    crashes = CrashReports(
        CrashParts(
            fleet=fleet,
            ends=ends,
            journal=journal,
            explanations=explanations,
            log=log,
            looks=processes.looks,
            most=config.master.reports,
            folder=config.master.reports_dir,
            last_output=outputs.last_output,
            environment_of=launcher.environment_of,
            directory=lambda: context.source.at_home or working_folder(),
            on_end=bus.nudge,
        )
    )
    event_log = EventLog(fleet, log, why=status.why, end_of=ends.last)
    farewell = MasterFarewell(engine, fleet, trees, log)
    hub = Hub(engine, outputs.stdin, config.master.identifier, context.serials, log)
    outputs.filters.observe(hub)
    crashes.restore(context.crash_reports if snapshot is None else snapshot.crashes)
    if snapshot is None:
        hub.boot()
    else:
        hub.restore(snapshot.pools)
        status.restore(snapshot.times)
        configuration.restore(snapshot.current)
        context.counters.restore(snapshot.metrics)
        crashes.go_on(status)
    for hear, events in (
        (ends.hear, ends.hears),
        (crashes.hear, crashes.hears),
        (event_log.tell, ()),
        (farewell.tell, farewell.hears),
        (context.notifier.tell, context.notifier.hears),
        (outputs.hear, outputs.hears),
        (hub.tell, hub.hears),
        (launcher.hear, launcher.hears),
        (launcher.channels.hear, launcher.channels.hears),
        (lines.hear, lines.hears),
        (probes.hear, probes.hears),
        (explanations.hear, explanations.hears),
    ):
        bus.subscribe(hear, *events)
    context.counters.watch(bus, fleet, ends.was_oom)
    # After those: what it tells is their knowledge.
    if snapshot is None or snapshot.notify is None:
        notifying.apply(config.notify)
        notifying.restore(context.take_unsent())
    else:
        notifying.apply(read_rules(snapshot.notify["rules"]))
        notifying.restore(snapshot.notify["state"])
    rooms = Rooms(
        outputs,
        LogService(outputs),
        fleet,
        trees,
        start_gate,
        bus,
        journal,
        engine,
        commands,
        probes,
        LeftoverReporter(bus, trees),
        event_log,
        farewell,
        hub,
        master,
        status,
        ends,
        explanations,
        crashes,
        processes,
        RunService(engine, master, status, outputs, start_gate.silent_among),
        configuration,
        notifying,
        Why(
            Parts(
                engine=engine,
                status=status,
                processes=processes,
                ends=ends,
                explanations=explanations,
                journal=journal,
                configuration=configuration,
                gate=start_gate,
                report_of=crashes.number_of_last_run,
                master=AboutMaster(
                    began=time.time() if snapshot is None else snapshot.began,
                    obstacle=lambda: obstacle(rooms, context),
                    silent_disks=outputs.silent_disks,
                    unsent=notifying.troubles,
                    look_at_file=lambda: context.source.look(context.blocking),
                ),
            )
        ),
    )
    return rooms


def _readiness(
    engine: Engine,
    trees: Trees,
    outputs: OutputRouter,
    commands: CommandRunner,
    launcher: Launcher,
) -> tuple[ReadyLines, Probes]:
    """What finds out whether processes are ready."""
    lines = ReadyLines(engine.fleet, engine.post, outputs.refilter)
    outputs.filters.wanted_lines, outputs.filters.on_line = lines.wanted, lines.found
    return lines, Probes(engine.fleet, trees, commands, launch=launcher.command_spec, post=engine.post)


def _how_it_begins(context: ProcessContext, snapshot: MasterSnapshot | None) -> str:
    if snapshot is not None:
        return "upgrade"
    return "reload" if context.sequence.last else "boot"


def _observer(config: Config, fleet: Fleet, outputs: OutputRouter, bus: Bus, why: str) -> Observer | None:
    """What records the decisions of the engine, if that is wanted."""
    if config.master.record is None:
        return None
    # A whole feature: most masters do not record.
    from procman.logs.line_file import LineFile  # noqa: PLC0415
    from procman.runtime.recorder import Recorder  # noqa: PLC0415

    file = LineFile(outputs.disks, config.master.record, config.master.record_maxbytes, "recording", outputs.log.warn)
    recorder = Recorder(fleet, config.master, file, outputs.log.warn)
    bus.guard(partial(recorder.begin, why, asyncio.get_running_loop().time()))
    return recorder.observe
