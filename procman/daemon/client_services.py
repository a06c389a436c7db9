"""The services that only answer clients, built when the first programs have been started.

What has to hear of a process from its first event on is not here but in `rooms`.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from procman.config.schema.configuration import Config
from procman.config.snapshot import read_access, read_group, read_rules, write_config
from procman.core.attribution import Origin
from procman.core.snapshot import definition
from procman.daemon.context import ProcessContext
from procman.daemon.rooms import Rooms
from procman.daemon.snapshot import MasterSnapshot
from procman.runtime.definitions import definition_in
from procman.services.access import AccessRules
from procman.services.configuration import ConfigService
from procman.services.debugging import DebugService
from procman.services.explain_parts import AboutMaster, Parts
from procman.services.faults import Faults
from procman.services.given_files import GivenFiles
from procman.services.health_checks import HealthChecks
from procman.services.limits import Limits
from procman.services.log_rotations import LogRotations
from procman.services.logs import LogService
from procman.services.process_table import ProcessTable
from procman.services.processes import ProcessService
from procman.services.rolling import RollingService
from procman.services.runs import RunService
from procman.services.schedules import ScheduleService
from procman.services.sockets import SocketService
from procman.services.terminals import TerminalService
from procman.services.update_service import UpdateService
from procman.services.update_state import Readers
from procman.services.watches import WatchService
from procman.services.why import Why

UPDATE_READERS = Readers(read_group, read_rules, read_access)


@dataclass(frozen=True, slots=True, eq=False)
class ClientServices:
    """One for each thing that clients ask for."""

    access: AccessRules
    configuration: ConfigService
    debugging: DebugService
    faults: Faults
    given: GivenFiles
    health_checks: HealthChecks
    limits: Limits
    logs: LogService
    processes: ProcessService
    rolling: RollingService
    rotations: LogRotations
    runs: RunService
    schedules: ScheduleService
    sockets: SocketService
    terminals: TerminalService
    updates: UpdateService
    watches: WatchService
    why: Why

    @property
    def obstacle(self) -> str | None:
        """Why no other code could go on from here just now."""
        return self.debugging.obstacle or self.updates.obstacle or self.faults.obstacle

    def snapshot(self) -> dict[str, Any]:
        """Their part of what is handed over to other code."""
        return {
            "current": write_config(self.configuration.config),
            "access": [definition(section) for section in self.access.sections],
            "updates": self.updates.snapshot(),
        }


def build_services(
    context: ProcessContext,
    config: Config,
    rooms: Rooms,
    snapshot: MasterSnapshot | None,
    obstacle: Callable[[], str | None],
) -> ClientServices:
    """With `snapshot`, they go on from there. `obstacle` says why no other code could go on from here just now."""
    engine, master, status, outputs = rooms.engine, rooms.master, rooms.status, rooms.outputs
    silent_among = rooms.start_gate.silent_among
    processes = ProcessService(engine, master, status, outputs.written.lost, silent_among, looks=rooms.looks)
    terminals = _terminals(rooms)
    configuration = _configuration(context, config, rooms, processes.table, snapshot)
    updates = UpdateService(engine, master, configuration, mark=context.update_mark(config, outputs.log.warn))
    if snapshot is not None:
        updates.restore(snapshot.updates, UPDATE_READERS)
    watches = WatchService(rooms.fleet, rooms.watching.files)
    parts = Parts(
        engine=engine,
        status=status,
        processes=processes.table,
        ends=rooms.ends,
        explanations=rooms.explanations,
        journal=rooms.journal,
        configuration=configuration,
        gate=rooms.start_gate,
        report_of=rooms.crashes.number_of_last_run,
        master=_about_master(context, rooms, snapshot, obstacle),
        terminals=terminals,
        watches=watches,
        written=outputs.written,
        confirming=updates.confirming,
    )
    return ClientServices(
        access=configuration.access,
        configuration=configuration,
        debugging=DebugService(engine, master, status, outputs, terminals=terminals, silent_among=silent_among),
        faults=Faults(engine, rooms.health_looks.looks),
        given=GivenFiles(rooms.fleet, engine.sources.names),
        health_checks=HealthChecks(engine, rooms.health_looks, outputs.log.warn),
        limits=Limits(rooms.fleet, rooms.trees, lambda name: rooms.launcher.left_out.get(name, ())),
        logs=LogService(outputs, partial(definition_in, rooms.fleet)),
        processes=processes,
        rolling=RollingService(engine, master),
        rotations=LogRotations(rooms.fleet, outputs.written, context.counters),
        runs=RunService(engine, master, status, outputs, silent_among),
        schedules=ScheduleService(rooms.fleet, rooms.timetable, rooms.run_history),
        sockets=SocketService(rooms.fleet, engine.held),
        terminals=terminals,
        updates=updates,
        watches=watches,
        why=Why(parts),
    )


def _configuration(
    context: ProcessContext, config: Config, rooms: Rooms, processes: ProcessTable, snapshot: MasterSnapshot | None
) -> ConfigService:
    access = AccessRules(rooms.fleet, os.geteuid())
    before = None if snapshot is None else snapshot.access
    access.apply(config.access if before is None else read_access(before))
    warn = rooms.outputs.log.warn
    configuration = ConfigService(
        rooms.engine,
        rooms.master,
        processes,
        config,
        context.read,
        notifying=rooms.notifying,
        access=access,
        scales=context.source.scales,
    )
    configuration.on_scaled = lambda: context.remember_scales(warn)
    if snapshot is not None:
        configuration.restore(snapshot.current)
    return configuration


def _about_master(
    context: ProcessContext, rooms: Rooms, snapshot: MasterSnapshot | None, obstacle: Callable[[], str | None]
) -> AboutMaster:
    return AboutMaster(
        began=time.time() if snapshot is None else snapshot.began,
        obstacle=obstacle,
        silent_disks=lambda: rooms.outputs.disks.silent,
        unsent=rooms.notifying.troubles,
        look_at_file=lambda: context.source.look(context.blocking),
    )


def _terminals(rooms: Rooms) -> TerminalService:
    def note(reason: str, name: str, group: str, data: Mapping[str, Any], origin: Origin) -> None:
        rooms.journal.note("terminal", reason, name=name, group=group, data=data, origin=origin)

    return TerminalService(rooms.engine, rooms.status, rooms.outputs, note)
