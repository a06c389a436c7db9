"""What a running master hands to the code that goes on in its place, and what prevents that just now."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from procman.config.schema.model import Config, Group, Program
from procman.core.fleet import Fleet
from procman.core.snapshot import DefinitionReaders
from procman.daemon.config_source import ConfigSource
from procman.daemon.context import ProcessContext
from procman.daemon.handover import CannotTakeOver, from_json, to_json
from procman.events.snapshot import PoolSnapshot
from procman.runtime.adoption import ProcessLedger
from procman.runtime.engine import EngineSnapshot
from procman.runtime.output_router import OutputsSnapshot
from procman.services.processes import Times
from procman.system.state_file import FileSnapshot

if TYPE_CHECKING:
    from procman.daemon.wiring import Rooms


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


def restored_fleet(snapshot: MasterSnapshot) -> Fleet:
    """A fleet that goes on from there; raises CannotTakeOver."""
    fleet = Fleet(policy=snapshot.config.master)
    try:
        fleet.restore(snapshot.engine.fleet, DefinitionReaders(partial(from_json, Group), partial(from_json, Program)))
    except ValueError as error:
        raise CannotTakeOver(str(error)) from None
    return fleet


def obstacle(rooms: "Rooms", context: ProcessContext) -> str | None:
    """Why no other code could go on from here just now; None: it could."""
    if rooms.trees.waits:
        return "what a program has left behind is being stopped"
    if rooms.processes.awaited:
        return f"somebody waits for {rooms.processes.awaited[0]}"
    if context.blocking.busy:
        return "the configuration is being read"
    if (silent := rooms.start_gate.silent) is not None:
        return silent
    return rooms.outputs.obstacle()


def handed_over(
    context: ProcessContext,
    config: Config,
    rooms: "Rooms",
    *,
    began: int,
    upgrades: int,
    pidfile: int | None,
    listening: Mapping[str, int],
) -> tuple[dict[str, Any], list[int]]:
    """All of it as plain data, and the descriptors that it names."""
    engine, outputs, ledger = rooms.engine.snapshot(), rooms.outputs.snapshot(), context.ledger
    snapshot = MasterSnapshot(
        source=context.source,
        config=config,
        current=rooms.configuration.config,
        adopts=context.adopts,
        began=began,
        upgrades=upgrades,
        serial=next(copy(context.serials)),
        pidfile=pidfile,
        journal=ledger.file.snapshot() if isinstance(ledger, ProcessLedger) else None,
        listening=dict(listening),
        fds=[],
        times=rooms.processes.snapshot(),
        engine=engine,
        outputs=outputs,
        pools=rooms.hub.snapshot(),
    )
    snapshot.fds = [
        *listening.values(),
        *([] if snapshot.journal is None else [snapshot.journal.fd]),
        *(known.fd for known in engine.sockets),
        *(fd for stream in outputs.streams for fd, _ in stream.pipes),
        *(known.fd for known in outputs.stdin),
    ]
    fds = snapshot.fds if pidfile is None else [*snapshot.fds, pidfile]
    return {"master": to_json(snapshot)}, fds
